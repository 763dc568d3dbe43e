/**
 * Runs the entities of one type at one node: starts them with their first message, passivates idle ones,
 * and starts stopped and failed ones again when there is a message for them. Messages that an entity has
 * not handled when it stops, and those that arrive meanwhile, wait for its next incarnation, or go with
 * its shard to another node.
 *
 * @module
 */
import { hashKey } from "../../runtime/hash_key.ts";
import { Behaviors } from "../../actor/behavior/behaviors.ts";
import type { Behavior } from "../../actor/behavior/behavior.ts";
import type { ActorContext } from "../../actor/behavior/context.ts";
import { TracedMessage, untraced } from "../../actor/ref/traced_message.ts";
import { tellKept } from "../../actor/ref/passed_on.ts";
import { isAdapted } from "../../actor/ref/sent_message.ts";
import type { DeadLetterReason } from "../../actor/services/dead_letter.ts";
import { markChecked } from "../../actor/behavior/checked_options.ts";
import type { MailboxOptions, SpawnOptions } from "../../actor/behavior/spawn_options.ts";
import type { AskFailure } from "../../actor/ref/held_ask.ts";
import type { EntityKeeper, LocalRef } from "../../actor/ref/local_ref.ts";
import { backoffDelay } from "../../runtime/backoff.ts";
import type { DurableStore } from "../../runtime/durable_store.ts";
import { rules } from "../../runtime/rules.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { Telemetry } from "../../runtime/telemetry.ts";
import { Entity, EntityList } from "./entity_list.ts";
import { entityName, idOfName } from "./entity_name.ts";
import type { PassivationOptions } from "./passivation.ts";
import { entityPath } from "../routing/entity_address.ts";
import { regionPath } from "../routing/protocol.ts";
import type { ShardRunner } from "./region.ts";
import { shardOf } from "../routing/shard_hash.ts";
import type { EntityFactory } from "../routing/entity_factory.ts";
import type { TypeReplication } from "../shard_replicator.ts";

/** Between a failure and the next start. */
const restartBackoff = { min: 200, max: 10_000 };
/** Entities that may be stopping beyond `limit`, at least; else a twentieth of it. */
const minStopping = 1_000;
/** Entities that one tick stops, or finds at work, at most, so that no tick takes long. */
const maxPassivated = 5_000;
/** Entities that may be found at work before one of them gives way to another. */
const maxSpared = 16;

/** Dependencies of {@linkcode Entities}. */
export interface EntitiesPort {
  readonly numShards: number;
  readonly clock: Clock;
  /**
   * Milliseconds that count for its entities: they are not idle, nor late to stop, while they are
   * suspended.
   */
  runningTime(): number;
  readonly limits: PassivationOptions;
  /** Messages that wait for one entity at most while it stops, and their bytes. */
  readonly maxPending: number;
  readonly maxPendingBytes: number;
  /** Bounds of the mailbox of an entity. */
  readonly mailbox: MailboxOptions | undefined;
  /** Milliseconds after which an entity that has not stopped in turn stops at once. */
  readonly stopTimeout: number;
  /**
   * A message whose shard is handed off: routes it again. `first`: an entity here had accepted it, so
   * it precedes messages that have arrived since the hand-off began.
   */
  reroute(entityId: string, message: unknown, first: boolean): void;
  /** Whether another node may run the shards that are handed off. Absent: it may. */
  hasSuccessor?(): boolean;
  lose(reason: DeadLetterReason, target: string, message: unknown): void;
  /** Loses the message of an ask, whose asker is told why; false: it is the message of none. */
  refuse?(failure: AskFailure, target: string, message: unknown): boolean;
  /** Keeps the traces of messages that wait. Absent: nothing is traced. */
  readonly traces?: Pick<Telemetry, "active" | "with">;
  /** The entity has to answer the ask at hand, or that of a message that has waited for it. */
  holdAsk?(cell: LocalRef<unknown>, waited?: unknown): void;
  /** Where durable entities are stored; undefined: where the node stores its durable actors. */
  readonly store?: DurableStore;
  /** Set if the type is replicated. */
  readonly replication?: Pick<
    TypeReplication,
    "highestEpoch" | "storeOf" | "startShard" | "stopping" | "stopped"
  >;
  /** Ids of entities that always run, by their shards; no others start. Undefined: all start by messages. */
  readonly daemons?: readonly string[];
  /** Set if entities that run are to run again after their shard has moved. */
  readonly memory?: EntityMemory;
}

/** Records which entities run, so that they run again elsewhere. */
export interface EntityMemory {
  /** This node owns a shard from now on; or not any more, if there is no epoch. */
  onShard(shard: number, epoch: number | undefined): void;
  onStarted(shard: number, id: string): void;
  /** It has stopped itself or was passivated: not because its shard moves. */
  onStopped(shard: number, id: string): void;
}

interface Shard {
  /** By {@linkcode hashKey} of their ids. */
  readonly entities: Map<string, Entity>;
  /** Of the grant by which they run. */
  epoch: number;
  /** When this node has got it; a renewed grant is no new one. */
  since: number;
  /** Of the grant before `since`; 0: not known. */
  previous: number;
  /** Called when no entity is left; set while the shard stops. */
  done: (() => void) | undefined;
  /** Whether entities may be started. */
  open: boolean;
  /** It was fenced: another node may run its entities already. */
  fenced: boolean;
}

/** See the module's text. */
export class Entities implements ShardRunner, EntityKeeper {
  readonly typeName: string;
  readonly store: DurableStore | undefined;
  readonly #port: EntitiesPort;
  readonly #path: string;
  readonly #shards: (Shard | undefined)[] = [];
  /** Entities that take messages. */
  readonly #active = new EntityList();
  /** Entities whose id cannot be their name. */
  readonly #unnamed = new Map<LocalRef<unknown>, Entity>();
  /** Entities that are stopping, and since when. */
  readonly #stopping = new Map<Entity, number>();
  /** Entities that wait for their next start after a failure. */
  readonly #pausing = new Set<Entity>();
  readonly #behavior: Behavior<unknown>;
  readonly #spawnOptions: SpawnOptions;
  /** Whether timers keep an entity from being idle. */
  readonly #withTimers: boolean;
  #context: ActorContext<never> | undefined;
  #now = 0;

  /** Runs no entity yet. */
  constructor(shardType: string, factory: EntityFactory<unknown>, port: EntitiesPort) {
    this.typeName = shardType;
    this.store = port.store;
    this.#port = port;
    this.#path = regionPath(shardType);
    this.#spawnOptions = markChecked(port.mailbox ? { mailbox: port.mailbox } : {});
    this.#withTimers = !port.limits.ignoreTimers;
    // One for all: a factory that throws must stop its entity, not the region.
    this.#behavior = Behaviors.setup((context) => factory(context.entityId, context));
  }

  /** The parent actor of the entities; `onReady` is called when it can have children. */
  behavior(onReady: () => void): Behavior<never> {
    const region = Behaviors.setup<never>((context) => {
      this.#context = context;
      (context.self as LocalRef<never>).keepEntities(this);
      onReady();
      return Behaviors.receive<never>(() => Behaviors.same(), (_context, { type }) => {
        if (type === "postStop") this.#onRegionStopped();
        return Behaviors.same();
      });
    });
    // An entity that leaves its failure to its parent must not take the others with it.
    return Behaviors.supervise(region, { decider: () => "resume" });
  }

  get highestEpoch(): number {
    return this.#port.replication?.highestEpoch ?? 0;
  }

  storeOf(cell: LocalRef<unknown>): DurableStore | undefined {
    const shard = this.#entityOf(cell)?.shard;
    return shard === undefined ? undefined : this.#port.replication?.storeOf(shard);
  }

  /** How many entities run. */
  get size(): number {
    return this.#active.size + this.#stopping.size;
  }

  /** The ids of all that run, by shard. */
  *running(): IterableIterator<readonly [entityId: string, shard: number]> {
    for (const shard of this.#shards) {
      for (const { id, shard: number, cell } of shard?.entities.values() ?? []) {
        if (cell !== undefined) yield [id, number];
      }
    }
  }

  /** The actor of an entity that runs. */
  cellOf(number: number, entityId: string): LocalRef<unknown> | undefined {
    return this.#shards[number]?.entities.get(hashKey(entityId))?.cell;
  }

  deliver(number: number, entityId: string, message: unknown): void {
    const shard = this.#shards[number]!;
    if (!this.#isOpen) {
      return this.#port.lose("stopped", `${this.#path}/${entityId}`, message);
    }
    const known = shard.entities.get(hashKey(entityId));
    if (known === undefined) {
      const refusal = this.#refusal(number, entityId);
      if (refusal !== undefined) {
        return this.#port.lose(refusal, `${this.#path}/${entityId}`, message);
      }
    }
    const entity = known ?? this.#add(shard, number, entityId);
    const { cell } = entity;
    if (cell === undefined || entity.pending !== undefined || cell.ended) {
      return this.#keep(entity, message);
    }
    entity.used = this.#now;
    entity.given++;
    this.#active.touch(entity);
    this.#port.holdAsk?.(cell);
    tellKept(cell, message);
  }

  has(number: number, entityId: string): boolean {
    return this.#shards[number]?.entities.has(hashKey(entityId)) ?? false;
  }

  /** Starts an entity without a message, unless it runs or its shard is not here. */
  wake(number: number, entityId: string): void {
    const shard = this.#shards[number];
    if (shard === undefined || !shard.open || !this.#isOpen) return;
    if (shard.entities.has(hashKey(entityId)) || this.#isForeign(number, entityId)) return;
    this.#add(shard, number, entityId);
  }

  startShard(number: number, epoch: number, previous = 0): void {
    const shard = this.#shards[number];
    const since = this.#port.clock.now();
    if (shard === undefined) {
      const state = { done: undefined, open: true, fenced: false };
      this.#shards[number] = { entities: new Map(), epoch, since, previous, ...state };
    } else {
      shard.since = since;
      shard.previous = previous;
      shard.open = true;
      shard.fenced = false;
      shard.done = undefined;
      shard.epoch = epoch;
    }
    this.#port.replication?.startShard(number, epoch);
    this.#port.memory?.onShard(number, epoch);
    const daemon = this.#port.daemons?.[number];
    if (daemon !== undefined) this.wake(number, daemon);
  }

  renewShard(number: number, epoch: number): void {
    this.#shards[number]!.epoch = epoch;
    this.#port.replication?.startShard(number, epoch);
  }

  stopShard(number: number, how: "inTurn" | "now", done: () => void): void {
    const shard = this.#shards[number];
    if (shard === undefined) return done();
    shard.open = false;
    shard.fenced = how === "now";
    shard.done = done;
    const { replication } = this.#port;
    let recovers = false;
    if (how === "now") replication?.stopped(number);
    else recovers = replication?.stopping(number) ?? false;
    this.#port.memory?.onShard(number, undefined);
    for (const entity of shard.entities.values()) {
      const { pending, cell } = entity;
      entity.pending = undefined;
      for (const message of pending ?? []) this.#reroute(entity, message, false);
      if (cell === undefined) this.#remove(shard, entity);
      else this.#stop(entity, cell, recovers ? "first" : how);
    }
    this.#endIfEmpty(number, shard);
  }

  idOf(cell: LocalRef<unknown>): string {
    return this.#unnamed.get(cell)?.id ?? idOfName(cell.path);
  }

  epochOf(cell: LocalRef<unknown>): number {
    const shard = this.#entityOf(cell)?.shard;
    return shard === undefined ? 0 : this.#shards[shard]?.epoch ?? 0;
  }

  ownedSince(cell: LocalRef<unknown>): number | undefined {
    const shard = this.#entityOf(cell)?.shard;
    return shard === undefined ? undefined : this.#shards[shard]?.since;
  }

  previousEpochOf(cell: LocalRef<unknown>): number {
    const shard = this.#entityOf(cell)?.shard;
    return shard === undefined ? 0 : this.#shards[shard]?.previous ?? 0;
  }

  sendAhead(cell: LocalRef<unknown>, message: unknown): void {
    const entity = this.#entityOf(cell);
    if (entity === undefined || entity.cell !== cell || !this.#isOpen) return;
    const { open, fenced } = this.#shards[entity.shard]!;
    if (open || fenced) return;
    // Of the last node there is nothing to be told, and nobody to tell it.
    if (this.#port.hasSuccessor?.() ?? true) this.#reroute(entity, message, true);
  }

  pathOf(cell: LocalRef<unknown>): string {
    const { numShards } = this.#port;
    return entityPath({ shardType: this.typeName, numShards, entityId: this.idOf(cell) });
  }

  passivate(cell: LocalRef<unknown>): void {
    const entity = this.#entityOf(cell);
    if (entity === undefined || entity.cell !== cell || this.#stopping.has(entity)) return;
    entity.pending = [];
    this.#port.memory?.onStopped(entity.shard, entity.id);
    this.#stop(entity, cell, "inTurn");
  }

  keep(cell: LocalRef<unknown>, messages: readonly unknown[], ready: boolean): boolean {
    const entity = this.#entityOf(cell);
    if (entity === undefined || entity.cell !== cell || !this.#isOpen) return false;
    const shard = this.#shards[entity.shard]!;
    if (shard.fenced || !rules.entitiesKeepMessages) return false;
    if (!shard.open) {
      for (const message of messages) this.#reroute(entity, message, true);
      return true;
    }
    entity.keep(messages);
    entity.ready = ready;
    return true;
  }

  onNotRecovered(cell: LocalRef<unknown>, failure: AskFailure): void {
    const entity = this.#entityOf(cell);
    if (entity !== undefined) entity.refusal = failure;
  }

  onStopped(cell: LocalRef<unknown>, failed: boolean): void {
    const entity = this.#entityOf(cell);
    this.#unnamed.delete(cell);
    if (entity === undefined || entity.cell !== cell) return;
    const shard = this.#shards[entity.shard]!;
    entity.cell = undefined;
    this.#active.remove(entity);
    this.#stopping.delete(entity);
    if (!shard.open) {
      this.#remove(shard, entity);
      return this.#endIfEmpty(entity.shard, shard);
    }
    if (!entity.ready) return this.#backOff(shard, entity);
    const { pending } = entity;
    // Also if it has failed: a pause for each wrong message that waits would block it for all others.
    if (pending !== undefined && pending.length > 0) return this.#start(shard, entity);
    if (failed || this.#alwaysRuns) return this.#backOff(shard, entity);
    this.#remove(shard, entity);
    this.#port.memory?.onStopped(entity.shard, entity.id);
  }

  /** Passivates idle entities, and kills entities that exceed the stop timeout. */
  tick(): void {
    const now = this.#port.runningTime();
    this.#now = now;
    const { idle } = this.#port.limits;
    for (let count = 0; count < maxPassivated; count++) {
      const { oldest } = this.#active;
      if (oldest === undefined || now - oldest.used < idle) break;
      if (!this.#isWorking(oldest)) {
        this.passivate(oldest.cell!);
        continue;
      }
      oldest.used = now;
      this.#active.touch(oldest);
    }
    for (const [entity, since] of this.#stopping) {
      if (now - since < this.#port.stopTimeout) continue;
      this.#stopping.set(entity, Infinity);
      entity.cell!.stop();
    }
  }

  /** Whether its entities start again when they have stopped themselves. */
  get #alwaysRuns(): boolean {
    return this.#port.daemons !== undefined && rules.daemonsStartAgain;
  }

  /** Whether the type has daemons, and the id is of none. */
  #isForeign(number: number, entityId: string): boolean {
    const { daemons } = this.#port;
    return daemons !== undefined && daemons[number] !== entityId && rules.onlyDaemonsStart;
  }

  /** Why an entity is not started by a message. */
  #refusal(number: number, entityId: string): DeadLetterReason | undefined {
    if (this.#isForeign(number, entityId)) return "noSuchActor";
    return this.#isFull() ? "bufferFull" : undefined;
  }

  /**
   * Starting is done at once and stopping in turn: a flood of ids would start entities faster than
   * those that give way to them can stop. The same for entities that fail, and wait with their messages.
   */
  #isFull(): boolean {
    const { limit } = this.#port.limits;
    const ending = this.#stopping.size + this.#pausing.size;
    return ending > Math.max(minStopping, limit / 20) && this.#active.size + ending >= limit;
  }

  /** Whether the region takes messages. */
  get #isOpen(): boolean {
    return this.#context !== undefined && !(this.#context.self as LocalRef<never>).ended;
  }

  /**
   * Whether an entity has had messages by its own reference, or signals, since the last look; or has
   * something under way.
   */
  #isWorking(entity: Entity): boolean {
    const cell = entity.cell!;
    const direct = cell.activity(this.#withTimers) - entity.given;
    const isNew = direct !== entity.direct;
    entity.direct = direct;
    return rules.workIsNotIdle && (isNew || cell.isBusy(this.#withTimers));
  }

  #add(shard: Shard, number: number, id: string): Entity {
    const entity = new Entity(id, number);
    shard.entities.set(hashKey(id), entity);
    this.#start(shard, entity);
    const { limit } = this.#port.limits;
    while (this.#active.size > limit) {
      const unused = this.#leastUsed(entity);
      if (unused === undefined) break;
      this.passivate(unused.cell!);
    }
    return entity;
  }

  /**
   * The entity that gives way to a new one: the least recently used one that does not work. The bound
   * holds in any case: if the first few work, the first of them.
   */
  #leastUsed(added: Entity): Entity | undefined {
    const { oldest: first } = this.#active;
    if (first === added) return undefined;
    for (let spared = 0; spared < maxSpared; spared++) {
      const oldest = this.#active.oldest!;
      if (oldest === added) break;
      if (!this.#isWorking(oldest)) return oldest;
      this.#active.touch(oldest);
    }
    return first;
  }

  #start(shard: Shard, entity: Entity): void {
    const { pending, id } = entity;
    entity.pending = undefined;
    if (!this.#isOpen) {
      this.#lose(entity, pending);
      return this.#remove(shard, entity);
    }
    const name = entityName(id);
    const cell = this.#context!.spawn(this.#behavior, name, this.#spawnOptions) as LocalRef<
      unknown
    >;
    if (name === undefined) this.#unnamed.set(cell, entity);
    entity.cell = cell;
    entity.started(this.#now);
    this.#active.add(entity);
    this.#port.memory?.onStarted(entity.shard, id);
    if (pending === undefined || pending.length === 0) return;
    for (const message of pending) this.#port.holdAsk?.(cell, untraced(message));
    cell.adopt(pending);
  }

  #lose({ id }: Entity, messages: readonly unknown[] | undefined): void {
    for (const message of messages ?? []) {
      this.#port.lose("stopped", `${this.#path}/${id}`, untraced(message));
    }
  }

  /** A mapping cannot go to another node: what waits for it is lost with its actor. */
  #reroute(entity: Entity, message: unknown, first: boolean): void {
    const kept = untraced(message);
    if (isAdapted(kept)) return this.#lose(entity, [kept]);
    const { traces } = this.#port;
    if (traces === undefined) return this.#port.reroute(entity.id, kept, first);
    // What it has waited in is not its trace.
    const trace = message instanceof TracedMessage ? message.context : undefined;
    traces.with(trace, () => this.#port.reroute(entity.id, kept, first));
  }

  /** No entity starts any more. */
  #onRegionStopped(): void {
    this.#context = undefined;
    for (const entity of [...this.#pausing]) {
      this.#lose(entity, entity.pending);
      this.#remove(this.#shards[entity.shard]!, entity);
    }
  }

  /** `first`: before the messages in its mailbox, which go with the shard. */
  #stop(entity: Entity, cell: LocalRef<unknown>, how: "inTurn" | "now" | "first"): void {
    this.#active.remove(entity);
    if (how === "now") cell.stopReplaced();
    else if (how === "first") cell.stop();
    else if (!this.#stopping.has(entity)) cell.stopInTurn();
    if (!this.#stopping.has(entity)) this.#stopping.set(entity, this.#port.runningTime());
  }

  #keep(entity: Entity, message: unknown): void {
    const { refusal, id } = entity;
    // It waits for its next start, and the asker need not wait for that.
    if (refusal !== undefined && entity.cell === undefined) {
      if (this.#port.refuse?.(refusal, `${this.#path}/${id}`, message)) return;
    }
    const { maxPending, maxPendingBytes, mailbox } = this.#port;
    const { capacity = Infinity, maxBytes = Infinity } = mailbox ?? {};
    // What its mailbox had accepted does not count, up to what a mailbox takes.
    const messages = maxPending + Math.min(entity.kept, capacity);
    const bytes = maxPendingBytes + Math.min(entity.keptBytes, maxBytes);
    const trace = this.#port.traces?.active();
    const kept = trace === undefined ? message : new TracedMessage(message, trace);
    if (entity.wait(kept, messages, bytes)) return;
    this.#port.lose("bufferFull", `${this.#path}/${entity.id}`, message);
  }

  /** Starts a failed entity again after a back-off; its messages wait. */
  #backOff(shard: Shard, entity: Entity): void {
    const { clock } = this.#port;
    const now = clock.now();
    if (now - entity.failedAt > 2 * restartBackoff.max) entity.failures = 0;
    entity.failedAt = now;
    entity.pending ??= [];
    const delay = backoffDelay(restartBackoff, entity.failures++, 0);
    this.#pausing.add(entity);
    entity.restart = clock.schedule(delay, () => {
      this.#endPause(entity);
      const alwaysRuns = this.#port.memory !== undefined || this.#alwaysRuns;
      if (alwaysRuns || entity.pending!.length > 0) return this.#start(shard, entity);
      entity.pending = undefined;
      this.#remove(shard, entity);
    });
  }

  #endPause(entity: Entity): void {
    if (!this.#pausing.delete(entity)) return;
    entity.restart?.cancel();
    entity.restart = undefined;
  }

  #remove(shard: Shard, entity: Entity): void {
    this.#endPause(entity);
    this.#active.remove(entity);
    this.#stopping.delete(entity);
    shard.entities.delete(hashKey(entity.id));
  }

  #endIfEmpty(number: number, shard: Shard): void {
    if (shard.open || shard.entities.size > 0) return;
    this.#shards[number] = undefined;
    this.#port.replication?.stopped(number);
    const { done } = shard;
    shard.done = undefined;
    done?.();
  }

  #entityOf(cell: LocalRef<unknown>): Entity | undefined {
    const unnamed = this.#unnamed.get(cell);
    if (unnamed !== undefined) return unnamed;
    const id = idOfName(cell.path);
    return this.#shards[shardOf(id, this.#port.numShards)]?.entities.get(hashKey(id));
  }
}
