import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { printed } from "../../lib/dashboard/printed.ts";

Deno.test("values are shown as one would write them", () => {
  const cases: [unknown, string][] = [
    [{ type: "deposit", amount: 10, note: "a\nb" }, '{type: "deposit", amount: 10, note: "a\\nb"}'],
    [[1, undefined, null, 2n, true], "[1, undefined, null, 2n, true]"],
    [new Map([["a", new Set([1])]]), 'Map {"a" => Set {1}}'],
    [new Date(0), "1970-01-01T00:00:00.000Z"],
    [new TypeError("no"), '"TypeError: no"'],
    [new Uint8Array(5), "Uint8Array(5 bytes)"],
    [{ "odd key": -0 }, '{"odd key": 0}'],
  ];
  for (const [value, text] of cases) assertEquals(printed(value), text);
});

Deno.test("no code of a value runs", () => {
  let ran = false;
  const value = {
    get secret() {
      ran = true;
      return 1;
    },
    toJSON() {
      ran = true;
    },
    toString() {
      ran = true;
      return "";
    },
  };
  assert(printed(value).startsWith("{secret: accessor"));
  assert(!ran);
  const trap = new Proxy({}, {
    ownKeys() {
      throw new Error("no");
    },
  });
  assertEquals(printed(trap), "unreadable");
});

Deno.test("a large, deep or circular value is a short text", () => {
  const circular: Record<string, unknown> = { name: "x" };
  circular.self = circular;
  assert(printed(circular).includes("{…}"));
  let reads = 0;
  const large = new Proxy(Array.from({ length: 100_000 }, (_, index) => index), {
    get(target, key, receiver) {
      reads++;
      return Reflect.get(target, key, receiver);
    },
  });
  assert(printed(large).length < 500);
  assert(printed({ text: "x".repeat(10_000_000) }).length < 500);
  assert(printed(new Map([1, 2, 3].map((at) => [at, large]))).length < 600);
  assert(reads < 1_000, `${reads} reads`);
});

Deno.test("any value is bounded", () => {
  fc.assert(fc.property(fc.anything({ maxDepth: 8, withBigInt: true, withMap: true }), (value) => {
    assert(printed(value, 200).length <= 201);
  }));
});
