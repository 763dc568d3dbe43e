/**
 * The kinds in the persistence ids of durable actors that have no id of their own: the names of their
 * sharded types. Sharding itself decides; a test compares both.
 *
 * @module
 */

/** The kind of a durable singleton, by its name. */
export function singletonKind(name: string): string {
  return `_singleton-${name}`;
}

/** The kind of durable workers, by their name. */
export function workersKind(name: string): string {
  return `_workers-${name}`;
}
