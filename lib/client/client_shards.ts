/**
 * Where entities are, for one client: the shard tables that the leader tells, what waits for a place
 * that is not known, and the references that users tell envelopes to.
 *
 * @module
 */
import type { ActorSystem } from "../actor/system/actor_system.ts";
import { Behaviors } from "../actor/behavior/behaviors.ts";
import type { DeadLetterReason } from "../actor/services/dead_letter.ts";
import type { ActorRef } from "../actor/ref/ref.ts";
import {
  clientShardsPath,
  type LocateMessage,
  locatePath,
  type LocationMessage,
  parseShardingMessage,
} from "../sharding/routing/protocol.ts";
import type { ShardEnvelope } from "../sharding/routing/shard_envelope.ts";
import { shardOf } from "../sharding/routing/shard_hash.ts";
import { ShardProxy } from "../sharding/routing/shard_proxy.ts";
import { ShardRouter } from "../sharding/routing/shard_router.ts";
import type { ShardBufferLimits } from "../sharding/routing/shard_routes.ts";
import { parseShardTable, shardTablePath } from "../sharding/routing/shard_table_publisher.ts";
import { ClientError } from "./errors.ts";

/** Milliseconds between two requests for the table of a type. */
const followInterval = 3_000;

/** What {@linkcode ClientShards} needs of its client. */
export interface ClientShardsPort {
  readonly system: ActorSystem;
  /** This client's address. */
  readonly self: string;
  now(): number;
  send(to: string, path: string, message: unknown): void;
  deadLetter(reason: DeadLetterReason, target: string, message: unknown): void;
  log(message: string, fields: Record<string, unknown>): void;
  /** The nodes that may be asked where a shard is. */
  contacts(): readonly string[];
  leader(): string | undefined;
  /** Whether a node is in the cluster. */
  isPresent(address: string): boolean;
  /** Whether a node is in the cluster and can be sent to. */
  isUsable(address: string): boolean;
}

/** One type of entities. */
interface ShardType {
  readonly router: ShardRouter;
  readonly proxy: ActorRef<never>;
  /** The newest owners that were told, usable or not, by shard. */
  readonly told: (readonly [owner: string, epoch: number])[];
  /** Whom the table is followed at, when it was asked last, and the version that is known. */
  follows: string | undefined;
  askedAt: number;
  version: number;
}

/** See the module's text. */
export class ClientShards {
  readonly #port: ClientShardsPort;
  readonly #limits: Partial<ShardBufferLimits>;
  readonly #types = new Map<string, ShardType>();
  #turn = 0;

  /** No type is known yet. */
  constructor(port: ClientShardsPort, limits: Partial<ShardBufferLimits> = {}) {
    this.#port = port;
    this.#limits = limits;
  }

  /** The paths at which nodes tell of shards, and who listens there. */
  get paths(): readonly (readonly [path: string, take: (from: string, value: unknown) => void])[] {
    return [
      [clientShardsPath, (_from, value) => this.#onMessage(value)],
      [shardTablePath, (from, value) => this.#onTable(from, value)],
    ];
  }

  /**
   * The reference to the entities of a type.
   *
   * @throws {ClientError} code `shardCountMismatch`.
   */
  ref<M>(name: string, numShards: number): ActorRef<ShardEnvelope<M>> {
    const known = this.#types.get(name);
    if (known === undefined) return this.#add<M>(name, numShards);
    const { router, proxy } = known;
    if (router.numShards === numShards) return proxy as ActorRef<ShardEnvelope<M>>;
    throw new ClientError(
      "shardCountMismatch",
      `"${name}" was asked for with ${router.numShards} shards before`,
      { value: numShards, remedy: "use the number with which the nodes spawn it" },
    );
  }

  /** The node to which a message for an entity is sent now, if it is known. */
  ownerOf(name: string, entityId: string): string | undefined {
    const router = this.#types.get(name)?.router;
    return router?.ownerOf(shardOf(entityId, router.numShards));
  }

  /** Whether what was told to `target` has gone to the node. */
  wentTo(address: string, target: ActorRef<never>, message: unknown): boolean {
    if (!(target instanceof ShardProxy)) return false;
    const { entityId } = message as ShardEnvelope<unknown>;
    for (const { proxy, router } of this.#types.values()) {
      if (proxy !== target || typeof entityId !== "string") continue;
      return router.ownerOf(shardOf(entityId, router.numShards)) === address;
    }
    return false;
  }

  /** Which nodes are usable has changed: routes go, and come back. */
  onNodesChanged(): void {
    for (const type of this.#types.values()) {
      const { router, told } = type;
      const usable = new Set<string>();
      for (const [owner] of told.filter(Boolean)) {
        if (this.#port.isUsable(owner)) usable.add(owner);
      }
      router.retainOwners(usable);
      told.forEach(([owner, epoch], shard) => {
        if (usable.has(owner) && router.ownerOf(shard) === undefined) {
          router.learn(shard, owner, epoch);
        }
      });
      this.#follow(type);
    }
  }

  /** A node is gone, or lives anew, and owns nothing of what it owned before. */
  forgetOwner(address: string): void {
    for (const { told } of this.#types.values()) {
      told.forEach(([owner], shard) => {
        if (owner === address) delete told[shard];
      });
    }
  }

  /** The connection to a node is gone: what it tells begins anew. */
  onNodeLost(address: string): void {
    for (const type of this.#types.values()) if (type.follows === address) type.follows = undefined;
  }

  /** Asks again for what is wanted, and gives up what has waited too long. */
  tick(): void {
    const now = this.#port.now();
    for (const type of this.#types.values()) {
      type.router.tick();
      if (now - type.askedAt >= followInterval) this.#follow(type, true);
    }
  }

  /** Gives up all that waits. */
  close(): void {
    for (const { router } of this.#types.values()) router.refuse();
  }

  #add<M>(name: string, numShards: number): ActorRef<ShardEnvelope<M>> {
    const router = new ShardRouter({
      shardType: name,
      numShards,
      port: this.#port,
      limits: this.#limits,
      ask: (shard) => this.#locate({ type: "locate", shardType: name, numShards, shard }),
    });
    // The anchor is for those to whom the client gives the reference away.
    const anchor = this.#port.system.spawn<ShardEnvelope<M>>(
      Behaviors.receive((_context, envelope) => {
        if (envelope?.type !== "shardEnvelope") return Behaviors.unhandled();
        router.route(envelope.entityId, envelope.message);
        return Behaviors.same();
      }),
      name,
    );
    const proxy = new ShardProxy(router, anchor);
    const type = { router, proxy, told: [], follows: undefined, askedAt: 0, version: 0 };
    this.#types.set(name, type);
    this.#follow(type);
    return proxy;
  }

  /** Asks the leader, who knows all shards, or a contact, who knows some. */
  #follow(type: ShardType, again = false): void {
    const leader = this.#port.leader();
    const to = leader !== undefined && this.#port.isUsable(leader)
      ? leader
      : this.#port.contacts()[0];
    if (to === undefined || (to === type.follows && !again)) return;
    if (to !== type.follows) type.version = 0;
    type.follows = to;
    type.askedAt = this.#port.now();
    const { shardType, numShards } = type.router;
    this.#port.send(to, shardTablePath, { shardType, numShards, have: type.version });
  }

  #locate(question: LocateMessage): void {
    const contacts = this.#port.contacts();
    if (contacts.length === 0) return;
    // In turn: one that hangs must not swallow every question.
    const to = contacts[this.#turn++ % contacts.length]!;
    this.#port.send(to, locatePath, question);
  }

  #onMessage(value: unknown): void {
    const message = parseShardingMessage(value);
    if (message?.type === "location") this.#onLocation(message);
    if (message?.type === "drained") {
      this.#types.get(message.shardType)?.router.drained(message.shard, message.epoch);
    }
    if (message?.type === "returned") {
      const { shardType, shard, owner, epoch, entityId } = message;
      const type = this.#types.get(shardType);
      if (type === undefined || shardOf(entityId, type.router.numShards) !== shard) return;
      if (owner !== "") this.#learn(type, shard, owner, epoch);
      type.router.returned(shard, entityId, message.message, epoch);
    }
    if (message?.type !== "refused") return;
    this.#port.log("the cluster has refused", { ...message });
    this.#types.get(message.shardType)?.router.refuse();
  }

  #onLocation({ shardType, shard, owner, epoch }: LocationMessage): void {
    const type = this.#types.get(shardType);
    if (type !== undefined) this.#learn(type, shard, owner, epoch);
  }

  #onTable(from: string, value: unknown): void {
    const table = parseShardTable(value);
    const type = table && this.#types.get(table.shardType);
    if (type === undefined || table!.numShards !== type.router.numShards) return;
    const { owners, shards, version } = table!;
    if (from === type.follows) type.version = version;
    for (const [shard, owner, epoch] of shards) this.#learn(type, shard, owners[owner]!, epoch);
  }

  #learn({ router, told }: ShardType, shard: number, owner: string, epoch: number): void {
    if (shard >= router.numShards) return;
    const known = told[shard];
    // A cluster that has begun anew counts from the beginning; nobody of the old one is present.
    if (known !== undefined && known[1] > epoch && this.#port.isPresent(known[0])) return;
    told[shard] = [owner, epoch];
    if (this.#port.isUsable(owner)) router.learn(shard, owner, epoch);
  }
}
