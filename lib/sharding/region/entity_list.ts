import type { LocalRef } from "../../actor/ref/local_ref.ts";

/** One entity that runs, is stopping, or is about to start again. */
export class Entity {
  readonly id: string;
  readonly shard: number;
  /** Undefined while it waits for its restart. */
  cell: LocalRef<unknown> | undefined = undefined;
  /** Messages that have arrived while it stops; it starts again if there are any. */
  pending: unknown[] | undefined = undefined;
  /** About how many bytes they have. */
  pendingBytes = 0;
  /** When it got a message last: milliseconds on the runtime's clock, as of the last tick. */
  used = 0;
  /** Failures in a row. */
  failures = 0;
  /** When it failed last. */
  failedAt = 0;
  older: Entity | undefined = undefined;
  newer: Entity | undefined = undefined;

  /** Does not run yet. */
  constructor(id: string, shard: number) {
    this.id = id;
    this.shard = shard;
  }
}

/** Entities in the order of their last use: a linked list whose links are in the entities. */
export class EntityList {
  #oldest: Entity | undefined;
  #newest: Entity | undefined;
  #size = 0;

  /** How many entities are in the list. */
  get size(): number {
    return this.#size;
  }

  /** The least recently used. */
  get oldest(): Entity | undefined {
    return this.#oldest;
  }

  /** The most recently used. */
  get newest(): Entity | undefined {
    return this.#newest;
  }

  /** Adds an entity that is not in the list, as the most recently used. */
  add(entity: Entity): void {
    entity.older = this.#newest;
    entity.newer = undefined;
    if (this.#newest === undefined) this.#oldest = entity;
    else this.#newest.newer = entity;
    this.#newest = entity;
    this.#size++;
  }

  /** Removes an entity, if it is in the list. */
  remove(entity: Entity): void {
    const { older, newer } = entity;
    if (older === undefined && this.#oldest !== entity) return;
    if (older === undefined) this.#oldest = newer;
    else older.newer = newer;
    if (newer === undefined) this.#newest = older;
    else newer.older = older;
    entity.older = undefined;
    entity.newer = undefined;
    this.#size--;
  }

  /** Makes an entity the most recently used. */
  touch(entity: Entity): void {
    if (entity === this.#newest) return;
    this.remove(entity);
    this.add(entity);
  }
}
