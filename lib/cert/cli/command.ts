import type { CommandArguments, CommandOutput, KnownOptions } from "./command_arguments.ts";

/** One command of `cert.ts`. */
export interface Command {
  /** As it is typed. */
  readonly name: string;
  /** One line, for the overview. */
  readonly summary: string;
  /** All of its help, examples first. */
  readonly usage: string;
  /** Its options besides `--help`. */
  readonly options: KnownOptions;
  /** How it ends when it fails. Default: 2 for wrong use, 1 for all else. */
  readonly failureCode?: (error: unknown) => number;
  readonly run: (args: CommandArguments, io: CertIo) => Promise<CommandOutput>;
}

/** Dependencies of commands besides files. */
export interface CertIo {
  /** The value of an environment variable. */
  readonly env: (name: string) => string | undefined;
  /** All of standard input, up to 1 MiB. */
  readonly input: () => Promise<string>;
  /** Asks for a secret, which is not shown; undefined where there is no terminal. */
  readonly ask: ((question: string) => Promise<string>) | undefined;
}
