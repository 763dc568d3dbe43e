import { assert, assertStrictEquals } from "@std/assert";
import { fuzzCodec } from "./codec_mutations.ts";
import { bytesOf, newCodec, wireErrorOf } from "./values.ts";

Deno.test("100,000 hostile messages decode or end in a WireError, below 64 MiB", () => {
  const { decoded, refused } = fuzzCodec(20_260_801, 100_000, 64 * 2 ** 20);
  assert(refused > 40_000, `${refused} refused`);
  assert(decoded > 5_000, `${decoded} decoded`);
});

Deno.test("a million containers in each other are refused at maxDepth", () => {
  const codec = newCodec();
  for (const shell of ["91", "81 a1 61", "92 c7 00 09", "93 c7 00 08 01"]) {
    const unit = bytesOf(shell);
    const bytes = new Uint8Array(unit.length * 1_000_000 + 1);
    for (let at = 0; at < bytes.length - 1; at += unit.length) bytes.set(unit, at);
    assertStrictEquals(wireErrorOf(() => codec.decode(bytes)), "tooDeep");
  }
});

Deno.test("lengths that lie cost nothing, at any depth and of any kind", () => {
  const codec = newCodec({ maxArray: 2 ** 25, maxMap: 2 ** 24, maxValues: 2 ** 28 });
  const lies = ["dd 01ffffff", "df 00ffffff", "dc ffff", "de ffff", "db 00ffffff", "da ffff"];
  const tails = ["c9 00ffffff 11", "c8 ffff 05", "dd 01ffffff c7 00 08", "dd 01000001 c7 00 09"];
  const before = Deno.memoryUsage();
  for (let round = 0; round < 2_000; round++) {
    for (const lie of [...lies, ...tails]) {
      for (const shell of ["", "91", "81 a1 61", "93 c7 00 08"]) {
        const code = wireErrorOf(() => codec.decode(bytesOf(`${shell} ${lie}`)));
        assertStrictEquals(code, "malformed", `${shell} ${lie}`);
      }
    }
  }
  const after = Deno.memoryUsage();
  const grown = after.heapTotal + after.external - before.heapTotal - before.external;
  assert(grown < 32 * 2 ** 20, `${grown} bytes`);
});
