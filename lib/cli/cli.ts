/**
 * The command line of `cli.ts`: takes arguments, returns output and an exit code.
 *
 * @module
 */
import { withToolStart } from "../cert/tool_command.ts";
import type { CliCommand, CliIo, CliResult } from "./cli_io.ts";
import { nearestName } from "../options/nearest_name.ts";
import { downCommand } from "./admin/down_command.ts";
import { leaveCommand } from "./admin/leave_command.ts";
import { membersCommand } from "./admin/members_command.ts";
import { shardsCommand } from "./admin/shards_command.ts";
import { statusCommand } from "./admin/status_command.ts";
import { topCommand } from "./admin/top_command.ts";
import { whyCommand } from "./admin/why_command.ts";
import { certCommand } from "./cert_command.ts";
import { configCommand } from "./config_command.ts";
import { contractsCommand } from "./contracts_command.ts";
import { systemIo } from "./system_io.ts";
import { replaceUnprintable } from "../runtime/unprintable.ts";

/** All commands, in the order of the overview. */
export const commands: readonly CliCommand[] = [
  statusCommand,
  membersCommand,
  shardsCommand,
  whyCommand,
  topCommand,
  downCommand,
  leaveCommand,
  configCommand,
  certCommand,
  contractsCommand,
];

const overview = `Tools of Casty.

Examples:
  deno run -A cli.ts status --contact node-1:25520 --system shop --tls certs/alice
  deno run -A cli.ts why shard carts/17 --contact node-1:25520 --system shop --tls certs/alice
  deno run -A cli.ts cert create-admin alice --ca-dir certs/ca --out certs/alice
  deno run -A cli.ts config show
  deno run -A cli.ts contracts main.ts --check

Commands:
${commands.map(({ name, summary }) => `  ${name.padEnd(12)} ${summary}\n`).join("")}
  COMMAND --help  tells more of one
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
    const problem = name === "" ? "a command is missing" : unknownCommand(name);
    const stderr = `${replaceUnprintable(problem)}\n\n${usage}`;
    return { exitCode: 2, stdout: "", stderr };
  }
  if (!command.ownHelp && rest.some((arg) => arg === "--help" || arg === "-h")) {
    return { exitCode: 0, stdout: withToolStart(command.usage, "cli"), stderr: "" };
  }
  try {
    return await command.run(rest, io);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { exitCode: 2, stdout: "", stderr: `${replaceUnprintable(reason)}\n` };
  }
}

function unknownCommand(name: string): string {
  const meant = nearestName(name, commands.map((each) => each.name));
  return `unknown command: ${name}${meant === undefined ? "" : `; did you mean ${meant}?`}`;
}
