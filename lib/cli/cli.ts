/**
 * The command line of `cli.ts`: takes arguments, returns output and an exit code.
 *
 * @module
 */
import { withToolStart } from "../cert/tool_command.ts";
import type { CliCommand, CliIo, CliResult } from "./cli_io.ts";
import { contractsCommand } from "./contracts_command.ts";
import { systemIo } from "./system_io.ts";
import { replaceUnprintable } from "../runtime/unprintable.ts";

/** All commands, in the order of the overview. */
export const commands: readonly CliCommand[] = [contractsCommand];

const overview = `Tools of Casty.

Examples:
  deno run -A cli.ts contracts main.ts --check

Commands:
${commands.map(({ name, summary }) => `  ${name.padEnd(12)} ${summary}\n`).join("")}
  COMMAND --help  tells more of one

Certificates have a tool of their own: cert.ts
`;

/** Runs one command. Never throws. */
export async function runCli(
  args: readonly string[],
  io: CliIo = systemIo,
): Promise<CliResult> {
  const [name = "", ...rest] = args[0] === "help" ? [...args.slice(1, 2), "--help"] : args;
  const usage = withToolStart(overview, "cli");
  if (name === "--help" || name === "-h") return { exitCode: 0, stdout: usage, stderr: "" };
  const command = commands.find((entry) => entry.name === name);
  if (command === undefined) {
    const problem = name === "" ? "a command is missing" : `unknown command: ${name}`;
    const stderr = `${replaceUnprintable(problem)}\n\n${usage}`;
    return { exitCode: 2, stdout: "", stderr };
  }
  if (rest.some((arg) => arg === "--help" || arg === "-h")) {
    return { exitCode: 0, stdout: withToolStart(command.usage, "cli"), stderr: "" };
  }
  try {
    return await command.run(rest, io);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { exitCode: 2, stdout: "", stderr: `${replaceUnprintable(reason)}\n` };
  }
}
