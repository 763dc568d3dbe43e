/**
 * The command line of `cert.ts`: takes arguments, returns output and an exit code.
 *
 * @module
 */
import { nearestName } from "../../options/nearest_name.ts";
import type { CertIo, Command } from "./command.ts";
import { CommandArguments, UsageError } from "./command_arguments.ts";
import { createAdminCommand } from "./create_admin_command.ts";
import { createCaCommand } from "./create_ca_command.ts";
import { createClientCommand } from "./create_client_command.ts";
import { createNodeCommand } from "./create_node_command.ts";
import { doctorCommand } from "./doctor_command.ts";
import { infoCommand } from "./info_command.ts";
import { initCommand } from "./init_command.ts";
import { listCommand } from "./list_command.ts";
import { needsRenewalCommand } from "./needs_renewal_command.ts";
import { renewCommand } from "./renew_command.ts";
import { revokeCommand } from "./revoke_command.ts";
import { rotateCaCommand } from "./rotate_ca_command.ts";
import { systemIo } from "./terminal.ts";
import { verifyCommand } from "./verify_command.ts";
import { withToolStart } from "../tool_command.ts";
import { replaceUnprintable } from "../../runtime/unprintable.ts";

/**
 * The output of a command and its exit code: 0 done, 1 failed, 2 wrong use; others are in its help.
 */
export interface CliResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** All commands, in the order of the overview. */
export const commands: readonly Command[] = [
  initCommand,
  createCaCommand,
  createNodeCommand,
  createClientCommand,
  createAdminCommand,
  infoCommand,
  listCommand,
  verifyCommand,
  needsRenewalCommand,
  renewCommand,
  revokeCommand,
  rotateCaCommand,
  doctorCommand,
];

const overview = `Certificates for a cluster.

Examples:
  deno run -A cert.ts init --out certs --nodes 3 --client me
  deno run -A cert.ts create-ca --out certs --encrypt
  deno run -A cert.ts create-node node-1 localhost 127.0.0.1 --ca-dir certs --out certs/node-1
  deno run -A cert.ts create-client shop --ca-dir certs --out certs/shop
  deno run -A cert.ts renew certs/node-1/node.crt --ca-dir certs
  deno run -A cert.ts revoke certs/shop/client.crt --ca-dir certs
  deno run -A cert.ts doctor certs/node-1 certs/node-2

Commands:
${commands.map(({ name, summary }) => `  ${name.padEnd(15)} ${summary}\n`).join("")}
  COMMAND --help  tells more of one

Exit codes: 0 done, 1 refused or failed, 2 wrong use; needs-renewal has its own.
`;

/** Runs one command. Never throws. */
export async function runCertCli(
  args: readonly string[],
  io: CertIo = systemIo,
): Promise<CliResult> {
  const [name = "", ...rest] = args[0] === "help" ? [...args.slice(1, 2), "--help"] : args;
  const command = commands.find((entry) => entry.name === name);
  if (command === undefined) return withoutCommand(name);
  const usage = withToolStart(command.usage);
  if (rest.some((arg) => arg === "--help" || arg === "-h")) return done(usage);
  try {
    const output = await command.run(new CommandArguments(rest, command.options), io);
    return { ...output, stderr: "" };
  } catch (error) {
    const wrongUse = error instanceof UsageError;
    const reason = oneLine(error instanceof Error ? error.message : String(error));
    const exitCode = command.failureCode?.(error) ?? (wrongUse ? 2 : 1);
    return { exitCode, stdout: "", stderr: `${reason}\n${wrongUse ? `\n${usage}` : ""}` };
  }
}

function withoutCommand(name: string): CliResult {
  const usage = withToolStart(overview);
  if (name === "--help" || name === "-h") return done(usage);
  const problem = name === "" ? "a command is missing" : unknownCommand(name);
  return { exitCode: 2, stdout: "", stderr: `${oneLine(problem)}\n\n${usage}` };
}

function unknownCommand(name: string): string {
  const meant = nearestName(name, commands.map((each) => each.name));
  return `unknown command: ${name}${meant === undefined ? "" : `; did you mean ${meant}?`}`;
}

function done(stdout: string): CliResult {
  return { exitCode: 0, stdout, stderr: "" };
}

/** The name of a file may hold a line break, or steer the terminal. */
function oneLine(text: string): string {
  return replaceUnprintable(text);
}
