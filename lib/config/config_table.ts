/**
 * What is in force, with the origin of each value: for `casty config show`.
 *
 * @module
 */
import type { Option, OptionType } from "../options/option.ts";
import { configSchema } from "./config_schema.ts";
import type { CastyConfig } from "./load_config.ts";
import { type Origin, originText } from "./setting.ts";

/** One row. */
export interface ConfigRow {
  readonly key: string;
  /** Absent: nothing is set, and the default is described by `text`. A secret is never there. */
  readonly value?: unknown;
  /** Instead of a value: a default in words, or that it is hidden. */
  readonly text?: string;
  /** Such as `casty.toml:12:8`, `CASTY_CLUSTER_PORT` or `default`. */
  readonly from: string;
  readonly source: Origin["source"];
}

/** What stands for a secret. */
const hidden = "(hidden)";

/** All keys, in the order of the option table; without defaults unless `all`. */
export function configRows(config: CastyConfig, all: boolean): ConfigRow[] {
  const rows: ConfigRow[] = [];
  for (const [key, option] of configSchema().keys) {
    const setting = config.settings.find((one) => one.key === key);
    if (setting !== undefined) {
      const { value, origin } = setting;
      const from = originText(origin);
      rows.push({ key, ...shown(option.type, value), from, source: origin.source });
    } else if (all) rows.push({ key, ...defaultOf(option), from: "default", source: "default" });
  }
  return rows;
}

/** The value, unless it is a secret. */
export function shown(type: OptionType, value: unknown): Pick<ConfigRow, "value" | "text"> {
  return isSecret(type) ? { text: hidden } : { value };
}

function isSecret(type: OptionType): boolean {
  switch (type.kind) {
    case "text":
      return type.secret;
    case "list":
      return isSecret(type.of);
    case "record":
      return type.of.secret;
    case "either":
      return type.of.some(isSecret);
    default:
      return false;
  }
}

function defaultOf({ default: value, defaultText }: Option): Pick<ConfigRow, "value" | "text"> {
  return value === undefined ? { text: defaultText ?? "none" } : { value };
}
