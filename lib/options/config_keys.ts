/**
 * The keys that a configuration file can have, derived from the option table.
 *
 * @module
 */
import type { Option, OptionTable, OptionType } from "./option.ts";
import { isConfigurable } from "./option.ts";
import type { OptionChapter } from "./option_tables.ts";

/** One key of a file. */
export interface ConfigKey {
  /** Such as `cluster.requiredQuorum` or `sharding.passivation.idle`. */
  readonly key: string;
  readonly option: Option;
}

/**
 * All keys, in the order of the tables. An option of a table with a section of its own stands there;
 * other groups are below the option that takes them. An option that several calls take, such as those
 * of actor systems that nodes take too, is listed once.
 */
export function configKeys(chapters: readonly OptionChapter[]): ConfigKey[] {
  const listed = new Set<Option>();
  return chapters.flatMap(({ tables }) => tables)
    .flatMap((table) => {
      return table.section === undefined ? [] : keysOf(table, table.section, listed);
    });
}

function keysOf({ options }: OptionTable, path: string, listed: Set<Option>): ConfigKey[] {
  return Object.entries(options).flatMap(([name, option]) => {
    if (!isConfigurable(option.type)) return [];
    const key = `${path}.${name}`;
    const group = groupOf(option.type);
    if (group !== undefined) {
      const own = hasOtherForm(option.type) ? [{ key, option }] : [];
      return group.section === undefined ? [...own, ...keysOf(group, key, new Set())] : own;
    }
    if (listed.has(option)) return [];
    listed.add(option);
    return [{ key, option }];
  });
}

/** Whether it can be given as data that is no group, such as `seedNodes` as a list. */
function hasOtherForm(type: OptionType): boolean {
  return type.kind === "either" &&
    type.of.some((one) => one.kind !== "group" && isConfigurable(one));
}

function groupOf(type: OptionType): OptionTable | undefined {
  const types = type.kind === "either" ? type.of : [type];
  return types.find((one) => one.kind === "group")?.table;
}
