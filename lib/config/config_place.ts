import type { ConfigSource } from "./config_source.ts";

/** Where a configuration is. */
export interface ConfigPlace {
  /**
   * The file. Default: `CASTY_CONFIG`, or `casty.toml` in the folder of the process.
   * Without a file the environment counts alone.
   */
  readonly file?: string;
  /** Where files and environment variables come from, for tests. Default: the process. */
  readonly source?: ConfigSource;
}
