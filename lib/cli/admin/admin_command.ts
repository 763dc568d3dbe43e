import type { AdminClient } from "../../admin/admin_client.ts";
import { AdminError } from "../../admin/errors.ts";
import {
  CommandArguments,
  type KnownOptions,
  UsageError,
} from "../../cert/cli/command_arguments.ts";
import { withToolStart } from "../../cert/tool_command.ts";
import { ConfigError } from "../../config/errors.ts";
import { ClientError } from "../../client/errors.ts";
import { OptionError } from "../../options/option_error.ts";
import { CastyError } from "../../runtime/casty_error.ts";
import { replaceUnprintable, replaceUnprintableInLines } from "../../runtime/unprintable.ts";
import type { CliCommand, CliIo, CliResult } from "../cli_io.ts";
import { connect, connectionHelp, exitCodesHelp, withConnectionOptions } from "./connection.ts";

/** Exit codes of commands that ask a cluster. */
export const exitCodes = { done: 0, notDone: 1, wrongUse: 2, noConnection: 3, refused: 4 } as const;

/** The output of a command. */
export interface Outcome {
  /** Whether all is as it should be. */
  readonly ok: boolean;
  /** For people. */
  readonly text: string;
  /** For programs. */
  readonly json: unknown;
}

/** What differs between the commands. */
export interface AdminCommandParts {
  readonly name: string;
  readonly summary: string;
  /** Its help, without the options of the connection. */
  readonly usage: string;
  readonly options?: Partial<KnownOptions>;
  /** Checks the arguments before a connection is made. */
  check?(args: CommandArguments, io: CliIo): void | Promise<void>;
  run(client: AdminClient, args: CommandArguments, io: CliIo): Promise<Outcome>;
}

/** A command that asks a cluster as an admin. */
export function adminCommand(parts: AdminCommandParts): CliCommand {
  const usage = `${parts.usage}\n${connectionHelp}\n${exitCodesHelp}`;
  return {
    name: parts.name,
    summary: parts.summary,
    usage,
    async run(given, io) {
      try {
        const args = new CommandArguments(given, withConnectionOptions(parts.options));
        await parts.check?.(args, io);
        await using client = await connect(args, io);
        const { ok, text, json } = await parts.run(client, args, io);
        return {
          exitCode: ok ? exitCodes.done : exitCodes.notDone,
          // What nodes and peers have named could steer the terminal.
          stdout: args.on("json")
            ? `${JSON.stringify(json, undefined, 2)}\n`
            : replaceUnprintableInLines(text),
          stderr: "",
        };
      } catch (error) {
        return failure(error, usage);
      }
    },
  };
}

function failure(error: unknown, usage: string): CliResult {
  const message = error instanceof Error ? error.message : String(error);
  // One line for each problem of a configuration; other messages may hold what a peer has named.
  const clean = error instanceof ConfigError ? replaceUnprintableInLines : replaceUnprintable;
  const reason = clean(message);
  const isWrongUse = error instanceof UsageError || error instanceof OptionError ||
    (error instanceof AdminError && error.code === "unknownTopic");
  const stderr = `${reason}\n${isWrongUse ? `\n${withToolStart(usage, "cli")}` : ""}`;
  return { exitCode: codeOf(error, isWrongUse), stdout: "", stderr };
}

function codeOf(error: unknown, isWrongUse: boolean): number {
  if (isWrongUse) return exitCodes.wrongUse;
  if (error instanceof AdminError) {
    if (error.code === "notAdmin" || error.code === "needsTls") return exitCodes.refused;
    return error.code === "noAnswer" ? exitCodes.noConnection : exitCodes.notDone;
  }
  if (error instanceof ConfigError) return exitCodes.wrongUse;
  if (error instanceof ClientError) return exitCodes.noConnection;
  // Certificate files that cannot be used, or a connection that the transport refuses.
  return error instanceof CastyError ? exitCodes.noConnection : exitCodes.notDone;
}
