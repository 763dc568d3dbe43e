import type { CliResult } from "./cli.ts";
import { type CommandOutput, UsageError } from "./command_arguments.ts";
import { doctorUsage, runDoctor } from "./doctor_command.ts";
import { initUsage, runInit } from "./init_command.ts";
import { rotateCaUsage, runRotateCa } from "./rotate_ca_command.ts";

interface WorkspaceCommand {
  readonly usage: string;
  readonly run: (args: readonly string[]) => Promise<CommandOutput>;
}

const commands: Readonly<Record<string, WorkspaceCommand>> = {
  init: { usage: initUsage, run: runInit },
  "rotate-ca": { usage: rotateCaUsage, run: runRotateCa },
  doctor: { usage: doctorUsage, run: runDoctor },
};

/** The commands that know a whole workspace, a line each, for the overview. */
export const workspaceCommandsOverview =
  `  init            make an authority, nodes and clients for development in one go
  rotate-ca       replace the authority of a running cluster, in three phases
  doctor          say why two peers would refuse each other, and what to do
`;

/** Runs `init`, `rotate-ca` or `doctor`; answers nothing for another command. Never throws. */
export async function runWorkspaceCommand(
  name: string,
  args: readonly string[],
): Promise<CliResult | undefined> {
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (command === undefined) return undefined;
  if (args.some((arg) => arg === "--help" || arg === "-h")) {
    return { exitCode: 0, stdout: command.usage, stderr: "" };
  }
  try {
    return { ...await command.run(args), stderr: "" };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return error instanceof UsageError
      ? { exitCode: 2, stdout: "", stderr: `${reason}\n\n${command.usage}` }
      : { exitCode: 1, stdout: "", stderr: `${reason}\n` };
  }
}
