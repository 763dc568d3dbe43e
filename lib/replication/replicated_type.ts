/**
 * One replicated type at one node: its shards, the messages of their copies, what the nodes tell each other
 * of the type, and, where the node coordinates, the placement of copies.
 *
 * @module
 */
import { replicationDefaults } from "../options/tables/sharding_tables.ts";
import { withDefaults } from "../options/check_options.ts";
import { type CopyableJournal, isCopyable } from "../persistence/copyable_journal.ts";
import { PersistenceError } from "../persistence/errors.ts";
import type { DueLog, Journal, ReadDueOptions } from "../persistence/journal.ts";
import { copyableMemoryJournal } from "../persistence/memory_journal.ts";
import type { Clock } from "../runtime/clock.ts";
import type { DurableStore } from "../runtime/durable_store.ts";
import type { LogLevel } from "../runtime/logger.ts";
import { rules } from "../runtime/rules.ts";
import type {
  ReplicatedTypeOptions,
  ShardMove,
  TypeReplication,
} from "../sharding/shard_replicator.ts";
import type { AllocationStrategy } from "../sharding/coordinator/allocation.ts";
import { type BootstrapRecord, mergeBootstrap } from "./bootstrap_record.ts";
import type { AnnounceTypeMessage, ControlMessage, ShardStatus } from "./control_form.ts";
import { CopyContent } from "./copy_content.ts";
import { CopyLog, type StoredCopy } from "./copy_log.ts";
import { type BootstrapHolder, newBootstrapHolder, noCopy } from "./copy_record.ts";
import { MessageBatch, type ShardMessage } from "./message_form.ts";
import type { PrimaryOptions, ReplicaStatus } from "./primary.ts";
import { isInSync, type StoreId, storesOf } from "./replica_config.ts";
import type { ReplicaOrder } from "./replica_placement.ts";
import { describeWait, ReplicatedShard, type ReplicatedShardPort } from "./replicated_shard.ts";
import type { ReplicationMessage } from "./replication_protocol.ts";
import type { ReplicationTiming } from "./replication_timing.ts";
import { ShardReplication } from "./shard_replication.ts";
import { type TypeMember, TypeMembers } from "./type_members.ts";
import { TypePlacement } from "./type_placement.ts";

/** Bytes of a message of the node beyond which another one begins. */
const maxMessageBytes = 64 * 1_024;
/** Milliseconds between two reports to the coordinator in case one was lost, and two announcements. */
const reportInterval = 5_000;
const announceInterval = 500;
/** Milliseconds until a store that could not be read is read again. */
const loadRetry = 1_000;
/** Milliseconds that a shard waits for lost copies before `allowDataLoss` counts. */
const lossDelay = 15_000;
/** Milliseconds that a node is no member until its copies in memory count as gone, and between two looks. */
const goneDelay = 5_000;
const goneInterval = 1_000;

/** What a type needs of its node. */
export interface ReplicatedTypePort {
  readonly self: string;
  readonly clock: Clock;
  /** Whether the node holds its lease. */
  holdsLease(): boolean;
  /** The member that coordinates. */
  leader(): string | undefined;
  /** Whether a node is of a version that can have copies; undefined: it is not known. */
  replicates(address: string): boolean | undefined;
  /** In the lane of replication. */
  send(to: string, bytes: Uint8Array): void;
  sendControl(to: string, message: ControlMessage): void;
  moveShard(move: ShardMove): void;
  log(level: LogLevel, message: string, fields: Record<string, unknown>): void;
}

/** See the module's text. */
export class ReplicatedType implements TypeReplication {
  readonly options: ReplicatedTypeOptions;
  readonly strategy: AllocationStrategy;
  readonly store: DurableStore;
  readonly members: TypeMembers;
  readonly #port: ReplicatedTypePort;
  readonly #replication: typeof replicationDefaults;
  readonly #placement: TypePlacement;
  readonly #bootstrap: BootstrapHolder = newBootstrapHolder();
  #id: StoreId;
  /** Undefined: copies are in memory. */
  readonly #log: CopyLog | undefined;
  /** The store was read, if there is one. */
  #isLoaded = false;
  /** Changes of how shards began, one after the other. */
  #bootstrapTurn: Promise<void> | undefined;
  readonly #shards = new Map<number, ReplicatedShard>();
  readonly #batches = new Map<string, MessageBatch>();
  #isDeferred = false;
  #leads = false;
  #retiring = false;
  #isReady = false;
  #onReady: (() => void)[] = [];
  #announcedAt = -Infinity;
  #reportedAt = -Infinity;
  /** Shards whose status has changed since it was sent. */
  readonly #changed = new Set<number>();
  /** Since when a shard waits for copies that may be lost. */
  readonly #waitingSince = new Map<number, number>();
  #running: readonly string[] = [];
  /** Since when nodes of which copies count are no members, by address. */
  readonly #absentSince = new Map<string, number>();
  #goneLookedAt = -Infinity;

  constructor(port: ReplicatedTypePort, options: ReplicatedTypeOptions) {
    this.#port = port;
    this.options = options;
    this.#replication = withDefaults(replicationDefaults, options.replication);
    const { shardType, numShards, strategy } = options;
    const { replicas, minAcks } = this.#replication;
    const placed = { shardType, numShards, replicas, minAcks, strategy };
    this.#placement = new TypePlacement(placed);
    this.strategy = this.#placement.strategy;
    this.members = new TypeMembers(port.self, (address) => port.replicates(address));
    this.#id = { address: port.self, store: Math.floor(port.clock.wallTime()) };
    this.store = new OwnedShardsStore(this.#name(), () => this.#shards.values());
    const { journal } = options;
    const log = this.#log = journal && new CopyLog(checkCopyable(journal), shardType, () => {
      return port.clock.wallTime();
    });
    if (log === undefined || !options.runs) this.#isLoaded = true;
    else this.#load(log);
  }

  #load(log: CopyLog): void {
    log.load(this.options.numShards).then(({ store, bootstrap, copies }) => {
      this.#id = { address: this.#port.self, store };
      this.#bootstrap.record = mergeBootstrap(bootstrap, this.#bootstrap.record);
      for (const copy of copies) this.#shards.set(copy.shard, this.#makeShard(copy.shard, copy));
      this.#isLoaded = true;
      this.#reportedAt = -Infinity;
      this.announce();
    }).catch((error) => {
      const { shardType } = this.options;
      this.#port.log("error", "the store of copies cannot be read", { shardType, error });
      this.#port.clock.schedule(loadRetry, () => this.#load(log));
    });
  }

  // What sharding calls.

  get highestEpoch(): number {
    let highest = 0;
    for (const { machine: { copy } } of this.#shards.values()) {
      if (copy.promised > highest) highest = copy.promised;
    }
    return highest;
  }

  storeOf(shard: number): DurableStore {
    return this.#shardOf(shard).journal as unknown as DurableStore;
  }

  whenReady(callback: () => void): void {
    if (this.#isReady) return callback();
    this.#onReady.push(callback);
    this.#checkReady();
  }

  startShard(shard: number, epoch: number): void {
    this.#waitingSince.delete(shard);
    this.#shardOf(shard).start(epoch);
  }

  stopping(shard: number): void {
    this.#shards.get(shard)?.journal.stopping();
  }

  stopped(shard: number): void {
    this.#waitingSince.delete(shard);
    this.#shards.get(shard)?.stop();
  }

  // What the node calls.

  /** The cluster has changed. */
  onView(members: readonly TypeMember[]): void {
    this.members.onView(members);
    const leads = this.#port.leader() === this.#port.self;
    if (leads !== this.#leads) {
      this.#leads = leads;
      this.#placement.clear();
    }
    this.#reportedAt = -Infinity;
    this.#onMembers();
    this.announce();
  }

  /** This node leaves. */
  retire(): void {
    if (this.#retiring) return;
    this.#retiring = true;
    this.announce();
    this.#onMembers();
  }

  /** Whether a shard needs the copies of this node, which leaves, and other nodes can take their place. */
  get isNeeded(): boolean {
    const others = this.members.able({ runs: false, retiring: true });
    if (others.length <= this.#replication.minAcks) return false;
    for (const { machine: { copy: { config, id } }, hasFailed } of this.#shards.values()) {
      if (!hasFailed && config !== undefined && isInSync(config, id)) return true;
    }
    return false;
  }

  /** Tells all members, or those that have not answered, that this node has the type. */
  announce(to: readonly string[] = this.members.unanswered): void {
    if (!this.#isLoaded) return;
    this.#announcedAt = this.#port.clock.now();
    const targets = this.#retiring ? this.members.running : to;
    for (const address of targets) this.#port.sendControl(address, this.#announcement(false));
    this.#checkReady();
  }

  #announcement(isAnswer: boolean): AnnounceTypeMessage {
    const { shardType, runs } = this.options;
    const retiring = this.#retiring;
    const { record } = this.#bootstrap;
    return { type: "announceType", shardType, runs, retiring, record, isAnswer };
  }

  /** Takes messages of copies. */
  receive(from: string, messages: readonly ShardMessage[]): void {
    if (!this.options.runs || !this.#isLoaded) return;
    for (const { shard, message } of messages) {
      if (shard < this.options.numShards) this.#shardOf(shard).receive(from, message);
    }
  }

  /** Takes what a member says of the type. */
  receiveControl(from: string, incarnation: number, message: ControlMessage): void {
    // A node does not count as one that runs the type before it has said what it knows.
    if (!this.#isLoaded) return;
    const now = this.#port.clock.now();
    switch (message.type) {
      case "announceType":
        return this.#onAnnounced(from, incarnation, message);
      case "shardStatuses":
        if (!this.#leads) return;
        for (const status of message.shards) {
          if (status.shard >= this.options.numShards) continue;
          this.#order(this.#placement.status(from, status, now));
        }
        return;
      case "copyConfigs":
        if (!this.#leads) return;
        for (const { shard, config } of message.copies) this.#placement.noteConfig(shard, config);
        return;
      case "orderReplicas":
        if (from !== this.#port.leader()) return;
        return this.#onOrder(message.shard, message.epoch, message.addresses);
      case "moveOwner":
        if (this.#leads) this.#onMoveOwner(from, message);
        return;
      case "closeBootstrap":
        if (from === this.#port.leader()) this.#merge({ stores: [], closed: true });
        return;
    }
  }

  /** Repeats what may have been lost. Ten times a second. */
  tick(): void {
    if (!this.#isLoaded) return;
    const now = this.#port.clock.now();
    if (now - this.#announcedAt >= announceInterval && this.members.unanswered.length > 0) {
      this.announce();
    }
    for (const shard of this.#shards.values()) shard.tick();
    if (now - this.#goneLookedAt >= goneInterval) this.#retireGone(now);
    this.#report(now);
    if (!this.#leads) return;
    this.#order(this.#placement.tick(now));
    if (this.#placement.allBegun && !this.#bootstrap.record.closed) this.#close();
  }

  /** How the shards of this node are, in sentences. */
  explain(): string[] {
    const { shardType, numShards } = this.options;
    const lines: string[] = [];
    const unanswered = this.members.unanswered;
    if (!this.#isReady && this.options.runs) {
      lines.push(
        `"${shardType}": this node owns no shard before all members have answered; missing: ` +
          (unanswered.join(", ") || "none"),
      );
    }
    let [owned, open, copies] = [0, 0, 0];
    for (const [number, shard] of this.#shards) {
      const { config, id } = shard.machine.copy;
      if (config !== undefined && isInSync(config, id)) copies++;
      if (shard.hasFailed) lines.push(`"${shardType}" shard ${number}: the copy here has failed`);
      const { status } = shard;
      if (status === undefined) continue;
      owned++;
      if (status.phase === "open") open++;
      lines.push(...this.#explainShard(number, status));
    }
    return [
      `"${shardType}": this node has copies of ${copies} of ${numShards} shards, and owns ` +
      `${owned}, of which ${open} are open`,
      ...lines,
    ];
  }

  #explainShard(shard: number, status: ReplicaStatus): string[] {
    const name = `"${this.options.shardType}" shard ${shard}`;
    const waits = status.phase === "open" ? [] : [`${name}: ${describeWait(status)}`];
    const lags = status.copies.filter(({ entries, state }) => entries > 0 || state !== "streaming");
    for (const { address, entries, state, inSync } of lags) {
      const how = state === "filling" ? "is being filled" : `lacks ${entries} entries`;
      waits.push(
        `${name}: the copy at ${address} ${how}${inSync ? "" : ", and does not count yet"}`,
      );
    }
    const { replicas } = this.#replication;
    const count = status.config?.inSync.length ?? 0;
    if (status.phase === "open" && count <= replicas) {
      waits.push(`${name}: ${count} of ${replicas + 1} copies are in sync`);
    }
    return waits;
  }

  // Shards.

  #name(shard?: number): string {
    const { shardType } = this.options;
    return shard === undefined ? `replicated:${shardType}` : `replicated:${shardType}/${shard}`;
  }

  #shardOf(shard: number): ReplicatedShard {
    let replicated = this.#shards.get(shard);
    if (replicated === undefined) {
      replicated = this.#makeShard(shard, { shard, record: noCopy, ids: [] });
      this.#shards.set(shard, replicated);
    }
    return replicated;
  }

  #makeShard(shard: number, { record, ids }: StoredCopy): ReplicatedShard {
    const log = this.#log;
    const content = log === undefined
      ? new CopyContent(copyableMemoryJournal())
      : new CopyContent(log.journal, ids, {
        note: (added) => log.noteIds(shard, added),
        clear: () => log.clearIds(shard),
      });
    // What was applied behind it is applied again, and changes nothing.
    const applied = record.base.index;
    const machine = new ShardReplication(this.#id, record, this.#bootstrap, applied);
    return new ReplicatedShard(this.#shardPort(shard), shard, machine, content);
  }

  #shardPort(shard: number): ReplicatedShardPort {
    const port = this.#port;
    const log = this.#log;
    const { shardType } = this.options;
    return {
      clock: port.clock,
      name: this.#name(shard),
      holdsLease: () => port.holdsLease(),
      send: (to, about, message) => this.#send(to, about, message),
      grant: (about, epoch) => this.#grant(about, epoch),
      status: (about, status) => this.#onStatus(about, status),
      preferOwner: (about, epoch, to) => this.#moveOwner(about, epoch, to, 0),
      needsEpoch: (about, epoch, above) => this.#moveOwner(about, epoch, "", above),
      lossAccepted: (about, epoch) => {
        port.log("error", "a shard goes on without events whose copies are lost", {
          shardType,
          shard: about,
          epoch,
        });
      },
      failed: (about, what, fields) => {
        port.log("error", what, { shardType, shard: about, ...fields });
      },
      write: log && ((about, operations) => log.write(about, operations)),
    };
  }

  #grant(shard: number, epoch: number): PrimaryOptions {
    const { replicas, minAcks, ackTimeout } = this.#replication;
    const { config, id } = this.#shardOf(shard).machine.copy;
    const timing: Partial<ReplicationTiming> = {
      ackTimeout,
      maxBatchBytes: maxMessageBytes,
      retain: 1_000,
    };
    return {
      epoch,
      minAcks,
      copies: replicas + 1,
      members: this.#running,
      // Until the coordinator says otherwise.
      replicas: (config?.inSync ?? []).map(({ address }) => address)
        .filter((address) => address !== id.address),
      timing,
    };
  }

  #onStatus(shard: number, status: ReplicaStatus): void {
    this.#changed.add(shard);
    if (status.phase !== "fencing") this.#waitingSince.delete(shard);
    else if (!this.#waitingSince.has(shard)) {
      this.#waitingSince.set(shard, this.#port.clock.now());
    }
    this.#flushSoon();
  }

  #onOrder(shard: number, epoch: number, addresses: readonly string[]): void {
    const replicated = this.#shards.get(shard);
    const status = replicated?.status;
    if (status?.epoch !== epoch || sameList(status.replicas, addresses)) return;
    replicated!.step({ type: "replicas", epoch, addresses });
    this.#changed.add(shard);
  }

  #onMembers(): void {
    const { running } = this.members;
    if (!sameList(running, this.#running)) {
      this.#running = running;
      for (const shard of this.#shards.values()) {
        shard.step({ type: "members", addresses: running });
      }
    }
    if (!this.#leads) return;
    const { runs } = this.options;
    const able = this.members.able({ runs, retiring: this.#retiring });
    this.#order(this.#placement.nodes(able, this.#port.clock.now()));
  }

  #onAnnounced(from: string, incarnation: number, message: AnnounceTypeMessage): void {
    this.#merge(message.record);
    const isNews = this.members.heard(from, incarnation, message);
    if (!message.isAnswer) this.#port.sendControl(from, this.#announcement(true));
    if (!isNews) return;
    this.#onMembers();
    this.#checkReady();
  }

  #checkReady(): void {
    if (this.#isReady || this.#onReady.length === 0) return;
    if (!this.#isLoaded || this.#bootstrapTurn !== undefined) return;
    if (this.members.unanswered.length > 0 && rules.bootstrapAsksAll) return;
    this.#isReady = true;
    for (const callback of this.#onReady.splice(0)) callback();
  }

  /** Takes what another node knows of how shards began. Invariant: what counts here is stored. */
  #merge(record: BootstrapRecord): void {
    const log = this.options.runs ? this.#log : undefined;
    if (log === undefined) {
      this.#bootstrap.record = mergeBootstrap(this.#bootstrap.record, record);
      return;
    }
    if (mergeBootstrap(this.#bootstrap.record, record) === this.#bootstrap.record) return;
    const turn = (this.#bootstrapTurn ?? Promise.resolve()).then(async () => {
      const merged = mergeBootstrap(this.#bootstrap.record, record);
      if (merged !== this.#bootstrap.record) await log.saveBootstrap(merged);
      this.#bootstrap.record = mergeBootstrap(this.#bootstrap.record, merged);
    }).catch((error) => {
      const { shardType } = this.options;
      this.#port.log("error", "a copy cannot be stored", { shardType, error });
    }).then(() => {
      if (this.#bootstrapTurn === turn) this.#bootstrapTurn = undefined;
      this.#checkReady();
    });
    this.#bootstrapTurn = turn;
  }

  #close(): void {
    const { shardType } = this.options;
    this.#merge({ stores: [], closed: true });
    for (const to of this.members.running) {
      this.#port.sendControl(to, { type: "closeBootstrap", shardType });
    }
  }

  /**
   * Copies in the memory of a node that was declared down, or has left, will never be back: that process is
   * not admitted again. Without this a shard with as many replicas as `minAcks` could never replace one.
   *
   * Invariant: while such a process still runs it holds no lease, and no coordinator grants it a shard. So the
   * node here must have been in contact with a majority all the time (its lease), and the delay is longer
   * than a lease and the spreading of a view. A disk may come back, so nothing is concluded about one.
   */
  #retireGone(now: number): void {
    this.#goneLookedAt = now;
    if (this.#log !== undefined) return;
    if (!this.#port.holdsLease()) return this.#absentSince.clear();
    const absent = new Set<string>();
    for (const shard of this.#shards.values()) {
      const { primary } = shard.machine;
      if (primary?.config === undefined || primary.phase === "closed") continue;
      for (const store of storesOf(primary.config)) {
        const { address } = store;
        if (address === this.#id.address || this.members.has(address)) continue;
        absent.add(address);
        const since = this.#absentSince.get(address) ?? now;
        this.#absentSince.set(address, since);
        const { epoch } = primary;
        if (now - since >= goneDelay) shard.step({ type: "retire", epoch, store });
      }
    }
    for (const address of this.#absentSince.keys()) {
      if (!absent.has(address)) this.#absentSince.delete(address);
    }
  }

  // The coordinator.

  #report(now: number): void {
    const leader = this.#port.leader();
    if (leader === undefined) return;
    if (now - this.#reportedAt >= reportInterval) {
      this.#reportedAt = now;
      this.#reportCopies(leader);
      for (const shard of this.#shards.keys()) this.#changed.add(shard);
    }
    this.#reportStatuses(leader);
    this.#acceptLosses(now);
  }

  #reportStatuses(leader: string): void {
    if (this.#changed.size === 0) return;
    const { shardType } = this.options;
    const shards: ShardStatus[] = [];
    for (const shard of this.#changed) {
      const status = this.#shards.get(shard)?.status;
      if (status === undefined) continue;
      const { epoch, phase, config, replicas, lagging } = status;
      shards.push({ shard, epoch, phase, replicas, lagging, ...(config && { config }) });
    }
    this.#changed.clear();
    if (shards.length > 0) this.#toLeader(leader, { type: "shardStatuses", shardType, shards });
  }

  #reportCopies(leader: string): void {
    const { shardType } = this.options;
    const copies = Array.from(this.#shards, ([shard, { machine }]) => ({
      shard,
      config: machine.copy.config!,
    })).filter(({ config }) => config !== undefined);
    if (copies.length > 0) this.#toLeader(leader, { type: "copyConfigs", shardType, copies });
  }

  #toLeader(leader: string, message: ControlMessage): void {
    if (leader !== this.#port.self) return this.#port.sendControl(leader, message);
    this.receiveControl(leader, 0, message);
  }

  #moveOwner(shard: number, epoch: number, to: string, above: number): void {
    const leader = this.#port.leader();
    if (leader === undefined) return;
    const { shardType } = this.options;
    this.#toLeader(leader, { type: "moveOwner", shardType, shard, epoch, to, above });
  }

  #onMoveOwner(
    from: string,
    { shardType, shard, epoch, to, above }: ControlMessage & { readonly type: "moveOwner" },
  ): void {
    if (shard >= this.options.numShards) return;
    this.#placement.status(
      from,
      { shard, epoch, phase: "fencing", replicas: [], lagging: [] },
      this.#port.clock.now(),
    );
    if (to !== "") this.#placement.preferOwner(shard, epoch, to);
    this.#port.moveShard({ shardType, shard, epoch, to: to === "" ? undefined : to, above });
  }

  #order(orders: readonly ReplicaOrder[]): void {
    const { shardType } = this.options;
    for (const { shard, to, epoch, addresses } of orders) {
      if (to === this.#port.self) this.#onOrder(shard, epoch, addresses);
      else {
        this.#port.sendControl(to, { type: "orderReplicas", shardType, shard, epoch, addresses });
      }
    }
  }

  /** As `allowDataLoss` permits, after everything else has had its time. */
  #acceptLosses(now: number): void {
    if (!this.#replication.allowDataLoss) return;
    for (const [shard, since] of this.#waitingSince) {
      if (now - since < lossDelay) continue;
      this.#waitingSince.set(shard, now);
      const replicated = this.#shards.get(shard);
      const primary = replicated?.machine.primary;
      const wait = primary?.status(now).wait;
      if (wait === undefined || wait.reason === "nodes") continue;
      const missing = wait.reason === "copies"
        ? wait.stores.map(({ address }) => address)
        : wait.reason === "bootstrap"
        ? wait.addresses
        : [];
      // A member may still answer, unless its store is another one.
      const answers = wait.reason === "copies";
      if (!answers && missing.some((address) => this.#running.includes(address))) continue;
      replicated!.step({ type: "acceptLoss", epoch: primary!.epoch });
    }
  }

  // Messages.

  #send(to: string, shard: number, message: ReplicationMessage): void {
    let batch = this.#batches.get(to);
    if (batch === undefined) this.#batches.set(to, batch = new MessageBatch());
    batch.add(shard, message);
    if (batch.length >= maxMessageBytes) this.#flushBatch(to, batch);
    else this.#flushSoon();
  }

  #flushSoon(): void {
    if (this.#isDeferred) return;
    this.#isDeferred = true;
    this.#port.clock.defer(() => {
      this.#isDeferred = false;
      for (const [to, batch] of this.#batches) if (!batch.isEmpty) this.#flushBatch(to, batch);
      const leader = this.#port.leader();
      if (leader !== undefined) this.#reportStatuses(leader);
    });
  }

  #flushBatch(to: string, batch: MessageBatch): void {
    this.#port.send(to, batch.take(this.options.shardType));
  }
}

/** Finds the entities of open shards here that have work to do. Nothing else is asked of it. */
class OwnedShardsStore implements DurableStore {
  readonly name: string;
  readonly #shards: () => Iterable<ReplicatedShard>;

  constructor(name: string, shards: () => Iterable<ReplicatedShard>) {
    this.name = name;
    this.#shards = shards;
  }

  open(): Promise<never> {
    return this.#refuse();
  }

  append(): Promise<never> {
    return this.#refuse();
  }

  async *read(): AsyncIterable<never> {
    yield await this.#refuse();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  /** Of all slices that are asked for: only the owner of a shard has the shard's. */
  async readDue(options: ReadDueOptions): Promise<readonly DueLog[]> {
    const due: DueLog[] = [];
    for (const { journal } of this.#shards()) due.push(...await journal.readDue(options));
    return due.sort((a, b) => a.wake - b.wake).slice(0, options.limit);
  }

  #refuse(): Promise<never> {
    return Promise.reject(new TypeError(`${this.name} stores nothing itself`));
  }
}

/** @throws {PersistenceError} code `notCopyable`. */
function checkCopyable(store: DurableStore): CopyableJournal {
  const journal = store as unknown as Journal;
  if (isCopyable(journal)) return journal;
  throw new PersistenceError("notCopyable", `copies of shards cannot be kept in ${store.name}`, {
    value: store.name,
    remedy: "give the type a sqliteJournal of this node alone, or no journal",
  });
}

function sameList(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((item, index) => item === b[index]);
}
