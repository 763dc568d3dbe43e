/**
 * The table `[actors]`: options of single actors and types, by name.
 *
 * @module
 */
import { acceptsOptions } from "../options/accepts.ts";
import { explainOptions } from "../options/explain.ts";
import { nearestName } from "../options/nearest_name.ts";
import type { OptionError } from "../options/option_error.ts";
import type { OptionTable } from "../options/option.ts";
import { mailboxTable, supervisionTable } from "../options/tables/actor_tables.ts";
import { replicationTable, shardedTable } from "../options/tables/sharding_tables.ts";
import { actorsSection } from "./config_schema.ts";
import type { ConfigProblem } from "./errors.ts";
import { placeText } from "./setting.ts";
import type { PathPart, TextPosition, TomlPositions } from "./toml_positions.ts";

/** Options of an actor or type, as a file has them. */
export type OptionObject = Readonly<Record<string, unknown>>;

/** What can be set for the actors of a name. */
export interface ActorSettings {
  readonly mailbox?: OptionObject;
  readonly supervision?: OptionObject;
  readonly sharding?: OptionObject;
  readonly replication?: OptionObject;
}

/** The settings for names. */
export interface ActorOverride {
  /** As in the file. */
  readonly name: string;
  /** The whole name of an actor or type must match. */
  readonly pattern: RegExp;
  readonly settings: ActorSettings;
  readonly position: TextPosition;
}

const parts: Readonly<Record<keyof ActorSettings, OptionTable>> = {
  mailbox: mailboxTable,
  supervision: supervisionTable,
  sharding: shardedTable,
  replication: replicationTable,
};

const maxPattern = 1_000;

/** Reads the table `[actors]`, in the order of the file. */
export function readActors(
  value: OptionObject,
  file: string,
  positions: TomlPositions,
): { readonly overrides: readonly ActorOverride[]; readonly problems: readonly ConfigProblem[] } {
  const overrides: ActorOverride[] = [];
  const problems: ConfigProblem[] = [];
  for (const [name, settings] of Object.entries(value)) {
    const path = [actorsSection, name];
    const key = `${actorsSection}.${quoted(name)}`;
    const report = (at: readonly PathPart[], text: string, of: "key" | "value" = "key") => {
      const place = positions.find(at)![of];
      problems.push({ key, where: placeText(file, place), problem: `${key}: ${text}` });
    };
    const pattern = patternOf(name);
    if (typeof pattern === "string") report(path, pattern);
    if (!isTable(settings)) {
      report(path, `use a table with ${Object.keys(parts).join(", ")}`, "value");
      continue;
    }
    const before = problems.length;
    for (const [part, options] of Object.entries(settings)) {
      const table = Object.hasOwn(parts, part) ? parts[part as keyof ActorSettings] : undefined;
      if (table === undefined) {
        const nearest = nearestName(part, Object.keys(parts));
        const hint = nearest === undefined ? `; use ${Object.keys(parts).join(", ")}` : "";
        const meant = nearest === undefined ? "" : `; did you mean ${nearest}?`;
        report([...path, part], `there is no ${part}${hint}${meant}`);
      } else if (!acceptsOptions(table, options)) {
        const error = explainOptions(table, options, part);
        report([...path, ...pathOf(error.option)], error.message, partOf(error));
      }
    }
    if (typeof pattern === "string" || problems.length > before) continue;
    overrides.push({ name, pattern, settings, position: positions.find(path)!.key });
  }
  return { overrides, problems };
}

/** The first override whose name or pattern matches. */
export function overrideFor(
  overrides: readonly ActorOverride[],
  name: string,
): ActorOverride | undefined {
  return overrides.find(({ pattern }) => pattern.test(name));
}

/** Whether an error is about a key or its value. */
export function partOf({ message }: OptionError): "key" | "value" {
  return message.startsWith("unknown option") ? "key" : "value";
}

/** The path of an option, such as `sharding.passivation.idle` or `roles[1]`. */
export function pathOf(option: string): PathPart[] {
  return option.split(/\.|(?=\[)/).map((part) => {
    const index = /^\[(\d+)\]$/.exec(part)?.[1];
    return index === undefined ? part : Number(index);
  });
}

/** Of word characters and dashes: exactly that name. Otherwise a regular expression for all of it. */
function patternOf(name: string): RegExp | string {
  if (/^[\w-]+$/.test(name)) return new RegExp(`^${name}$`);
  if (name.length > maxPattern) return `a pattern has up to ${maxPattern} characters`;
  try {
    return new RegExp(`^(?:${name})$`, "u");
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return `it is no name and no regular expression: ${why}`;
  }
}

/** Whether a value of a file is a table. */
export function isTable(value: unknown): value is OptionObject {
  return typeof value === "object" && value !== null && !Array.isArray(value) &&
    !(value instanceof Date);
}

/** A key as a file has it. */
export function quoted(key: string): string {
  return /^[A-Za-z0-9_-]+$/.test(key) ? key : JSON.stringify(key);
}
