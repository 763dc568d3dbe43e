/**
 * What errors call a type: extensions run what they offer as entities, whose types have names that no
 * program has given.
 *
 * @module
 */

/** Of each extension: how its types begin, and what they stand for. */
const extensions: readonly (readonly [prefix: string, title: string])[] = [
  ["_singleton-", "the singleton"],
  ["_workers-", "the workers"],
  ["$distributed-", "the group of structures"],
];

interface TypeKind {
  /** Empty: a type of the program's own. */
  readonly title: string;
  /** What the program calls it. */
  readonly name: string;
}

function kindOf(shardType: string): TypeKind {
  if (shardType === "$distributed") return { title: "the group of structures", name: "default" };
  const known = extensions.find(([prefix]) => shardType.startsWith(prefix));
  if (known === undefined) return { title: "", name: shardType };
  const [prefix, title] = known;
  return { title, name: shardType.slice(prefix.length) };
}

/** A type in words: its name, or such as `the singleton "tally"`. */
export function typeTitle(shardType: string): string {
  const { title, name } = kindOf(shardType);
  return title === "" ? `"${name}"` : `${title} "${name}"`;
}

/** That no member runs a type, and the names that there are of its kind. */
export function unknownTypeText(shardType: string, known: readonly string[]): string {
  const { title } = kindOf(shardType);
  const names = known.map(kindOf).filter((kind) => kind.title === title)
    .map(({ name }) => `"${name}"`);
  const there = names.length === 0
    ? "there are none"
    : `there ${names.length === 1 ? "is" : "are"} ${names.join(", ")}`;
  const what = `${title === "" ? "entities of type " : ""}${typeTitle(shardType)}`;
  return `no member runs ${what}; ${there}`;
}
