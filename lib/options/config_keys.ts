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
 * All keys, in the order of the tables. An option of a table with a separate section is listed
 * there; other groups are below the option that takes them. An option that several calls take, such
 * as those of actor systems that nodes take too, is listed once.
 */
export function configKeys(chapters: readonly OptionChapter[]): ConfigKey[] {
  const listed = new Set<Option>();
  return chapters.flatMap(({ tables }) => tables)
    .flatMap((table) => {
      return table.section === undefined ? [] : keysOf(table, table.section, listed);
    });
}

/** A type without the alternatives that only code can pass, so that messages do not offer them. */
export function dataType(type: OptionType): OptionType {
  if (type.kind !== "either") return type;
  const of = type.of.filter(isConfigurable).map(dataType);
  return of.length === 1 ? of[0]! : { ...type, of };
}

/** The environment variable of a key: `CASTY_CLUSTER_SEED_NODES` for `cluster.seedNodes`. */
export function environmentName(key: string): string {
  return `CASTY_${key.replace(/([a-z0-9])([A-Z])/g, "$1_$2").replaceAll(".", "_").toUpperCase()}`;
}

function keysOf({ options }: OptionTable, path: string, listed: Set<Option>): ConfigKey[] {
  return Object.entries(options).flatMap(([name, option]) => {
    if (!isConfigurable(option.type)) return [];
    const key = `${path}.${name}`;
    if (listed.has(option)) return [];
    listed.add(option);
    const group = groupOf(option.type);
    if (group !== undefined) {
      const own = hasOtherForm(option.type) ? [{ key, option }] : [];
      return group.section === undefined ? [...own, ...keysOf(group, key, new Set())] : own;
    }
    return [{ key, option }];
  });
}

/** Whether its value can be data other than a group, such as `seedNodes` as a list. */
function hasOtherForm(type: OptionType): boolean {
  return type.kind === "either" &&
    type.of.some((one) => one.kind !== "group" && isConfigurable(one));
}

function groupOf(type: OptionType): OptionTable | undefined {
  const types = type.kind === "either" ? type.of : [type];
  return types.find((one) => one.kind === "group")?.table;
}
