import { assertEquals } from "@std/assert";
import { crc32c } from "../../lib/persistence/crc32c.ts";

Deno.test("the checksums of RFC 3720, section B.4", () => {
  assertEquals(crc32c(new Uint8Array(32)), 0x8a9136aa);
  assertEquals(crc32c(new Uint8Array(32).fill(0xff)), 0x62a8ab43);
  assertEquals(crc32c(Uint8Array.from({ length: 32 }, (_, n) => n)), 0x46dd794e);
  assertEquals(crc32c(Uint8Array.from({ length: 32 }, (_, n) => 31 - n)), 0x113fdb5c);
  assertEquals(crc32c(new TextEncoder().encode("123456789")), 0xe3069283);
});

Deno.test("the checksum of two parts is that of the whole, wherever it is cut", () => {
  const bytes = Uint8Array.from({ length: 21 }, (_, n) => n * 37);
  for (let cut = 0; cut <= bytes.length; cut++) {
    assertEquals(crc32c(bytes.subarray(cut), crc32c(bytes.subarray(0, cut))), crc32c(bytes));
  }
});
