import { accepts, entriesOf, isOptionObject, isPlain } from "./accepts.ts";
import { anyOf, describeType, describeValue } from "./describe_type.ts";
import { nearestName } from "./nearest_name.ts";
import type { EitherType, ListType, OptionTable, OptionType, RecordType } from "./option.ts";
import { OptionError } from "./option_error.ts";

/** The error for a value that {@linkcode accepts} refuses: names the innermost part that is wrong. */
export function explain(type: OptionType, value: unknown, path: string): OptionError {
  switch (type.kind) {
    case "code":
      return refusedOption(path, value, type.advice?.(value) ?? `use ${describeType(type)}`);
    case "list":
      return explainList(type, value, path);
    case "record":
      return explainRecord(type, value, path);
    case "group":
      return explainOptions(type.table, value, path);
    case "either":
      return explainEither(type, value, path);
    case "text":
      if (type.secret) return hidden(path, describeType(type));
      return refuse(type, value, path);
    default:
      return refuse(type, value, path);
  }
}

/** The same for an object of options; `path` is empty for one that a call takes itself. */
export function explainOptions(table: OptionTable, given: unknown, path: string): OptionError {
  const { options, required, advice, owner } = table;
  if (!isOptionObject(given) || (isEmpty(given) && !isPlain(given))) {
    const remedy = advice?.(given) ??
      (given instanceof Promise
        ? "await the promise first"
        : `use an object with ${namesOf(table)}`);
    const where = path === "" ? `the options of ${owner}` : path;
    return new OptionError(path, `${where}: ${describeValue(given)} is not allowed`, {
      value: given,
      remedy,
    });
  }
  const prefix = path === "" ? "" : `${path}.`;
  for (const [name, value] of entriesIn(given)) {
    const known = options[name];
    if (known === undefined) return unknownOption(table, prefix, name, value);
    if (value !== undefined && !accepts(known.type, value)) {
      return explain(known.type, value, prefix + name);
    }
  }
  const missing = required.find((name) => (given as Record<string, unknown>)[name] === undefined)!;
  return new OptionError(prefix + missing, `${owner} needs the option ${prefix}${missing}`, {
    remedy: `use ${describeType(options[missing]!.type)}`,
  });
}

/** The error for an option that the table alone cannot validate; `remedy` begins with a verb. */
export function refusedOption(
  path: string,
  value: unknown,
  remedy: string,
  cause?: unknown,
): OptionError {
  return new OptionError(path, `${path}: ${describeValue(value)} is not allowed`, {
    value,
    remedy,
    cause,
  });
}

function explainList(type: ListType, value: unknown, path: string): OptionError {
  if (!Array.isArray(value)) {
    const isItem = typeof value === "string" && accepts(type.of, value);
    const remedy = isItem ? `use a list: [${describeValue(value)}]` : `use ${describeType(type)}`;
    return refusedOption(path, value, remedy);
  }
  if (value.length < type.min || value.length > type.max) return refuse(type, value, path);
  const index = [...value].findIndex((one) => !accepts(type.of, one));
  return explain(type.of, value[index], `${path}[${index}]`);
}

function explainRecord(type: RecordType, value: unknown, path: string): OptionError {
  const entries = entriesOf(type, value);
  if (entries === undefined) return refuse(type, value, path);
  if (entries.length > type.max) {
    return refusedOption(path, value, `use at most ${type.max} entries`);
  }
  const badKey = entries.find(([key]) => !accepts(type.key, key));
  if (badKey !== undefined) {
    return refusedOption(path, badKey[0], `use ${describeType(type.key)} as key`);
  }
  const [key, entry] = entries.find(([, entry]) => !accepts(type.of, entry))!;
  return explain(type.of, entry, `${path}.${key}`);
}

function unknownOption(
  table: OptionTable,
  prefix: string,
  name: string,
  value: unknown,
): OptionError {
  const path = prefix + (name.length > 128 ? `${name.slice(0, 128)}...` : name);
  const meant = inGroup(table, name) ?? nearestName(name, Object.keys(table.options));
  return new OptionError(
    path,
    `unknown option ${path}${prefix === "" ? ` of ${table.owner}` : ""}`,
    {
      value,
      remedy: meant === undefined
        ? `use one of ${namesOf(table)}`
        : `did you mean ${prefix}${meant}?`,
    },
  );
}

/** The option of a group that has exactly this name: it was written one level too high. */
function inGroup({ options }: OptionTable, name: string): string | undefined {
  for (const [outer, { type }] of Object.entries(options)) {
    const groups = type.kind === "either" ? type.of : [type];
    const found = groups.some((one) => one.kind === "group" && name in one.table.options);
    if (found) return `${outer}.${name}`;
  }
  return undefined;
}

/** The most similar alternative explains the error; otherwise all of them are named. */
function explainEither(type: EitherType, value: unknown, path: string): OptionError {
  const closest = type.of.find((one) => looksLike(one, value)) ??
    type.of.find((one) => one.kind === "list" && accepts(one.of, value));
  if (closest !== undefined) return explain(closest, value, path);
  return refusedOption(path, value, `use ${anyOf(type.of.map(describeType))}`);
}

function looksLike(type: OptionType, value: unknown): boolean {
  switch (type.kind) {
    case "list":
      return Array.isArray(value);
    case "record":
    case "group":
      return isOptionObject(value);
    case "number":
      return typeof value === "number";
    case "text":
      return typeof value === "string";
    default:
      return false;
  }
}

function isEmpty(given: object): boolean {
  for (const _ in given) return false;
  return true;
}

/** All names that `accepts` reads, names of prototypes included. */
function* entriesIn(given: object): Iterable<[name: string, value: unknown]> {
  for (const name in given) yield [name, (given as Record<string, unknown>)[name]];
}

function namesOf({ options }: OptionTable): string {
  const names = Object.keys(options);
  return names.length > 12 ? `${names.slice(0, 12).join(", ")}, ...` : names.join(", ");
}

function refuse(type: OptionType, value: unknown, path: string): OptionError {
  return refusedOption(path, value, `use ${describeType(type)}`);
}

/** Neither the message nor `value` holds a secret. */
function hidden(path: string, expected: string): OptionError {
  return new OptionError(path, `${path}: the value is not allowed`, { remedy: `use ${expected}` });
}
