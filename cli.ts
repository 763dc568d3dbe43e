#!/usr/bin/env node
/**
 * The command line `casty`:
 *
 *     deno run -A jsr:@casty/casty/cli status --contact node-1:25520 --system shop --tls certs/alice
 *
 * It shows and operates a cluster from outside, shows and checks `casty.toml`, makes certificates,
 * and finds changes of messages, events and states that break other versions of a program. See
 * docs/cli.md.
 *
 * @example
 * ```ts
 * import { runCli } from "@casty/casty/cli";
 *
 * const { exitCode, stdout } = await runCli(["contracts", "--help"]);
 * console.assert(exitCode === 0 && stdout.includes("--check"));
 * ```
 *
 * @module
 */
import type { CliResult } from "./lib/cli/cli_io.ts";
import { runCli as run } from "./lib/cli/cli.ts";

export type { CliResult };

/**
 * Runs a command as the command line does, in the working folder of the process. Never throws.
 *
 * @param args such as `["contracts", "main.ts", "--check"]`.
 */
export function runCli(args: readonly string[]): Promise<CliResult> {
  return run(args);
}

if (import.meta.main) {
  const { printResult } = await import("./lib/cert/cli/print.ts");
  const { platform } = await import("./lib/runtime/platform.ts");
  const { exit, args, stdout, stderr } = platform.process;
  exit(await printResult(await run(args), stdout, stderr));
}
