import { clientShardsPath, otherNumber } from "./routing/protocol.ts";
import type { ShardGrant } from "./routing/shard_grant.ts";
import {
  parseShardTableSubscribe,
  shardTablePath,
  type ShardTablePush,
  type ShardTableSubscribe,
} from "./routing/shard_table_push.ts";
import { transportDefaults } from "../options/tables/transport_tables.ts";
import { type AccountFacts, accountOf } from "../transport/base/peer.ts";
import { Tally } from "../transport/base/tally.ts";
import type { ShardingPort } from "./routing/sharding_port.ts";

/** Milliseconds after which a client that has not renewed its subscription is dropped. */
const subscriptionTimeout = 30_000;
/** Subscribers of one node; further clients locate shard by shard. */
const maxSubscribers = 10_000;
/** Milliseconds in which a client that subscribes again does not get a whole table again. */
const fullTableInterval = 200;

/** The known shard table of one type at a node. */
export interface KnownShards {
  readonly numShards: number;
  /** The owner that runs the shard, if it is known. */
  grantOf(shard: number): ShardGrant | undefined;
  /** The incarnation of an owner; 0: not known. */
  incarnationOf(owner: string): number;
}

/** A client that gets the table of one type. */
interface Subscriber {
  /** Whom the limit counts for. */
  readonly account: string;
  /** When it has subscribed last. */
  renewedAt: number;
  /** When it got the whole table last. */
  fullTableAt: number;
}

/** The published table of one type. */
interface PublishedTable {
  readonly subscribers: Map<string, Subscriber>;
  /** Their number by account. */
  readonly ofAccount: Tally;
  /** The epochs that were published, by shard. */
  readonly epochs: Map<number, number>;
  version: number;
}

/**
 * Publishes shard tables to clients. A change is published with the next tick: until then, the old
 * owner corrects clients that send to it.
 */
export class ShardTablePublisher {
  readonly #port: ShardingPort;
  readonly #known: (shardType: string) => KnownShards | undefined;
  readonly #maxPerIdentity: number;
  readonly #tables = new Map<string, PublishedTable>();

  /**
   * `known` returns the shard table of a type at this node. Of each table clients with one certificate
   * have at most `maxPerIdentity` subscriptions.
   */
  constructor(
    port: ShardingPort,
    known: (shardType: string) => KnownShards | undefined,
    maxPerIdentity: number = transportDefaults.maxSubscriptionsPerIdentity,
  ) {
    this.#maxPerIdentity = maxPerIdentity;
    this.#port = port;
    this.#known = known;
  }

  /** Takes a client's subscription. */
  receive(peer: AccountFacts, value: unknown): void {
    const { address } = peer;
    const request = parseShardTableSubscribe(value);
    if (request === undefined) return;
    const { shardType, numShards, have } = request;
    const known = this.#known(shardType);
    // Not known yet: the client subscribes again.
    if (known === undefined) return;
    if (known.numShards !== numShards) return this.#refuse(address, request, known.numShards);
    const table = this.#tableOf(shardType);
    const { subscribers } = table;
    const now = this.#port.now();
    let subscriber = subscribers.get(address);
    if (subscriber === undefined) {
      const account = accountOf(peer);
      if (subscribers.size >= maxSubscribers) return;
      if (table.ofAccount.of(account) >= this.#maxPerIdentity) return;
      subscriber = { account, renewedAt: now, fullTableAt: -Infinity };
      subscribers.set(address, subscriber);
      table.ofAccount.add(account, 1);
    }
    subscriber.renewedAt = now;
    // A whole table may be large, while a request for it is small.
    if (now - subscriber.fullTableAt < fullTableInterval) return;
    this.#publishDelta(shardType, table);
    if (have === table.version) return;
    subscriber.fullTableAt = now;
    this.#push(address, shardType, table, known, undefined);
  }

  /** Publishes changes, and drops subscriptions that were not renewed. */
  tick(): void {
    const now = this.#port.now();
    for (const [shardType, table] of this.#tables) {
      for (const [client, { renewedAt, account }] of table.subscribers) {
        if (now - renewedAt < subscriptionTimeout) continue;
        table.subscribers.delete(client);
        table.ofAccount.add(account, -1);
      }
      if (table.subscribers.size === 0) this.#tables.delete(shardType);
      else this.#publishDelta(shardType, table);
    }
  }

  #tableOf(shardType: string): PublishedTable {
    let table = this.#tables.get(shardType);
    if (table === undefined) {
      // Not from 1: a client may have a version of an earlier incarnation of this node.
      const version = Math.floor(this.#port.now());
      const ofAccount = new Tally();
      table = { subscribers: new Map(), ofAccount, epochs: new Map(), version };
      this.#tables.set(shardType, table);
    }
    return table;
  }

  #publishDelta(shardType: string, table: PublishedTable): void {
    const known = this.#known(shardType);
    if (known === undefined) return;
    const changed: number[] = [];
    for (let shard = 0; shard < known.numShards; shard++) {
      const grant = known.grantOf(shard);
      if (grant === undefined || table.epochs.get(shard) === grant.epoch) continue;
      table.epochs.set(shard, grant.epoch);
      changed.push(shard);
    }
    if (changed.length === 0) return;
    table.version++;
    for (const client of table.subscribers.keys()) {
      this.#push(client, shardType, table, known, changed);
    }
  }

  #push(
    to: string,
    shardType: string,
    { epochs, version }: PublishedTable,
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
    const { numShards } = known;
    const incarnations = owners.map((owner) => known.incarnationOf(owner));
    const push: ShardTablePush = { shardType, numShards, version, owners, incarnations, shards };
    this.#port.send(to, shardTablePath, push);
  }

  #refuse(to: string, { shardType, numShards }: ShardTableSubscribe, actual: number): void {
    const refused = otherNumber(shardType, numShards, actual);
    this.#port.send(to, clientShardsPath, refused);
  }
}
