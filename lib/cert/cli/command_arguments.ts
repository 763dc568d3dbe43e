import { nearestName } from "../../options/nearest_name.ts";
import { parseArgs } from "@std/cli/parse-args";
import { type KeyType, keyTypes } from "../authority/key_type.ts";
import { isSpan } from "../authority/validity.ts";

/** The standard output of a command and its exit code: 0 done; others are in its help. */
export interface CommandOutput {
  readonly exitCode: number;
  readonly stdout: string;
}

/** The command cannot be understood. */
export class UsageError extends Error {}

/** The options that a command knows. */
export interface KnownOptions {
  /** With a value. */
  readonly texts: readonly string[];
  /** With a value, any number of times. Default: none. */
  readonly lists?: readonly string[];
  /** Without a value. */
  readonly switches: readonly string[];
}

function unknownOptions(unknown: readonly string[], known: readonly string[]): UsageError {
  const name = /^--([^=]+)/.exec(unknown[0]!)?.[1];
  const meant = name === undefined ? undefined : nearestName(name, known);
  const hint = meant === undefined ? "" : `; did you mean --${meant}?`;
  return new UsageError(`unknown option: ${unknown.join(" ")}${hint}`);
}

/** The arguments of a command, taken apart. */
export class CommandArguments {
  readonly positional: readonly string[];
  readonly #parsed: Readonly<Record<string, unknown>>;

  /** Throws a `UsageError` for options that are unknown or lack a value. */
  constructor(args: readonly string[], { texts, lists = [], switches }: KnownOptions) {
    const unknown: string[] = [];
    const parsed = parseArgs([...args], {
      // Without "_" the real package makes numbers of arguments such as 007.
      string: [...texts, ...lists, "_"],
      boolean: [...switches],
      collect: [...lists],
      unknown: (arg) => {
        // The real package asks about positional arguments as well; "-" is standard input.
        if (!arg.startsWith("-") || arg === "-") return true;
        unknown.push(arg);
        return false;
      },
    });
    if (unknown.length > 0) throw unknownOptions(unknown, [...texts, ...lists, ...switches]);
    this.#parsed = parsed as Record<string, unknown>;
    this.positional = parsed._.map(String);
    for (const name of texts) {
      if (parsed[name] === "") throw new UsageError(`--${name} needs a value`);
    }
    for (const name of lists) {
      if (this.list(name).includes("")) throw new UsageError(`--${name} needs a value`);
    }
  }

  /** The value of an option, if it was given. */
  text(name: string): string | undefined {
    return this.#parsed[name] as string | undefined;
  }

  /** All values of an option. */
  list(name: string): readonly string[] {
    const value = this.#parsed[name];
    return Array.isArray(value) ? value.map(String) : [];
  }

  /** Whether a switch was given. */
  on(name: string): boolean {
    return this.#parsed[name] === true;
  }

  /** Whether an option was given, with a value or without. */
  given(name: string): boolean {
    return this.on(name) || typeof this.#parsed[name] === "string";
  }

  /** A whole number, if it was given. */
  number(name: string): number | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    if (!/^-?\d{1,9}$/.test(text)) throw new UsageError(`--${name} ${text} is not a whole number`);
    return Number(text);
  }

  /** A span of time such as `90d`, if it was given; whether it is possible is checked elsewhere. */
  span(name: string): string | undefined {
    const text = this.text(name);
    if (text === undefined || isSpan(text)) return text;
    throw new UsageError(`--${name} ${text} is not a time such as 90d, 24h or 30m`);
  }

  /** A type of key, if it was given. */
  keyType(): KeyType | undefined {
    const text = this.text("key-type");
    if (text === undefined) return undefined;
    const found = keyTypes.find((type) => type === text);
    if (found !== undefined) return found;
    throw new UsageError(`--key-type ${text} is none of ${keyTypes.join(", ")}`);
  }

  /** A folder that must be named, without slashes at its end. */
  folder(name: string): string {
    const value = this.text(name);
    if (value === undefined) throw new UsageError(`--${name} is missing`);
    return plainPath(value);
  }

  /** Checks the number of positional arguments. */
  expectPositional(min: number, max: number, what: string): void {
    const { length } = this.positional;
    if (length >= min && length <= max) return;
    throw new UsageError(
      `expected ${what}, got ${length} ${length === 1 ? "argument" : "arguments"}`,
    );
  }
}

/** A path without slashes at its end. */
export function plainPath(path: string): string {
  return path.replace(/(?<=.)\/+$/, "");
}
