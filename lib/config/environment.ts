/**
 * Values from environment variables. Which there are follows from the option table.
 *
 * @module
 */
import { accepts } from "../options/accepts.ts";
import { environmentName } from "../options/config_keys.ts";
import { describeType } from "../options/describe_type.ts";
import { explain } from "../options/explain.ts";
import { nearestName } from "../options/nearest_name.ts";
import type { OptionType } from "../options/option.ts";
import type { ConfigSchema } from "./config_schema.ts";
import type { ConfigSource } from "./config_source.ts";
import type { ConfigProblem } from "./errors.ts";
import type { Setting } from "./setting.ts";

/** The variable that names the file. */
export const fileVariable = "CASTY_CONFIG";

const prefix = "CASTY_";

/** Settings and problems of the environment. A variable that is empty counts as not set. */
export function readEnvironment(
  { keys }: ConfigSchema,
  source: Pick<ConfigSource, "env" | "envNames">,
): { readonly settings: readonly Setting[]; readonly problems: readonly ConfigProblem[] } {
  const settings: Setting[] = [];
  const problems: ConfigProblem[] = [];
  const known = new Set<string>();
  for (const [key, { type }] of keys) {
    const name = environmentName(key);
    known.add(name);
    const text = source.env(name);
    if (text === undefined || text === "") continue;
    const value = parseText(type, text);
    if (value !== undefined) {
      settings.push({ key, value, origin: { source: "environment", name } });
    } else problems.push({ key, where: name, problem: refusal(type, text, name) });
  }
  problems.push(...unknownNames(keys, known, source.envNames()));
  return { settings, problems };
}

/**
 * The value that a text stands for; undefined: it is none of the type. Lists are separated by commas,
 * records are `key=value` separated by commas.
 */
export function parseText(type: OptionType, text: string): unknown {
  const value = convert(type, text.trim());
  return value !== undefined && accepts(type, value) ? value : undefined;
}

function convert(type: OptionType, text: string): unknown {
  switch (type.kind) {
    case "number":
      if (/^inf(inity)?$/i.test(text)) return Infinity;
      return /^[+-]?[0-9][0-9_]*(\.[0-9]+)?(e[+-]?[0-9]+)?$/i.test(text)
        ? Number(text.replaceAll("_", ""))
        : undefined;
    case "flag":
      return text === "true" ? true : text === "false" ? false : undefined;
    case "choice":
      return text === "false" && type.values.includes(false) ? false : text;
    case "text":
      return text;
    case "list":
      return convertAll(type.of, text);
    case "record":
      return convertPairs(text);
    case "either":
      for (const one of type.of) {
        const value = convert(one, text);
        if (value !== undefined && accepts(one, value)) return value;
      }
      return undefined;
    case "group":
    case "code":
      return undefined;
  }
}

function convertAll(type: OptionType, text: string): unknown {
  const items = text.split(",").map((item) => convert(type, item.trim()));
  return items.includes(undefined) ? undefined : items;
}

function convertPairs(text: string): unknown {
  const pairs = text.split(",").map((pair) => /^\s*([^=]+?)\s*=\s*(.*?)\s*$/.exec(pair));
  if (pairs.includes(null)) return undefined;
  return Object.fromEntries(pairs.map((pair) => [pair![1]!, pair![2]!]));
}

/** Never shows the text of a secret. */
function refusal(type: OptionType, text: string, name: string): string {
  const value = convert(type, text.trim());
  const { message } = explain(type, value ?? text, name);
  const how = type.kind === "list"
    ? "; separate the items by commas"
    : type.kind === "record"
    ? "; write key=value, separated by commas"
    : "";
  return value === undefined && type.kind !== "text"
    ? `${message.split(";")[0]}; use ${describeType(type)}${how}`
    : `${message}${how}`;
}

/** Variables that begin as those of a section, and are none. */
function unknownNames(
  keys: ConfigSchema["keys"],
  known: ReadonlySet<string>,
  names: readonly string[],
): ConfigProblem[] {
  const sections = new Set(
    [...keys.keys()].map((key) => `${environmentName(key.slice(0, key.indexOf(".")))}_`),
  );
  return names.filter((name) =>
    name.startsWith(prefix) && !known.has(name) && name !== fileVariable &&
    [...sections].some((section) => name.startsWith(section))
  ).toSorted().map((name) => {
    const nearest = nearestName(name, known);
    const hint = nearest === undefined ? "" : `; did you mean ${nearest}?`;
    return { key: name, where: name, problem: `there is no such option${hint}` };
  });
}
