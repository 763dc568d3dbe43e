/**
 * One type whose entities are stored in a database and replicated, at one node: the database decides what is
 * durable and who may write; the other nodes keep the states of entities ready, so that one that moves there
 * need not be replayed.
 *
 * @module
 */
import { withDefaults } from "../../options/check_options.ts";
import { replicationDefaults } from "../../options/tables/sharding_tables.ts";
import { type DurableRecovery, recoveryOf } from "../../persistence/durable_recovery.ts";
import type { Journal } from "../../persistence/journal.ts";
import { definitionsMadeBy } from "../../persistence/made_definitions.ts";
import { partsOfId } from "../../persistence/persistence_id.ts";
import type { Behavior } from "../../actor/behavior/behavior.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { DurableStore } from "../../runtime/durable_store.ts";
import type { LogLevel } from "../../runtime/logger.ts";
import { type AllocationStrategy, leastShards } from "../../sharding/coordinator/allocation.ts";
import { shardOf } from "../../sharding/routing/shard_hash.ts";
import type { ShardGrant } from "../../sharding/routing/shard_grant.ts";
import type { ReplicatedTypeOptions, TypeReplication } from "../../sharding/shard_replicator.ts";
import type { TellOwnersMessage } from "../control_form.ts";
import type { FillTurns } from "../fill_turns.ts";
import { chooseReplicas } from "../replica_choice.ts";
import { grantsOf, ShardOwners } from "../shard_owners.ts";
import { type TypeMember, TypeMembers } from "../type_members.ts";
import { StandbyFeed } from "./standby_feed.ts";
import type { AnnounceStandbyMessage, StandbyMessage } from "./standby_control.ts";
import { FeedBatch, type FeedItem } from "./standby_form.ts";
import { StandbyJournal } from "./standby_journal.ts";
import { StandbyPreference } from "./standby_preference.ts";
import { type WarmCounts, WarmEntities } from "./warm_entities.ts";
import { WarmReader } from "./warm_reader.ts";

/** Milliseconds between two reports to the coordinator, and two announcements to a member that is silent. */
const reportInterval = 5_000;
const announceInterval = 2_000;
/** Milliseconds between two requests for the owners of shards of which the coordinator has not said any. */
const askInterval = 1_000;

/** What a type needs of its node. */
export interface StandbyTypePort {
  readonly self: string;
  readonly clock: Clock;
  /** The back-fills of the node, of all types: readings of a standby take turns with them. */
  readonly fills: FillTurns;
  /** The member that coordinates. */
  leader(): string | undefined;
  /** Whether a node is of a version that can stand by; undefined: it is not known. */
  replicates(address: string): boolean | undefined;
  /** In the lane of replication. */
  send(to: string, bytes: Uint8Array): void;
  sendControl(to: string, message: StandbyMessage): void;
  /** Asks the coordinator who owns shards. */
  askOwners(leader: string, shards: readonly number[]): void;
  /** The present grant of a shard, if the coordinator here is the one. */
  grantOf(shardType: string, shard: number): ShardGrant | undefined;
  log(level: LogLevel, message: string, fields: Record<string, unknown>): void;
  /** An entity has started here: from what was ready, or not, since that did not match the store. */
  started?(shardType: string, isUsed: boolean): void;
}

/** Whether the nodes that run a type stand by for each other, since all have the same store. */
export function hasStandbys({ journal }: Pick<ReplicatedTypeOptions, "journal">): boolean {
  return journal?.isShared === true;
}

/** Why an entity is not kept ready. */
const notDirect =
  "the behaviour of the type is not durable by itself (eventSourced, perhaps supervised)";
const wholeStates = "a durableState is read with its last row, so that nothing is gained";

/** See the module's text. */
export class StandbyType implements TypeReplication {
  readonly options: ReplicatedTypeOptions;
  readonly strategy: AllocationStrategy;
  readonly store: DurableStore;
  readonly sharesStore = true;
  /** The database has it. */
  readonly highestEpoch = 0;
  readonly #port: StandbyTypePort;
  readonly #replicas: number;
  readonly #maxBytes: number;
  readonly #members: TypeMembers;
  readonly #preference: StandbyPreference;
  readonly #warm: WarmEntities;
  readonly #reader: WarmReader;
  readonly #feed: StandbyFeed;
  readonly #journal: StandbyJournal;
  /** Whose word counts about a shard. */
  readonly #owners = new ShardOwners();
  /** Nodes that have this one stand by, and may do so if the coordinator says that they own the shard. */
  readonly #pending = new Map<number, ShardGrant>();
  /** The owners for which this node stands by. */
  readonly #followed = new Map<number, ShardGrant>();
  #leads = false;
  #retiring = false;
  #announcedAt = -Infinity;
  #reportedAt = -Infinity;
  #askedAt = -Infinity;
  /** Entities that have started from what was kept, and those whose kept state did not count. */
  #used = 0;
  #refused = 0;
  /** Why entities are left out, as it was found last. */
  #leftOutBy: string | undefined;

  constructor(port: StandbyTypePort, options: ReplicatedTypeOptions) {
    this.#port = port;
    this.options = options;
    const { shardType, numShards, replication, journal, strategy } = options;
    const { replicas, maxWarmEntities, maxWarmBytes } = withDefaults(
      replicationDefaults,
      replication,
    );
    this.#replicas = replicas;
    this.#maxBytes = maxWarmBytes;
    this.store = journal!;
    const behind = journal as unknown as Journal;
    this.#members = new TypeMembers(port.self, (address) => port.replicates(address));
    this.#preference = new StandbyPreference(numShards);
    this.strategy = this.#preference.strategy(strategy ?? leastShards());
    const limits = { entities: maxWarmEntities, bytes: maxWarmBytes };
    const warm = this.#warm = new WarmEntities(limits, (id) => this.#replayOf(id));
    this.#reader = new WarmReader({ clock: port.clock, store: behind, turns: port.fills }, warm);
    const feed = this.#feed = new StandbyFeed({
      shardType,
      maxEntities: maxWarmEntities,
      shardOf: (id) => this.#shardOfId(id),
      standbysOf: (shard) => this.#standbysOf(shard),
      idleIds: (shard) => warm.idsOf(shard),
      send: (to, bytes) => port.send(to, bytes),
      defer: (task) => port.clock.defer(task),
    });
    this.#journal = new StandbyJournal({
      behind,
      feed,
      take: (id) => warm.take(id),
      used: (id, isUsed) => this.#onUsed(id, isUsed),
    });
    this.#warnIgnored();
  }

  /** The database decides what is durable: nothing of what copies acknowledge is waited for. */
  #warnIgnored(): void {
    const { shardType, replication } = this.options;
    const ignored = (["minAcks", "ackTimeout", "allowDataLoss"] as const)
      .filter((name) => replication[name] !== undefined);
    if (ignored.length === 0) return;
    this.#port.log(
      "warn",
      "options of replication have no effect: the database decides what is durable",
      { shardType, options: ignored.join(", "), journal: this.store.name },
    );
  }

  // What sharding calls.

  storeOf(_shard: number): DurableStore {
    return this.#journal as unknown as DurableStore;
  }

  whenReady(callback: () => void): void {
    callback();
  }

  startShard(shard: number, epoch: number): void {
    this.#feed.start(shard, epoch);
  }

  /** Its entities may write their last events still. */
  stopping(_shard: number): boolean {
    return false;
  }

  stopped(shard: number): void {
    this.#feed.stop(shard);
    // Another node writes to it from now on.
    this.#release(shard);
  }

  // What the node calls.

  /** The cluster has changed. */
  onView(members: readonly TypeMember[]): void {
    this.#members.onView(members);
    this.#preference.retain((address) => this.#members.has(address));
    const leads = this.#port.leader() === this.#port.self;
    // Reports may come before this node knows that it coordinates.
    if (this.#leads && !leads) this.#preference.clear();
    this.#leads = leads;
    // A new coordinator needs to know before it grants the shards of a node that is lost.
    this.#report();
    this.announce();
    this.#feed.choose();
  }

  /** This node leaves. */
  retire(): void {
    if (this.#retiring) return;
    this.#retiring = true;
    this.announce();
  }

  /** This node has left. */
  close(): void {
    this.#reader.close();
  }

  /** Tells members that this node has the type. */
  announce(): void {
    this.#announcedAt = this.#port.clock.now();
    const { running, unanswered } = this.#members;
    for (const address of this.#retiring ? running : unanswered) {
      this.#port.sendControl(address, this.#announcement(false));
    }
  }

  #announcement(isAnswer: boolean): AnnounceStandbyMessage {
    const { shardType, runs } = this.options;
    return { type: "announceStandby", shardType, runs, retiring: this.#retiring, isAnswer };
  }

  /** Takes what an owner says of its shards, and what a standby says of those of this node. */
  receive(from: string, items: readonly FeedItem[]): void {
    if (!this.options.runs || !this.#members.runs(from)) return;
    const now = this.#port.clock.now();
    const unknown: number[] = [];
    for (const item of items) {
      if (item.type !== "follow") this.#take(from, item, now);
      else if (!this.#mayLead(from, item, now)) unknown.push(item.shard);
    }
    this.#feed.following(from, items.filter((item) => item.type === "following"));
    this.#askOwners(unknown);
    this.#reader.pump();
  }

  /** False: the coordinator is to be asked. A member that makes up events must not have them believed. */
  #mayLead(owner: string, { shard, epoch }: FeedItem & { type: "follow" }, now: number): boolean {
    if (shard >= this.options.numShards || this.#feed.owns(shard)) return true;
    const who = this.#owners.judge(shard, owner, epoch, 0);
    if (who === "owner") this.#follow(shard, { owner, epoch }, now);
    if (who !== "unknown") return true;
    this.#pending.set(shard, { owner, epoch });
    return !this.#owners.shallAsk(shard, now);
  }

  #follow(shard: number, grant: ShardGrant, now: number): void {
    const known = this.#followed.get(shard);
    this.#warm.follow(shard, grant.epoch, now);
    if (known?.owner === grant.owner && known.epoch === grant.epoch) return;
    this.#followed.set(shard, grant);
    const batch = new FeedBatch();
    batch.add({ type: "following", shard, epoch: grant.epoch });
    this.#port.send(grant.owner, batch.take(this.options.shardType));
  }

  #askOwners(shards: readonly number[]): void {
    const leader = this.#port.leader();
    if (shards.length === 0 || leader === undefined) return;
    const { self, grantOf } = this.#port;
    const { shardType } = this.options;
    if (leader !== self) return this.#port.askOwners(leader, shards);
    this.receiveOwners(self, grantsOf(shards, (shard) => grantOf(shardType, shard)));
  }

  /** The coordinator has said who owns shards. */
  receiveOwners(from: string, grants: TellOwnersMessage["grants"]): void {
    if (from !== this.#port.leader()) return;
    const now = this.#port.clock.now();
    for (const [shard, epoch, owner] of grants) {
      if (shard >= this.options.numShards) continue;
      this.#owners.told(shard, { owner, epoch });
      const pending = this.#pending.get(shard);
      if (pending?.owner !== owner || pending.epoch !== epoch) continue;
      this.#pending.delete(shard);
      if (!this.#feed.owns(shard)) this.#follow(shard, pending, now);
    }
  }

  #take(from: string, item: Exclude<FeedItem, { readonly type: "follow" }>, now: number): void {
    switch (item.type) {
      case "following":
        return;
      case "release":
        if (this.#isFollowed(from, item.shard)) this.#release(item.shard);
        return;
      case "append":
        for (const entry of item.entries) {
          const shard = this.#shardFrom(from, entry.id);
          if (shard !== undefined) this.#warm.append(shard, entry, now);
        }
        return;
    }
    const shard = this.#shardFrom(from, item.id);
    if (shard === undefined) return;
    if (item.type === "running") this.#warm.running(shard, item.id, item.seq, now);
    else if (item.type === "saved") this.#warm.saved(item.id, item.seq);
    else this.#warm.forget(item.id);
  }

  /** The shard of an id, if its owner speaks. Not of one that this node owns: that is from before. */
  #shardFrom(from: string, id: string): number | undefined {
    const shard = this.#shardOfId(id);
    return shard !== undefined && this.#isFollowed(from, shard) ? shard : undefined;
  }

  #isFollowed(from: string, shard: number): boolean {
    return this.#followed.get(shard)?.owner === from && !this.#feed.owns(shard);
  }

  #release(shard: number): void {
    this.#followed.delete(shard);
    this.#warm.release(shard);
  }

  /** Takes what a member says of the type. */
  receiveControl(from: string, incarnation: number, message: StandbyMessage): void {
    if (message.type === "standbyShards") {
      if (this.#members.runs(from)) this.#preference.said(from, message.shards);
      return;
    }
    const isNews = this.#members.heard(from, incarnation, message);
    if (!message.isAnswer) this.#port.sendControl(from, this.#announcement(true));
    if (isNews) this.#feed.choose();
  }

  /** Repeats what may have been lost. Ten times a second. */
  tick(): void {
    const now = this.#port.clock.now();
    if (now - this.#announcedAt >= announceInterval && this.#members.unanswered.length > 0) {
      this.announce();
    }
    this.#reader.pump();
    if (this.#pending.size > 0 && now - this.#askedAt >= askInterval) {
      // The coordinator may have known none of these, or the request was lost.
      this.#askedAt = now;
      this.#askOwners([...this.#pending.keys()]);
    }
    if (now - this.#reportedAt < reportInterval) return;
    this.#warm.tick(now);
    this.#feed.repeat();
    this.#report();
  }

  #report(): void {
    this.#reportedAt = this.#port.clock.now();
    const leader = this.#port.leader();
    if (leader === undefined || !this.options.runs || this.#retiring) return;
    const shards = [...this.#warm.report()];
    if (leader === this.#port.self) return this.#preference.said(leader, shards);
    const { shardType } = this.options;
    this.#port.sendControl(leader, { type: "standbyShards", shardType, shards });
  }

  /** What this node keeps ready of shards of others; undefined: it runs no entities of the type. */
  get counts(): WarmCounts | undefined {
    return this.options.runs ? this.#warm.counts : undefined;
  }

  /** What this node keeps ready, and how its shards are covered, in sentences. */
  explain(): string[] {
    const { shardType, replication: _, runs } = this.options;
    const name = `"${shardType}"`;
    if (!runs) return [`${name}: this node runs no entities, and stands by for none`];
    const { shards, ready, reading, leftOut, bytes } = this.#warm.counts;
    const { owned, lacking } = this.#feed.counts(this.#replicas);
    const lines = [
      `${name}: stored in ${this.store.name}; this node stands by for ${shards} shards, with ` +
      `${ready} entities ready and ${reading} to be read, about ${bytes} of ${this.#maxBytes} bytes`,
      `${name}: this node owns ${owned} shards; ${this.#used} entities have started from what was ` +
      `ready here, and ${this.#refused} from the store since what was ready did not match it`,
    ];
    if (lacking > 0) {
      lines.push(
        `${name}: for ${lacking} shards of this node fewer than ${this.#replicas} nodes stand by`,
      );
    }
    if (leftOut > 0) {
      const why = this.#leftOutBy ??
        "their events cannot be applied here, or their states are too large";
      lines.push(`${name}: ${leftOut} entities cannot be kept ready: ${why}`);
    }
    return lines;
  }

  #onUsed(id: string, isUsed: boolean): void {
    this.#port.started?.(this.options.shardType, isUsed);
    if (isUsed) return void this.#used++;
    this.#refused++;
    const { shardType } = this.options;
    this.#port.log("debug", "the state that was ready does not match the store", { shardType, id });
  }

  #shardOfId(id: string): number | undefined {
    const { shardType, numShards } = this.options;
    const parts = partsOfId(id);
    return parts?.kind === shardType ? shardOf(parts.name, numShards) : undefined;
  }

  /** The same at all nodes that know the same members: a new owner keeps those that are ready. */
  #standbysOf(shard: number): readonly string[] {
    const { self } = this.#port;
    const { shardType, runs } = this.options;
    const able = this.#members.able({ runs, retiring: this.#retiring });
    const nodes = able.map(({ address, zone }) => ({
      address,
      copies: 0,
      ...(zone !== undefined && { zone }),
    }));
    const count = this.#replicas;
    return chooseReplicas({ shardType, shard, owner: self, count, nodes, current: [] });
  }

  /** Only of a behaviour that is durable itself: what another one does before cannot be known here. */
  #replayOf(id: string): DurableRecovery<unknown, unknown> | undefined {
    const { factory } = this.options;
    let behavior: Behavior<never> | undefined;
    const made = definitionsMadeBy(() => {
      behavior = factory(partsOfId(id)!.name, undefined as never);
    });
    while (behavior?.kind === "wrapped") behavior = behavior.inner;
    const own = made.find((each) => each.behavior === behavior);
    if (
      own === undefined || (own.definition.id ?? id) !== id || own.definition.journal !== undefined
    ) {
      this.#leftOutBy = notDirect;
      return undefined;
    }
    if (own.needed === "last") {
      this.#leftOutBy = wholeStates;
      return undefined;
    }
    return recoveryOf(own.kind, id);
  }
}
