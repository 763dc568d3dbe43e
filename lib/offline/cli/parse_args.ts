/**
 * Stands in for `@std/cli/parse-args` where JSR cannot be reached: the same signature for the
 * options that this project uses, over Deno's own `node:util`.
 *
 * @module
 */
import { parseArgs as nodeParseArgs } from "node:util";

/** The options of `@std/cli` that this project uses. */
export interface ParseOptions {
  /** Flags that take no value. */
  boolean?: readonly string[];
  /** Flags that take a value. */
  string?: readonly string[];
  /** Flags that may be repeated; their value is a list. */
  collect?: readonly string[];
  /** Values of flags that are not given. */
  default?: Readonly<Record<string, unknown>>;
  /** Short names. */
  alias?: Readonly<Record<string, string>>;
  /** Called with each flag that is not known; `false` leaves it out. */
  unknown?: (arg: string, key?: string, value?: unknown) => unknown;
}

/** What was given: flags by name, the rest in `_`. */
export type Args = { _: string[] } & Record<string, unknown>;

/** Splits command-line arguments into flags and the rest. */
export function parseArgs(args: readonly string[], options: ParseOptions = {}): Args {
  const shortOf = new Map(
    Object.entries(options.alias ?? {}).map(([short, long]) => [long, short]),
  );
  const config: Record<string, { type: "boolean" | "string"; multiple: boolean; short?: string }> =
    {};
  const declare = (name: string, type: "boolean" | "string") => {
    const short = shortOf.get(name);
    const multiple = options.collect?.includes(name) ?? false;
    config[name] = short === undefined ? { type, multiple } : { type, multiple, short };
  };
  for (const name of options.boolean ?? []) declare(name, "boolean");
  for (const name of options.string ?? []) declare(name, "string");

  const { tokens } = nodeParseArgs({
    args: [...args],
    options: config,
    strict: false,
    tokens: true,
    allowPositionals: true,
  });
  const result: Args = { _: [] };
  for (const name of options.boolean ?? []) result[name] = false;
  for (const name of options.collect ?? []) result[name] = [];
  Object.assign(result, options.default);
  const given = new Set<string>();
  for (const token of tokens) {
    if (token.kind === "positional") {
      result._.push(token.value);
    } else if (token.kind === "option") {
      const known = config[token.name];
      const value = known?.type === "boolean" ? true : token.value ?? (known ? "" : true);
      if (known === undefined && options.unknown !== undefined) {
        if (options.unknown(token.rawName, token.name, value) === false) continue;
      }
      if (known?.multiple) {
        result[token.name] = given.has(token.name)
          ? [...result[token.name] as unknown[], value]
          : [value];
      } else {
        result[token.name] = value;
      }
      given.add(token.name);
    }
  }
  return result;
}
