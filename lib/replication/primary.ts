/**
 * The owner's part of the log of one shard, for one grant: fences older owners, opens the log, numbers
 * entries, sends them to the copies, and says which are acknowledged. It changes which copies count, as the
 * coordinator requests, and fills copies that have too little. Pure: gives effects.
 *
 * The owner's own copy (`replica.ts`) is a peer like the others; its answers come back at once.
 *
 * @module
 */
import { mixBits } from "../runtime/fnv.ts";
import { rules } from "../runtime/rules.ts";
import type { BootstrapRecord } from "./bootstrap_record.ts";
import type { LogPosition } from "./log_position.ts";
import { judgePromotion, type PromotionWait } from "./promotion.ts";
import type { Replica, ReplicaEffect } from "./replica.ts";
import {
  blocksReads,
  distinctSets,
  isInSync,
  isWriteSet,
  maxPreviousSets,
  type ReplicaConfig,
  type ReplicaSet,
  type ReplicaVersion,
  sameStore,
  sameStores,
  type StoreId,
  storesOf,
  writes,
} from "./replica_config.ts";
import type {
  CopyFilledMessage,
  EpochPromisedMessage,
  FillPoint,
  LogGapMessage,
  PrimaryMessage,
  ReplicaMessage,
} from "./replication_protocol.ts";
import { defaultReplicationTiming, type ReplicationTiming } from "./replication_timing.ts";

/** A grant of a replicated shard. */
export interface PrimaryOptions {
  readonly epoch: number;
  /** Copies besides the owner's own that must have an entry before it is acknowledged. */
  readonly minAcks: number;
  /** How many copies there shall be, the owner's own among them. */
  readonly copies: number;
  /** Addresses of all members that run the type. */
  readonly members: readonly string[];
  /** Addresses that shall have copies besides the owner. */
  readonly replicas: readonly string[];
  readonly timing?: Partial<ReplicationTiming>;
  /** Open without the missing copies, and say so. Default false. */
  readonly acceptLoss?: boolean;
}

/** What keeps the owner from opening or acknowledging; for `explain`. */
export type PrimaryPhase = "fencing" | "opening" | "open" | "closed";

/** How far a copy is. */
export interface CopyLag {
  readonly address: string;
  readonly inSync: boolean;
  /** Entries that it has not confirmed. */
  readonly entries: number;
  readonly state: "unknown" | "streaming" | "filling";
}

/** What the coordinator and people are told of a shard. */
export interface ReplicaStatus {
  readonly epoch: number;
  readonly phase: PrimaryPhase;
  readonly config?: ReplicaConfig;
  /** The nodes that shall have copies besides the owner, as the coordinator has said last. */
  readonly replicas: readonly string[];
  /** Why it does not open. */
  readonly wait?: PromotionWait;
  readonly copies: readonly CopyLag[];
  /** Addresses of in-sync copies that confirm nothing: others should take their place. */
  readonly lagging: readonly string[];
}

/** Output of the owner. */
export type PrimaryEffect =
  | ReplicaEffect
  | { readonly type: "send"; readonly to: string; readonly message: PrimaryMessage }
  /** All that was ever acknowledged is here; from now on entries are taken. */
  | { readonly type: "opened"; readonly epoch: number; readonly index: number }
  /** Enough copies have all entries up to this index. */
  | { readonly type: "acknowledged"; readonly upTo: number }
  /** Entries up to this index were not acknowledged in time, or will not be here: their fate is unknown. */
  | { readonly type: "unknown"; readonly upTo: number; readonly reason: "ackTimeout" | "closed" }
  /** Nothing is taken or acknowledged any more. */
  | { readonly type: "closed"; readonly reason: "fenced" | "stopped" }
  /** To the coordinator: the epoch of the grant is not above this one, which copies have promised. */
  | { readonly type: "needsEpoch"; readonly epoch: number; readonly above: number }
  /** To the coordinator: that node has more of the log, and should own the shard. */
  | { readonly type: "preferOwner"; readonly address: string }
  /** To the coordinator, when something of it has changed, and while copies lag. */
  | { readonly type: "status"; readonly status: ReplicaStatus }
  /** Entries that were acknowledged may be lost, as `acceptLoss` permits: to be logged and counted. */
  | { readonly type: "lossAccepted"; readonly epoch: number }
  /** A back-fill is complete. */
  | { readonly type: "filled"; readonly address: string }
  /** A copy lacks more of the log than one part has: `catchUp` is to be called when it is its turn. */
  | { readonly type: "catchUp"; readonly address: string }
  /** The part of the journal after the cursor, to be given to `chunkRead`. */
  | { readonly type: "readChunk"; readonly address: string; readonly point: FillPoint };

interface Fill {
  /** What the copy has confirmed. */
  confirmed: FillPoint;
  /** Where the next part is read. */
  cursor: string;
  /** Parts that were sent or are being read. */
  underWay: number;
  /** A part is being read: the next cursor comes with it. */
  isReading: boolean;
  /** The last part was sent. */
  isSent: boolean;
}

interface Peer {
  readonly address: string;
  answer: EpochPromisedMessage | undefined;
  /** Up to where it has confirmed what is here. -1: nothing yet. */
  matched: number;
  /** The highest generation of its content that it has told. */
  generation: number;
  /** What it has confirmed in an earlier generation of its content does not count. */
  floor: number;
  /** Up to where entries were sent. */
  sent: number;
  /** Whether `sent` is known to be in its log, or is a try. */
  isStreaming: boolean;
  fill: Fill | undefined;
  /** It lacks more of the log than one part has, and the next part waits for its turn or for an answer. */
  catchUp: "waits" | "sent" | undefined;
  version: ReplicaVersion | undefined;
  /** The acknowledged index that it was told. */
  told: number;
  /** The last gap that it has reported, and when: each of many messages reports the same one. */
  gap: number;
  gapAt: number;
  released: boolean;
  /** A configuration of this epoch has named it. */
  hasCounted: boolean;
  progressAt: number;
  sentAt: number;
}

/** A copy that has everything is asked so much more rarely whether it is still there. */
const idleRetries = 20;

/** See the module's text. */
export class Primary {
  readonly epoch: number;
  readonly #copy: Replica;
  readonly #options: PrimaryOptions;
  readonly #timing: ReplicationTiming;
  readonly #peers = new Map<string, Peer>();
  #members: readonly string[];
  #replicas: readonly string[];
  #phase: PrimaryPhase = "fencing";
  #bootstrap: BootstrapRecord;
  #config: ReplicaConfig | undefined;
  /** A configuration of this epoch is stored, so that none before it can be read alone. */
  #mayAcknowledge = false;
  /** Nothing is to be changed about the copies, as far as is known. */
  #isSettled = false;
  /** Stores of which a person, or the node, has said that they are gone for good. */
  readonly #gone: StoreId[] = [];
  #count = 0;
  /** Index of the entry that begins the epoch. */
  #startIndex = 0;
  #acked = 0;
  /** The last index that was told to be acknowledged. */
  #toldAcked = 0;
  #unknown = 0;
  #begunAt = 0;
  #hasLease: boolean;
  #acceptLoss: boolean;
  #wait: PromotionWait | undefined;
  /** When the last of some entries were appended. */
  #deadlines: { readonly index: number; readonly at: number }[] = [];
  #toldStatus = "";
  /** Until then a tick has nothing to do while the shard is at rest. */
  #restsUntil = -Infinity;
  /** The node that was named last, and when. */
  #preferred = { address: "", at: -Infinity };
  #effects: PrimaryEffect[] = [];

  /** Begins with fencing: `begin` gives the first messages. */
  constructor(
    copy: Replica,
    bootstrap: BootstrapRecord,
    options: PrimaryOptions,
    holdsLease = true,
  ) {
    this.#hasLease = holdsLease;
    this.#copy = copy;
    this.epoch = options.epoch;
    this.#options = options;
    this.#timing = { ...defaultReplicationTiming, ...options.timing };
    this.#members = options.members;
    this.#replicas = options.replicas;
    this.#bootstrap = bootstrap;
    this.#acceptLoss = options.acceptLoss ?? false;
  }

  /** What it does now. */
  get phase(): PrimaryPhase {
    return this.#phase;
  }

  /** Up to which index entries are acknowledged. */
  get acked(): number {
    return this.#toldAcked;
  }

  /** The configuration that it goes by; undefined: it has not found one. */
  get config(): ReplicaConfig | undefined {
    return this.#config;
  }

  /** Asks all nodes for their promise. */
  begin(now: number): PrimaryEffect[] {
    this.#begunAt = now;
    for (const address of this.#contacts()) this.#askPromise(this.#peer(address, now), now);
    return this.#end(now);
  }

  /** The members that run the type. Answers of others do not count any more. */
  members(addresses: readonly string[], now: number): PrimaryEffect[] {
    this.#members = addresses;
    this.#isSettled = false;
    if (this.#phase === "closed") return this.#end(now);
    for (const address of this.#contacts()) {
      const peer = this.#peer(address, now);
      if (peer.answer === undefined) this.#askPromise(peer, now);
    }
    if (this.#phase === "fencing") this.#judge(now);
    return this.#end(now);
  }

  /** The coordinator has chosen the nodes that shall have copies besides the owner. */
  replicas(addresses: readonly string[], now: number): PrimaryEffect[] {
    this.#replicas = addresses;
    return this.members(this.#members, now);
  }

  /** Whether the node holds its lease. Without it nothing is told to be acknowledged. */
  lease(holds: boolean, now: number): PrimaryEffect[] {
    this.#hasLease = holds;
    if (this.#phase !== "closed") this.#tellAcknowledged();
    return this.#end(now);
  }

  /** A store will never be back: nobody waits for it any more. */
  retire(id: StoreId, now: number): PrimaryEffect[] {
    if (this.#gone.some((other) => sameStore(other, id))) return this.#end(now);
    this.#gone.push(id);
    this.#isSettled = false;
    if (this.#config !== undefined) this.#advance(now);
    return this.#end(now);
  }

  /** Go on without the copies that are missing: a person, or the type's `allowDataLoss`, permits it. */
  acceptLoss(now: number): PrimaryEffect[] {
    this.#acceptLoss = true;
    if (this.#phase === "fencing") this.#judge(now);
    return this.#end(now);
  }

  /**
   * Appends an entry. It is sent with the next `flush`.
   *
   * @returns its index; 0: nothing is taken, since the log is not open or too much waits.
   */
  propose(payload: Uint8Array): number {
    if (this.#phase !== "open" || !this.#hasLease) return 0;
    const { log } = this.#copy;
    if (log.last.index - this.#acked >= this.#timing.maxWaiting) return 0;
    const entry = log.next(this.epoch, payload);
    this.#copy.extend(entry);
    return entry.index;
  }

  /** Stores and sends what was appended: once for all of a turn. */
  flush(now: number): PrimaryEffect[] {
    if (this.#phase === "open" || this.#phase === "opening") this.#flush(now);
    return this.#end(now);
  }

  /** A copy, perhaps the one here, has promised a higher epoch. */
  fence(now: number): PrimaryEffect[] {
    this.#close("fenced");
    return this.#end(now);
  }

  /** The grant ends. Ask for it when all is acknowledged, if the next owner shall find all at once. */
  stop(now: number): PrimaryEffect[] {
    this.#close("stopped");
    return this.#end(now);
  }

  /** A part of the journal for a back-fill; undefined: it cannot be read any more from that point. */
  chunkRead(
    address: string,
    point: FillPoint,
    part: { readonly bytes: Uint8Array; readonly next: string; readonly done: boolean } | undefined,
    now: number,
  ): PrimaryEffect[] {
    const peer = this.#peers.get(address);
    const fill = peer?.fill;
    if (peer === undefined || fill === undefined || this.#config === undefined) {
      return this.#end(now);
    }
    if (this.#phase === "closed") return this.#end(now);
    if (fill.cursor !== point.cursor || fill.confirmed.at.index !== point.at.index) {
      return this.#end(now);
    }
    if (part === undefined) {
      peer.fill = undefined;
      this.#askPromise(peer, now);
      return this.#end(now);
    }
    const { bytes, next, done } = part;
    fill.cursor = next;
    fill.isReading = false;
    fill.isSent = done;
    const { epoch } = this;
    if (point.cursor === "") this.#condemn(peer);
    // From now on an answer is due.
    if (fill.underWay === 1) peer.progressAt = now;
    const { generation } = peer;
    this.#send(peer, { type: "fillCopy", epoch, generation, point, bytes, next, done }, now);
    this.#fillMore(peer);
    return this.#end(now);
  }

  /** An answer of a copy. */
  receive(from: string, message: ReplicaMessage, now: number): PrimaryEffect[] {
    if (message.type === "epochRefused") {
      if (message.epoch === this.epoch) this.#onRefused(message.promised);
      return this.#end(now);
    }
    if (message.epoch !== this.epoch || this.#phase === "closed") return this.#end(now);
    const peer = this.#peer(from, now);
    if (message.type !== "logAppended") this.#isSettled = false;
    if (message.type === "epochPromised") {
      this.#onPromised(peer, message, now);
    } else if (isEarlier(message.store, peer.answer?.store)) {
      // It was sent before the node has lost its store.
    } else if (peer.answer === undefined || !sameStore(peer.answer.store, message.store)) {
      // The node has another store than before, or its promise was lost.
      if (this.#phase !== "fencing") this.#askPromise(peer, now);
    } else {
      switch (message.type) {
        case "logAppended":
          if (message.generation >= peer.floor || !rules.droppedContentIsForgotten) {
            this.#onAppended(peer, message.through, now);
          }
          break;
        case "logGap":
          this.#onGap(peer, message, now);
          break;
        case "configStored":
          this.#onConfigStored(peer, message.version, now);
          break;
        case "copyFilled":
          this.#onFilled(peer, message, now);
          break;
        case "copyReleased":
          peer.released = true;
          peer.generation = Math.max(peer.generation, message.generation);
          break;
      }
    }
    return this.#end(now);
  }

  /**
   * Sends again what was not answered, and looks at deadlines. Ten times a second or so. The node stays the
   * owner if its copies do not hear it, as long as others do: then one of them should own the shard.
   */
  tick(now: number): PrimaryEffect[] {
    if (this.#phase === "closed" || (now < this.#restsUntil && this.#isCaughtUp)) {
      return this.#end(now);
    }
    const { retryInterval } = this.#timing;
    for (const address of this.#contacts()) {
      const peer = this.#peer(address, now);
      if (now - peer.sentAt >= retryInterval) this.#retry(peer, now);
    }
    if (this.#phase === "fencing") this.#judge(now);
    this.#checkDeadlines(now);
    this.#advance(now);
    this.#checkUnheard(now);
    const isLate = this.#isWaitedFor(now);
    if (isLate || !this.#isSettled || this.#phase !== "open") this.#tellStatus(now, true);
    this.#restsUntil = this.#findRest();
    return this.#end(now);
  }

  /** Whether nothing waits here. What could change that without an entry unsettles the shard. */
  get #isCaughtUp(): boolean {
    const last = this.#copy.log.last.index;
    return this.#isSettled && this.#phase === "open" && last === this.#acked &&
      last === this.#toldAcked;
  }

  /** When the first copy is to be asked whether it is still there, if no copy needs anything before. */
  #findRest(): number {
    if (!this.#isCaughtUp) return -Infinity;
    let first = Infinity;
    for (const address of this.#contacts()) {
      const peer = this.#peers.get(address);
      if (peer?.answer === undefined || this.#needsConfig(peer) || peer.fill !== undefined) {
        return -Infinity;
      }
      if (address === this.#copy.id.address || !this.#isServed(peer.answer.store)) continue;
      if (!peer.isStreaming || peer.matched !== this.#acked || peer.told !== this.#acked) {
        return -Infinity;
      }
      first = Math.min(first, peer.sentAt + idleRetries * this.#timing.retryInterval);
    }
    return first;
  }

  /**
   * Parts of the back-fill of a copy, or of the log that it lacks, that are not confirmed: they are to be read,
   * or were sent.
   */
  partsUnderWay(address: string): number {
    const peer = this.#peers.get(address);
    if (this.#phase === "closed" || peer === undefined) return 0;
    if (peer.fill !== undefined) return peer.fill.underWay;
    return peer.isStreaming && peer.catchUp !== undefined ? 1 : 0;
  }

  /** It is the turn of a copy that lacks much of the log: sends the next part of it. */
  catchUp(address: string, now: number): PrimaryEffect[] {
    const peer = this.#peers.get(address);
    const isOver = this.#phase === "closed" || this.#phase === "fencing";
    if (peer?.catchUp !== "waits" || !peer.isStreaming || peer.fill !== undefined || isOver) {
      return this.#end(now);
    }
    peer.catchUp = "sent";
    // From now on an answer is due.
    peer.progressAt = now;
    this.#sendEntries(peer, this.#timing.maxBatchEntries, this.#timing.catchUpBytes, now);
    return this.#end(now);
  }

  /** Whether a node has promised the epoch of the grant. */
  hasAnswered(address: string): boolean {
    return this.#peers.get(address)?.answer !== undefined;
  }

  /**
   * Whether the log may open soon: it waits for the lease, or for answers that members owe. Copies at nodes that
   * are no members any more, and copies that are lost, are not waited for.
   */
  get isInMotion(): boolean {
    if (!this.#hasLease || this.#phase === "open") return true;
    if (this.#phase === "closed") return false;
    const isMember = (address: string) => this.#members.includes(address);
    if (this.#phase === "opening") {
      // Others take the place of those that are gone.
      return isWriteSet(this.#config!, (id) => isMember(id.address) || this.#isGone(id));
    }
    const isAwaited = (address: string) =>
      isMember(address) && this.#peers.get(address)?.answer === undefined;
    const wait = this.#wait;
    // One of them may be lost, and not be needed.
    if (wait?.reason === "copies") return wait.stores.some(({ address }) => isAwaited(address));
    if (wait?.reason === "bootstrap") return wait.addresses.every(isAwaited);
    return wait === undefined;
  }

  /** For people and the coordinator. */
  status(now: number): ReplicaStatus {
    const last = this.#copy.log.last.index;
    const config = this.#config;
    const counts = (peer: Peer) =>
      config !== undefined && peer.answer !== undefined && isInSync(config, peer.answer.store);
    const copies: CopyLag[] = [];
    for (const peer of this.#peers.values()) {
      if (!counts(peer) && !this.#wanted().includes(peer.address)) continue;
      copies.push({
        address: peer.address,
        inSync: counts(peer),
        entries: last - Math.max(0, peer.matched),
        state: peer.fill !== undefined ? "filling" : peer.isStreaming ? "streaming" : "unknown",
      });
    }
    const isSilent = (id: StoreId) => {
      const { address } = id;
      // A node that has another store is not slow: it gets a copy anew.
      if (address === this.#copy.id.address || this.#isGone(id)) return false;
      const peer = this.#peers.get(address);
      if (peer === undefined) return true;
      // What it lacks waits for its turn at this node: that is no reason to give its place to another.
      if (peer.catchUp === "waits") return false;
      return peer.matched < last && now - peer.progressAt >= this.#timing.lagLimit;
    };
    const lagging = config === undefined || this.#phase !== "open"
      ? []
      : [...new Set(storesOf(config).filter(isSilent).map(({ address }) => address))];
    return {
      epoch: this.epoch,
      phase: this.#phase,
      ...(config && { config }),
      replicas: this.#replicas,
      ...(this.#wait && { wait: this.#wait }),
      copies,
      lagging,
    };
  }

  // Fencing and opening.

  #contacts(): Set<string> {
    const all = new Set([this.#copy.id.address, ...this.#members, ...this.#replicas]);
    if (this.#config !== undefined) {
      for (const { address } of storesOf(this.#config)) all.add(address);
    }
    return all;
  }

  #wanted(): readonly string[] {
    return [this.#copy.id.address, ...this.#replicas];
  }

  #askPromise(peer: Peer, now: number): void {
    const { epoch } = this;
    this.#send(peer, { type: "promiseEpoch", epoch, bootstrap: this.#bootstrap }, now);
  }

  #onRefused(promised: number): void {
    if (this.#phase === "closed") return;
    this.#close("fenced");
    this.#effects.push({ type: "needsEpoch", epoch: this.epoch, above: promised });
  }

  #onPromised(peer: Peer, message: EpochPromisedMessage, now: number): void {
    const { store, copy } = message;
    if (isEarlier(store, peer.answer?.store)) return;
    const isOther = peer.answer === undefined || !sameStore(peer.answer.store, store);
    if (isOther) {
      peer.matched = -1;
      peer.generation = peer.floor = copy.generation;
      peer.sent = 0;
      peer.isStreaming = false;
      peer.fill = undefined;
      peer.catchUp = undefined;
      peer.version = undefined;
      peer.gap = peer.told = -1;
      peer.released = peer.hasCounted = false;
    }
    peer.answer = message;
    peer.generation = Math.max(peer.generation, copy.generation);
    if (this.#phase === "fencing") return this.#judge(now);
    if (!isOther && (peer.isStreaming || peer.fill !== undefined)) return;
    if (copy.config !== undefined) peer.version = copy.config.version;
    if (this.#needsConfig(peer)) this.#sendConfigTo(peer, now);
    this.#locate(peer, copy.last, copy.filling, now);
  }

  #judge(now: number): void {
    const answers = this.#members.concat(this.#copy.id.address)
      .map((address) => this.#peers.get(address)?.answer);
    const decision = judgePromotion({
      self: this.#copy.id,
      answers: [...new Set(answers)].filter((answer) => answer !== undefined),
      members: this.#members,
      wanted: this.#wanted(),
      minAcks: this.#options.minAcks,
      base: this.#copy.log.base.index,
      acceptLoss: this.#acceptLoss,
    });
    this.#wait = undefined;
    switch (decision.type) {
      case "wait":
        this.#wait = decision.wait;
        break;
      case "spread":
        this.#bootstrap = decision.bootstrap;
        break;
      case "prefer":
        this.#prefer(decision.address, now);
        break;
      case "open":
        if (decision.loss) this.#effects.push({ type: "lossAccepted", epoch: this.epoch });
        this.#open({ ...decision.config, version: [this.epoch, 0] }, now);
    }
  }

  /** Says so once in a while: the coordinator may not have heard. */
  #prefer(address: string, now: number): void {
    const { address: before, at } = this.#preferred;
    if (address === before && now - at < this.#timing.retryInterval) return;
    this.#preferred = { address, at: now };
    this.#effects.push({ type: "preferOwner", address });
  }

  /** The start entry is the first of the epoch: with it all before it is acknowledged. */
  #open(config: ReplicaConfig, now: number): void {
    this.#phase = "opening";
    this.#config = config;
    this.#acked = this.#toldAcked = this.#copy.acked;
    const { log } = this.#copy;
    const start = log.next(this.epoch, new Uint8Array());
    this.#copy.extend(start);
    this.#startIndex = start.index;
    for (const peer of this.#peers.values()) {
      peer.progressAt = now;
      if (peer.answer !== undefined) {
        const { last, filling } = peer.answer.copy;
        this.#locate(peer, last, filling, now);
      }
    }
    this.#sendConfig(now);
    this.#flush(now);
  }

  // Entries.

  /** Finds out from where a copy gets entries: after the last one that it may share with the log here. */
  #locate(
    peer: Peer,
    last: LogPosition,
    filling: FillPoint | undefined,
    now: number,
  ): void {
    const { log, id } = this.#copy;
    if (peer.address === id.address) {
      peer.isStreaming = true;
      peer.sent = log.last.index;
      return;
    }
    if (peer.answer !== undefined && !this.#isServed(peer.answer.store)) return;
    peer.fill = undefined;
    const common = log.has(last) ? last : log.lastUpTo(last.index, last.epoch);
    const isCondemned = peer.floor > peer.generation && rules.droppedContentIsForgotten;
    if (filling !== undefined || common === undefined || isCondemned) {
      return this.#beginFill(peer, filling);
    }
    peer.isStreaming = true;
    peer.sent = Math.max(common.index, peer.matched);
    this.#beginCatchUp(peer);
    this.#stream(peer, now, true);
  }

  /** What is more than one part is sent in turn with the back-fills and other shards of the node. */
  #beginCatchUp(peer: Peer): void {
    peer.catchUp = undefined;
    if (!rules.catchUpTakesTurns || this.#isNear(peer)) return;
    peer.catchUp = "waits";
    this.#effects.push({ type: "catchUp", address: peer.address });
  }

  /** Whether one part has all that was not sent to a copy. */
  #isNear({ sent }: Peer): boolean {
    const { log } = this.#copy;
    const { maxBatchEntries, catchUpBytes } = this.#timing;
    const missing = log.last.index - sent;
    if (log.at(sent) === undefined || missing === 0) return true;
    if (missing > maxBatchEntries) return false;
    return log.after(sent, missing, catchUpBytes).length === missing;
  }

  /** Whether a copy gets entries: it counts, or shall. */
  #isServed(id: StoreId): boolean {
    return this.#wanted().includes(id.address) ||
      (this.#config !== undefined && isInSync(this.#config, id));
  }

  #flush(now: number): void {
    const { log } = this.#copy;
    const last = log.last.index;
    if ((this.#deadlines.at(-1)?.index ?? this.#acked) < last) {
      this.#deadlines.push({ index: last, at: now });
    }
    // The copies first: the disk here and theirs work at the same time.
    for (const peer of this.#peers.values()) {
      if (peer.address !== this.#copy.id.address) this.#stream(peer, now, false);
    }
    this.#effects.push(...this.#copy.flushExtended(this.epoch));
  }

  /** Sends entries that were not sent, as far as the window permits. */
  #stream(peer: Peer, now: number, evenNone: boolean): void {
    if (!peer.isStreaming || peer.fill !== undefined) return;
    const { maxBatchEntries, maxBatchBytes, maxInFlight } = this.#timing;
    if (peer.catchUp === "sent" && peer.matched >= peer.sent) this.#beginCatchUp(peer);
    let isDue = evenNone;
    while (true) {
      const inFlight = peer.sent - Math.max(peer.matched, 0);
      const free = peer.catchUp !== undefined
        ? 0
        : peer.matched < 0
        ? maxBatchEntries
        : maxInFlight - inFlight;
      const count = Math.max(0, Math.min(free, maxBatchEntries));
      if (!this.#sendEntries(peer, count, maxBatchBytes, now, isDue)) return;
      isDue = false;
    }
  }

  /** Sends the next entries; returns whether there were any. `evenNone`: also an empty message. */
  #sendEntries(
    peer: Peer,
    maxEntries: number,
    maxBytes: number,
    now: number,
    evenNone = false,
  ): boolean {
    const { log } = this.#copy;
    const previous = log.at(peer.sent);
    if (previous === undefined) {
      // It was cut off while the copy was away.
      this.#beginFill(peer, undefined);
      return false;
    }
    const entries = maxEntries === 0 ? [] : log.after(peer.sent, maxEntries, maxBytes);
    if (entries.length === 0 && !evenNone) return false;
    const { epoch, index, chain } = previous;
    // From now on an answer is due.
    if (peer.matched === peer.sent && entries.length > 0) peer.progressAt = now;
    peer.sent += entries.length;
    peer.told = this.#acked;
    this.#send(peer, {
      type: "appendLog",
      epoch: this.epoch,
      previous: { epoch, index, chain },
      entries,
      acked: this.#acked,
      trim: this.#trimIndex(),
    }, now);
    return true;
  }

  /** Up to where no copy needs entries any more. */
  #trimIndex(): number {
    let index = this.#neededAfter();
    for (const { fill, catchUp, sent } of this.#peers.values()) {
      if (fill !== undefined) index = Math.min(index, fill.confirmed.at.index);
      else if (catchUp !== undefined) index = Math.min(index, sent);
    }
    return Math.max(0, index - this.#timing.retain);
  }

  /** Entries after this index may be missing in an in-sync copy. */
  #neededAfter(): number {
    let index = this.#acked;
    for (const id of storesOf(this.#config!)) {
      if (!this.#isGone(id)) index = Math.min(index, this.#peerOf(id)?.matched ?? 0);
    }
    return index;
  }

  #onAppended(peer: Peer, through: number, now: number): void {
    if (through <= peer.matched || through > this.#copy.log.last.index) return;
    peer.matched = through;
    peer.progressAt = now;
    peer.isStreaming = true;
    if (peer.sent < through) peer.sent = through;
    this.#advance(now);
    if (peer.address !== this.#copy.id.address) this.#stream(peer, now, false);
  }

  #onGap(peer: Peer, { last, filling }: LogGapMessage, now: number): void {
    if (peer.fill !== undefined && filling !== undefined) return;
    if (filling === undefined && last.index < peer.matched) return;
    // It was answered, and the answer is on its way.
    if (peer.gap === last.index && now - peer.gapAt < this.#timing.retryInterval) return;
    peer.gap = last.index;
    peer.gapAt = now;
    this.#locate(peer, last, filling, now);
  }

  /** What a write set of the present configuration has is acknowledged. */
  #advance(now: number): void {
    const config = this.#config;
    if (config === undefined || this.#phase === "closed") return;
    if (!this.#mayAcknowledge) this.#mayAcknowledge = this.#isStored(config);
    if (this.#mayAcknowledge) {
      let best = this.#acked;
      for (const { matched } of this.#peers.values()) {
        if (matched <= best) continue;
        if (this.#isWritten(config, matched)) best = matched;
      }
      // An entry of an earlier epoch counts only with one of this epoch behind it (Raft, 5.4.2).
      const isOwn = best >= this.#startIndex || !rules.ownEpochIsAcknowledged;
      if (best > this.#acked && isOwn) {
        this.#acked = best;
        while (this.#deadlines.length > 0 && this.#deadlines[0]!.index <= best) {
          this.#deadlines.shift();
        }
        this.#effects.push(...this.#copy.acknowledge(best), ...this.#copy.trim(this.#trimIndex()));
        this.#tellAcknowledged();
      }
    }
    if (!this.#isSettled) this.#reconsider(now);
  }

  #isWritten(config: ReplicaConfig, index: number): boolean {
    return isWriteSet(config, (id) => (this.#peerOf(id)?.matched ?? -1) >= index);
  }

  #tellAcknowledged(): void {
    const isFree = this.#hasLease || !rules.acksNeedLease;
    if (!isFree || this.#acked <= this.#toldAcked && this.#phase !== "opening") return;
    if (this.#acked < this.#startIndex) return;
    if (this.#phase === "opening") {
      this.#phase = "open";
      this.#effects.push({ type: "opened", epoch: this.epoch, index: this.#startIndex });
    }
    this.#toldAcked = this.#acked;
    this.#effects.push({ type: "acknowledged", upTo: this.#acked });
  }

  #checkDeadlines(now: number): void {
    const { ackTimeout } = this.#timing;
    for (const { index, at } of this.#deadlines) {
      if (now - at < ackTimeout) break;
      if (index <= this.#unknown) continue;
      this.#unknown = index;
      this.#effects.push({ type: "unknown", upTo: index, reason: "ackTimeout" });
    }
  }

  /**
   * Names another owner when copies that count, and whose nodes are members, have confirmed nothing for long:
   * they may not hear this node, and hear each other.
   */
  #checkUnheard(now: number): void {
    const since = this.#phase === "fencing" ? this.#begunAt : this.#deadlines[0]?.at ?? now;
    // One that begins anew on a busy machine must have the time for it.
    const timeouts = this.#phase === "open" ? 2 : 4;
    if (now - since < timeouts * this.#timing.ackTimeout || !rules.unheardOwnersAreReplaced) return;
    if (this.#hasLease) {
      const address = this.#otherOwner();
      if (address !== undefined) this.#prefer(address, now);
    }
  }

  /**
   * Another member with an in-sync copy. Of members that have lost theirs none.
   *
   * Invariant: before the shard is open each of them is named for some epochs. A fixed choice may name two in
   * turns that do not hear enough others, while a third one does.
   */
  #otherOwner(): string | undefined {
    const config = this.#phase === "fencing" ? this.#copy.config : this.#config;
    const others = (config?.inSync ?? []).filter((id) =>
      id.address !== this.#copy.id.address && this.#members.includes(id.address)
    ).filter((id) => {
      const answer = this.#peers.get(id.address)?.answer;
      return answer === undefined || sameStore(answer.store, id);
    }).map(({ address }) => ({ address, matched: this.#peers.get(address)?.matched ?? -1 }));
    // It has served the shard, so the one that has the most, and hears others, probably can.
    if (this.#phase === "open") {
      const most = Math.max(...others.map(({ matched }) => matched));
      return others.find(({ matched }) => matched === most)?.address;
    }
    const turn = rules.unheardOwnersTakeTurns ? mixBits(this.epoch) >>> 0 : 0;
    return others[turn % others.length]?.address;
  }

  /** Whether an in-sync copy may be lagging. */
  #isWaitedFor(now: number): boolean {
    const last = this.#copy.log.last.index;
    for (const { matched, progressAt, answer } of this.#peers.values()) {
      if (answer === undefined || matched >= last) continue;
      if (now - progressAt >= this.#timing.lagLimit) return true;
    }
    return false;
  }

  #close(reason: "fenced" | "stopped"): void {
    if (this.#phase === "closed") return;
    this.#phase = "closed";
    this.#effects.push(...this.#copy.flushExtended(this.epoch));
    const last = this.#copy.log.last.index;
    if (last > this.#toldAcked) {
      this.#effects.push({ type: "unknown", upTo: last, reason: "closed" });
    }
    this.#effects.push({ type: "closed", reason });
  }

  // Configurations.

  #sendConfig(now: number): void {
    for (const id of storesOf(this.#config!)) {
      const peer = this.#peerOf(id);
      if (peer !== undefined) peer.hasCounted = true;
    }
    for (const peer of this.#peers.values()) {
      if (peer.answer !== undefined && this.#needsConfig(peer)) this.#sendConfigTo(peer, now);
    }
  }

  /** Copies that do not count any more have to know it, too. */
  #needsConfig({ version, answer, hasCounted }: Peer): boolean {
    const [epoch, count] = this.#config!.version;
    if (version?.[0] === epoch && version[1] >= count) return false;
    return hasCounted || this.#isServed(answer!.store) || answer!.copy.config !== undefined;
  }

  #sendConfigTo(peer: Peer, now: number): void {
    const { epoch } = this;
    this.#send(peer, { type: "storeConfig", epoch, config: this.#config! }, now);
  }

  #onConfigStored(peer: Peer, version: ReplicaVersion, now: number): void {
    const before = peer.version;
    if (before !== undefined && before[0] === version[0] && before[1] >= version[1]) return;
    peer.version = version;
    this.#advance(now);
  }

  /**
   * Whether the present configuration is stored so that nobody can open the log without knowing it: by a
   * write set, and by one of each read set of the sets before.
   */
  #isStored(config: ReplicaConfig): boolean {
    const has = (id: StoreId) => {
      const version = this.#peerOf(id)?.version;
      return version?.[0] === config.version[0] && version[1] >= config.version[1];
    };
    if (!writes(config, has)) return false;
    if (!rules.replicasChangeJointly) return true;
    return config.previous?.every((set) => blocksReads(set, (id) => this.#isGone(id), has)) ?? true;
  }

  /** The peer whose latest store this is. */
  #peerOf(id: StoreId): Peer | undefined {
    const peer = this.#peers.get(id.address);
    return peer?.answer !== undefined && sameStore(peer.answer.store, id) ? peer : undefined;
  }

  /** Whether a store will never be back: its node has another one. */
  #isGone(id: StoreId): boolean {
    return isEarlier(id, this.#peers.get(id.address)?.answer?.store) ||
      this.#gone.some((other) => sameStore(other, id));
  }

  /** Goes on with a change of the copies, begins one, or fills and releases copies. */
  #reconsider(now: number): void {
    const config = this.#config!;
    // Invariant: a set decides alone only when a write set of it has all that may be acknowledged.
    const needed = Math.max(this.#acked, this.#startIndex);
    const isStored = this.#isStored(config);
    const { inSync, minAcks, previous = [] } = config;
    const isDone = isStored && this.#isWrittenTo({ inSync, minAcks }, needed);
    if (previous.length > 0 && isDone) return this.#change({ inSync, minAcks }, now);
    const next = { inSync: this.#choose(config, needed), minAcks: this.#options.minAcks };
    const isOther = !sameStores(next.inSync, inSync) || next.minAcks !== minAcks;
    const sets = distinctSets([{ inSync, minAcks }, ...previous]);
    if (
      isOther && next.inSync.length > next.minAcks && sets.length <= maxPreviousSets &&
      this.#isWrittenTo(next, needed)
    ) {
      return this.#change({ ...next, previous: sets }, now);
    }
    let isSettled = isDone && !isOther && previous.length === 0 &&
      inSync.length === this.#wanted().length;
    for (const peer of this.#peers.values()) {
      if (!this.#settle(peer, config, isStored, now)) isSettled = false;
    }
    this.#isSettled = isSettled;
  }

  #isWrittenTo(set: ReplicaSet, index: number): boolean {
    return writes(set, (id) => (this.#peerOf(id)?.matched ?? -1) >= index);
  }

  /** The copies that should be in sync: wanted, and with all that is needed. */
  #choose({ inSync }: ReplicaConfig, needed: number): readonly StoreId[] {
    const chosen: StoreId[] = [];
    for (const address of this.#wanted()) {
      const peer = this.#peers.get(address);
      const store = peer?.answer?.store;
      const before = inSync.find((id) => id.address === address);
      if (store === undefined || peer === undefined) {
        if (before !== undefined) chosen.push(before);
        continue;
      }
      const counts = before !== undefined && sameStore(before, store);
      if (counts || (peer.fill === undefined && peer.matched >= needed)) chosen.push(store);
    }
    // A copy that has all stays until another one has taken its place, if one is to.
    const enough = Math.min(this.#options.copies, this.#wanted().length);
    for (const id of inSync) {
      if (chosen.length >= enough) break;
      const isChosen = chosen.some((other) => sameStore(other, id));
      if (!isChosen && (this.#peerOf(id)?.matched ?? -1) >= needed) chosen.push(id);
    }
    return chosen;
  }

  #change(config: Omit<ReplicaConfig, "version">, now: number): void {
    this.#config = { ...config, version: [this.epoch, ++this.#count] };
    this.#sendConfig(now);
    this.#tellStatus(now, false);
  }

  /** A copy outside: filled if it is wanted, released if not. Returns whether nothing is left to do. */
  #settle(peer: Peer, config: ReplicaConfig, isStored: boolean, now: number): boolean {
    const { answer, address } = peer;
    if (answer === undefined || isInSync(config, answer.store)) return true;
    if (this.#wanted().includes(address)) {
      if (peer.fill !== undefined) this.#fillMore(peer);
      else if (!peer.isStreaming) {
        this.#locate(peer, answer.copy.last, answer.copy.filling, now);
      }
      return false;
    }
    peer.isStreaming = false;
    peer.fill = undefined;
    peer.catchUp = undefined;
    if (peer.released || !(peer.hasCounted || answer.copy.config !== undefined)) return true;
    // Until there are enough others its content may be of use: it may be a node that restarts.
    if (!isStored || this.#phase !== "open" || config.inSync.length < this.#options.copies) {
      return false;
    }
    if (now - peer.sentAt < this.#timing.retryInterval) return false;
    this.#condemn(peer);
    const { generation } = peer;
    this.#send(peer, { type: "releaseCopy", epoch: this.epoch, generation }, now);
    return false;
  }

  // Back-fill.

  /** Continues at the point where the copy is, if the log here goes on from there. */
  #beginFill(peer: Peer, from: FillPoint | undefined): void {
    const { log, appliedIndex } = this.#copy;
    peer.isStreaming = false;
    peer.catchUp = undefined;
    // The journal has all up to there, and the copy will have what in-sync copies lack: it may be the next
    // owner. Invariant: the log of a complete copy begins before the end of each in-sync copy.
    const after = Math.max(log.base.index, Math.min(appliedIndex, this.#neededAfter()));
    const position = log.at(after);
    if (position === undefined || after > appliedIndex) return;
    // When it began, all in-sync copies had what is before its point, and they do not go back.
    const canResume = from !== undefined && from.cursor !== "" && peer.floor <= peer.generation &&
      from.at.index <= appliedIndex && log.has(from.at);
    const { epoch, index, chain } = position;
    peer.matched = -1;
    const confirmed = canResume ? from : { at: { epoch, index, chain }, cursor: "" };
    peer.fill = {
      confirmed,
      cursor: confirmed.cursor,
      underWay: 0,
      isReading: false,
      isSent: false,
    };
    this.#fillMore(peer);
  }

  /**
   * A message that drops the content of a copy is on its way, and may arrive late: nothing of this
   * generation of its content counts any more.
   */
  #condemn(peer: Peer): void {
    peer.floor = peer.generation + 1;
    peer.matched = -1;
    peer.sent = 0;
  }

  #fillMore(peer: Peer): void {
    const { fill, answer } = peer;
    if (fill === undefined || answer === undefined || !this.#mayFill(peer, answer)) return;
    if (fill.isSent || fill.isReading || fill.underWay >= this.#timing.fillWindow) return;
    fill.underWay++;
    fill.isReading = true;
    const point = { at: fill.confirmed.at, cursor: fill.cursor };
    this.#effects.push({ type: "readChunk", address: peer.address, point });
  }

  /** Its content is dropped first: it must not count, for anybody who opens the log. */
  #mayFill(peer: Peer, { store, copy }: EpochPromisedMessage): boolean {
    if (!rules.inSyncCopiesAreKept) return true;
    const config = this.#config!;
    if (isInSync(config, store)) return false;
    const hasCounted = peer.hasCounted ||
      (copy.config !== undefined && isInSync(copy.config, store));
    return !hasCounted || (config.previous === undefined && this.#isStored(config));
  }

  #onFilled(peer: Peer, { point, done, generation }: CopyFilledMessage, now: number): void {
    const { fill } = peer;
    if (generation < peer.floor) return;
    peer.generation = Math.max(peer.generation, generation);
    if (fill === undefined || fill.confirmed.at.index !== point.at.index) return;
    peer.progressAt = now;
    if (done) {
      this.#effects.push({ type: "filled", address: peer.address });
      peer.fill = undefined;
      peer.matched = point.at.index;
      peer.isStreaming = true;
      peer.sent = point.at.index;
      this.#stream(peer, now, true);
      return;
    }
    if (fill.confirmed.cursor === point.cursor) return;
    fill.confirmed = point;
    fill.underWay = Math.max(0, fill.underWay - 1);
    this.#fillMore(peer);
  }

  // Repeats.

  #retry(peer: Peer, now: number): void {
    const { answer } = peer;
    const isOwn = peer.address === this.#copy.id.address;
    if (answer === undefined || this.#phase === "fencing") return this.#askPromise(peer, now);
    if (isOwn) {
      if (this.#needsConfig(peer)) this.#sendConfigTo(peer, now);
      return;
    }
    if (this.#needsConfig(peer)) this.#sendConfigTo(peer, now);
    if (peer.fill !== undefined) {
      // The only part waits for its turn at this node: nothing can have been lost.
      const { isReading, underWay } = peer.fill;
      if (isReading && underWay === 1) return;
      if (now - peer.progressAt < 4 * this.#timing.retryInterval) return;
      // Begins again where the copy says that it is.
      peer.fill = undefined;
      peer.progressAt = now;
      return this.#askPromise(peer, now);
    }
    if (!peer.isStreaming) {
      if (this.#isServed(answer.store)) this.#askPromise(peer, now);
      return;
    }
    // Nothing is sent twice without need: the answer to an empty message tells whether anything is missing.
    const isIdle = peer.matched === this.#copy.log.last.index && peer.told === this.#acked;
    if (isIdle && now - peer.sentAt < idleRetries * this.#timing.retryInterval) return;
    this.#stream(peer, now, true);
  }

  #peer(address: string, now: number): Peer {
    let peer = this.#peers.get(address);
    if (peer === undefined) {
      peer = {
        address,
        answer: undefined,
        matched: -1,
        generation: 0,
        floor: 0,
        sent: 0,
        isStreaming: false,
        fill: undefined,
        catchUp: undefined,
        version: undefined,
        told: -1,
        gap: -1,
        gapAt: -Infinity,
        released: false,
        hasCounted: false,
        progressAt: now,
        sentAt: -Infinity,
      };
      this.#peers.set(address, peer);
    }
    return peer;
  }

  #send(peer: Peer, message: PrimaryMessage, now: number): void {
    peer.sentAt = now;
    this.#effects.push({ type: "send", to: peer.address, message });
  }

  #tellStatus(now: number, ifLagging: boolean): void {
    const status = this.status(now);
    const { phase, config, replicas, wait, lagging } = status;
    const text = JSON.stringify([phase, config, replicas, wait, lagging]);
    if (text === this.#toldStatus && !(ifLagging && lagging.length > 0)) return;
    this.#toldStatus = text;
    this.#effects.push({ type: "status", status });
  }

  #end(_now: number): PrimaryEffect[] {
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }
}

/** Whether a store is an earlier one of a node that has another one since. */
function isEarlier(id: StoreId, latest: StoreId | undefined): boolean {
  if (latest === undefined || !rules.lostStoresAreOthers) return false;
  return id.address === latest.address && id.store < latest.store;
}
