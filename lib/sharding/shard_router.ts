import { type ShardBufferLimits, ShardRoutes } from "./shard_routes.ts";
import { shardOf } from "./shard_hash.ts";
import { isEntityId, regionPath } from "./protocol.ts";
import type { Region } from "./region.ts";
import type { ShardingPort } from "./sharding_port.ts";

interface Parcel {
  readonly entityId: string;
  readonly message: unknown;
  readonly forwarded: boolean;
}

/**
 * Sends messages for entities of one type to where their shard is, on a node (with a region) or a
 * client (without). Runs in the sender's call: no actor stands between sender and entity.
 */
export class ShardRouter {
  readonly shardType: string;
  readonly region: Region | undefined;
  readonly #port: ShardingPort;
  readonly #routes: ShardRoutes<Parcel>;
  readonly #path: string;
  readonly #ask: (shard: number) => void;

  /** `ask` is called when the place of a shard is wanted; the answer goes to `learn`. */
  constructor(
    options: {
      shardType: string;
      numShards: number;
      region?: Region;
      port: ShardingPort;
      ask: (shard: number) => void;
      limits?: Partial<ShardBufferLimits>;
    },
  ) {
    this.shardType = options.shardType;
    this.region = options.region;
    this.#port = options.port;
    this.#ask = options.ask;
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

  /** The node that owns the shard, if it is known. */
  ownerOf(shard: number): string | undefined {
    return this.#routes.ownerOf(shard);
  }

  /** The epoch of the grant that is known, or 0. */
  epochOf(shard: number): number {
    return this.#routes.epochOf(shard);
  }

  /** Sends a message to an entity. `forwarded`: a node has passed it on once already. */
  route(entityId: string, message: unknown, forwarded = false): void {
    if (!isEntityId(entityId)) {
      return this.#port.deadLetter("noSuchActor", `${this.#path}/?`, message);
    }
    const shard = shardOf(entityId, this.#routes.numShards);
    const owner = this.#routes.ownerOf(shard);
    if (owner === undefined || !this.#sendTo(owner, shard, entityId, message, forwarded)) {
      this.#buffer(shard, { entityId, message, forwarded });
    }
  }

  /** A shard is at `owner`: what waited for it goes there, in order. */
  learn(shard: number, owner: string, epoch: number): void {
    if (!this.#routes.learn(shard, owner, epoch)) return;
    const region = this.region;
    if (region !== undefined && owner !== this.#port.self && region.epochOf(shard) < epoch) {
      region.release(shard);
    }
    for (const { entityId, message, forwarded } of this.#routes.takeBuffered(shard)) {
      this.route(entityId, message, forwarded);
    }
  }

  /** Only these nodes can still own shards. */
  retainOwners(present: ReadonlySet<string>): void {
    this.#routes.retainOwners(present);
  }

  /** Asks again for what is wanted, and gives up what has waited too long. */
  tick(): void {
    for (const parcel of this.#routes.takeExpired(this.#port.now())) {
      this.#lose("noShardOwner", parcel);
    }
    for (const shard of this.#routes.wanted()) this.#ask(shard);
  }

  /** Gives up all that waits. */
  refuse(): void {
    for (const shard of this.#routes.wanted()) {
      for (const parcel of this.#routes.takeBuffered(shard)) this.#lose("noShardOwner", parcel);
    }
  }

  #sendTo(
    owner: string,
    shard: number,
    entityId: string,
    message: unknown,
    forwarded: boolean,
  ): boolean {
    if (owner !== this.#port.self) {
      this.#port.send(owner, this.#path, [entityId, message, forwarded]);
      return true;
    }
    if (this.region?.deliver(shard, entityId, message)) return true;
    this.#routes.forget(shard);
    return false;
  }

  #buffer(shard: number, parcel: Parcel): void {
    const outcome = this.#routes.buffer(shard, parcel, this.#port.now());
    if (outcome === "full") this.#lose("bufferFull", parcel);
    if (outcome === "ask") this.#ask(shard);
  }

  #lose(reason: "noShardOwner" | "bufferFull", parcel: Parcel): void {
    this.#port.deadLetter(reason, `${this.#path}/${parcel.entityId}`, parcel.message);
  }
}
