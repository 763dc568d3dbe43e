/** The kinds of distributed structures. */
export const structureKinds = [
  "counter",
  "map",
  "set",
  "queue",
  "lock",
  "semaphore",
  "barrier",
] as const;

/** A kind of structure. */
export type StructureKind = typeof structureKinds[number];

/** Kinds whose content can be durable. */
export const dataKinds: ReadonlySet<StructureKind> = new Set(["counter", "map", "set", "queue"]);

/** The longest name of a structure, in UTF-16 code units. */
export const maxStructureName = 400;

/** The entity that a structure is: structures of different kinds never meet, whatever their names are. */
export function structureId(kind: StructureKind, name: string): string {
  return `${kind}|${name}`;
}

/** The kind in the id of an entity; undefined: it is no structure. */
export function kindOf(entityId: string): StructureKind | undefined {
  const end = entityId.indexOf("|");
  const kind = entityId.slice(0, end) as StructureKind;
  return end > 0 && structureKinds.includes(kind) ? kind : undefined;
}

/** Shards of each group of structures. */
export const structureShards = 64;

/** The group that is meant where none is named. */
export const defaultGroup = "default";

/** The entity type of the structures of a group. */
export function groupType(group: string): string {
  return group === defaultGroup ? "$distributed" : `$distributed-${group}`;
}
