/**
 * A cluster for development, with one command:
 *
 *     deno run -A jsr:@casty/casty/up 5 app.ts
 *
 * Five nodes with mutual TLS, one log, a dashboard; keys restart, kill and partition nodes, and
 * changed code is loaded node by node. See docs/up.md.
 *
 * @example
 * ```ts
 * import { runUp } from "@casty/casty/up";
 *
 * const exitCode = await runUp(["--help"]);
 * console.assert(exitCode === 0);
 * ```
 *
 * @module
 */
import { runUpCommand } from "./lib/up/up_command.ts";

export type { UpApp } from "./lib/up/up_app.ts";

/**
 * Runs `up` as the command line does, in the working folder and with the terminal of the process.
 * Resolves with the exit code: 0 ended by a key or signal, 1 not possible, 2 wrong use. Never rejects.
 *
 * @param args such as `["5", "app.ts"]`.
 */
export function runUp(args: readonly string[]): Promise<number> {
  return runUpCommand(args);
}

if (import.meta.main) {
  const { platform } = await import("./lib/runtime/platform.ts");
  platform.process.exit(await runUp(platform.process.args));
}
