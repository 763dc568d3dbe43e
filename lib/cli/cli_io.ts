import type { ConfigSource } from "../config/config_source.ts";
import type { Clock } from "../runtime/clock.ts";
import type { TlsMaterial } from "../runtime/network.ts";
import type { LoadedModules } from "./module_loader.ts";

/** Files of a certificate, its key and the authorities. */
export interface TlsFiles {
  readonly certFile: string;
  /** Default: the key stands in `certFile`. */
  readonly keyFile?: string;
  readonly caFile: string;
}

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
  /** Files and environment variables with the configuration. */
  readonly config: ConfigSource;
  /** Waits between two looks at a cluster. */
  readonly clock: Clock;
  /** Replaces what the terminal shows; undefined: the output is none. */
  readonly live: ((text: string) => Promise<void>) | undefined;
  /** Asks a person; undefined: there is no terminal. */
  readonly confirm: ((question: string) => Promise<boolean>) | undefined;
  /** Loads and checks certificates. */
  readonly loadTls: (files: TlsFiles) => Promise<TlsMaterial>;
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
  /** It answers `--help` itself. Default: false. */
  readonly ownHelp?: boolean;
  readonly run: (args: readonly string[], io: CliIo) => Promise<CliResult>;
}
