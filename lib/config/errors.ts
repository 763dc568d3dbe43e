import { CastyError, type CastyErrorOptions } from "../runtime/casty_error.ts";

/**
 * A configuration cannot be used:
 *
 * - `noConfigFile`: the file that was named does not exist.
 * - `unreadableConfig`: the file cannot be read.
 * - `badToml`: the file is no TOML; the message names line and column.
 * - `badConfig`: keys or values cannot be used; each is in `problems`, with its place.
 * - `missingConfig`: a node needs a key that nothing gives.
 */
export type ConfigErrorCode =
  | "noConfigFile"
  | "unreadableConfig"
  | "badToml"
  | "badConfig"
  | "missingConfig";

/** One key or value that cannot be used. */
export interface ConfigProblem {
  /** Such as `cluster.port`. */
  readonly key: string;
  /** Such as `/etc/shop/casty.toml:12:8` (line and column), or `CASTY_CLUSTER_PORT`. */
  readonly where: string;
  /** What is wrong, and what to use instead. */
  readonly problem: string;
}

/** A configuration cannot be used. See {@linkcode ConfigErrorCode}. */
export class ConfigError extends CastyError {
  /** Name of the class. */
  override name = "ConfigError";
  /** Stable; see {@linkcode ConfigErrorCode}. */
  declare readonly code: ConfigErrorCode;
  /** All keys and values that cannot be used; only with the code `badConfig`. */
  readonly problems: readonly ConfigProblem[];

  /** The remedy becomes part of the message. */
  constructor(
    code: ConfigErrorCode,
    message: string,
    { problems = [], ...options }: CastyErrorOptions & {
      readonly problems?: readonly ConfigProblem[];
    } = {},
  ) {
    super(code, message, options);
    this.problems = problems;
  }
}

/** Problems that a message names; all are in `problems`. */
const maxNamed = 10;

/** The error for problems. Precondition: there is one. */
export function badConfig(problems: readonly ConfigProblem[]): ConfigError {
  // The problem of a variable begins with its name, which is its place as well.
  const named = problems.slice(0, maxNamed).map(({ where, problem }) =>
    problem.startsWith(where) ? problem : `${where}: ${problem}`
  );
  const more = problems.length - named.length;
  const lines = more > 0 ? [...named, `and ${more} more`] : named;
  return new ConfigError("badConfig", lines.join("\n"), { problems });
}
