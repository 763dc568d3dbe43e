import fc from "fast-check";
import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { RefScan } from "../../lib/wire/ref_scan.ts";
import { anyValue, bytesOf, newCodec, TestRef, wireErrorOf } from "./values.ts";
import { Codec } from "../../lib/wire/codec.ts";

function scanOf(bytes: Uint8Array, most = 1_000, prefix = ""): RefScan {
  const wanted = (path: string) => path.startsWith(prefix);
  return new RefScan(bytes, 0, bytes.length, { maxPath: 2_048, wanted, most });
}

Deno.test("a scan finds the references that decoding finds, in order, and reads as many values", () => {
  const codec = newCodec();
  let resolved: string[] = [];
  const counting = new Codec({
    now: () => 0,
    resolve: (address) => {
      resolved.push(JSON.stringify(address));
      return new TestRef(address);
    },
  });
  let found = 0;
  fc.assert(
    fc.property(anyValue, (value) => {
      resolved = [];
      const bytes = codec.encode(value).slice();
      counting.decode(bytes);
      const scan = scanOf(bytes);
      assert(scan.step(() => false));
      assertEquals(scan.found.map((address) => JSON.stringify(address)), resolved);
      assertStrictEquals(scan.values, counting.values);
      found += scan.found.length;
    }),
    { numRuns: 2_000 },
  );
  assert(found > 100, `${found}`);
});

Deno.test("a scan finds references that lie behind and below what exceeds the limits", () => {
  const ref = new TestRef({ node: "n:1", path: "/_ask/7", uid: 3 });
  const deep = Array.from({ length: 500 }).reduce<unknown>((inner) => [inner], ref);
  const roomy = newCodec({ maxDepth: 512 });
  for (const value of [deep, [new Array(100_000).fill(0), { a: { ref } }]]) {
    const scan = scanOf(roomy.encode(value).slice());
    let steps = 1;
    while (!scan.step(() => true)) steps++;
    assertEquals(scan.found, [{ node: "n:1", path: "/_ask/7", uid: 3 }]);
    assert(steps > 5, `${steps}`);
  }
});

Deno.test("a scan finds the wanted references only, and ends when they are enough", () => {
  const ref = (path: string) => new TestRef({ node: "n:1", path, uid: 0 });
  const value = ["/a", "/_ask/1", "/b", "/_ask/2", "/_ask/3"].map(ref);
  const bytes = newCodec().encode([...value, ...new Array(1_000).fill(0)]).slice();
  const scan = scanOf(bytes, 2, "/_ask/");
  assert(scan.step(() => false));
  assertEquals(scan.found.map(({ path }) => path), ["/_ask/1", "/_ask/2"]);
  assert(scan.values < 10, `${scan.values}`);
});

Deno.test("a scan refuses what announces more than there is, and bytes behind the value", () => {
  for (
    const hex of ["", "92 01", "dd ffffffff 01", "c1", "c4 00", "d9 05 61", "01 02", "c7 09 05 00"]
  ) {
    const code = wireErrorOf(() => scanOf(bytesOf(hex)).step(() => false));
    assertStrictEquals(code, "malformed", hex);
  }
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      const code = wireErrorOf(() => scanOf(bytes).step(() => false));
      assert(code === undefined || code === "malformed", code);
    }),
    { numRuns: 5_000 },
  );
});
