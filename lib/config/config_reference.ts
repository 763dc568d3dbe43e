/**
 * Writes a documented `casty.toml` with all keys, from the option table.
 *
 * @module
 */
import { environmentName } from "../options/config_keys.ts";
import { describeType } from "../options/describe_type.ts";
import type { Option } from "../options/option.ts";
import { configSchema } from "./config_schema.ts";
import { tomlText } from "./toml_text.ts";

const intro = `# All keys of casty.toml, with their defaults: casty config reference
#
# Generated from the option table. Lines that are commented out show the default, or an example where
# the default is none. Behind each key is its environment variable.

# What system.spawn starts under a name, or under all names that a regular expression matches as a
# whole: actors, sharded types, singletons, workers. The first one that matches counts. Options that
# are left out are those of the sections.
# [actors."orders"]
# mailbox = { capacity = 1000 }
# supervision = { maxRestarts = 10 }
# sharding = { numShards = 64 }
# replication = { replicas = 1 }
`;

/** The text of the reference. It is TOML that sets nothing. */
export function configReference(): string {
  const lines: string[] = [intro];
  let open = "";
  for (const [key, option] of configSchema().keys) {
    const at = key.indexOf(".");
    const [section, name] = [key.slice(0, at), key.slice(at + 1)];
    if (section !== open) lines.push(`[${section}]`);
    open = section;
    lines.push(...describe(key, name, option));
  }
  return `${lines.join("\n")}\n`;
}

function describe(key: string, name: string, option: Option): string[] {
  const { type, text, default: value, defaultText } = option;
  const shown = value === undefined ? `# ${name} =` : `# ${name} = ${tomlText(value)}`;
  const words = value === undefined ? `Default: ${plain(defaultText ?? "none")}.` : "";
  return [
    ...wrapped(`${plain(text)} ${sentence(describeType(type))} ${words}`.trim()),
    `${shown}  # ${environmentName(key)}`,
    "",
  ];
}

function sentence(text: string): string {
  return `${text[0]!.toUpperCase()}${text.slice(1)}.`;
}

/** Without the marks of code, which TOML has no use for. */
function plain(text: string): string {
  return text.replaceAll("`", "");
}

/** Comments of up to 100 characters. */
function wrapped(text: string): string[] {
  const lines: string[] = [];
  let line = "#";
  for (const word of text.split(/\s+/)) {
    if (line.length + word.length >= 99) {
      lines.push(line);
      line = "#";
    }
    line += ` ${word}`;
  }
  return [...lines, line];
}
