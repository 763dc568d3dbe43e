import type { LoadedModules } from "./module_loader.ts";

/** Dependencies of commands. */
export interface CliIo {
  /** The folder in which the command runs. */
  readonly folder: () => string;
  /** The text of a file; undefined: there is none. */
  readonly readFile: (path: string) => Promise<string | undefined>;
  /** Replaces a file. */
  readonly writeFile: (path: string, text: string) => Promise<void>;
  /** All of standard input, up to 1 MiB. */
  readonly input: () => Promise<string>;
  /** Reads modules by absolute paths, with the package `typescript`. */
  readonly loadModules: (paths: readonly string[], folder: string) => Promise<LoadedModules>;
}

/** The output of a command and its exit code; the codes are in its help. */
export interface CliResult {
  /** 0 to 255. */
  readonly exitCode: number;
  /** For standard output. */
  readonly stdout: string;
  /** For standard error. */
  readonly stderr: string;
}

/** One command. */
export interface CliCommand {
  /** As it is typed. */
  readonly name: string;
  /** One line, for the overview. */
  readonly summary: string;
  /** All of its help, examples first. */
  readonly usage: string;
  readonly run: (args: readonly string[], io: CliIo) => Promise<CliResult>;
}
