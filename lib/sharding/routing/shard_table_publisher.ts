import type { Peer } from "../../transport/base/peer.ts";
import type { ShardGrant } from "../coordinator/allocation.ts";
import { clientShardsPath, maxNumShards, type RefusedMessage } from "./protocol.ts";
import type { ShardingPort } from "./sharding_port.ts";

/** Where clients ask for whole shard tables, and hear them. */
export const shardTablePath = "/_shardtable";

/** Milliseconds after which a client that has not asked again is forgotten. */
const patience = 30_000;
/** Followers of one node; more ask shard by shard. */
const maxFollowers = 10_000;
const maxName = 256;
/** Milliseconds in which a client that asks again is not told a whole table again. */
const tellInterval = 200;

/** A client wants to know where the shards of a type are, now and after each change. */
export interface FollowRequest {
  readonly shardType: string;
  readonly numShards: number;
  /** The version that the client has of this node; 0: none. */
  readonly have: number;
}

/** Where shards are: all of a type, or those that have moved. */
export interface ShardTablePush {
  readonly shardType: string;
  readonly numShards: number;
  /** Counts the changes at the node that tells. */
  readonly version: number;
  /** Addresses that `shards` refers to. */
  readonly owners: readonly string[];
  readonly shards: readonly (readonly [shard: number, owner: number, epoch: number])[];
}

/** What a node knows of the shards of one type. */
export interface KnownShards {
  readonly numShards: number;
  /** The owner that runs the shard, if it is known. */
  grantOf(shard: number): ShardGrant | undefined;
}

/** A client that is told of one type. */
interface Follower {
  /** When it has asked last. */
  askedAt: number;
  /** When it was told the whole table. */
  toldAt: number;
}

/** What is told of one type. */
interface Followed {
  readonly clients: Map<string, Follower>;
  readonly epochs: Map<number, number>;
  version: number;
}

/**
 * Tells clients where shards are. A change is told with the next tick: until then, whoever sends to
 * the old owner is told by that.
 */
export class ShardTablePublisher {
  readonly #port: ShardingPort;
  readonly #known: (shardType: string) => KnownShards | undefined;
  readonly #types = new Map<string, Followed>();

  /** Nobody follows. */
  constructor(port: ShardingPort, known: (shardType: string) => KnownShards | undefined) {
    this.#port = port;
    this.#known = known;
  }

  /** Takes a client's request. */
  receive({ address }: Peer, value: unknown): void {
    const request = parseFollowRequest(value);
    if (request === undefined) return;
    const { shardType, numShards, have } = request;
    const known = this.#known(shardType);
    // Asked again soon: by then there may be a region.
    if (known === undefined) return;
    if (known.numShards !== numShards) return this.#refuse(address, request, known.numShards);
    const followed = this.#follow(shardType);
    const { clients } = followed;
    if (clients.size >= maxFollowers && !clients.has(address)) return;
    const now = this.#port.now();
    const follower = clients.get(address) ?? { askedAt: now, toldAt: -Infinity };
    follower.askedAt = now;
    clients.set(address, follower);
    // A whole table may be large, and to ask for it is cheap.
    if (now - follower.toldAt < tellInterval) return;
    this.#refresh(shardType, followed);
    if (have === followed.version) return;
    follower.toldAt = now;
    this.#push(address, shardType, followed, known, undefined);
  }

  /** Tells what has changed, and forgets who has not asked for long. */
  tick(): void {
    const now = this.#port.now();
    for (const [shardType, followed] of this.#types) {
      for (const [client, { askedAt }] of followed.clients) {
        if (now - askedAt >= patience) followed.clients.delete(client);
      }
      if (followed.clients.size === 0) this.#types.delete(shardType);
      else this.#refresh(shardType, followed);
    }
  }

  #follow(shardType: string): Followed {
    let followed = this.#types.get(shardType);
    if (followed === undefined) {
      // Not from 1: a client may remember a version of this node's life before.
      const version = Math.floor(this.#port.now());
      followed = { clients: new Map(), epochs: new Map(), version };
      this.#types.set(shardType, followed);
    }
    return followed;
  }

  #refresh(shardType: string, followed: Followed): void {
    const known = this.#known(shardType);
    if (known === undefined) return;
    const changed: number[] = [];
    for (let shard = 0; shard < known.numShards; shard++) {
      const grant = known.grantOf(shard);
      if (grant === undefined || followed.epochs.get(shard) === grant.epoch) continue;
      followed.epochs.set(shard, grant.epoch);
      changed.push(shard);
    }
    if (changed.length === 0) return;
    followed.version++;
    for (const client of followed.clients.keys()) {
      this.#push(client, shardType, followed, known, changed);
    }
  }

  #push(
    to: string,
    shardType: string,
    { epochs, version }: Followed,
    known: KnownShards,
    only: readonly number[] | undefined,
  ): void {
    const owners: string[] = [];
    const shards: [number, number, number][] = [];
    for (const shard of only ?? epochs.keys()) {
      const grant = known.grantOf(shard);
      if (grant === undefined) continue;
      let owner = owners.indexOf(grant.owner);
      if (owner < 0) owner = owners.push(grant.owner) - 1;
      shards.push([shard, owner, grant.epoch]);
    }
    const push: ShardTablePush = { shardType, numShards: known.numShards, version, owners, shards };
    this.#port.send(to, shardTablePath, push);
  }

  #refuse(to: string, { shardType, numShards }: FollowRequest, actual: number): void {
    const refused: RefusedMessage = {
      type: "refused",
      shardType,
      reason: `"${shardType}" has ${actual} shards in this cluster, not ${numShards}; ` +
        `use the same numShards everywhere`,
    };
    this.#port.send(to, clientShardsPath, refused);
  }
}

/** The table, or `undefined` if the value is none. */
export function parseShardTable(value: unknown): ShardTablePush | undefined {
  if (!isRecord(value)) return undefined;
  const { shardType, numShards, version, owners, shards } = value;
  if (!isName(shardType) || !isWhole(numShards, maxNumShards + 1) || !isWhole(version)) {
    return undefined;
  }
  if (!Array.isArray(owners) || owners.length > maxNumShards || !owners.every(isName)) {
    return undefined;
  }
  if (!Array.isArray(shards) || shards.length > numShards) return undefined;
  for (const entry of shards) {
    if (!Array.isArray(entry) || !isWhole(entry[0], numShards)) return undefined;
    if (!isWhole(entry[1], owners.length) || !isWhole(entry[2])) return undefined;
  }
  return value as unknown as ShardTablePush;
}

function parseFollowRequest(value: unknown): FollowRequest | undefined {
  if (!isRecord(value)) return undefined;
  const { shardType, numShards, have } = value;
  if (!isName(shardType) || !isWhole(numShards, maxNumShards + 1) || !isWhole(have)) {
    return undefined;
  }
  return { shardType, numShards, have };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isName(value: unknown): value is string {
  return typeof value === "string" && value.length > 0 && value.length <= maxName;
}

function isWhole(value: unknown, below = Number.MAX_SAFE_INTEGER): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) < below;
}
