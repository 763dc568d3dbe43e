import { withDefaults } from "../../options/check_options.ts";
import { shardBufferDefaults } from "../../options/tables/sharding_tables.ts";
import type { LocatedGrant } from "./shard_grant.ts";
import { rules } from "../../runtime/rules.ts";

/** Bounds of messages that wait for the location of their shard. */
export interface ShardBufferLimits {
  /** Messages that wait for one shard. Default 1 000. */
  readonly maxBufferedPerShard: number;
  /** Messages that wait for all shards of one type together. Default 100 000. */
  readonly maxBuffered: number;
  /** Bytes, estimated, that wait for all shards of one type together. Default 8 MiB. */
  readonly maxBufferedBytes: number;
  /** Milliseconds that a message waits at most. Default 10 000. */
  readonly maxBufferedTime: number;
}

/** The defaults of {@linkcode ShardBufferLimits}. */
export const defaultShardBufferLimits: ShardBufferLimits = shardBufferDefaults;

/** Milliseconds in which old locations may still arrive; a new cluster counts from 1 again. */
const requiredTime = 10_000;
/** Milliseconds in which a grant is not used again by which a message was not delivered. */
const refutedTime = 1_000;

/** A message that waits for the location of its shard. */
export interface Buffered<T> {
  readonly item: T;
  readonly size: number;
  readonly since: number;
  /** A returned message, which precedes messages that were never sent. */
  readonly first: boolean;
  /** The client that has sent it. */
  readonly client: string | undefined;
}

/** What is known of a message that has to wait. */
export interface BufferedBy {
  /** Bytes, estimated. Default 0. */
  readonly size?: number;
  /** Whether it precedes messages that were never sent. Default false. */
  readonly first?: boolean;
  /** The client that has sent it; undefined: this node or another. */
  readonly client?: string | undefined;
  /**
   * Whether the shard is known, and messages wait for a turn of the event loop: then the number for one
   * shard bounds a client's messages only. Default false.
   */
  readonly flushing?: boolean;
}

/** The part of each bound that the messages of one client may take: the rest is for others. */
const shareOfClient = 0.5;

/** A shard has moved: the new route is used when all messages of the old one have arrived. */
export interface PendingRoute {
  readonly next: LocatedGrant;
  /** The node to which the last messages were sent. */
  readonly via: string;
  /** The incarnation of that node; 0: not known. */
  readonly viaIncarnation: number;
  readonly since: number;
}

/** The outcome of a grant: known already, a route to use at once, or one that is pending. */
export type Learned = "known" | "taken" | { readonly via: string };

/**
 * The locations of the shards of one type, as known to this node or client, and the messages that
 * wait for the location of their shard. Pure: reads no clock and sends nothing.
 */
export class ShardRoutes<T> {
  readonly numShards: number;
  readonly #grants: (LocatedGrant | undefined)[];
  readonly #pending = new Map<number, PendingRoute>();
  readonly #buffers = new Map<number, Buffered<T>[]>();
  #limits: ShardBufferLimits;
  /** Earlier grants of a shard are known to have ended. */
  readonly #least = new Map<number, { readonly epoch: number; readonly until: number }>();
  /** What the messages of each client take. */
  readonly #shares = new Map<string, { messages: number; bytes: number }>();
  /** Grants whose owner has not read a message: it has said goodbye, or cannot be dialled. */
  readonly #refuted = new Map<number, { readonly epoch: number; readonly until: number }>();
  /** Who has told of the newest grant of a shard, where that was not the coordinator. */
  readonly #toldBy = new Map<number, string>();
  /** The incarnations of the nodes that can own shards; 0: not known. */
  #present: ReadonlyMap<string, number> = new Map();
  #lastEpoch = 0;
  #buffered = 0;
  #bytes = 0;

  constructor(numShards: number, limits: Partial<ShardBufferLimits> = {}) {
    this.numShards = numShards;
    this.#grants = new Array(numShards).fill(undefined);
    this.#limits = withDefaults(shardBufferDefaults, limits);
  }

  /** Bounds what waits from now on. */
  limit(limits: Partial<ShardBufferLimits>): void {
    this.#limits = withDefaults(shardBufferDefaults, limits);
  }

  /** The newest epoch that was learned. */
  get lastEpoch(): number {
    return this.#lastEpoch;
  }

  /** The grant by which messages for the shard are sent now. */
  grantOf(shard: number): LocatedGrant | undefined {
    return this.#grants[shard];
  }

  /** The newest grant that is known; its route may be pending. */
  newest(shard: number): LocatedGrant | undefined {
    return this.#pending.get(shard)?.next ?? this.#grants[shard];
  }

  /** Whether messages for the shard go, or went until now, to a node. */
  sendsTo(shard: number, node: string): boolean {
    const pending = this.#pending.get(shard);
    return this.#grants[shard]?.owner === node || pending?.via === node ||
      pending?.next.owner === node;
  }

  /** The node that owns the shard, if it is known. */
  ownerOf(shard: number): string | undefined {
    return this.newest(shard)?.owner;
  }

  /** The epoch of the grant that is known, or 0. */
  epochOf(shard: number): number {
    return this.newest(shard)?.epoch ?? 0;
  }

  /**
   * Records a grant unless it or a newer one is known. If messages went to another node before,
   * those for the new one wait until `flushed`: they must not overtake.
   *
   * @param by the node that tells of it; undefined: the coordinator.
   */
  learn(
    shard: number,
    owner: string,
    epoch: number,
    now: number,
    incarnation = 0,
    by?: string,
  ): Learned {
    if (shard >= this.numShards || this.#hasEnded(shard, epoch, now)) return "known";
    const present = this.#present.get(owner) ?? 0;
    // A new incarnation at the address does not have the grant.
    if (incarnation !== 0 && incarnation < present) return "known";
    const grant = { owner, incarnation: incarnation || present, epoch };
    const pendingRoute = this.#pending.get(shard);
    const known = pendingRoute?.next ?? this.#grants[shard];
    if (known !== undefined && known.epoch >= epoch) {
      if (by !== undefined) return "known";
      if (known.epoch === epoch) this.#toldBy.delete(shard);
      if (!this.#isDoubted(shard)) return "known";
      this.#toldBy.delete(shard);
      // Nothing has gone that way which could be overtaken: it does not lead to the shard.
      this.#pending.delete(shard);
      this.#grants[shard] = grant;
      return "taken";
    }
    if (epoch > this.#lastEpoch) this.#lastEpoch = epoch;
    if (by === undefined) this.#toldBy.delete(shard);
    else this.#toldBy.set(shard, by);
    const before = this.#grants[shard];
    const via = pendingRoute?.via ?? before?.owner;
    if (via === undefined || via === owner || !rules.routeChangesAreFlushed) {
      this.#pending.delete(shard);
      this.#grants[shard] = grant;
      return "taken";
    }
    this.#grants[shard] = undefined;
    const { viaIncarnation, since } = pendingRoute ??
      { viaIncarnation: before!.incarnation, since: now };
    this.#pending.set(shard, { next: grant, via, viaIncarnation, since });
    return { via };
  }

  /**
   * Whether the node that has told of the newest grant is gone, and so may have made it up: the
   * coordinator, which has heard of all shards that members own, names an earlier one then.
   */
  #isDoubted(shard: number): boolean {
    const by = this.#toldBy.get(shard);
    return by !== undefined && rules.tellersAreDoubted && !this.#present.has(by);
  }

  /** Grants of the shard below `epoch` have ended: for a while none is accepted, from any sender. */
  require(shard: number, epoch: number, now: number): void {
    this.#neverBelow(shard, epoch, now);
    const known = this.newest(shard);
    if (known !== undefined && known.epoch < epoch) this.forget(shard, now);
  }

  #neverBelow(shard: number, epoch: number, now: number): void {
    const until = now + requiredTime;
    this.#least.set(shard, { epoch: Math.max(epoch, this.#least.get(shard)?.epoch ?? 0), until });
  }

  /**
   * An owner has not read a message, and perhaps nobody else knows yet: for a while the grant by which
   * it was sent is forgotten, and not used again. False: this has happened before, so waiting for
   * another owner was in vain; nothing is forgotten.
   *
   * @param epoch that the message names. It is a later one than that of the grant if a peer has sent it
   * here with a wrong epoch; the grant is what has to be avoided, or it would be found again at once.
   */
  refute(shard: number, epoch: number, now: number): boolean {
    const used = this.#pending.has(shard)
      ? epoch
      : Math.min(epoch, this.#grants[shard]?.epoch ?? this.#least.get(shard)?.epoch ?? epoch);
    const refuted = this.#refuted.get(shard);
    // What was sent together with the first message comes back together with it.
    if (refuted?.epoch === used && now >= refuted.until) return false;
    if (refuted?.epoch !== used) {
      this.#refuted.set(shard, { epoch: used, until: now + refutedTime });
    }
    if (this.#grants[shard] !== undefined) this.forget(shard, now);
    return true;
  }

  /** The cluster may be another, which counts its grants anew: all that is known counts no more. */
  reset(): void {
    this.#grants.fill(undefined);
    this.#pending.clear();
    this.#least.clear();
    this.#refuted.clear();
    this.#toldBy.clear();
    this.#present = new Map();
  }

  #hasEnded(shard: number, epoch: number, now: number): boolean {
    const refuted = this.#refuted.get(shard);
    if (refuted?.epoch === epoch && now < refuted.until) return true;
    const least = this.#least.get(shard);
    if (least === undefined) return false;
    if (now < least.until) return epoch < least.epoch;
    this.#least.delete(shard);
    return false;
  }

  /** All messages of the old route have arrived: the new one is used. False: it was not pending. */
  flushed(shard: number, epoch: number): boolean {
    const pendingRoute = this.#pending.get(shard);
    if (pendingRoute?.next.epoch !== epoch) return false;
    this.#pending.delete(shard);
    this.#grants[shard] = pendingRoute.next;
    return true;
  }

  /** Whether the new route of a shard waits for messages of the old one. */
  isRoutePending(shard: number): boolean {
    return this.#pending.has(shard);
  }

  /** Shards whose new route waits for messages of the old one. */
  pendingRoutes(): Iterable<readonly [shard: number, PendingRoute]> {
    return this.#pending;
  }

  /** Uses routes that are pending since before `before`; answers their shards. */
  takeStalled(before: number): number[] {
    const stalled: number[] = [];
    for (const [shard, { next, since }] of this.#pending) {
      if (since > before) continue;
      this.flushed(shard, next.epoch);
      stalled.push(shard);
    }
    return stalled;
  }

  /** Forgets where a shard is; for a while no earlier grant is accepted. */
  forget(shard: number, now: number): void {
    const known = this.newest(shard);
    if (known === undefined) return;
    this.#neverBelow(shard, known.epoch, now);
    this.#grants[shard] = undefined;
    this.#pending.delete(shard);
  }

  /**
   * Forgets all shards of nodes that are not in `present`, or there with a later incarnation. A route
   * that waits for messages through a node that is not there is used at once; returns its shards.
   *
   * @param present the incarnations of the nodes that can own shards; 0: not known.
   */
  retainOwners(present: ReadonlyMap<string, number>, now: number): number[] {
    this.#present = present;
    const grants = this.#grants;
    for (let shard = 0; shard < grants.length; shard++) {
      const grant = grants[shard];
      if (grant !== undefined && !owns(present, grant)) this.forget(shard, now);
    }
    const usable: number[] = [];
    for (const [shard, { next, via, viaIncarnation }] of this.#pending) {
      const old = { owner: via, incarnation: viaIncarnation };
      if (!owns(present, next)) this.forget(shard, now);
      else if (!owns(present, old) && this.flushed(shard, next.epoch)) usable.push(shard);
    }
    return usable;
  }

  /**
   * Keeps a message until its shard is found.
   *
   * @returns whether the location must be requested (`"locate"`), was requested (`"wait"`), or the
   * buffer is full (`"full"`) and the message was not kept.
   */
  buffer(
    shard: number,
    item: T,
    now: number,
    { size = 0, first = false, client, flushing = false }: BufferedBy = {},
  ): "locate" | "wait" | "full" {
    const { maxBuffered, maxBufferedBytes, maxBufferedPerShard } = this.#limits;
    if (this.#buffered >= maxBuffered || this.#bytes + size > maxBufferedBytes) return "full";
    const waiting = this.#buffers.get(shard);
    const bounded = !flushing || client !== undefined;
    if (bounded && waiting !== undefined && waiting.length >= maxBufferedPerShard) return "full";
    if (client !== undefined && !this.#hasShare(client, size, waiting)) return "full";
    this.#buffered++;
    this.#bytes += size;
    const kept = { item, size, since: now, first, client };
    if (waiting === undefined) this.#buffers.set(shard, [kept]);
    else if (!first) waiting.push(kept);
    else {
      const behind = waiting.findIndex((other) => !other.first);
      waiting.splice(behind < 0 ? waiting.length : behind, 0, kept);
    }
    return waiting !== undefined || this.#pending.has(shard) ? "wait" : "locate";
  }

  /** Whether messages wait for the shard; a newer one must not overtake them. */
  isBuffering(shard: number): boolean {
    return this.#buffers.size > 0 && this.#buffers.has(shard);
  }

  /** How many messages wait. */
  get buffered(): number {
    return this.#buffered;
  }

  /** Takes out the messages that wait for the shard, oldest first. */
  takeBuffered(shard: number): readonly T[] {
    const waiting = this.#buffers.get(shard);
    if (waiting === undefined) return [];
    this.#buffers.delete(shard);
    this.#release(waiting);
    return waiting.map(({ item }) => item);
  }

  /** Takes out the first message that waits for the shard. */
  takeFirst(shard: number): Buffered<T> | undefined {
    const waiting = this.#buffers.get(shard);
    const first = waiting?.shift();
    if (first === undefined) return undefined;
    if (waiting!.length === 0) this.#buffers.delete(shard);
    this.#release([first]);
    return first;
  }

  /** Puts back what was taken out as the first, whatever the bounds are. */
  putBack(shard: number, kept: Buffered<T>): void {
    const waiting = this.#buffers.get(shard);
    if (waiting === undefined) this.#buffers.set(shard, [kept]);
    else waiting.unshift(kept);
    const { client, size } = kept;
    this.#buffered++;
    this.#bytes += size;
    if (client === undefined) return;
    const { messages, bytes } = this.#shares.get(client) ?? { messages: 0, bytes: 0 };
    this.#shares.set(client, { messages: messages + 1, bytes: bytes + size });
  }

  /** Takes out the messages for which `isMeant` returns true, of all shards. */
  takeWhere(isMeant: (item: T) => boolean): readonly T[] {
    const taken: Buffered<T>[] = [];
    for (const [shard, waiting] of this.#buffers) {
      if (!waiting.some(({ item }) => isMeant(item))) continue;
      const rest = waiting.filter((kept) => {
        const isTaken = isMeant(kept.item);
        if (isTaken) taken.push(kept);
        return !isTaken;
      });
      if (rest.length === 0) this.#buffers.delete(shard);
      else this.#buffers.set(shard, rest);
    }
    this.#release(taken);
    return taken.map(({ item }) => item);
  }

  /** Takes out messages that have waited too long, of all shards. */
  takeExpired(now: number): readonly T[] {
    const expired: T[] = [];
    for (const [shard, waiting] of this.#buffers) {
      let count = 0;
      while (
        count < waiting.length && now - waiting[count]!.since >= this.#limits.maxBufferedTime
      ) {
        expired.push(waiting[count++]!.item);
      }
      if (count === 0) continue;
      this.#release(waiting.splice(0, count));
      if (waiting.length === 0) this.#buffers.delete(shard);
    }
    return expired;
  }

  /** Shards that messages wait for, and whose location is not known. */
  wanted(): number[] {
    return [...this.#buffers.keys()].filter((shard) => !this.#pending.has(shard));
  }

  /** All shards that messages wait for. */
  waiting(): number[] {
    return [...this.#buffers.keys()];
  }

  /** Whether the client may keep one more message here; if so, counts it. */
  #hasShare(client: string, size: number, inShard: readonly Buffered<T>[] = []): boolean {
    const { maxBuffered, maxBufferedBytes, maxBufferedPerShard } = this.#limits;
    const share = this.#shares.get(client) ?? { messages: 0, bytes: 0 };
    if (share.messages + 1 > Math.ceil(maxBuffered * shareOfClient)) return false;
    if (share.bytes + size > maxBufferedBytes * shareOfClient) return false;
    const mostInShard = Math.ceil(maxBufferedPerShard * shareOfClient);
    // Counted only when it can matter.
    if (inShard.length >= mostInShard) {
      const own = inShard.filter((kept) => kept.client === client).length;
      if (own >= mostInShard) return false;
    }
    share.messages++;
    share.bytes += size;
    this.#shares.set(client, share);
    return true;
  }

  #release(messages: readonly Buffered<T>[]): void {
    this.#buffered -= messages.length;
    for (const { size, client } of messages) {
      this.#bytes -= size;
      const share = client === undefined ? undefined : this.#shares.get(client);
      if (share === undefined) continue;
      share.bytes -= size;
      if (--share.messages === 0) this.#shares.delete(client!);
    }
  }
}

/** Whether the incarnation that has the grant may be present. */
function owns(
  present: ReadonlyMap<string, number>,
  { owner, incarnation }: Pick<LocatedGrant, "owner" | "incarnation">,
): boolean {
  const now = present.get(owner);
  if (now === undefined || !rules.grantsEndWithIncarnations) return now !== undefined;
  return now === 0 || incarnation === 0 || incarnation >= now;
}
