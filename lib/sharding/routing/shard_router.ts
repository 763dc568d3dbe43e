import { maxEntityId } from "../../options/tables/sharding_tables.ts";
import { estimateSize } from "../../actor/cell/message_size.ts";
import type { DeadLetterReason } from "../../actor/services/dead_letter.ts";
import { isSent, limitOfKept, messageOf, sentMessage } from "../../actor/ref/sent_message.ts";
import { rules } from "../../runtime/rules.ts";
import type { TraceContext } from "../../runtime/trace_context.ts";
import type { LocatedGrant } from "./shard_grant.ts";
import {
  clientShardsPath,
  type EntityDelivery,
  type FlushMarker,
  isEntityId,
  otherNumberText,
  parseEntityDelivery,
  parseFlushMarker,
  type RefusedMessage,
  regionPath,
  type ReturnedMessage,
  shardingPath,
} from "./protocol.ts";
import { FlushTurns } from "./flush_turns.ts";
import type { LocalRegion } from "./local_region.ts";
import { type Buffered, type ShardBufferLimits, ShardRoutes } from "./shard_routes.ts";
import { shardOf } from "./shard_hash.ts";
import type { ShardingPort } from "./sharding_port.ts";
import { unknownTypeText } from "./type_title.ts";

/** Milliseconds that a new route waits for the messages of the old one. */
const pendingRouteTimeout = 5_000;

/**
 * Milliseconds for which a type may be unknown to the cluster before messages for it are given up:
 * nodes that have just started spawn their types a little later.
 */
const unknownTypeGrace = 1_000;

/** A message for an entity, or a flush marker, which has no entity. */
interface RoutedMessage {
  readonly entityId: string | undefined;
  readonly message: unknown;
  /** Epoch of the grant that the sender used; 0 if this node or client is the sender. */
  readonly epoch: number;
  /** The node or client that has sent it here; undefined: this node or client itself. */
  readonly from?: string | undefined;
  /** Where the message belongs to; set while it waits. */
  readonly trace?: TraceContext;
}

/** Parameters of a {@linkcode ShardRouter}. */
export interface ShardRouterOptions {
  readonly shardType: string;
  readonly numShards: number;
  /** Undefined on clients and on nodes that own no shards of the type. */
  readonly region?: LocalRegion;
  readonly port: ShardingPort;
  /** Requests the location of a shard; the answer goes to `learn`. */
  readonly locate: (shard: number) => void;
  readonly limits?: Partial<ShardBufferLimits>;
  /**
   * Whether a node cannot be reached: messages that are on their way through it are not waited for.
   * Default: none is.
   */
  readonly isLost?: (address: string) => boolean;
}

/**
 * Sends messages for entities of one type to the shard owner, on a node (with a region) or a client
 * (without). Runs in the sender's call: no actor stands between sender and entity.
 *
 * When a shard moves, the old owner forwards the messages that this node has sent to it. Newer messages
 * wait until a flush marker, sent behind the older ones, has arrived at the new owner: so they stay in
 * order.
 */
export class ShardRouter {
  readonly shardType: string;
  #region: LocalRegion | undefined;
  readonly #port: ShardingPort;
  readonly #routes: ShardRoutes<RoutedMessage>;
  readonly #path: string;
  readonly #locate: (shard: number) => void;
  readonly #isLost: (address: string) => boolean;
  /** Looks why no entity can answer; set where that is known. */
  explain: (() => string | undefined) | undefined;
  readonly #turns = new FlushTurns();
  /** What is handed over now, after it has waited. */
  #handedOver: { readonly shard: number; readonly kept: Buffered<RoutedMessage> } | undefined;
  #turnComes = false;
  /** Nothing waits here any more. */
  #closed = false;
  /** Since when the cluster does not know the type; undefined: it may know it. */
  #unknownSince: number | undefined;

  constructor(options: ShardRouterOptions) {
    this.shardType = options.shardType;
    this.#region = options.region;
    this.#port = options.port;
    this.#locate = options.locate;
    this.#isLost = options.isLost ?? (() => false);
    this.#path = regionPath(options.shardType);
    this.#routes = new ShardRoutes(options.numShards, options.limits);
  }

  /** See {@linkcode EntityRoutes}. */
  get obstacle(): string | undefined {
    return this.explain?.();
  }

  /** This node runs the type from now on, or knows that it exists: what it has learned stays. */
  adopt(region: LocalRegion | undefined, limits: Partial<ShardBufferLimits> = {}): void {
    this.#region ??= region;
    this.#routes.limit(limits);
  }

  /** How many shards the type has. */
  get numShards(): number {
    return this.#routes.numShards;
  }

  /** The newest epoch that was learned. */
  get lastEpoch(): number {
    return this.#routes.lastEpoch;
  }

  /** How many messages wait for their shards. */
  get buffered(): number {
    return this.#routes.buffered;
  }

  /** The node that owns the shard, if it is known. */
  ownerOf(shard: number): string | undefined {
    return this.#routes.ownerOf(shard);
  }

  /** The newest grant of the shard that is known. */
  grantOf(shard: number): LocatedGrant | undefined {
    return this.#routes.newest(shard);
  }

  /** The epoch of the grant that is known, or 0. */
  epochOf(shard: number): number {
    return this.#routes.epochOf(shard);
  }

  /** What was sent to the entities is no envelope. */
  refuseMessage(message: unknown): void {
    const why = "it is not in a shard envelope; send shardEnvelope(entityId, message)";
    this.#port.deadLetter("invalidMessage", this.#path, message, why);
  }

  /** Sends a message to an entity. */
  route(entityId: string, message: unknown): void {
    if (!isEntityId(entityId)) {
      return this.#port.deadLetter("badEntityId", `${this.#path}/?`, message, notAnId(entityId));
    }
    const shard = shardOf(entityId, this.#routes.numShards);
    const grant = this.#usableGrant(shard);
    if (isSent(message) && message.sender !== undefined) {
      // Another node would take a client's message for one of this node: the client sends it again.
      const routed = { entityId, message, epoch: 0, from: message.sender.address };
      const waits = grant === undefined || this.#closed;
      return waits ? this.#buffer(shard, routed) : this.#forward(shard, routed, grant);
    }
    if (grant === undefined || this.#closed) {
      return this.#buffer(shard, { entityId, message, epoch: 0 });
    }
    if (grant.owner !== this.#port.self) {
      return this.#sendTo(grant.owner, entityId, message, grant.epoch);
    }
    if (this.#region?.deliver(shard, entityId, message)) return;
    this.#await(shard, { entityId, message, epoch: 0 });
  }

  /**
   * Sends a message on for whose entity a shard is handed off. `first`: it was accepted here before
   * the messages that wait for the shard.
   */
  reroute(entityId: string, message: unknown, first: boolean): void {
    const shard = shardOf(entityId, this.#routes.numShards);
    const grant = first ? this.#routes.grantOf(shard) : this.#usableGrant(shard);
    const from = isSent(message) ? message.sender?.address : undefined;
    const routed = { entityId, message, epoch: 0, from };
    if (grant === undefined || this.#closed) return this.#buffer(shard, routed, { first });
    this.#forward(shard, routed, grant);
  }

  /**
   * Takes a message of another node or client, whose sender used the grant of this `epoch`. If this
   * node does not own the shard, it forwards the message, to owners of later grants only. Messages
   * of clients are returned to the client, which sends them again.
   *
   * @param from the node or client that sent the message.
   *
   * @returns the grant that the sending node should learn, if there is one.
   */
  receive(
    entityId: string,
    message: unknown,
    epoch: number,
    from: string,
  ): LocatedGrant | undefined {
    const shard = shardOf(entityId, this.#routes.numShards);
    const routed = { entityId, message, epoch, from };
    if (this.#isFlushing(shard)) return void this.#buffer(shard, routed);
    if (!this.#closed && this.#region?.deliver(shard, entityId, message)) return undefined;
    if (this.#closed) return void this.#handBack(shard, routed);
    const grant = this.#routes.grantOf(shard);
    if (grant === undefined || grant.owner === this.#port.self || grant.epoch <= epoch) {
      // The sender already used this grant, or a newer one, so it is outdated. A client may claim any
      // epoch: others keep their route.
      const isProved = !isClient(from) || grant?.owner === this.#port.self;
      if (grant !== undefined && isProved) this.#forget(shard);
      if (this.#isForEarlier(shard, epoch)) this.#handBack(shard, routed);
      else this.#buffer(shard, routed);
      return undefined;
    }
    this.#forward(shard, routed, grant);
    return isClient(from) ? undefined : grant;
  }

  /** Whether a grant was one of an earlier incarnation of this node, so that nothing moves here. */
  #isForEarlier(shard: number, epoch: number): boolean {
    return epoch > 0 && !(this.#region?.hasHeld(shard, epoch) ?? false);
  }

  /** Whether a message for the entity would start it at this node. */
  wouldStart(entityId: string): boolean {
    return this.#region?.wouldStart(shardOf(entityId, this.#routes.numShards), entityId) ?? false;
  }

  /** A flush marker has arrived, behind all messages of its sender. */
  receiveMarker(marker: FlushMarker): void {
    const [shard, epoch, , , by] = marker;
    if (shard >= this.numShards) return;
    const grant = this.#routes.grantOf(shard);
    if (this.#isFlushing(shard)) {
      this.#buffer(shard, { entityId: undefined, message: marker, epoch: by });
    } else if (
      this.#closed || (this.#region !== undefined && this.#region.epochOf(shard) >= epoch)
    ) {
      this.#confirmFlushed(marker);
    } else if (grant !== undefined && grant.owner !== this.#port.self && grant.epoch > by) {
      this.#forward(shard, { entityId: undefined, message: marker, epoch: by }, grant);
    } else this.#buffer(shard, { entityId: undefined, message: marker, epoch: by });
  }

  /**
   * A shard is at `owner`: messages that wait for it go there, in order.
   *
   * @param incarnation of the owner; 0: not known.
   * @param by the node that tells of it; undefined: the coordinator.
   */
  learn(shard: number, owner: string, epoch: number, incarnation = 0, by?: string): void {
    if (owner !== this.#port.self) this.#region?.fence(shard, epoch);
    this.#unknownSince = undefined;
    const learned = this.#routes.learn(shard, owner, epoch, this.#port.now(), incarnation, by);
    if (learned === "known") return;
    if (learned === "taken") return this.#flush(shard);
    const { via } = learned;
    if (via === this.#port.self) this.drained(shard, epoch);
    else if (this.#isLost(via)) this.#leave(via, shard, epoch);
    else this.#sendMarker(via, shard, owner, epoch);
  }

  /** All messages of the old route have arrived at the owner of this grant. */
  drained(shard: number, epoch: number): void {
    if (this.#routes.flushed(shard, epoch)) this.#flush(shard);
  }

  /** Messages through a lost node are not waited for. */
  #leave(owner: string, shard: number, epoch: number): void {
    this.drained(shard, epoch);
    if (rules.replacedOwnersFailAsks) this.#port.ownerReplaced?.(owner, this.shardType, shard);
  }

  /** Whether the new route of a shard waits for messages of the old one. */
  isRoutePending(shard: number): boolean {
    return this.#routes.isRoutePending(shard);
  }

  /**
   * A message that was sent from here arrived at a node that does not own the shard, and is sent
   * again, by a grant of this `epoch` or a later one; without an epoch, by any.
   */
  returned(shard: number, entityId: string, message: unknown, required: number | undefined): void {
    const epoch = required ?? 0;
    if (rules.endedGrantsStayEnded && required !== undefined) {
      this.#routes.require(shard, epoch, this.#port.now());
    }
    const routed = { entityId, message, epoch };
    const grant = this.#routes.grantOf(shard);
    if (grant !== undefined && grant.epoch >= epoch) return this.#forward(shard, routed, grant);
    // The new owner is not usable yet; the old one would return the message again.
    if (grant !== undefined) this.#forget(shard);
    this.#buffer(shard, routed, { first: true });
  }

  /**
   * What was sent from here to a node was certainly not read there: it is sent again, before newer
   * messages, and not by the same grant for a while.
   *
   * @returns false: it is lost, because no other owner was found in that while.
   */
  undelivered(to: string, value: unknown, deadline?: number): boolean {
    const marker = parseFlushMarker(value);
    if (marker !== undefined) {
      this.#undeliveredMarker(to, marker);
      return true;
    }
    const delivery = parseEntityDelivery(value);
    if (delivery === undefined || this.#closed || !rules.unreadIsSentAgain) return false;
    const [entityId, sent, epoch] = delivery;
    const shard = shardOf(entityId, this.numShards);
    const message = sentMessage(sent, undefined, deadline);
    const routed = { entityId, message, epoch };
    const grant = this.#routes.grantOf(shard);
    if (grant !== undefined && (grant.owner !== to || grant.epoch > epoch)) {
      this.#forward(shard, routed, grant);
      return true;
    }
    if (!this.#routes.refute(shard, epoch, this.#port.now())) return false;
    this.#buffer(shard, routed, { first: true });
    return true;
  }

  /**
   * All that was sent before it has come back, or has arrived. As a message, it does not go to the same
   * owner again for a while: a node that is not reached is known at once, so without that the marker
   * would come back, and go out, without end.
   */
  #undeliveredMarker(to: string, marker: FlushMarker): void {
    const [shard, epoch, , origin, by] = marker;
    if (origin === "") return this.drained(shard, epoch);
    if (this.#closed) return this.#confirmFlushed(marker);
    const routed = { entityId: undefined, message: marker, epoch: by };
    const grant = this.#routes.grantOf(shard);
    if (grant !== undefined && (grant.owner !== to || grant.epoch > by)) {
      // Behind the messages before it, which may wait for a turn.
      if (this.#routes.isBuffering(shard)) return this.#buffer(shard, routed, { first: true });
      return this.#forward(shard, routed, grant);
    }
    // The messages before it were given up in the same way.
    if (!this.#routes.refute(shard, by, this.#port.now())) return this.#confirmFlushed(marker);
    this.#buffer(shard, routed, { first: true });
  }

  /** A node has no region of the type: what was sent there by a grant of this `epoch` is kept. */
  noRegion(entityId: string, message: unknown, epoch: number | undefined): void {
    const required = epoch === undefined ? undefined : epoch + 1;
    this.returned(shardOf(entityId, this.numShards), entityId, message, required);
  }

  /** Whether messages for a shard go, or went until now, to a node. */
  sendsTo(shard: number, node: string): boolean {
    return this.#routes.sendsTo(shard, node);
  }

  /** This node hands the shard off: messages for it wait until its next owner is known. */
  hold(shard: number): void {
    this.#forget(shard);
  }

  /** Only these nodes, of these incarnations (0: not known), can still own shards. */
  retainOwners(present: ReadonlyMap<string, number>): void {
    for (const shard of this.#routes.retainOwners(present, this.#port.now())) this.#flush(shard);
  }

  /** The cluster may be another, which counts its grants anew. */
  reset(): void {
    this.#routes.reset();
  }

  /** Uses the new routes that wait for messages through nodes which are lost. */
  leaveLost(): void {
    for (const [shard, { via, next }] of [...this.#routes.pendingRoutes()]) {
      if (this.#isLost(via)) this.#leave(via, shard, next.epoch);
    }
  }

  /** Requests missing locations again, and gives up messages that have waited too long. */
  tick(): void {
    const now = this.#port.now();
    for (const shard of this.#routes.takeStalled(now - pendingRouteTimeout)) this.#flush(shard);
    this.leaveLost();
    for (const [shard, { via, next }] of [...this.#routes.pendingRoutes()]) {
      this.#sendMarker(via, shard, next.owner, next.epoch);
    }
    // One look at the clock for all.
    const clock = { now: () => now };
    const isLate = ({ message }: RoutedMessage) => isSent(message) && message.hasExpired(clock);
    for (const routed of this.#routes.takeWhere(isLate)) this.#lose("expired", routed);
    for (const routed of this.#routes.takeExpired(now)) this.#lose("noShardOwner", routed);
    for (const shard of this.#routes.wanted()) this.#locate(shard);
  }

  /** The cluster rejects the type as it is used here: gives up all messages that wait. */
  refuse({ actual, reason }: Pick<RefusedMessage, "actual" | "reason">): void {
    if (actual === undefined) return this.#giveUp("noShardOwner", reason);
    this.#giveUp("wrongShardCount", otherNumberText(this.shardType, this.numShards, actual));
  }

  /** No member runs entities of the type; if that stays so, gives up all messages that wait. */
  unknownType(known: readonly string[]): void {
    const now = this.#port.now();
    this.#unknownSince ??= now;
    if (now - this.#unknownSince < unknownTypeGrace) return;
    this.#giveUp("unknownType", unknownTypeText(this.shardType, known));
  }

  #giveUp(reason: "noShardOwner" | "wrongShardCount" | "unknownType", details: string): void {
    for (const shard of this.#routes.waiting()) {
      for (const routed of this.#routes.takeBuffered(shard)) this.#lose(reason, routed, details);
    }
  }

  /**
   * This node or client closes: what waits, and what arrives from now on, goes on to the owner, or
   * back to its sender, which sends it again.
   */
  close(): void {
    this.#closed = true;
    for (const shard of this.#routes.waiting()) {
      for (const routed of this.#routes.takeBuffered(shard)) this.#handBack(shard, routed);
    }
  }

  /** Nothing can wait here: passes a message on to the owner, or back to its sender. */
  #handBack(shard: number, routed: RoutedMessage): void {
    const { entityId, message, epoch, from } = routed;
    // Behind the messages of its sender, which have been handed back.
    if (entityId === undefined) return this.#confirmFlushed(message as FlushMarker);
    const grant = this.#routes.newest(shard);
    const isElsewhere = grant !== undefined && grant.owner !== this.#port.self &&
      grant.epoch > epoch;
    if (isElsewhere) return this.#forward(shard, routed, grant);
    if (from === undefined) return this.#lose("noShardOwner", routed);
    // Above the grant by which it was sent, so that the sender does not use that one again.
    this.#return(shard, routed, from, { owner: "", incarnation: 0, epoch: epoch + 1 });
  }

  #return(
    shard: number,
    { entityId, message: kept }: RoutedMessage,
    to: string,
    { owner, incarnation, epoch }: LocatedGrant,
  ): void {
    const message = messageOf(kept);
    const about = { shardType: this.shardType, shard, epoch, owner, incarnation };
    const returned: ReturnedMessage = { type: "returned", ...about, entityId: entityId!, message };
    const path = isClient(to) ? clientShardsPath : shardingPath;
    this.#port.send(to, path, returned, limitOfKept(kept, this.#port));
  }

  /** Sends a message to the owner of its shard. */
  #sendTo(owner: string, entityId: string, kept: unknown, epoch: number): void {
    const delivery: EntityDelivery = [entityId, messageOf(kept), epoch];
    this.#port.send(owner, this.#path, delivery, limitOfKept(kept, this.#port));
  }

  #hasExpired(kept: unknown): boolean {
    return isSent(kept) && kept.hasExpired(this.#port);
  }

  #forget(shard: number): void {
    this.#routes.forget(shard, this.#port.now());
  }

  /** The grant by which a new message for the shard goes out; it does not overtake those that wait. */
  #usableGrant(shard: number): LocatedGrant | undefined {
    return this.#isFlushing(shard) ? undefined : this.#routes.grantOf(shard);
  }

  /** Whether messages wait for a turn, and new ones behind them. */
  #isFlushing(shard: number): boolean {
    return this.#turns.has(shard) && !this.#closed;
  }

  /** The shard has been found: what waits for it goes out, now or in turns. */
  #flush(shard: number): void {
    if (!this.#routes.isBuffering(shard)) return;
    this.#turns.add(shard);
    this.#takeTurn();
  }

  #takeTurn(): void {
    const turns = this.#turns;
    for (let shard = turns.next; shard !== undefined && turns.isOpen; shard = turns.next) {
      this.#flushInTurn(shard);
    }
    if (this.#turnComes || turns.isRested) return;
    this.#turnComes = true;
    this.#port.yield!(() => {
      this.#turnComes = false;
      turns.begin();
      this.#takeTurn();
    });
  }

  /** Hands over what waits for the shard, as much as belongs to this turn, or `all` of it. */
  #flushInTurn(shard: number, all = false): void {
    const turns = this.#turns;
    const isDivided = this.#port.yield !== undefined && rules.waitingGoOutInTurns;
    while (all || turns.isOpen) {
      const grant = this.#routes.grantOf(shard);
      const kept = grant === undefined ? undefined : this.#routes.takeFirst(shard);
      if (kept === undefined) return turns.remove(shard);
      if (isDivided) turns.spend(kept.size);
      const outer = this.#handedOver;
      this.#handedOver = { shard, kept };
      try {
        this.#within(kept.item, () => this.#handOver(shard, kept.item, grant!));
      } finally {
        this.#handedOver = outer;
      }
    }
    if (!this.#routes.isBuffering(shard)) turns.remove(shard);
  }

  /** Goes on in the trace of a message that has waited. */
  #within({ trace }: RoutedMessage, task: () => void): void {
    const { traces } = this.#port;
    if (traces === undefined) task();
    else traces.with(trace, task);
  }

  /** A message that has waited; the entity that gets it has to answer its ask. */
  #handOver(shard: number, routed: RoutedMessage, grant: LocatedGrant): void {
    if (grant.owner !== this.#port.self) return this.#forward(shard, routed, grant);
    this.#port.bringAsk?.(messageOf(routed.message));
    this.#forward(shard, routed, grant);
    this.#port.bringAsk?.(undefined);
  }

  #forward(shard: number, routed: RoutedMessage, grant: LocatedGrant): void {
    const { entityId, message } = routed;
    if (entityId === undefined) {
      const [, epoch, owner, origin] = message as FlushMarker;
      // Messages of a client were returned to it, so none is under way.
      if (grant.owner === this.#port.self || isClient(origin)) {
        return this.#confirmFlushed(message as FlushMarker);
      }
      const by = Math.max(routed.epoch, grant.epoch);
      const marker: FlushMarker = [shard, epoch, owner, origin, by];
      return this.#port.send(grant.owner, this.#path, marker);
    }
    if (this.#hasExpired(message)) return this.#lose("expired", routed);
    if (grant.owner !== this.#port.self) {
      const epoch = Math.max(routed.epoch, grant.epoch);
      const { from } = routed;
      if (from !== undefined && isClient(from)) return this.#return(shard, routed, from, grant);
      return this.#sendTo(grant.owner, entityId, message, epoch);
    }
    if (this.#region?.deliver(shard, entityId, message)) return;
    this.#await(shard, routed);
  }

  /**
   * The shard should be here, and is not (any more): the coordinator does not know yet. A request at
   * once would get the same answer; the next tick requests the location.
   */
  #await(shard: number, routed: RoutedMessage): void {
    this.#forget(shard);
    const handed = this.#handedOver;
    // It was the first that has waited, and stays that.
    if (handed?.kept.item === routed) this.#routes.putBack(shard, handed.kept);
    else this.#buffer(shard, routed, { locateLater: true });
  }

  #sendMarker(via: string, shard: number, owner: string, epoch: number): void {
    const marker: FlushMarker = [shard, epoch, owner, "", 0];
    this.#port.send(via, this.#path, marker);
  }

  #confirmFlushed([shard, epoch, , origin]: FlushMarker): void {
    const path = isClient(origin) ? clientShardsPath : shardingPath;
    this.#port.send(origin, path, { type: "drained", shardType: this.shardType, shard, epoch });
  }

  #buffer(shard: number, routed: RoutedMessage, { first = false, locateLater = false } = {}): void {
    if (this.#closed) return this.#handBack(shard, routed);
    const size = estimateSize(routed.message);
    const { from } = routed;
    const client = from !== undefined && isClient(from) ? from : undefined;
    const trace = routed.trace ?? this.#port.traces?.active();
    const kept = trace === undefined ? routed : { ...routed, trace };
    const flushing = this.#isFlushing(shard);
    const about = { size, first, client, flushing };
    const outcome = this.#routes.buffer(shard, kept, this.#port.now(), about);
    if (outcome === "full") {
      if (flushing && from === undefined) return this.#overflow(shard, kept);
      this.#lose("bufferFull", routed);
    }
    if (outcome === "locate" && !locateLater) this.#locate(shard);
  }

  /** The shard is known: more messages of this system than can wait for a turn take one now. */
  #overflow(shard: number, routed: RoutedMessage): void {
    this.#flushInTurn(shard, true);
    const grant = this.#usableGrant(shard);
    if (grant === undefined) this.#lose("bufferFull", routed);
    else this.#forward(shard, routed, grant);
  }

  #lose(reason: DeadLetterReason, { entityId, message }: RoutedMessage, details?: string): void {
    if (entityId === undefined) return;
    this.#port.deadLetter(reason, `${this.#path}/${entityId}`, message, details);
  }
}

/** Why a value is no id of an entity. */
function notAnId(value: unknown): string {
  const rule = `an entity id is a text of 1 to ${maxEntityId} UTF-16 code units`;
  if (typeof value !== "string") return `${rule}, not ${value === null ? "null" : typeof value}`;
  if (value.length > maxEntityId) return `${rule}; this one has ${value.length}`;
  return value === ""
    ? `${rule}; this one is empty`
    : `${rule}; this one has half a surrogate pair`;
}

function isClient(address: string): boolean {
  return address.startsWith("client:");
}
