import { assert, assertEquals } from "@std/assert";
import { ByteArena } from "../../../lib/transport/memory/byte_arena.ts";

Deno.test("copies in an arena keep what they were made of, whatever is copied later", () => {
  const arena = new ByteArena();
  const source = new Uint8Array(20_000);
  const copies = Array.from({ length: 400 }, (_, index) => {
    source.fill(index);
    // Short ones, several slabs full of them, and some that get memory of their own.
    const length = index % 50 === 0 ? source.length : (index * 13) % 1_500;
    return arena.copy(source.subarray(0, length));
  });
  source.fill(0);
  copies.forEach((copy, index) => {
    assert(copy.buffer !== source.buffer);
    assertEquals(copy.length, index % 50 === 0 ? source.length : (index * 13) % 1_500);
    assert(copy.every((byte) => byte === (index & 0xff)), `copy ${index}`);
  });
});
