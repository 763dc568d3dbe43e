/** Where configuration comes from: files and the environment of the process. */
export interface ConfigSource {
  /** The folder of the process, absolute. */
  folder(): string;
  /** The text of a file; undefined: there is none. Rejects if it cannot be read. */
  readFile(path: string): Promise<string | undefined>;
  /** An environment variable; undefined: it is not set, or may not be read. */
  env(name: string): string | undefined;
  /** Names of the environment variables; empty if they may not be listed. */
  envNames(): readonly string[];
}
