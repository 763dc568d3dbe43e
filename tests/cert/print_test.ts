import { assertEquals } from "@std/assert";
import { printResult } from "../../lib/cert/cli/print.ts";

/** Takes so many bytes at once. */
function sink(atOnce: number, fails?: Error) {
  const taken: number[] = [];
  return {
    write: (bytes: Uint8Array) => {
      if (fails !== undefined) return Promise.reject(fails);
      taken.push(...bytes.subarray(0, atOnce));
      return Promise.resolve(Math.min(atOnce, bytes.length));
    },
    text: () => new TextDecoder().decode(Uint8Array.from(taken)),
  };
}

const result = { exitCode: 7, stdout: "what it says, é\n", stderr: "what went wrong\n" };

Deno.test("all is printed, however little is taken at once", async () => {
  const [out, err] = [sink(3), sink(1)];
  assertEquals(await printResult(result, out, err), 7);
  assertEquals([out.text(), err.text()], [result.stdout, result.stderr]);
});

Deno.test("a reader that stops early is no failure", async () => {
  const [out, err] = [sink(1, new Deno.errors.BrokenPipe("Broken pipe")), sink(99)];
  assertEquals(await printResult(result, out, err), 7);
  assertEquals(err.text(), result.stderr);
});

Deno.test("an output that cannot be written is a failure, and is said", async () => {
  const [out, err] = [sink(1, new Error("No space left\nat")), sink(99)];
  assertEquals(await printResult({ ...result, exitCode: 0 }, out, err), 1);
  assertEquals(err.text(), `${result.stderr}the output cannot be written: No space left\n`);
  assertEquals(await printResult(result, out, out), 1);
});
