/**
 * Loads the configuration of a node from a file and the environment, with the origin of each value.
 *
 * @module
 */
import { resolve } from "node:path";
import { accepts } from "../options/accepts.ts";
import { explain } from "../options/explain.ts";
import { optionChapters } from "../options/option_tables.ts";
import type { OptionTable, OptionType } from "../options/option.ts";
import {
  type ActorOverride,
  type ActorSettings,
  type OptionObject,
  overrideFor,
} from "./actor_overrides.ts";
import { overlaid, whereSet } from "./overlay.ts";
import { readConfigFile } from "./config_file.ts";
import { configSchema } from "./config_schema.ts";
import type { ConfigSource } from "./config_source.ts";
import { fileVariable, readEnvironment } from "./environment.ts";
import { badConfig, ConfigError, type ConfigProblem } from "./errors.ts";
import { type Origin, originText, type Setting } from "./setting.ts";

/** The name of a file that is found by itself. */
export const fileName = "casty.toml";

/** A loaded configuration. */
export class CastyConfig {
  /** The file, absolute; undefined: there is none. */
  readonly file: string | undefined;
  /** What the file and the environment set; the environment overrides the file. */
  readonly settings: readonly Setting[];
  /** In the order of the file. */
  readonly actors: readonly ActorOverride[];

  /** Values that were checked. */
  constructor(
    file: string | undefined,
    settings: readonly Setting[],
    actors: readonly ActorOverride[],
  ) {
    this.file = file;
    this.settings = settings;
    this.actors = actors;
  }

  /** The options of a section that are set, as an object. */
  section(name: string): Readonly<Record<string, unknown>> {
    const prefix = `${name}.`;
    const section: Record<string, unknown> = {};
    for (const { key, value } of this.settings) {
      if (key.startsWith(prefix)) assign(section, key.slice(prefix.length).split("."), value);
    }
    return section;
  }

  /** Where a key is set; the default, if it is not. */
  originOf(key: string): Origin {
    return this.settings.find((setting) => setting.key === key)?.origin ?? { source: "default" };
  }

  /**
   * What is set for an actor that a system spawns: by the first name or pattern of `[actors]` that
   * matches, and for each option that it leaves out by the sections `mailbox`, `supervision` and
   * `spawn`. Nothing is set for internal actors, whose names begin with `_`.
   */
  ofActor(name: string): ConfiguredActor {
    if (isInternal(name)) return {};
    const { mailbox, supervision } = this.#override(name);
    return whereSet({
      mailbox: overlaid(this.section("mailbox"), mailbox),
      supervision: overlaid(this.section("supervision"), supervision),
      spawn: this.section("spawn"),
    });
  }

  /**
   * The same for a sharded type, by the sections `sharding` and `supervision`. The section
   * `sharding.replication` has values for types that are replicated, and replicates no other type.
   *
   * @param isReplicated whether the type is replicated without its override.
   */
  ofType(name: string, isReplicated: boolean): ConfiguredType {
    if (isInternal(name)) return {};
    const { mailbox, supervision, sharding, replication } = this.#override(name);
    const { replication: defaults, ...section } = this.section("sharding");
    const own = overlaid(section, sharding, mailbox === undefined ? undefined : { mailbox });
    const replicates = isReplicated || replication !== undefined || own.replication !== undefined;
    const all = replicates
      ? {
        ...own,
        replication: overlaid(
          defaults as OptionObject,
          own.replication as OptionObject,
          replication,
        ),
      }
      : own;
    return whereSet({
      sharding: all,
      supervision: overlaid(this.section("supervision"), supervision),
    });
  }

  /** The override that has exactly this name, not a pattern that matches it, if it is the one that counts. */
  namedOverride(name: string): ActorOverride | undefined {
    const override = overrideFor(this.actors, name);
    return override?.name === name ? override : undefined;
  }

  #override(name: string): ActorSettings {
    return overrideFor(this.actors, name)?.settings ?? {};
  }
}

/** What is set for one actor. */
export interface ConfiguredActor {
  readonly mailbox?: OptionObject;
  readonly supervision?: OptionObject;
  readonly spawn?: OptionObject;
}

/** What is set for one sharded type. */
export interface ConfiguredType {
  readonly sharding?: OptionObject;
  readonly supervision?: OptionObject;
}

/**
 * Loads the file that `path` names, or the environment variable `CASTY_CONFIG`, or `casty.toml` in
 * the folder of the process; and what the environment overrides.
 *
 * @throws {ConfigError} codes `noConfigFile`, `unreadableConfig`, `badToml`, `badConfig`.
 */
export async function loadConfig(source: ConfigSource, path?: string): Promise<CastyConfig> {
  const schema = configSchema();
  const named = path ?? (source.env(fileVariable) || undefined);
  const found = named === undefined ? await discover(source) : await readNamed(source, named);
  const { settings = [], actors = [], problems = [] } = found === undefined
    ? {}
    : readConfigFile(found.text, found.file, schema);
  const environment = readEnvironment(schema, source);
  const merged = merge(settings, environment.settings);
  const config = new CastyConfig(found?.file, merged, actors);
  const all = [...problems, ...environment.problems];
  // What is missing beside a wrong value need not be told.
  if (all.length === 0) all.push(...incomplete(config));
  if (all.length > 0) throw badConfig(all);
  return config;
}

interface FoundFile {
  readonly file: string;
  readonly text: string;
}

async function readNamed(source: ConfigSource, path: string): Promise<FoundFile> {
  const file = resolve(source.folder(), path);
  const text = await read(source, file);
  if (text !== undefined) return { file, text };
  throw new ConfigError("noConfigFile", `there is no file ${file}`, {
    value: path,
    remedy: `name one that exists, with --config or ${fileVariable}; or leave it out, and ` +
      `${fileName} in the folder of the process is used if there is one`,
  });
}

/** Not in the folders above: another user may be able to write to one of them. */
async function discover(source: ConfigSource): Promise<FoundFile | undefined> {
  const file = resolve(source.folder(), fileName);
  const text = await read(source, file);
  return text === undefined ? undefined : { file, text };
}

async function read(source: ConfigSource, file: string): Promise<string | undefined> {
  try {
    return await source.readFile(file);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message.split("\n")[0] : String(cause);
    throw new ConfigError("unreadableConfig", `${file} cannot be read: ${why}`, {
      value: file,
      cause,
      remedy: /EISDIR|is a directory/i.test(why ?? "")
        ? "it is a folder: name the file in it"
        : "check its permissions, and --allow-read of Deno",
    });
  }
}

/** The later ones override the earlier ones, also where one sets a table and the other a part of it. */
function merge(earlier: readonly Setting[], later: readonly Setting[]): Setting[] {
  const isReplaced = ({ key }: Setting) =>
    later.some((other) =>
      isSame(key, other.key) || isBelow(key, other.key) || isBelow(other.key, key)
    );
  return [...earlier.filter((setting) => !isReplaced(setting)), ...later];
}

function isSame(key: string, other: string): boolean {
  return key === other;
}

function isBelow(key: string, above: string): boolean {
  return key.startsWith(`${above}.`);
}

/** Tables of options that lack one which they need. */
function incomplete(config: CastyConfig): ConfigProblem[] {
  return optionChapters.flatMap(({ tables }) => tables).flatMap((table) => {
    return table.section === undefined ? [] : incompleteIn(config, table.section, table);
  });
}

function incompleteIn(
  config: CastyConfig,
  section: string,
  { options }: OptionTable,
): ConfigProblem[] {
  const values = config.section(section);
  return Object.entries(options).flatMap(([name, { type }]) => {
    const value = values[name];
    if (value === undefined || !hasGroup(type) || accepts(type, value)) return [];
    const key = `${section}.${name}`;
    const { message } = explain(type, value, key);
    const part = config.settings.find((setting) =>
      isSame(setting.key, key) || isBelow(setting.key, key)
    );
    return [{ key, where: part === undefined ? key : originText(part.origin), problem: message }];
  });
}

function hasGroup(type: OptionType): boolean {
  return type.kind === "group" || (type.kind === "either" && type.of.some(hasGroup));
}

function assign(target: Record<string, unknown>, path: readonly string[], value: unknown): void {
  const [first, ...rest] = path;
  if (rest.length === 0) target[first!] = value;
  else assign((target[first!] ??= {}) as Record<string, unknown>, rest, value);
}

function isInternal(name: string): boolean {
  return name.startsWith("_");
}
