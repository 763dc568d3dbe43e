/**
 * The driver of {@linkcode RememberedEntities}: gives it time, connections and a store. Replicates
 * the lists to other nodes, and starts the entities of shards that have moved here, a few at a
 * time. All decisions are in the machine.
 *
 * @module
 */
import type { Clock, Timer } from "../../runtime/clock.ts";
import { locateUnowned } from "../region/unowned_shards.ts";
import { EntityListSaver } from "./entity_list_saver.ts";
import type { CheckedRemember, EntityListStamp, StampedEntities } from "./remember_options.ts";
import type { RememberMessage } from "./remember_protocol.ts";
import { type OutgoingMessage, RememberedEntities } from "./remembered_entities.ts";

/** Milliseconds in which changes are collected before they are sent. */
const changesDelay = 10;
/** Ticks between two digests. */
const ticksPerDigest = 8;

/** Dependencies of {@linkcode RememberEntities}. */
export interface RememberPort {
  readonly clock: Clock;
  readonly numShards: number;
  /** Id of the cluster that this node is in. */
  cluster(): string;
  /** Addresses of the other nodes. */
  others(): readonly string[];
  send(to: string, message: RememberMessage): void;
  /** Starts an entity, if it does not run. */
  wake(shard: number, id: string): void;
  /** Whether another node is known to own a shard. */
  isOwned(shard: number): boolean;
  /** Makes the coordinator grant the shard to a node. */
  locate(shard: number): void;
  log(message: string, fields: Record<string, unknown>): void;
}

/** See the module's text. One for each type of entities at a node. */
export class RememberEntities {
  readonly #options: CheckedRemember;
  readonly #port: RememberPort;
  readonly #remembered: RememberedEntities;
  readonly #saver: EntityListSaver | undefined;
  #changes: Timer | undefined;
  #starts: Timer | undefined;
  #ticks = 0;
  #closed = false;

  constructor(shardType: string, options: CheckedRemember, port: RememberPort) {
    const { store, maxPerShard } = options;
    this.#options = options;
    this.#port = port;
    const remembered = this.#remembered = new RememberedEntities(shardType, maxPerShard);
    this.#saver = store && new EntityListSaver(shardType, store, {
      owns: (shard) => remembered.owns(shard),
      idsOf: (shard) => remembered.idsOf(shard),
      stampOf: (shard) => this.#stampOf(shard),
      onRead: (shard, list) => this.#onRead(shard, list),
      log: (message, fields) => port.log(message, fields),
    });
  }

  /** This node owns the shard from now on; or not any more, if there is no epoch. */
  onShard(shard: number, epoch: number | undefined): void {
    if (this.#closed) return;
    if (epoch === undefined) {
      this.#saver?.onStopped(shard);
      return this.#remembered.leave(shard);
    }
    this.#send(this.#remembered.own(shard, epoch));
    this.#saver?.onStarted(shard);
    this.#startSome(0);
  }

  /** An entity has started. */
  onStarted(shard: number, id: string): void {
    if (this.#closed) return;
    if (!this.#remembered.started(shard, id)) {
      const { maxPerShard } = this.#options;
      const limit = `rememberEntities.maxPerShard: ${maxPerShard}`;
      this.#port.log("an entity is not remembered: its shard has too many", { id, shard, limit });
    }
    this.#onChanged(shard);
  }

  /** An entity has stopped, and is to start with a message only. */
  onStopped(shard: number, id: string): void {
    if (this.#closed) return;
    this.#remembered.stopped(shard, id);
    this.#onChanged(shard);
  }

  /** A message of another node. */
  receive(from: string, message: RememberMessage): void {
    if (this.#closed) return;
    this.#send(this.#remembered.receive(from, message));
    this.#startSome(0);
    this.#sendChanges();
  }

  /**
   * Repeats messages that may have been lost, saves changed lists, and requests missing locations
   * of shards.
   */
  tick(): void {
    if (++this.#ticks % ticksPerDigest === 0) this.#send(this.#remembered.digests());
    this.#saver?.tick();
    const shards = this.#saver === undefined
      ? this.#remembered.inhabited()
      : Array.from({ length: this.#port.numShards }, (_, shard) => shard);
    locateUnowned(shards, {
      owns: (shard) => this.#remembered.owns(shard),
      isOwned: (shard) => this.#port.isOwned(shard),
      locate: (shard) => this.#port.locate(shard),
    });
  }

  /** Resolves when the store has all lists. */
  async saved(): Promise<void> {
    await this.#saver?.saved();
  }

  /** Remembers no further changes: entities that stop now stop with their node. */
  close(): void {
    this.#closed = true;
    this.#changes?.cancel();
    this.#starts?.cancel();
  }

  /** Describes the present list: the changes that it contains are sent first. */
  #stampOf(shard: number): EntityListStamp {
    this.#send(this.#remembered.takeChanges());
    const [epoch, change] = this.#remembered.versionOf(shard);
    return { cluster: this.#port.cluster(), epoch, change };
  }

  #onRead(shard: number, list: readonly string[] | StampedEntities): void {
    if (this.#closed) return;
    if (!("stamp" in list)) this.#remembered.loaded(shard, list);
    else if (list.stamp.cluster !== this.#port.cluster()) {
      this.#remembered.restored(shard, list.ids);
    } else this.#remembered.loaded(shard, list.ids, [list.stamp.epoch, list.stamp.change]);
    this.#onChanged(shard);
    this.#startSome(0);
  }

  #onChanged(shard: number): void {
    this.#saver?.onChanged(shard);
    this.#sendChanges();
  }

  #sendChanges(): void {
    if (this.#changes !== undefined || !this.#remembered.hasChanges) return;
    this.#changes = this.#port.clock.schedule(changesDelay, () => {
      this.#changes = undefined;
      this.#send(this.#remembered.takeChanges());
    });
  }

  #startSome(delay: number): void {
    if (this.#starts !== undefined || !this.#remembered.hasWaiting) return;
    const { batch, interval } = this.#options;
    this.#starts = this.#port.clock.schedule(delay, () => {
      this.#starts = undefined;
      for (const [shard, id] of this.#remembered.takeWaiting(batch)) this.#port.wake(shard, id);
      this.#startSome(interval);
    });
  }

  #send(messages: readonly OutgoingMessage[]): void {
    for (const { to, message } of messages) {
      if (to !== undefined) this.#port.send(to, message);
      else for (const other of this.#port.others()) this.#port.send(other, message);
    }
  }
}
