import { configKeys, dataType } from "../options/config_keys.ts";
import type { Option } from "../options/option.ts";
import { isConfigurable } from "../options/option.ts";
import { optionChapters } from "../options/option_tables.ts";

/** What a configuration can contain, derived from the option table. */
export interface ConfigSchema {
  /** Options by key, such as `cluster.port`. */
  readonly keys: ReadonlyMap<string, Option>;
  /** Keys of tables: `cluster`, `sharding.passivation`. */
  readonly sections: ReadonlySet<string>;
  /** Options that only code can pass, by the key that they would have. */
  readonly codeOnly: ReadonlySet<string>;
}

/** The table whose keys are names of actors. */
export const actorsSection = "actors";

let schema: ConfigSchema | undefined;

/** The schema; made once. */
export function configSchema(): ConfigSchema {
  return schema ??= makeSchema();
}

function makeSchema(): ConfigSchema {
  const keys = new Map(
    configKeys(optionChapters).map(({ key, option }) => {
      return [key, { ...option, type: dataType(option.type) }];
    }),
  );
  const sections = new Set<string>();
  for (const key of keys.keys()) {
    for (let at = key.lastIndexOf("."); at > 0; at = key.lastIndexOf(".", at - 1)) {
      sections.add(key.slice(0, at));
    }
  }
  const codeOnly = new Set<string>();
  for (const { section, options } of optionChapters.flatMap(({ tables }) => tables)) {
    if (section === undefined) continue;
    for (const [name, { type }] of Object.entries(options)) {
      if (!isConfigurable(type)) codeOnly.add(`${section}.${name}`);
    }
  }
  return { keys, sections, codeOnly };
}
