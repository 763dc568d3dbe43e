import { estimateSize } from "../../actor/cell/message_size.ts";
import { rules } from "../../runtime/rules.ts";
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

/** Milliseconds that a new route waits for the messages of the old one. */
const pendingRouteTimeout = 5_000;

/** A message for an entity, or a flush marker, which has no entity. */
interface RoutedMessage {
  readonly entityId: string | undefined;
  readonly message: unknown;
  /** Epoch of the grant that the sender used; 0 if this node or client is the sender. */
  readonly epoch: number;
  /** The client that has sent it. */
  readonly client?: string | undefined;
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
  readonly #region: LocalRegion | undefined;
  readonly #port: ShardingPort;
  readonly #routes: ShardRoutes<RoutedMessage>;
  readonly #path: string;
  readonly #locate: (shard: number) => void;

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
   * Takes a message of another node or client, whose sender used the grant of this `epoch`. If this
   * node does not own the shard, it forwards the message, to owners of later grants only. Messages
   * of clients are returned to the client, which sends them again.
   *
   * @param client the client that sent the message; undefined: a node did.
   *
   * @returns the grant that the sending node should learn, if there is one.
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
      // The sender already used this grant, or a newer one, so it is outdated.
      if (grant !== undefined) this.#routes.forget(shard);
      this.#buffer(shard, { entityId, message, epoch, client });
      return undefined;
    }
    this.#forward(shard, { entityId, message, epoch, client }, grant);
    return client === undefined ? grant : undefined;
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
    if (this.#region !== undefined && this.#region.epochOf(shard) >= epoch) {
      this.#confirmFlushed(marker);
    } else if (grant !== undefined && grant.owner !== this.#port.self && grant.epoch > by) {
      this.#forward(shard, { entityId: undefined, message: marker, epoch: by }, grant);
    } else this.#buffer(shard, { entityId: undefined, message: marker, epoch: by });
  }

  /** A shard is at `owner`: messages that wait for it go there, in order. */
  learn(shard: number, owner: string, epoch: number): void {
    if (owner !== this.#port.self) this.#region?.fence(shard, epoch);
    const learned = this.#routes.learn(shard, owner, epoch, this.#port.now());
    if (learned === "known") return;
    if (learned === "taken") return this.#flush(shard);
    if (learned.via === this.#port.self) return this.drained(shard, epoch);
    this.#sendMarker(learned.via, shard, { owner, epoch });
  }

  /** All messages of the old route have arrived at the owner of this grant. */
  drained(shard: number, epoch: number): void {
    if (this.#routes.flushed(shard, epoch)) this.#flush(shard);
  }

  /** Whether the new route of a shard waits for messages of the old one. */
  isRoutePending(shard: number): boolean {
    return this.#routes.isRoutePending(shard);
  }

  /**
   * A message that was sent from here arrived at a node that does not own the shard, and is sent
   * again, by a grant of this `epoch` or a later one.
   */
  returned(shard: number, entityId: string, message: unknown, epoch: number): void {
    if (rules.endedGrantsStayEnded) this.#routes.require(shard, epoch, this.#port.now());
    const routed = { entityId, message, epoch };
    const grant = this.#routes.grantOf(shard);
    if (grant !== undefined && grant.epoch >= epoch) return this.#forward(shard, routed, grant);
    // The new owner is not usable yet; the old one would return the message again.
    if (grant !== undefined) this.#routes.forget(shard);
    this.#buffer(shard, routed, { first: true });
  }

  /** A node has no region of the type: what was sent there by a grant of this `epoch` is kept. */
  noRegion(entityId: string, message: unknown, epoch: number): void {
    this.returned(shardOf(entityId, this.numShards), entityId, message, epoch + 1);
  }

  /** This node hands the shard off: messages for it wait until its next owner is known. */
  hold(shard: number): void {
    this.#routes.forget(shard);
  }

  /** Only these nodes can still own shards. */
  retainOwners(present: ReadonlySet<string>): void {
    for (const shard of this.#routes.retainOwners(present)) this.#flush(shard);
  }

  /** Requests missing locations again, and gives up messages that have waited too long. */
  tick(): void {
    const now = this.#port.now();
    for (const shard of this.#routes.takeStalled(now - pendingRouteTimeout)) this.#flush(shard);
    for (const [shard, { via, next }] of this.#routes.pendingRoutes()) {
      this.#sendMarker(via, shard, next);
    }
    for (const routed of this.#routes.takeExpired(now)) this.#lose("noShardOwner", routed);
    for (const shard of this.#routes.wanted()) this.#locate(shard);
  }

  /** Gives up all messages that wait. */
  refuse(): void {
    for (const shard of this.#routes.waiting()) {
      for (const routed of this.#routes.takeBuffered(shard)) this.#lose("noShardOwner", routed);
    }
  }

  /** This node closes: messages of clients that wait are returned to them, and sent again. */
  close(): void {
    for (const shard of this.#routes.waiting()) {
      for (const routed of this.#routes.takeBuffered(shard)) {
        if (routed.client === undefined) this.#lose("noShardOwner", routed);
        // Above the grant by which it was sent, so that the client does not use that one again.
        else this.#return(shard, routed, routed.client, { owner: "", epoch: routed.epoch + 1 });
      }
    }
  }

  #return(shard: number, routed: RoutedMessage, client: string, grant: ShardGrant): void {
    const { entityId, message } = routed;
    const about = { shardType: this.shardType, shard, epoch: grant.epoch, owner: grant.owner };
    const returned: ReturnedMessage = { type: "returned", ...about, entityId: entityId!, message };
    this.#port.send(client, clientShardsPath, returned);
  }

  #flush(shard: number): void {
    for (const routed of this.#routes.takeBuffered(shard)) {
      const grant = this.#routes.grantOf(shard);
      if (grant === undefined) this.#buffer(shard, routed);
      else this.#forward(shard, routed, grant);
    }
  }

  #forward(shard: number, routed: RoutedMessage, grant: ShardGrant): void {
    const { entityId, message } = routed;
    if (entityId === undefined) {
      const [, epoch, owner, origin] = message as FlushMarker;
      // Messages of a client were returned to it, so none is under way.
      if (grant.owner === this.#port.self || origin.startsWith("client:")) {
        return this.#confirmFlushed(message as FlushMarker);
      }
      const by = Math.max(routed.epoch, grant.epoch);
      const marker: FlushMarker = [shard, epoch, owner, origin, by];
      return this.#port.send(grant.owner, this.#path, marker);
    }
    if (grant.owner !== this.#port.self) {
      const epoch = Math.max(routed.epoch, grant.epoch);
      const { client } = routed;
      if (client !== undefined) return this.#return(shard, routed, client, grant);
      return this.#port.send(grant.owner, this.#path, [entityId, message, epoch]);
    }
    if (this.#region?.deliver(shard, entityId, message)) return;
    this.#await(shard, routed);
  }

  /**
   * The shard should be here, and is not (any more): the coordinator does not know yet. A request at
   * once would get the same answer; the next tick requests the location.
   */
  #await(shard: number, routed: RoutedMessage): void {
    this.#routes.forget(shard);
    this.#buffer(shard, routed, { locateLater: true });
  }

  #sendMarker(via: string, shard: number, { owner, epoch }: ShardGrant): void {
    const marker: FlushMarker = [shard, epoch, owner, "", 0];
    this.#port.send(via, this.#path, marker);
  }

  #confirmFlushed([shard, epoch, , origin]: FlushMarker): void {
    const path = origin.startsWith("client:") ? clientShardsPath : shardingPath;
    this.#port.send(origin, path, { type: "drained", shardType: this.shardType, shard, epoch });
  }

  #buffer(shard: number, routed: RoutedMessage, { first = false, locateLater = false } = {}): void {
    const size = estimateSize(routed.message);
    const outcome = this.#routes.buffer(shard, routed, this.#port.now(), size, first);
    if (outcome === "full") this.#lose("bufferFull", routed);
    if (outcome === "locate" && !locateLater) this.#locate(shard);
  }

  #lose(reason: "noShardOwner" | "bufferFull", { entityId, message }: RoutedMessage): void {
    if (entityId === undefined) return;
    this.#port.deadLetter(reason, `${this.#path}/${entityId}`, message);
  }
}
