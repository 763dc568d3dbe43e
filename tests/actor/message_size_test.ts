import { assert, assertEquals } from "@std/assert";
import { estimateSize } from "../../lib/actor/cell/message_size.ts";

/** A list whose elements count when they are looked at. */
function counting(list: unknown[], onLook: () => void): unknown[] {
  return new Proxy(list, {
    get: (target, key) => {
      if (typeof key === "string" && key !== "length") onLook();
      return Reflect.get(target, key);
    },
  });
}

Deno.test("the size of a message is estimated from its parts", () => {
  assertEquals(estimateSize(5), 8);
  assertEquals(estimateSize("four"), 24);
  assertEquals(estimateSize(new Uint8Array(100)), 116);
  assertEquals(estimateSize({ type: "add", amount: 1 }), 16 + 22 + 8);
  assertEquals(estimateSize([1, [2, 3]]), 16 + 8 + 32);
  assertEquals(estimateSize(new Map([[1, "a"]])), 16 + 2 * 18);
});

Deno.test("elements and fields beyond the first 64 count as much as those", () => {
  const texts = new Array(1_000).fill("x".repeat(100));
  assertEquals(estimateSize(texts), 16 + 1_000 * 216);
  assertEquals(estimateSize({ ...texts }), 16 + 1_000 * 216);
  assertEquals(estimateSize(new Set(texts.map((text, at) => text + at % 10))), 16 + 10 * 218);
});

Deno.test("no message of any form takes long to measure", () => {
  let looks = 0;
  const list = (depth: number): unknown =>
    depth === 0 ? 1 : counting(Array.from({ length: 64 }, () => list(depth - 1)), () => looks++);
  const size = estimateSize(list(3));
  assert(looks <= 1_100, `${looks} looks`);
  assert(size > 64 ** 2 * 8, `${size} bytes`);
});

Deno.test("objects with very many fields are listed once or twice, not each of them", () => {
  let listed = 0;
  const target = Object.fromEntries(Array.from({ length: 50_000 }, (_, at) => [`k${at}`, at]));
  const many = () =>
    new Proxy(target, {
      ownKeys: (of) => {
        listed++;
        return Reflect.ownKeys(of);
      },
    });
  estimateSize(Array.from({ length: 60 }, many));
  assert(listed > 0 && listed <= 2, `${listed}`);
});
