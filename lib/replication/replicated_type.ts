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
import type { Journal } from "../persistence/journal.ts";
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
import type { ShardGrant } from "../sharding/routing/shard_grant.ts";
import { isOwnAnswer } from "./answer_limits.ts";
import { AcceptedLosses } from "./accepted_losses.ts";
import type {
  AnnounceTypeMessage,
  ControlMessage,
  ShardStatus,
  TellOwnersMessage,
} from "./control_form.ts";
import type { ShardCopiesEvent } from "./copies_event.ts";
import { CopyContent } from "./copy_content.ts";
import { CopyLog, type StoredCopy } from "./copy_log.ts";
import { appliedIn, noCopy } from "./copy_record.ts";
import { CopyRecovery } from "./copy_recovery.ts";
import type { ShardCopies } from "./replication.ts";
import type { FillTurns } from "./fill_turns.ts";
import { GoneCopies } from "./gone_copies.ts";
import { explainCopies, ownedCopies, type ShardCopiesSource } from "./shard_copies.ts";
import { TypeBeginnings } from "./type_beginnings.ts";
import { StatusEvents } from "./status_events.ts";
import { MessageBatch, type ShardMessage } from "./message_form.ts";
import type { PrimaryOptions, ReplicaStatus } from "./primary.ts";
import { isInSync, type ReplicaConfig, type StoreId } from "./replica_config.ts";
import { OwnedShardsStore } from "./owned_shards_store.ts";
import { OwnerReports } from "./owner_reports.ts";
import type { ReplicaOrder } from "./replica_placement.ts";
import { describeWait, ReplicatedShard, type ReplicatedShardPort } from "./replicated_shard.ts";
import type { PrimaryMessage, ReplicaMessage, ReplicationMessage } from "./replication_protocol.ts";
import type { ReplicationTiming } from "./replication_timing.ts";
import { grantsOf, ShardOwners } from "./shard_owners.ts";
import { isForCopy, ShardReplication } from "./shard_replication.ts";
import { type TypeMember, TypeMembers } from "./type_members.ts";
import { TypePlacement } from "./type_placement.ts";

/** Bytes of a message of the node beyond which another one begins. */
const maxMessageBytes = 64 * 1_024;
/** Milliseconds between two reports to the coordinator in case one was lost, and two announcements. */
const reportInterval = 5_000;
const announceInterval = 500;
/** Milliseconds until a store that could not be read is read again. */
const loadRetry = 1_000;
/** What a type needs of its node. */
export interface ReplicatedTypePort {
  readonly self: string;
  readonly clock: Clock;
  /** The back-fills of the node, of all types. */
  readonly fills: FillTurns;
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
  /** The present grant of a shard, if the coordinator here is the one. */
  grantOf(shardType: string, shard: number): ShardGrant | undefined;
  log(level: LogLevel, message: string, fields: Record<string, unknown>): void;
  publish(event: ShardCopiesEvent): void;
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
  /** Whom the copies here obey, and whom the coordinator here believes. */
  readonly #owners = new ShardOwners();
  readonly #reports: OwnerReports;
  readonly #recovery: CopyRecovery;
  readonly #events: StatusEvents;
  readonly #beginnings: TypeBeginnings;
  readonly #gone: GoneCopies;
  readonly #losses: AcceptedLosses;
  #id: StoreId;
  /** Undefined: copies are in memory. */
  readonly #log: CopyLog | undefined;
  /** The store was read, if there is one. */
  #isLoaded = false;
  readonly #shards = new Map<number, ReplicatedShard>();
  readonly #batches = new Map<string, MessageBatch>();
  #isDeferred = false;
  #leads = false;
  #retiring = false;
  #isReady = false;
  #onReady: (() => void)[] = [];
  #announcedAt = -Infinity;
  #reportedAt = -Infinity;
  /** Shards about whose owners the coordinator is to be asked. */
  readonly #ask = new Set<number>();
  /** Shards whose status has changed since it was sent. */
  readonly #changed = new Set<number>();
  #running: readonly string[] = [];

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
    this.#reports = new OwnerReports((shard) => port.grantOf(shardType, shard));
    this.#recovery = new CopyRecovery(port.clock, (shard) => this.#recover(shard));
    this.#events = new StatusEvents(shardType);
    this.#id = { address: port.self, store: Math.floor(port.clock.wallTime()) };
    const { journal } = options;
    const log = this.#log = journal && new CopyLog(checkCopyable(journal), shardType, () => {
      return port.clock.wallTime();
    });
    this.#beginnings = this.#makeBeginnings();
    this.#gone = new GoneCopies({
      self: port.self,
      inMemory: log === undefined,
      shards: () => this.#shards.values(),
      isMember: (address) => this.members.has(address),
      holdsLease: () => port.holdsLease(),
    });
    this.#losses = this.#makeLosses();
    this.store = new OwnedShardsStore(this.#name(), {
      shardType,
      numShards,
      shards: () => this.#shards,
      content: log?.journal,
    });
    if (log === undefined || !options.runs) this.#isLoaded = true;
    else this.#load(log);
  }

  #makeBeginnings(): TypeBeginnings {
    const port = this.#port;
    const log = this.options.runs ? this.#log : undefined;
    const { shardType } = this.options;
    return new TypeBeginnings({
      leader: () => port.leader(),
      isMember: (address) => this.members.has(address),
      save: log && ((record) => log.saveBootstrap(record)),
      onError: (error) => port.log("error", "a copy cannot be stored", { shardType, error }),
      onStored: () => this.#checkReady(),
    });
  }

  #makeLosses(): AcceptedLosses {
    const port = this.#port;
    const { shardType } = this.options;
    return new AcceptedLosses({
      allowDataLoss: this.#replication.allowDataLoss,
      shard: (shard) => this.#shards.get(shard),
      isMember: (address) => this.#running.includes(address),
      onPermitted: (shard, epoch) =>
        port.log("warn", "somebody permits that a shard goes on without lost events", {
          shardType,
          shard,
          epoch,
        }),
    });
  }

  #load(log: CopyLog): void {
    log.load(this.options.numShards).then(({ store, bootstrap, copies, retirements }) => {
      this.#id = { address: this.#port.self, store };
      this.#beginnings.loaded(bootstrap);
      for (const retirement of retirements) this.#gone.retire(retirement);
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
    this.#losses.forget(shard);
    this.#shardOf(shard).start(epoch);
  }

  stopping(shard: number): boolean {
    return this.#shards.get(shard)?.journal.stopping() ?? false;
  }

  stopped(shard: number): void {
    this.#losses.forget(shard);
    this.#events.forget(shard);
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
      this.#reports.clear();
    }
    this.#reportedAt = -Infinity;
    this.#beginnings.onView();
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
    const { record } = this.#beginnings;
    return { type: "announceType", shardType, runs, retiring, record, isAnswer };
  }

  /** Takes messages of copies. */
  receive(from: string, messages: readonly ShardMessage[]): void {
    if (!this.options.runs || !this.#isLoaded) return;
    for (const { shard, message } of messages) {
      if (shard >= this.options.numShards) continue;
      const isAllowed = isForCopy(message)
        ? this.#mayOrder(from, shard, message)
        : this.#mayAnswer(from, message);
      if (isAllowed) this.#shardOf(shard).receive(from, message);
    }
  }

  /** Whether a node is the owner for whom it speaks. If that is not known the coordinator is asked. */
  #mayOrder(from: string, shard: number, message: PrimaryMessage): boolean {
    const { promised } = this.#shardOf(shard).machine.copy;
    const who = this.#owners.judge(shard, from, message.epoch, promised);
    if (who !== "unknown") return who === "owner";
    const now = this.#port.clock.now();
    if (message.type === "promiseEpoch") this.#owners.hold(shard, from, message, now);
    if (this.#owners.shallAsk(shard, now)) this.#ask.add(shard);
    this.#flushSoon();
    return false;
  }

  /** Whether a node can have a copy, and says this of its own. */
  #mayAnswer(from: string, message: ReplicaMessage): boolean {
    if (!this.members.runs(from) && rules.runnersHaveCopies) return false;
    return isOwnAnswer(from, message);
  }

  #askOwners(): void {
    if (this.#ask.size === 0) return;
    const leader = this.#port.leader();
    const shards = [...this.#ask];
    this.#ask.clear();
    if (leader === undefined) return;
    const { shardType } = this.options;
    if (leader !== this.#port.self) {
      return this.#port.sendControl(leader, { type: "askOwners", shardType, shards });
    }
    this.#onOwners(grantsOf(shards, (shard) => this.#port.grantOf(shardType, shard)));
  }

  #onOwners(grants: TellOwnersMessage["grants"]): void {
    for (const [shard, epoch, owner] of grants) {
      if (shard >= this.options.numShards) continue;
      for (const { from, message } of this.#owners.told(shard, { owner, epoch })) {
        this.#shardOf(shard).receive(from, message);
      }
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
          if (!this.#reports.take(from, status, now)) continue;
          this.#order(this.#placement.status(from, status, now));
        }
        return;
      case "copyConfigs":
        if (!this.#leads) return;
        for (const { shard, config } of message.copies) this.#onCopyConfig(shard, config);
        return;
      case "orderReplicas":
        if (from !== this.#port.leader()) return;
        return this.#onOrder(message.shard, message.epoch, message.addresses);
      case "moveOwner":
        if (this.#leads) this.#onMoveOwner(from, message);
        return;
      case "closeBootstrap":
        if (from === this.#port.leader()) this.#beginnings.close();
        return;
      case "tellOwners":
        if (from === this.#port.leader()) this.#onOwners(message.grants);
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
    for (const [number, shard] of this.#shards) {
      shard.tick();
      if (!this.#losses.isWaiting(number)) continue;
      const { status } = shard;
      if (status !== undefined) this.#publish(number, status);
    }
    this.#gone.tick(now);
    for (const shard of this.#owners.unanswered(now)) this.#ask.add(shard);
    this.#askOwners();
    this.#report(now);
    if (!this.#leads) return;
    for (const { from, status } of this.#reports.ready(now)) {
      this.#order(this.#placement.status(from, status, now));
    }
    this.#order(this.#placement.tick(now));
    if (this.#placement.allBegun && !this.#beginnings.record.closed) this.#close();
  }

  /** How the shards of this node are, in sentences. */
  explain(): string[] {
    const { shardType } = this.options;
    const lines: string[] = [];
    const unanswered = this.members.unanswered;
    if (!this.#isReady && this.options.runs) {
      lines.push(
        `"${shardType}": this node owns no shard before all members have answered; missing: ` +
          (unanswered.join(", ") || "none"),
      );
    }
    const [counts, ...shards] = explainCopies(this.#source);
    return [counts!, ...lines, ...shards];
  }

  /** The shards that this node owns. */
  ownedCopies(): Iterable<ShardCopies> {
    return ownedCopies(this.#source);
  }

  get #source(): ShardCopiesSource {
    const { shardType, numShards } = this.options;
    const { replicas } = this.#replication;
    return { shardType, numShards, replicas, shards: this.#shards };
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

  #makeShard(shard: number, stored: StoredCopy): ReplicatedShard {
    const { machine, content } = this.#makeCopy(stored);
    return new ReplicatedShard(this.#shardPort(shard), shard, machine, content);
  }

  #makeCopy({ shard, record, ids }: StoredCopy) {
    const log = this.#log;
    const content = log === undefined
      ? new CopyContent(copyableMemoryJournal())
      : new CopyContent(log.journal, ids, {
        note: (added) => log.noteIds(shard, added),
        clear: () => log.clearIds(shard),
      });
    // What was applied behind the last mark is applied again, and changes nothing.
    const applied = appliedIn(record);
    return {
      machine: new ShardReplication(this.#id, record, this.#beginnings.holder, applied),
      content,
    };
  }

  /** After its store has failed. What is known of how shards began may not be stored either. */
  async #recover(shard: number): Promise<void> {
    const log = this.#log;
    const failed = this.#shards.get(shard);
    if (log === undefined || failed === undefined) return;
    await failed.recover(async () => {
      await log.saveBootstrap(this.#beginnings.record);
      return this.#makeCopy(await log.reload(shard));
    });
    const { shardType } = this.options;
    this.#port.log("info", "a copy takes part again", { shardType, shard });
    this.#port.publish({ type: "shardCopyRecovered", shardType, shard });
  }

  #shardPort(shard: number): ReplicatedShardPort {
    const port = this.#port;
    const log = this.#log;
    const { shardType } = this.options;
    return {
      clock: port.clock,
      fills: port.fills,
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
        port.publish({ type: "shardLossAccepted", shardType, shard: about, epoch });
      },
      filled: (about, node) => {
        const epoch = this.#shards.get(about)!.machine.primary?.epoch ?? 0;
        port.publish({ type: "shardCopyFilled", shardType, shard: about, epoch, node });
      },
      failed: (about, what, fields, isPassing) => {
        port.log("error", what, { shardType, shard: about, ...fields });
        port.publish({ type: "shardCopyFailed", shardType, shard: about, reason: what });
        if (isPassing) this.#recovery.failed(about);
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
    this.#publish(shard, status);
    this.#losses.onStatus(shard, status, this.#port.clock.now());
    this.#flushSoon();
  }

  #publish(shard: number, status: ReplicaStatus): void {
    const now = this.#port.clock.now();
    const waitsFor = status.phase === "open" ? "" : describeWait(status);
    for (const event of this.#events.on(shard, status, waitsFor, now)) this.#port.publish(event);
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
    this.#onRecord(from, message);
    const isNews = this.members.heard(from, incarnation, message);
    if (!message.isAnswer) this.#port.sendControl(from, this.#announcement(true));
    if (!isNews) return;
    this.#onMembers();
    this.#checkReady();
  }

  /** Tells a node that does not know it that no shard begins any more. */
  #onRecord(from: string, { runs, record }: AnnounceTypeMessage): void {
    this.#beginnings.heard(from, runs, record);
    if (record.closed || !this.#leads || !this.#beginnings.record.closed) return;
    const { shardType } = this.options;
    this.#port.sendControl(from, { type: "closeBootstrap", shardType });
  }

  #checkReady(): void {
    if (this.#isReady || this.#onReady.length === 0) return;
    if (!this.#isLoaded || this.#beginnings.isStoring) return;
    if (this.members.unanswered.length > 0 && rules.bootstrapAsksAll) return;
    this.#isReady = true;
    for (const callback of this.#onReady.splice(0)) callback();
  }

  #close(): void {
    const { shardType } = this.options;
    this.#beginnings.close();
    for (const to of this.members.running) {
      this.#port.sendControl(to, { type: "closeBootstrap", shardType });
    }
  }

  /** A person says that all will never be back which the node there has stored up to now. */
  retireNode(address: string): number {
    const { clock } = this.#port;
    const retirement = this.#gone.retirementOf(address, clock.wallTime());
    if (this.options.runs) {
      this.#log?.saveRetirement(retirement).catch((error) => this.#notKept(error));
    }
    return this.#gone.retire(retirement);
  }

  #notKept(error: unknown): void {
    const { shardType } = this.options;
    const message = "a retirement cannot be stored; repeat it when this node has been restarted";
    this.#port.log("error", message, { shardType, error });
  }

  /** A person permits that shards go on with what is left. See {@linkcode AcceptedLosses.permit}. */
  acceptLoss(shards: readonly number[] = numbersBelow(this.options.numShards)): readonly number[] {
    return this.#losses.permit(shards, this.#port.clock.now());
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
    this.#losses.tick(now);
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

  /** Of a grant that was made here only its owner knows the configurations. */
  #onCopyConfig(shard: number, config: ReplicaConfig): void {
    if (shard >= this.options.numShards) return;
    const grant = this.#port.grantOf(this.options.shardType, shard);
    const isOld = grant === undefined || config.version[0] < grant.epoch;
    if (isOld || !rules.ownersReportShards) this.#placement.noteConfig(shard, config);
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
    if (this.#reports.isOwner(shard, from, epoch) !== true) return;
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
      this.#askOwners();
      const leader = this.#port.leader();
      if (leader !== undefined) this.#reportStatuses(leader);
    });
  }

  #flushBatch(to: string, batch: MessageBatch): void {
    this.#port.send(to, batch.take(this.options.shardType));
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

function numbersBelow(end: number): number[] {
  return Array.from({ length: end }, (_, number) => number);
}

function sameList(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((item, index) => item === b[index]);
}
