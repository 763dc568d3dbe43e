import { platform } from "../../runtime/platform.ts";
import type { CliResult } from "./cli.ts";

/** Where a program writes. */
export interface TextSink {
  readonly write: (bytes: Uint8Array) => Promise<number>;
}

/**
 * Prints the output of a command; returns the exit code of the program. The reader of the output
 * may stop early (`| head`): that is no failure. Other write errors are failures: the code is then
 * 1, and standard error says why.
 */
export async function printResult(
  { exitCode, stdout, stderr }: CliResult,
  out: TextSink,
  err: TextSink,
): Promise<number> {
  const problem = await print(out, stdout);
  const lost = problem === undefined ? "" : `the output cannot be written: ${problem}\n`;
  await print(err, stderr + lost);
  return problem === undefined ? exitCode : 1;
}

/** Answers why it could not. */
async function print(sink: TextSink, text: string): Promise<string | undefined> {
  const bytes = new TextEncoder().encode(text);
  try {
    // A pipe may take less than all at once.
    for (let written = 0; written < bytes.length;) {
      written += await sink.write(bytes.subarray(written));
    }
  } catch (error) {
    if (platform.faultOf(error) === "brokenPipe") return undefined;
    return error instanceof Error ? error.message.split("\n")[0] : String(error);
  }
  return undefined;
}
