/**
 * What a node keeps ready of entities that run elsewhere: their states, made by the type's own event
 * handler of events that are in the database. Each state ends with an event whose mark is known, and has all
 * events before it; what does not continue it is read from the database, or dropped. Never written.
 *
 * Bounded by the number of entities and by the estimated size of their states: the least recently changed
 * goes. Pure: it reads nothing itself; `nextRead` names what is to be read.
 *
 * @module
 */
import { estimateSize } from "../../actor/cell/message_size.ts";
import type { DurableRecovery } from "../../persistence/durable_recovery.ts";
import type { AppendEntry, StoredEvent, StoredSnapshot } from "../../persistence/journal.ts";
import { type EventMark, isSameEvent, markOf, type WarmLog } from "../../persistence/warm_log.ts";
import type { StandbyShard } from "./standby_control.ts";

/** What a node keeps at most. */
export interface WarmBounds {
  readonly entities: number;
  /** Estimated size of the states. */
  readonly bytes: number;
}

type Replay = DurableRecovery<unknown, unknown>;

/**
 * - `ready`: it has all that was heard of.
 * - `waiting`, `reading`: it lacks events, which are read from the database.
 * - `leftOut`: it cannot be kept. Remembered, so that this is not found out for each event.
 */
type WarmState = "ready" | "waiting" | "reading" | "leftOut";

/** One entity. */
export interface WarmEntity {
  readonly id: string;
  readonly shard: number;
  state: WarmState;
  replay: Replay | undefined;
  /** The last event in it; undefined: none was applied. */
  last: EventMark | undefined;
  /** The newest snapshot that was heard of. */
  savedAt: number;
  /** The highest number that was heard of. */
  wanted: number;
  bytes: number;
  /** The part of it that was added for events since it was measured. */
  unmeasured: number;
  /** How often its reading has begun anew. */
  attempts: number;
}

interface WarmShard {
  epoch: number;
  heardAt: number;
}

/** What is kept, in numbers. */
export interface WarmCounts {
  readonly shards: number;
  readonly ready: number;
  readonly reading: number;
  readonly leftOut: number;
  readonly bytes: number;
  /** Events that were heard of and are not applied. */
  readonly lag: number;
}

/** Bytes of an entity besides its state: the entry, its functions, its id. */
const overhead = 1_000;
/** Bytes of growth after which a state is measured again, if they are a third of it. */
const leastUnmeasured = 2_048;
/** Milliseconds between two readings in the place of entities that are kept. */
const fullPause = 200;
/** Milliseconds without a word of an owner until what is kept of its shard is dropped. */
export const freeAfter = 300_000;
/** Entities that may wait besides. */
const leastQueue = 64;
/** How often an entity is read from its beginning in a row. */
const maxAttempts = 3;

/** See the module's text. */
export class WarmEntities {
  readonly #limits: WarmBounds;
  readonly #replayOf: (id: string) => Replay | undefined;
  /** The least recently changed first. */
  readonly #entities = new Map<string, WarmEntity>();
  readonly #shards = new Map<number, WarmShard>();
  #queue: WarmEntity[] = [];
  #bytes = 0;
  #admittedAt = -Infinity;

  /** @param replayOf begins the state of an entity; undefined: it cannot be kept. Of a user: may throw. */
  constructor(limits: WarmBounds, replayOf: (id: string) => Replay | undefined) {
    this.#limits = limits;
    this.#replayOf = replayOf;
  }

  /** An owner has this node stand by. */
  follow(shard: number, epoch: number, now: number): void {
    const known = this.#shards.get(shard);
    if (known === undefined) this.#shards.set(shard, { epoch, heardAt: now });
    else if (epoch >= known.epoch) {
      known.epoch = epoch;
      known.heardAt = now;
    }
  }

  /** Drops what is kept of a shard. */
  release(shard: number): void {
    if (!this.#shards.delete(shard)) return;
    for (const entity of this.#entities.values()) {
      if (entity.shard === shard) this.#drop(entity);
    }
  }

  /** Drops shards of which no owner has said anything for long. */
  tick(now: number): void {
    for (const [shard, { heardAt }] of this.#shards) {
      if (now - heardAt >= freeAfter) this.release(shard);
    }
  }

  /** An entity runs at the owner, and its last event has this number. */
  running(shard: number, id: string, seq: number, now: number): void {
    if (!this.#shards.has(shard) || seq === 0) return;
    const known = this.#touch(id);
    if (known === undefined) return this.#admit(shard, id, seq, now);
    if (known.state === "leftOut") return;
    if (known.state !== "ready") return void (known.wanted = Math.max(known.wanted, seq));
    if (seq > known.last!.seq) this.#readTail(known, seq);
    else if (seq < known.last!.seq) this.#readAnew(known, seq, now);
  }

  /** Events are in the database. */
  append(shard: number, { id, expectedSeq, epoch, events }: AppendEntry, now: number): void {
    if (!this.#shards.has(shard)) return;
    const lastSeq = expectedSeq + events.length;
    const stored = (at: number): StoredEvent => ({
      ...events[at]!,
      epoch,
      seq: expectedSeq + 1 + at,
    });
    let entity = this.#touch(id);
    if (entity === undefined) {
      if (expectedSeq > 0) return this.#admit(shard, id, lastSeq, now);
      entity = this.#add(shard, id, lastSeq);
      if (entity.replay === undefined) return;
      entity.state = "ready";
    }
    if (entity.state === "leftOut") return;
    if (entity.state !== "ready") {
      entity.wanted = Math.max(entity.wanted, lastSeq);
      return;
    }
    const { last } = entity;
    if (last !== undefined && lastSeq === last.seq) {
      if (isSameEvent(markOf(stored(events.length - 1)), last)) return;
    }
    const has = last?.seq ?? 0;
    if (expectedSeq > has) return this.#readTail(entity, lastSeq);
    // Another event with a number that it has: the database was restored, or the message is an old one.
    if (expectedSeq < has) return this.#readAnew(entity, lastSeq, now);
    entity.wanted = lastSeq;
    for (let at = 0; at < events.length; at++) if (!this.apply(entity, stored(at))) return;
    this.#fit();
  }

  /** A snapshot of an entity is in the database. */
  saved(id: string, seq: number): void {
    const entity = this.#entities.get(id);
    if (entity !== undefined && seq > entity.savedAt) entity.savedAt = seq;
  }

  /** Nothing is kept of an entity any more. */
  forget(id: string): void {
    const entity = this.#entities.get(id);
    if (entity !== undefined) this.#drop(entity);
  }

  /** Gives away a state, to be used by the entity here. */
  take(id: string): WarmLog | undefined {
    const entity = this.#entities.get(id);
    if (entity === undefined) return undefined;
    this.#drop(entity);
    const { replay, last, savedAt, state } = entity;
    if (state === "leftOut" || replay === undefined || last === undefined) return undefined;
    return { ...replay, last, savedAt };
  }

  /** The ids that are kept of a shard, and the last number of each. */
  *idsOf(shard: number): Generator<readonly [id: string, seq: number]> {
    for (const { id, shard: of, last, wanted } of this.#entities.values()) {
      if (of === shard) yield [id, Math.max(wanted, last?.seq ?? 0)];
    }
  }

  /** The shards that this node stands by for. */
  *report(): Generator<StandbyShard> {
    const ready = new Map<number, number>();
    for (const { shard, state } of this.#entities.values()) {
      if (state !== "leftOut") ready.set(shard, (ready.get(shard) ?? 0) + 1);
    }
    for (const [shard, { epoch }] of this.#shards) yield [shard, epoch, ready.get(shard) ?? 0];
  }

  /** Entries of the queue, those that were dropped since too. */
  get queued(): number {
    return this.#queue.length;
  }

  get counts(): WarmCounts {
    const counts = { ready: 0, waiting: 0, reading: 0, leftOut: 0 };
    let lag = 0;
    for (const { state, wanted, last } of this.#entities.values()) {
      counts[state]++;
      if (state !== "leftOut") lag += Math.max(0, wanted - (last?.seq ?? 0));
    }
    const { ready, waiting, reading, leftOut } = counts;
    const shards = this.#shards.size;
    return { shards, ready, reading: waiting + reading, leftOut, bytes: this.#bytes, lag };
  }

  // Reading, of which the caller does the input.

  /** The next entity that lacks events. */
  nextRead(): WarmEntity | undefined {
    for (let entity = this.#queue.shift(); entity !== undefined; entity = this.#queue.shift()) {
      if (!this.#isKept(entity) || entity.state !== "waiting") continue;
      entity.state = "reading";
      return entity;
    }
    return undefined;
  }

  /** Whether what is read of an entity is wanted still: it may have been dropped or taken. */
  isReading(entity: WarmEntity): boolean {
    return this.#isKept(entity) && entity.state === "reading";
  }

  /** Begins with a snapshot. False: an older one is needed. */
  useSnapshot(entity: WarmEntity, snapshot: StoredSnapshot): boolean {
    if (entity.replay!.recovery.useSnapshot(snapshot) !== undefined) return false;
    entity.savedAt = Math.max(entity.savedAt, snapshot.seq);
    return true;
  }

  /** Applies an event. False: the entity cannot be kept. */
  apply(entity: WarmEntity, event: StoredEvent): boolean {
    const { recovery } = entity.replay!;
    // The last event in the snapshot.
    if (event.seq > recovery.seq) {
      try {
        recovery.next(event);
      } catch {
        // It is of a later version, or a handler has failed: the entity itself will tell.
        this.#leaveOut(entity);
        return false;
      }
    }
    entity.last = markOf(event);
    // The state may have grown by what is in the event: a text takes twice its bytes.
    const growth = 2 * (event.payload.length + (event.metadata?.length ?? 0));
    entity.unmeasured += growth;
    entity.bytes += growth;
    this.#bytes += growth;
    if (entity.unmeasured > Math.max(leastUnmeasured, entity.bytes / 3)) this.#measure(entity);
    return this.#isKept(entity);
  }

  /** All that the database had was read. False: more is there by now. */
  wasRead(entity: WarmEntity): boolean {
    const { last, wanted } = entity;
    if (last === undefined) {
      // All of it is in a snapshot: the entity need read nothing else.
      this.#drop(entity);
      return true;
    }
    if (last.seq < wanted) return false;
    entity.state = "ready";
    entity.attempts = 0;
    this.#measure(entity);
    this.#fit();
    return true;
  }

  /** What is kept does not fit to what the database has. */
  readAgain(entity: WarmEntity): void {
    if (++entity.attempts >= maxAttempts) return this.#drop(entity);
    const replay = this.#begin(entity.id);
    if (replay === undefined) return this.#leaveOut(entity);
    entity.replay = replay;
    entity.last = undefined;
    entity.state = "waiting";
    this.#enqueue(entity);
  }

  /** It could not be read. */
  failed(entity: WarmEntity): void {
    if (this.#isKept(entity)) this.#drop(entity);
  }

  /** Invariant: what waits is at most about twice what is kept, whatever is dropped and comes again. */
  #enqueue(entity: WarmEntity): void {
    if (this.#queue.length > 2 * this.#entities.size + leastQueue) {
      this.#queue = this.#queue.filter((each) => this.#isKept(each) && each.state === "waiting");
    }
    this.#queue.push(entity);
  }

  #isKept(entity: WarmEntity): boolean {
    return this.#entities.get(entity.id) === entity;
  }

  #touch(id: string): WarmEntity | undefined {
    const entity = this.#entities.get(id);
    if (entity === undefined) return undefined;
    this.#entities.delete(id);
    this.#entities.set(id, entity);
    return entity;
  }

  /** Reads an entity from its beginning, if there is room, or if it is its turn to take that of another. */
  #admit(shard: number, id: string, wanted: number, now: number): void {
    const { entities, bytes } = this.#limits;
    const isFull = this.#entities.size >= entities || this.#bytes >= bytes * 0.9;
    // Invariant: entities that do not fit cost a bounded number of readings, however often they change.
    if (isFull && now - this.#admittedAt < fullPause) return;
    if (isFull) this.#admittedAt = now;
    const entity = this.#add(shard, id, wanted);
    if (entity.state === "waiting") this.#enqueue(entity);
  }

  #add(shard: number, id: string, wanted: number): WarmEntity {
    const replay = this.#begin(id);
    const entity: WarmEntity = {
      id,
      shard,
      state: replay === undefined ? "leftOut" : "waiting",
      replay,
      last: undefined,
      savedAt: 0,
      wanted,
      bytes: overhead,
      unmeasured: 0,
      attempts: 0,
    };
    this.#entities.set(id, entity);
    this.#bytes += entity.bytes;
    this.#fit();
    return entity;
  }

  #begin(id: string): Replay | undefined {
    try {
      return this.#replayOf(id);
    } catch {
      return undefined;
    }
  }

  #readTail(entity: WarmEntity, wanted: number): void {
    entity.wanted = wanted;
    entity.state = "waiting";
    this.#enqueue(entity);
  }

  #readAnew(entity: WarmEntity, wanted: number, now: number): void {
    const { shard, id } = entity;
    this.#drop(entity);
    this.#admit(shard, id, wanted, now);
  }

  #leaveOut(entity: WarmEntity): void {
    entity.state = "leftOut";
    entity.replay = undefined;
    entity.last = undefined;
    this.#bytes += overhead - entity.bytes;
    entity.bytes = overhead;
    entity.unmeasured = 0;
  }

  #measure(entity: WarmEntity): void {
    const bytes = overhead + estimateSize(entity.replay!.recovery.state);
    this.#bytes += bytes - entity.bytes;
    entity.bytes = bytes;
    entity.unmeasured = 0;
    if (bytes > this.#limits.bytes / 2) this.#leaveOut(entity);
  }

  #fit(): void {
    const { entities, bytes } = this.#limits;
    for (const entity of this.#entities.values()) {
      if (this.#entities.size <= entities && this.#bytes <= bytes) return;
      this.#drop(entity);
    }
  }

  #drop(entity: WarmEntity): void {
    if (this.#entities.delete(entity.id)) this.#bytes -= entity.bytes;
  }
}
