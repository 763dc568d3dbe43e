/**
 * Validates options against the option table, and fills in the defaults.
 *
 * @module
 */
import { accepts, acceptsOptions } from "./accepts.ts";
import { explain, explainOptions } from "./explain.ts";
import type { DefaultedKeys, Options, OptionTable, OptionType } from "./option.ts";

/** Options with their defaults in place. */
export type Resolved<O extends Options, T> =
  & { readonly [K in keyof T as K extends DefaultedKeys<O> ? never : K]: T[K] }
  & { readonly [K in keyof T & DefaultedKeys<O>]-?: Exclude<T[K], undefined> };

/**
 * Checks an object of options. `path` is that of the object, empty for one that a call takes itself.
 *
 * @throws {OptionError}
 */
export function checkOptions(table: OptionTable, given: unknown, path = ""): void {
  if (!acceptsOptions(table, given)) throw explainOptions(table, given, path);
}

/**
 * Checks an object of options, and fills in the defaults of the table. An option that is `undefined`
 * counts as not given.
 *
 * @throws {OptionError}
 */
export function resolveOptions<O extends Options, T extends object>(
  table: OptionTable<O>,
  given: T | undefined,
  path = "",
): Resolved<O, T> {
  if (given !== undefined) checkOptions(table, given, path);
  return withDefaults(table.defaults, given) as Resolved<O, T>;
}

/** `given`, with the defaults for absent and `undefined` options. */
export function withDefaults<D extends object, T extends object>(
  defaults: D,
  given: T | undefined,
): D & T {
  const resolved = { ...defaults } as Record<string, unknown>;
  // Inherited ones too: they are checked, and what takes an object apart sees them.
  for (const name in given) if (given[name] !== undefined) resolved[name] = given[name];
  return resolved as D & T;
}

/**
 * Checks one value: an argument, or an option that is read alone.
 *
 * @throws {OptionError}
 */
export function checkValue<T>(path: string, type: OptionType, value: T): T {
  if (accepts(type, value)) return value;
  throw explain(type, value, path);
}

/** The options of `given` that the table knows: for a layer below that has a part of them. */
export function optionsOf<O extends Options, T extends object>(
  { options }: OptionTable<O>,
  given: T,
): Pick<T, keyof T & keyof O> {
  const known: Record<string, unknown> = {};
  for (const name in given) {
    if (name in options && given[name] !== undefined) known[name] = given[name];
  }
  return known as Pick<T, keyof T & keyof O>;
}
