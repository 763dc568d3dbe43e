import { assertEquals, assertRejects } from "@std/assert";
import { CertError } from "../../lib/cert/errors.ts";
import { readSecret } from "../../lib/cert/cli/terminal.ts";

/** Bytes that come in these pieces, and then no more. */
function typing(...pieces: readonly string[]) {
  const left = pieces.map((piece) => new TextEncoder().encode(piece));
  return {
    read: (buffer: Uint8Array) => {
      const piece = left.shift();
      if (piece === undefined) return Promise.resolve(null);
      buffer.set(piece);
      return Promise.resolve(piece.length);
    },
  };
}

Deno.test("a secret is what was typed before Enter", async () => {
  assertEquals(await readSecret(typing("sec", "ret\r")), "secret");
  assertEquals(await readSecret(typing("secret\n")), "secret");
  assertEquals(await readSecret(typing("\r")), "");
  assertEquals(await readSecret(typing("a\tb\u001bc\r")), "abc");
});

Deno.test("backspace takes the last character, however long it is", async () => {
  assertEquals(await readSecret(typing("abc\u007f\u007fd\r")), "ad");
  assertEquals(await readSecret(typing("aé€😀\u0008\u0008\r")), "aé");
  assertEquals(await readSecret(typing("\u007f\u007fa\r")), "a");
});

Deno.test("a secret is not endless", async () => {
  const pieces = Array.from({ length: 100 }, () => "x".repeat(200));
  assertEquals((await readSecret(typing(...pieces, "\r"))).length, 4_096);
});

Deno.test("Ctrl-C, Ctrl-D and the end of input give up", async () => {
  for (const pieces of [["ab\u0003c\r"], ["ab\u0004"], ["ab"], []]) {
    const error = await assertRejects(() => readSecret(typing(...pieces)), CertError);
    assertEquals(error.code, "cancelled");
  }
});
