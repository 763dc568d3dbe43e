/**
 * Reads `casty.toml`: each key and value with its place, and everything that is wrong with it.
 *
 * @module
 */
import { parse, TomlError } from "smol-toml";
import { accepts } from "../options/accepts.ts";
import { explain } from "../options/explain.ts";
import { nearestName } from "../options/nearest_name.ts";
import type { OptionType } from "../options/option.ts";
import {
  type ActorOverride,
  isTable,
  partOf,
  pathOf,
  quoted,
  readActors,
} from "./actor_overrides.ts";
import { actorsSection, type ConfigSchema } from "./config_schema.ts";
import { ConfigError, type ConfigProblem } from "./errors.ts";
import { placeText, type Setting } from "./setting.ts";
import { TomlPositions } from "./toml_positions.ts";

/** The content of a file. */
export interface ConfigFile {
  readonly settings: readonly Setting[];
  readonly actors: readonly ActorOverride[];
  readonly problems: readonly ConfigProblem[];
}

type Table = Readonly<Record<string, unknown>>;

/**
 * Reads a file; `file` is its name, for messages.
 *
 * @throws {ConfigError} code `badToml`.
 */
export function readConfigFile(text: string, file: string, schema: ConfigSchema): ConfigFile {
  const document = parseToml(text, file);
  const positions = TomlPositions.of(text);
  const reader = new Reader(file, positions, schema);
  const { [actorsSection]: actors, ...sections } = document;
  reader.readTable(sections, []);
  if (actors === undefined) return { ...reader, actors: [] };
  if (!isTable(actors)) {
    reader.report([actorsSection], `${actorsSection}: use a table by names of actors`, "value");
    return { ...reader, actors: [] };
  }
  const { overrides, problems } = readActors(actors, file, positions);
  return {
    settings: reader.settings,
    actors: overrides,
    problems: [...reader.problems, ...problems],
  };
}

function parseToml(text: string, file: string): Table {
  try {
    return plain(parse(text)) as Table;
  } catch (cause) {
    if (!(cause instanceof TomlError)) throw cause;
    const { line, column } = cause;
    // The rest of its message shows the line, which may hold a secret.
    const [what] = cause.message.split("\n");
    throw new ConfigError("badToml", `${placeText(file, { line, column })}: ${what}`, {
      value: { line, column },
      remedy: what?.endsWith("invalid value")
        ? "correct it there; texts need quotes"
        : "correct it there",
    });
  }
}

/** With ordinary objects: those of the parser have no prototype. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (!isTable(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item)]));
}

class Reader {
  readonly settings: Setting[] = [];
  readonly problems: ConfigProblem[] = [];
  readonly #file: string;
  readonly #positions: TomlPositions;
  readonly #schema: ConfigSchema;

  constructor(file: string, positions: TomlPositions, schema: ConfigSchema) {
    this.#file = file;
    this.#positions = positions;
    this.#schema = schema;
  }

  readTable(table: Table, path: readonly string[]): void {
    for (const [name, value] of Object.entries(table)) {
      const at = [...path, name];
      const key = at.join(".");
      const option = this.#schema.keys.get(key);
      // A quoted key with a dot is one name, and not a path.
      if (name.includes(".") || (option === undefined && !this.#schema.sections.has(key))) {
        this.report(at, this.#unknown(path, name));
      } else if (option !== undefined) this.#readOption(option.type, value, at);
      else if (isTable(value)) this.readTable(value, at);
      else this.report(at, `${key}: use a table ([${key}])`, "value");
    }
  }

  #readOption(type: OptionType, value: unknown, at: readonly string[]): void {
    if (accepts(type, value)) return this.#take(value, at);
    const error = explain(type, value, at.join("."));
    this.report(pathOf(error.option), error.message, partOf(error));
  }

  /** A table of options becomes a setting for each of them, so that each can be overridden. */
  #take(value: unknown, at: readonly string[]): void {
    const key = at.join(".");
    if (isTable(value) && this.#schema.sections.has(key)) {
      for (const [name, item] of Object.entries(value)) this.#take(item, [...at, name]);
      return;
    }
    const position = this.#positions.find(at)!.value;
    this.settings.push({ key, value, origin: { source: "file", file: this.#file, position } });
  }

  report(
    at: readonly (string | number)[],
    problem: string,
    of: "key" | "value" = "key",
  ): void {
    const place = this.#positions.find(at)?.[of] ?? { line: 1, column: 1 };
    this.problems.push({
      key: at.map((part) => typeof part === "number" ? `[${part}]` : quoted(part)).join("."),
      where: placeText(this.#file, place),
      problem,
    });
  }

  /** Never shows the value: it may be a secret at the wrong place. */
  #unknown(path: readonly string[], name: string): string {
    const { keys, sections, codeOnly } = this.#schema;
    const shown = [...path, quoted(name)].join(".");
    if (codeOnly.has(shown)) return `${shown} can only be passed in code`;
    const prefix = path.length === 0 ? "" : `${path.join(".")}.`;
    const siblings = [...keys.keys(), ...sections, actorsSection]
      .filter((key) => key.startsWith(prefix))
      .map((key) => key.slice(prefix.length).split(".")[0]!);
    const elsewhere = [...keys.keys()].find((key) => key.split(".").at(-1) === name);
    const near = nearestName(name, new Set(siblings));
    const meant = near === undefined ? elsewhere : `${prefix}${near}`;
    return `there is no option ${shown}${meant === undefined ? "" : `; did you mean ${meant}?`}`;
  }
}
