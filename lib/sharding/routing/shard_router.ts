import { estimateSize } from "../../actor/cell/message_size.ts";
import type { ShardGrant } from "./shard_grant.ts";
import {
  clientShardsPath,
  type FlushMarker,
  isEntityId,
  regionPath,
  type ReturnedMessage,
  shardingPath,
} from "./protocol.ts";
import type { LocalRegion } from "./local_region.ts";
import { type ShardBufferLimits, ShardRoutes } from "./shard_routes.ts";
import { shardOf } from "./shard_hash.ts";
import type { ShardingPort } from "./sharding_port.ts";

/** Milliseconds that new messages wait for those that went another way. */
const detourPatience = 5_000;

/** A message for an entity; or a mark, which has no entity. */
interface Parcel {
  readonly entityId: string | undefined;
  readonly message: unknown;
  /** Of the grant by which it came; 0 if it begins here. */
  readonly epoch: number;
  /** The client that has sent it. */
  readonly client?: string | undefined;
}

/** How a router is made. */
export interface ShardRouterOptions {
  readonly shardType: string;
  readonly numShards: number;
  /** None on clients and on nodes that own no shards of the type. */
  readonly region?: LocalRegion;
  readonly port: ShardingPort;
  /** Requests the location of a shard; the answer goes to `learn`. */
  readonly locate: (shard: number) => void;
  readonly limits?: Partial<ShardBufferLimits>;
}

/**
 * Sends messages for entities of one type to where their shard is, on a node (with a region) or a
 * client (without). Runs in the sender's call: no actor stands between sender and entity.
 *
 * When a shard moves, what this node has sent to the old owner is passed on by that one. Newer
 * messages wait until a mark that was sent behind the older ones has come out at the new owner: so
 * they stay in order.
 */
export class ShardRouter {
  readonly shardType: string;
  readonly #region: LocalRegion | undefined;
  readonly #port: ShardingPort;
  readonly #routes: ShardRoutes<Parcel>;
  readonly #path: string;
  readonly #locate: (shard: number) => void;

  /** Knows no owners yet. */
  constructor(options: ShardRouterOptions) {
    this.shardType = options.shardType;
    this.#region = options.region;
    this.#port = options.port;
    this.#locate = options.locate;
    this.#path = regionPath(options.shardType);
    this.#routes = new ShardRoutes(options.numShards, options.limits);
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

  /** The epoch of the grant that is known, or 0. */
  epochOf(shard: number): number {
    return this.#routes.epochOf(shard);
  }

  /** Sends a message to an entity. */
  route(entityId: string, message: unknown): void {
    if (!isEntityId(entityId)) {
      return this.#port.deadLetter("noSuchActor", `${this.#path}/?`, message);
    }
    const shard = shardOf(entityId, this.#routes.numShards);
    const grant = this.#routes.grantOf(shard);
    if (grant === undefined) return this.#buffer(shard, { entityId, message, epoch: 0 });
    if (grant.owner !== this.#port.self) {
      return this.#port.send(grant.owner, this.#path, [entityId, message, grant.epoch]);
    }
    if (this.#region?.deliver(shard, entityId, message)) return;
    this.#await(shard, { entityId, message, epoch: 0 });
  }

  /**
   * A message has come from elsewhere, sent by a grant of this `epoch`. If the shard is not here it is
   * passed on, to owners of later grants only.
   *
   * @returns the grant that the sender should know of, if there is one.
   */
  receive(
    entityId: string,
    message: unknown,
    epoch: number,
    client?: string,
  ): ShardGrant | undefined {
    const shard = shardOf(entityId, this.#routes.numShards);
    if (this.#region?.deliver(shard, entityId, message)) return undefined;
    const grant = this.#routes.grantOf(shard);
    if (grant === undefined || grant.owner === this.#port.self || grant.epoch <= epoch) {
      // What this node knows is no news to the sender, so it is wrong or old.
      if (grant !== undefined) this.#routes.forget(shard);
      this.#buffer(shard, { entityId, message, epoch, client });
      return undefined;
    }
    this.#pass(shard, { entityId, message, epoch, client }, grant);
    return client === undefined ? grant : undefined;
  }

  /** A mark has come, behind all that its sender has sent here. */
  receiveMarker(mark: FlushMarker): void {
    const [shard, epoch, , , by] = mark;
    if (shard >= this.numShards) return;
    const grant = this.#routes.grantOf(shard);
    if (this.#region !== undefined && this.#region.epochOf(shard) >= epoch) this.#answer(mark);
    else if (grant !== undefined && grant.owner !== this.#port.self && grant.epoch > by) {
      this.#pass(shard, { entityId: undefined, message: mark, epoch: by }, grant);
    } else this.#buffer(shard, { entityId: undefined, message: mark, epoch: by });
  }

  /** A shard is at `owner`: what waits for it goes there, in order. */
  learn(shard: number, owner: string, epoch: number): void {
    if (owner !== this.#port.self) this.#region?.fence(shard, epoch);
    const learned = this.#routes.learn(shard, owner, epoch, this.#port.now());
    if (learned === "known") return;
    if (learned === "taken") return this.#flush(shard);
    if (learned.via === this.#port.self) return this.drained(shard, epoch);
    this.#mark(learned.via, shard, { owner, epoch });
  }

  /** All that was sent on the old way has arrived at the owner of this grant. */
  drained(shard: number, epoch: number): void {
    if (this.#routes.arrive(shard, epoch)) this.#flush(shard);
  }

  /** Whether messages wait for those that went another way. */
  isRoutePending(shard: number): boolean {
    return this.#routes.isRoutePending(shard);
  }

  /** A message of this client has come to the wrong node; `learn` was told of the right one. */
  returned(shard: number, entityId: string, message: unknown, epoch: number): void {
    const parcel = { entityId, message, epoch };
    const grant = this.#routes.grantOf(shard);
    if (grant !== undefined && grant.epoch >= epoch) return this.#pass(shard, parcel, grant);
    // The owner cannot be sent to yet: to send it to where it came from would begin a circle.
    if (grant !== undefined) this.#routes.forget(shard);
    this.#buffer(shard, parcel, { first: true });
  }

  /** This node gives the shard up: what comes for it waits until its next owner is known. */
  hold(shard: number): void {
    this.#routes.forget(shard);
  }

  /** Only these nodes can still own shards. */
  retainOwners(present: ReadonlySet<string>): void {
    for (const shard of this.#routes.retainOwners(present)) this.#flush(shard);
  }

  /** Asks again for what is wanted, and gives up what has waited too long. */
  tick(): void {
    const now = this.#port.now();
    for (const shard of this.#routes.takeStalled(now - detourPatience)) this.#flush(shard);
    for (const [shard, { via, next }] of this.#routes.detours()) this.#mark(via, shard, next);
    for (const parcel of this.#routes.takeExpired(now)) this.#lose("noShardOwner", parcel);
    for (const shard of this.#routes.wanted()) this.#locate(shard);
  }

  /** Gives up all that waits. */
  refuse(): void {
    for (const shard of this.#routes.waiting()) {
      for (const parcel of this.#routes.takeBuffered(shard)) this.#lose("noShardOwner", parcel);
    }
  }

  /** This node ends: what waits goes back to the clients that have sent it, and is tried again. */
  close(): void {
    for (const shard of this.#routes.waiting()) {
      for (const parcel of this.#routes.takeBuffered(shard)) {
        if (parcel.client === undefined) this.#lose("noShardOwner", parcel);
        // Later than the grant by which it came: that must not be gone by once more.
        else this.#return(shard, parcel, parcel.client, { owner: "", epoch: parcel.epoch + 1 });
      }
    }
  }

  #return(shard: number, parcel: Parcel, client: string, grant: ShardGrant): void {
    const { entityId, message } = parcel;
    const about = { shardType: this.shardType, shard, epoch: grant.epoch, owner: grant.owner };
    const returned: ReturnedMessage = { type: "returned", ...about, entityId: entityId!, message };
    this.#port.send(client, clientShardsPath, returned);
  }

  #flush(shard: number): void {
    for (const parcel of this.#routes.takeBuffered(shard)) {
      const grant = this.#routes.grantOf(shard);
      if (grant === undefined) this.#buffer(shard, parcel);
      else this.#pass(shard, parcel, grant);
    }
  }

  #pass(shard: number, parcel: Parcel, grant: ShardGrant): void {
    const { entityId, message } = parcel;
    if (entityId === undefined) {
      const [, epoch, owner, origin] = message as FlushMarker;
      // What a client has sent here was given back to it, so it knows that all has arrived.
      if (grant.owner === this.#port.self || origin.startsWith("client:")) {
        return this.#answer(message as FlushMarker);
      }
      const mark: FlushMarker = [shard, epoch, owner, origin, Math.max(parcel.epoch, grant.epoch)];
      return this.#port.send(grant.owner, this.#path, mark);
    }
    if (grant.owner !== this.#port.self) {
      const epoch = Math.max(parcel.epoch, grant.epoch);
      const { client } = parcel;
      if (client !== undefined) return this.#return(shard, parcel, client, grant);
      return this.#port.send(grant.owner, this.#path, [entityId, message, epoch]);
    }
    if (this.#region?.deliver(shard, entityId, message)) return;
    this.#await(shard, parcel);
  }

  /**
   * The shard should be here, and is not (any more): the coordinator does not know yet. To ask it at
   * once would bring the same answer, for ever; the next tick asks.
   */
  #await(shard: number, parcel: Parcel): void {
    this.#routes.forget(shard);
    this.#buffer(shard, parcel, { asksLater: true });
  }

  #mark(via: string, shard: number, { owner, epoch }: ShardGrant): void {
    const mark: FlushMarker = [shard, epoch, owner, "", 0];
    this.#port.send(via, this.#path, mark);
  }

  #answer([shard, epoch, , origin]: FlushMarker): void {
    const path = origin.startsWith("client:") ? clientShardsPath : shardingPath;
    this.#port.send(origin, path, { type: "drained", shardType: this.shardType, shard, epoch });
  }

  #buffer(shard: number, parcel: Parcel, { first = false, asksLater = false } = {}): void {
    const size = estimateSize(parcel.message);
    const outcome = this.#routes.buffer(shard, parcel, this.#port.now(), size, first);
    if (outcome === "full") this.#lose("bufferFull", parcel);
    if (outcome === "ask" && !asksLater) this.#locate(shard);
  }

  #lose(reason: "noShardOwner" | "bufferFull", { entityId, message }: Parcel): void {
    if (entityId === undefined) return;
    this.#port.deadLetter(reason, `${this.#path}/${entityId}`, message);
  }
}
