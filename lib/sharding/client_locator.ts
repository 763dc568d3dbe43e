import {
  clientShardsPath,
  type LocateMessage,
  type LocationMessage,
  parseShardingMessage,
  type RefusedMessage,
  type UnknownTypeMessage,
} from "./routing/protocol.ts";
import { transportDefaults } from "../options/tables/transport_tables.ts";
import { type AccountFacts, accountOf } from "../transport/base/peer.ts";
import { Tally } from "../transport/base/tally.ts";
import type { ShardingPort } from "./routing/sharding_port.ts";

/** Requests of clients that may be pending; further ones are dropped, and clients repeat them. */
const maxPending = 100_000;
/** Of these, how many one client may have. */
const maxPendingPerClient = 1_000;
/** Milliseconds between two requests to the coordinator for one shard: clients repeat theirs. */
const forwardInterval = 100;
/** Milliseconds after which a pending request is dropped. */
const requestTimeout = 5_000;

interface PendingRequest {
  readonly client: string;
  /** Whom the limit counts for, besides the client. */
  readonly account: string;
  readonly since: number;
}

/** The pending requests for one shard, with the same number of shards of its type. */
interface PendingShard {
  readonly shardType: string;
  readonly numShards: number;
  readonly shard: number;
  requests: PendingRequest[];
  /** When the last request was sent to the coordinator. */
  forwardedAt: number;
}

/** Answers clients that request the location of a shard, as soon as this node knows it. */
export class ClientLocator {
  readonly #port: ShardingPort;
  readonly #known: (request: LocateMessage) => LocationMessage | RefusedMessage | undefined;
  readonly #forward: (request: LocateMessage) => void;
  readonly #maxPerIdentity: number;
  readonly #shards = new Map<string, PendingShard>();
  readonly #pendingOfClient = new Tally();
  readonly #pendingOfIdentity = new Tally();
  #pending = 0;

  /**
   * `known` returns the answer that this node can give itself; `forward` sends a request to the coordinator.
   * `maxPerIdentity` requests of clients with one certificate may be pending.
   */
  constructor(
    port: ShardingPort,
    known: (request: LocateMessage) => LocationMessage | RefusedMessage | undefined,
    forward: (request: LocateMessage) => void,
    maxPerIdentity: number = transportDefaults.maxLocatesPerIdentity,
  ) {
    this.#maxPerIdentity = maxPerIdentity;
    this.#port = port;
    this.#known = known;
    this.#forward = forward;
  }

  /** Takes a client's request. */
  receive(peer: AccountFacts, value: unknown): void {
    const { address: client } = peer;
    const request = parseShardingMessage(value);
    if (request?.type !== "locate") return;
    const answer = this.#known(request);
    if (answer !== undefined) return this.#port.send(client, clientShardsPath, answer);
    const now = this.#port.now();
    const key = keyOf(request);
    const { shardType, numShards } = request;
    const shard = this.#shards.get(key) ??
      { shardType, numShards, shard: request.shard, requests: [], forwardedAt: -Infinity };
    if (!shard.requests.some((pending) => pending.client === client)) {
      const account = accountOf(peer);
      if (this.#isFullFor(client, account)) return;
      shard.requests.push({ client, account, since: now });
      this.#pendingOfClient.add(client, 1);
      this.#pendingOfIdentity.add(account, 1);
      this.#pending++;
    }
    this.#shards.set(key, shard);
    if (now - shard.forwardedAt < forwardInterval) return;
    shard.forwardedAt = now;
    this.#forward(request);
  }

  /** The coordinator has located a shard. */
  onLocation(location: LocationMessage): void {
    const { shardType, shard, numShards } = location;
    if (numShards !== undefined) {
      return this.#answer(keyOf({ shardType, shard, numShards }), location);
    }
    // It answers no request of this node, so it holds for all.
    for (const [key, pending] of [...this.#shards]) {
      if (pending.shardType === shardType && pending.shard === shard) this.#answer(key, location);
    }
  }

  /** The coordinator has rejected requests for a type: those with this number of shards. */
  onRefused(refused: RefusedMessage | UnknownTypeMessage): void {
    for (const [key, { shardType, numShards }] of [...this.#shards]) {
      if (shardType !== refused.shardType || numShards !== refused.numShards) continue;
      this.#answer(key, refused);
    }
  }

  /** Drops old requests: a client that still needs the location repeats its request. */
  tick(): void {
    const now = this.#port.now();
    for (const [key, shard] of this.#shards) {
      const isFresh = ({ since }: PendingRequest) => now - since < requestTimeout;
      this.#release(shard.requests.filter((request) => !isFresh(request)));
      shard.requests = shard.requests.filter(isFresh);
      if (shard.requests.length === 0) this.#shards.delete(key);
    }
  }

  #isFullFor(client: string, account: string): boolean {
    return this.#pending >= maxPending ||
      this.#pendingOfClient.of(client) >= maxPendingPerClient ||
      this.#pendingOfIdentity.of(account) >= this.#maxPerIdentity;
  }

  #answer(key: string, answer: LocationMessage | RefusedMessage | UnknownTypeMessage): void {
    for (const { client } of this.#take(key)) this.#port.send(client, clientShardsPath, answer);
  }

  #take(key: string): readonly PendingRequest[] {
    const requests = this.#shards.get(key)?.requests ?? [];
    this.#shards.delete(key);
    this.#release(requests);
    return requests;
  }

  /** These requests are no longer pending. */
  #release(requests: readonly PendingRequest[]): void {
    this.#pending -= requests.length;
    for (const { client, account } of requests) {
      this.#pendingOfClient.add(client, -1);
      this.#pendingOfIdentity.add(account, -1);
    }
  }
}

function keyOf({ shardType, numShards, shard }: Omit<LocateMessage, "type">): string {
  return `${shardType}\n${numShards}\n${shard}`;
}
