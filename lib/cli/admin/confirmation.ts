import { type CommandArguments, UsageError } from "../../cert/cli/command_arguments.ts";
import type { CliIo } from "../cli_io.ts";

/** Help for the option. */
export const confirmationHelp = "  --yes                 do it without asking\n";

/**
 * Asks for a confirmation, unless `--yes` was given.
 *
 * @returns whether it was given.
 * @throws {UsageError} nobody can be asked.
 */
export async function isConfirmed(
  args: CommandArguments,
  io: CliIo,
  action: string,
): Promise<boolean> {
  if (args.on("yes")) return true;
  if (io.confirm === undefined) {
    throw new UsageError(`${action}: confirm it with --yes, since there is no terminal to ask at`);
  }
  return await io.confirm(`${action}. Go on? [y/N] `);
}
