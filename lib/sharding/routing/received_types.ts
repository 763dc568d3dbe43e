/**
 * Types of entities that this node or client knows only from references that it was sent. Peers choose
 * them, so a type costs nothing before something is sent to it, and little until the cluster has located
 * one of its shards: then it is as well known as if it had been asked for.
 *
 * @module
 */
import { messageOf } from "../../actor/ref/sent_message.ts";
import { Tally } from "../../transport/base/tally.ts";
import type { EntityRoutes } from "./entity_ref.ts";
import type { ShardRouter } from "./shard_router.ts";
import type { ShardBufferLimits } from "./shard_routes.ts";
import type { ShardingPort } from "./sharding_port.ts";
import { type RefusedMessage, regionPath } from "./protocol.ts";

/** Types that wait for their location, of the references of one account. */
const maxTypesPerAccount = 16;
/** What may wait for the first location of a type. */
const limits: Partial<ShardBufferLimits> = { maxBuffered: 1_000, maxBufferedBytes: 1_048_576 };

/** Dependencies of {@linkcode ReceivedTypes}. */
export interface ReceivedTypesPort extends Pick<ShardingPort, "deadLetter"> {
  /** The type of this name, if it is known otherwise. */
  known(shardType: string): EntityRoutes | undefined;
  /** Creates a router that owns no shards. */
  makeRouter(shardType: string, numShards: number, limits: Partial<ShardBufferLimits>): ShardRouter;
}

/** A type whose shards were not located yet. */
interface Unlocated {
  readonly router: ShardRouter;
  /** Whose reference it was. */
  readonly account: string;
}

/** See the module's text. */
export class ReceivedTypes {
  readonly #port: ReceivedTypesPort;
  /** By name and number of shards: a forged number must not stand in the way of the right one. */
  readonly #unlocated = new Map<string, Unlocated>();
  readonly #ofAccount = new Tally();
  #closed = false;

  constructor(port: ReceivedTypesPort) {
    this.#port = port;
  }

  /** Types that wait for their first location. */
  get size(): number {
    return this.#unlocated.size;
  }

  /**
   * Routes for references to a type.
   *
   * @param account whom limits count for: the peer that has sent the reference.
   */
  routes(shardType: string, numShards: number, account: string): EntityRoutes {
    return this.#port.known(shardType) ??
      new ReceivedRoutes(this, shardType, numShards, account);
  }

  /** The routes to a type now; undefined if its account has too many that are not located. */
  find(shardType: string, numShards: number, account: string): EntityRoutes | undefined {
    const known = this.#port.known(shardType);
    if (known !== undefined) return known;
    const key = keyOf(shardType, numShards);
    const waiting = this.#unlocated.get(key);
    if (waiting !== undefined) return waiting.router;
    if (this.#closed || this.#ofAccount.of(account) >= maxTypesPerAccount) return undefined;
    const router = this.#port.makeRouter(shardType, numShards, limits);
    this.#unlocated.set(key, { router, account });
    this.#ofAccount.add(account, 1);
    return router;
  }

  /** A message that cannot wait for a location is lost. */
  lose(shardType: string, entityId: string, message: unknown): void {
    const target = `${regionPath(shardType)}/${entityId}`;
    this.#port.deadLetter("noShardOwner", target, messageOf(message));
  }

  /** The type becomes known: its router, with what waits there, if there is one. */
  take(shardType: string, numShards: number): ShardRouter | undefined {
    return this.#remove(keyOf(shardType, numShards));
  }

  /** The cluster has no such type with this number of shards. */
  refuse(refused: RefusedMessage): void {
    const { shardType, numShards } = refused;
    if (numShards !== undefined) this.#remove(keyOf(shardType, numShards))?.refuse(refused);
  }

  /** No member runs entities of the type. */
  unknownType(shardType: string, numShards: number, known: readonly string[]): void {
    this.#unlocated.get(keyOf(shardType, numShards))?.router.unknownType(known);
  }

  /** A message for a region is in no envelope. */
  refuseMessage(shardType: string, message: unknown): void {
    this.#port.deadLetter("invalidMessage", regionPath(shardType), message);
  }

  /** Requests locations again, and forgets types for which nothing waits. */
  tick(): void {
    for (const [key, { router }] of [...this.#unlocated]) {
      router.tick();
      if (router.buffered === 0) this.#remove(key);
    }
  }

  /** Gives up all messages that wait. */
  close(): void {
    this.#closed = true;
    for (const key of [...this.#unlocated.keys()]) this.#remove(key)?.close();
  }

  #remove(key: string): ShardRouter | undefined {
    const waiting = this.#unlocated.get(key);
    if (waiting === undefined) return undefined;
    this.#unlocated.delete(key);
    this.#ofAccount.add(waiting.account, -1);
    return waiting.router;
  }
}

/** The routes of references to a type that was not known when they arrived. */
class ReceivedRoutes implements EntityRoutes {
  readonly #types: ReceivedTypes;
  readonly #account: string;
  readonly shardType: string;
  readonly numShards: number;

  constructor(types: ReceivedTypes, shardType: string, numShards: number, account: string) {
    this.#types = types;
    this.#account = account;
    this.shardType = shardType;
    this.numShards = numShards;
  }

  route(entityId: string, message: unknown): void {
    const { shardType, numShards } = this;
    const routes = this.#types.find(shardType, numShards, this.#account);
    if (routes === undefined) this.#types.lose(shardType, entityId, message);
    else routes.route(entityId, message);
  }

  refuseMessage(message: unknown): void {
    this.#types.refuseMessage(this.shardType, message);
  }
}

function keyOf(shardType: string, numShards: number): string {
  return `${numShards} ${shardType}`;
}
