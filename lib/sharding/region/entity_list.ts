import { estimateSize } from "../../actor/cell/message_size.ts";
import { untraced } from "../../actor/ref/traced_message.ts";
import type { AskFailure } from "../../actor/ref/held_ask.ts";
import type { LocalRef } from "../../actor/ref/local_ref.ts";
import type { Timer } from "../../runtime/clock.ts";

/** One entity that runs, is stopping, or is about to start again. */
export class Entity {
  readonly id: string;
  readonly shard: number;
  /** Undefined while it waits for its restart. */
  cell: LocalRef<unknown> | undefined = undefined;
  /** Messages for its next incarnation, in order; it starts again if there are any. */
  pending: unknown[] | undefined = undefined;
  /** About how many bytes they have. */
  pendingBytes = 0;
  /** Those of them that an earlier incarnation had accepted, and about how many bytes they have. */
  kept = 0;
  keptBytes = 0;
  /** Whether it can start again at once when it has stopped without a failure. */
  ready = true;
  /** Its start after a failure. */
  restart: Timer | undefined = undefined;
  /** When it was found at work last: milliseconds on the runtime's clock, as of the last tick. */
  used = 0;
  /** Messages that this incarnation was given by its region. */
  given = 0;
  /** Counts what it got otherwise, as of the last look. */
  direct = 0;
  /** Why it could not recover, until it starts again. */
  refusal: AskFailure | undefined = undefined;
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

  /** Another incarnation has started. It has got what has waited. */
  started(now: number): void {
    this.used = now;
    this.given = 0;
    this.direct = 0;
    this.pendingBytes = 0;
    this.kept = 0;
    this.keptBytes = 0;
    this.ready = true;
    this.refusal = undefined;
  }

  /** It stops and has not handled these messages: they precede all that have arrived meanwhile. */
  keep(messages: readonly unknown[]): void {
    this.pending = [...messages, ...this.pending ?? []];
    for (const message of messages) this.keptBytes += estimateSize(untraced(message));
    this.kept += messages.length;
    this.pendingBytes += this.keptBytes;
  }

  /**
   * A message waits for its next incarnation, unless it does not fit. One of any size fits. Returns
   * whether it waits.
   */
  wait(message: unknown, maxMessages: number, maxBytes: number): boolean {
    const pending = this.pending ??= [];
    const bytes = this.pendingBytes + estimateSize(untraced(message));
    const isFull = pending.length >= maxMessages || bytes > maxBytes;
    if (pending.length > 0 && isFull) return false;
    pending.push(message);
    this.pendingBytes = bytes;
    return true;
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
