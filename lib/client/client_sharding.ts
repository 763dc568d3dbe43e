/**
 * Sharding on a client: the shard tables that the leader publishes, the messages that wait for the
 * location of their shard, and the references to which users send envelopes.
 *
 * @module
 */
import type { ActorRef } from "../actor/ref/ref.ts";
import { sentMessage } from "../actor/ref/sent_message.ts";
import { internalsOf } from "../actor/system/system_internals.ts";
import {
  clientShardsPath,
  type LocateMessage,
  locatePath,
  type LocationMessage,
  lostDelivery,
  parseShardingMessage,
  type RefusedMessage,
  regionPath,
  regionPrefix,
  type UnknownTypeMessage,
} from "../sharding/routing/protocol.ts";
import type { LocatedGrant } from "../sharding/routing/shard_grant.ts";
import { entityPrefix, parseEntityPath } from "../sharding/routing/entity_address.ts";
import { EntityProxy, type EntityRefHost } from "../sharding/routing/entity_ref.ts";
import { ReplacedOwners } from "../sharding/routing/replaced_owners.ts";
import { ReceivedTypes } from "../sharding/routing/received_types.ts";
import { isShardEnvelope } from "../sharding/routing/shard_envelope.ts";
import { shardOf } from "../sharding/routing/shard_hash.ts";
import { refTo, ShardProxy, type ShardRegionRef } from "../sharding/routing/shard_proxy.ts";
import { ShardRouter } from "../sharding/routing/shard_router.ts";
import type { ShardBufferLimits } from "../sharding/routing/shard_routes.ts";
import type { ShardLocations, ShardPlace } from "../sharding/routing/shard_place.ts";
import { parseShardTable, shardTablePath } from "../sharding/routing/shard_table_push.ts";
import type { ShardingPort } from "../sharding/routing/sharding_port.ts";
import { accountOf } from "../transport/base/peer.ts";
import { rules } from "../runtime/rules.ts";
import type { ClientAskOptions } from "./client_ask.ts";
import type { ClientContext, ClientExtension } from "./client_extension.ts";
import { ClientError } from "./errors.ts";

/** Milliseconds between two requests for the table of a type. */
const followInterval = 3_000;

/** One type of entities. */
interface ShardType {
  readonly router: ShardRouter;
  readonly proxy: ShardProxy;
  /** The newest locations that were received, of usable nodes or not, by shard. */
  readonly locations: (LocatedGrant | undefined)[];
  /** The node that publishes the table to this client. */
  publisher: string | undefined;
  /** When it was requested there last. */
  requestedAt: number;
  /** The version of the table that this client has. */
  version: number;
}

/** See the module's text. */
export class ClientSharding implements ClientExtension, ShardLocations {
  readonly name = "sharding";
  readonly #limits: Partial<ShardBufferLimits>;
  readonly #types = new Map<string, ShardType>();
  #client!: ClientContext;
  #port!: ShardingPort;
  #host!: EntityRefHost;
  /** Types that this client knows from references only. */
  #received: ReceivedTypes | undefined;
  readonly #ask: EntityRefHost["ask"] | undefined;
  #replaced!: ReplacedOwners;
  #turn = 0;

  /**
   * `limits`: of messages that wait for the location of their shard. `ask`: how references to entities
   * ask. Default: as the actors of the client do.
   */
  constructor(limits: Partial<ShardBufferLimits> = {}, ask?: EntityRefHost["ask"]) {
    this.#limits = limits;
    this.#ask = ask;
  }

  /** Opens the paths at which nodes send locations. */
  install(client: ClientContext): void {
    const { address: self, runtime: { clock, telemetry }, send, deadLetter } = client;
    this.#client = client;
    const { system } = client;
    const replaced = this.#replaced = new ReplacedOwners({
      defer: (task) => clock.defer(task),
      numShardsOf: (shardType) => this.#types.get(shardType)?.router.numShards,
      failAsks: (owner, isMeant) => internalsOf(system).failAsksRoutedTo(owner, isMeant),
    });
    this.#port = {
      self,
      ...(telemetry?.enabled && telemetry.traces !== false && { traces: telemetry }),
      now: () => clock.now(),
      yield: (task) => clock.yield(task),
      send,
      deadLetter,
      ownerReplaced: (owner, shardType, shard) => replaced.add(owner, shardType, shard),
    };
    this.#host = {
      address: self,
      ask: this.#ask ??
        ((ref, factory, options) => system.ask(ref, factory as never, options)),
    };
    const received = this.#received = new ReceivedTypes({
      known: (shardType) => this.#types.get(shardType)?.router,
      makeRouter: (shardType, numShards, limits) => this.#makeRouter(shardType, numShards, limits),
      deadLetter,
    });
    client.resolveRefs(entityPrefix, ({ path }, from) => {
      const address = parseEntityPath(path);
      if (address === undefined) return undefined;
      const { shardType, numShards, entityId } = address;
      const known = entityId === undefined ? this.#types.get(shardType)?.proxy : undefined;
      const account = accountOf(from ?? { address: self });
      const routes = () => received.routes(shardType, numShards, account);
      return known ?? refTo(routes(), this.#host, entityId);
    });
    // Nodes of earlier versions send to the client in a reference instead of to the owner.
    client.handleMissing(entityPrefix, (message, path, deadline) => {
      this.#onForwarded(message, path, deadline);
    });
    client.reserve(locatePath);
    client.handleUndelivered(regionPrefix, (to, value, path, deadline) => {
      const type = this.#types.get(path.slice(regionPrefix.length));
      return type?.router.undelivered(to, value, deadline) ?? false;
    }, lostDelivery);
    client.handle(clientShardsPath, (_from, value, deadline) => this.#onMessage(value, deadline));
    client.handle(shardTablePath, (from, value) => this.#onTable(from, value));
  }

  /**
   * The reference to the entities of a type.
   *
   * @throws {ClientError} code `shardCountMismatch`.
   */
  ref<M>(name: string, numShards: number): ShardRegionRef<M, ClientAskOptions> {
    const known = this.#types.get(name) ?? this.#add(
      this.#received?.take(name, numShards) ?? this.#makeRouter(name, numShards, this.#limits),
    );
    const { router, proxy } = known;
    if (router.numShards === numShards) {
      return proxy as unknown as ShardRegionRef<M, ClientAskOptions>;
    }
    throw new ClientError(
      "shardCountMismatch",
      `"${name}" has ${router.numShards} shards at this client already`,
      { value: numShards, remedy: "use the number with which the nodes spawn it" },
    );
  }

  /** Where messages for an entity are sent now. */
  whereIs(name: string, entityId: string): ShardPlace | undefined {
    const router = this.#types.get(name)?.router;
    return router && placeOf(router, shardOf(entityId, router.numShards));
  }

  /** The node to which messages for an entity are sent now. */
  shardOwner(name: string, entityId: string): string | undefined {
    return this.whereIs(name, entityId)?.owner;
  }

  /** Where messages for the shards of a type are sent now. */
  shardTable(name: string): readonly (ShardPlace | undefined)[] {
    const router = this.#types.get(name)?.router;
    return Array.from({ length: router?.numShards ?? 0 }, (_, shard) => placeOf(router!, shard));
  }

  /** Whether messages for `target` are sent to the owners of shards. */
  sends(target: ActorRef<never>): boolean {
    return target instanceof ShardProxy || target instanceof EntityProxy;
  }

  /** Drops routes to unusable nodes, and restores routes to nodes that are usable again. */
  onNodesChanged(): void {
    for (const type of this.#types.values()) {
      const { router, locations } = type;
      const usable = new Map<string, number>();
      for (const { owner } of locations.filter((location) => location !== undefined)) {
        if (this.#client.isUsable(owner)) usable.set(owner, this.#client.incarnationOf(owner));
      }
      router.leaveLost();
      router.retainOwners(usable);
      locations.forEach((location, shard) => {
        if (location === undefined || router.ownerOf(shard) !== undefined) return;
        const { owner, epoch, incarnation } = location;
        if (usable.has(owner)) router.learn(shard, owner, epoch, incarnation);
      });
      this.#follow(type);
    }
  }

  /** A node was removed, or has a new incarnation: it no longer owns its shards. */
  onNodeGone(address: string): void {
    for (const { locations } of this.#types.values()) {
      locations.forEach((location, shard) => {
        if (location?.owner !== address) return;
        const known = this.#client.incarnationOf(address);
        if (location.incarnation === 0 || location.incarnation !== known) delete locations[shard];
      });
    }
  }

  /** Another cluster counts its grants anew. */
  onClusterReplaced(): void {
    for (const { router, locations } of this.#types.values()) {
      router.reset();
      locations.length = 0;
    }
  }

  /** A lost connection ends the subscription to the table there. */
  onConnectionLost(address: string): void {
    for (const type of this.#types.values()) {
      if (type.publisher === address) type.publisher = undefined;
    }
  }

  /** Requests missing locations again, and gives up messages that have waited too long. */
  tick(): void {
    const now = this.#port.now();
    this.#received?.tick();
    for (const type of this.#types.values()) {
      type.router.tick();
      if (now - type.requestedAt >= followInterval) this.#follow(type, true);
    }
  }

  /** Gives up all messages that wait. */
  close(): void {
    this.#received?.close();
    for (const { router } of this.#types.values()) router.close();
  }

  #makeRouter(
    shardType: string,
    numShards: number,
    limits: Partial<ShardBufferLimits>,
  ): ShardRouter {
    return new ShardRouter({
      shardType,
      numShards,
      port: this.#port,
      limits,
      locate: (shard) => this.#locate({ type: "locate", shardType, numShards, shard }),
      isLost: (address) => this.#isLost(address),
    });
  }

  /** Whether a member cannot be reached, by this client or by the others. */
  #isLost(address: string): boolean {
    return this.#client.isPresent(address) && !this.#client.isUsable(address);
  }

  /** The type is known from now on. */
  #add(router: ShardRouter): ShardType {
    router.adopt(undefined, this.#limits);
    const type: ShardType = {
      router,
      proxy: new ShardProxy(router, this.#host),
      locations: [],
      publisher: undefined,
      requestedAt: 0,
      version: 0,
    };
    this.#types.set(router.shardType, type);
    this.#follow(type);
    return type;
  }

  /** A message that a node has sent to entities by way of this client. */
  #onForwarded(message: unknown, path: string, deadline: number | undefined): void {
    const { shardType = "", entityId } = parseEntityPath(path) ?? {};
    const router = this.#types.get(shardType)?.router;
    if (router !== undefined && entityId !== undefined) {
      return router.route(entityId, sentMessage(message, undefined, deadline));
    }
    if (router !== undefined && isShardEnvelope(message)) {
      return router.route(message.entityId, sentMessage(message.message, undefined, deadline));
    }
    this.#port.deadLetter("noSuchActor", path, message);
  }

  /** Subscribes to the table at the leader, which knows all shards, or at a contact. */
  #follow(type: ShardType, again = false): void {
    const leader = this.#client.leader();
    const to = leader !== undefined && this.#client.isUsable(leader)
      ? leader
      : this.#client.contacts()[0];
    if (to === undefined || (to === type.publisher && !again)) return;
    if (to !== type.publisher) type.version = 0;
    type.publisher = to;
    type.requestedAt = this.#port.now();
    const { shardType, numShards } = type.router;
    this.#port.send(to, shardTablePath, { shardType, numShards, have: type.version });
  }

  #locate(request: LocateMessage): void {
    const contacts = this.#client.contacts();
    if (contacts.length === 0) return;
    // In turn: a node that hangs must not swallow every request.
    const to = contacts[this.#turn++ % contacts.length]!;
    this.#port.send(to, locatePath, request);
  }

  #onMessage(value: unknown, deadline: number | undefined): void {
    const message = parseShardingMessage(value);
    if (message?.type === "location") this.#onLocation(message);
    if (message?.type === "drained") {
      this.#types.get(message.shardType)?.router.drained(message.shard, message.epoch);
    }
    if (message?.type === "noRegion") {
      const { shardType, entityId, epoch } = message;
      const router = this.#types.get(shardType)?.router;
      if (router === undefined) return this.#lose(message);
      router.noRegion(entityId, sentMessage(message.message, undefined, deadline), epoch);
    }
    if (message?.type === "returned") {
      const { shardType, shard, owner, epoch, entityId } = message;
      const type = this.#types.get(shardType);
      if (type === undefined || shardOf(entityId, type.router.numShards) !== shard) {
        return this.#lose(message);
      }
      if (owner !== "") this.#learn(type, shard, message);
      const kept = sentMessage(message.message, undefined, deadline);
      type.router.returned(shard, entityId, kept, epoch);
    }
    if (message?.type === "refused") this.#onRefused(message);
    if (message?.type === "unknownType") this.#onUnknownType(message);
  }

  /** A message has come back that this client knows no way for. */
  #lose(
    { shardType, entityId, message }: {
      readonly shardType: string;
      readonly entityId: string;
      readonly message: unknown;
    },
  ): void {
    this.#port.deadLetter("noShardOwner", `${regionPath(shardType)}/${entityId}`, message);
  }

  /** Nodes that have just started may not have spawned the type yet: the router waits a little. */
  #onUnknownType({ shardType, numShards, known }: UnknownTypeMessage): void {
    this.#received?.unknownType(shardType, numShards, known);
    const router = this.#types.get(shardType)?.router;
    if (router === undefined || router.numShards !== numShards) return;
    const { limitedLog } = internalsOf(this.#client.system);
    const message = "no member runs entities of the type";
    limitedLog.add("warn", "client", message, { shardType, known: known.join(", ") }, {
      cause: `${message} ${shardType}`,
    });
    router.unknownType(known);
  }

  /** The answer to a request of this client; one that names another number answers none. */
  #onRefused(refused: RefusedMessage): void {
    const { shardType, numShards, reason } = refused;
    if (numShards !== undefined) this.#received?.refuse(refused);
    const router = this.#types.get(shardType)?.router;
    if (router === undefined || router.numShards !== numShards) return;
    const { limitedLog } = internalsOf(this.#client.system);
    const message = "the cluster rejected a shard type";
    limitedLog.add("error", "client", message, { shardType, numShards, reason }, {
      cause: `${message} ${shardType}`,
    });
    router.refuse(refused);
  }

  #onLocation(location: LocationMessage): void {
    const { shardType, shard, numShards } = location;
    const type = this.#types.get(shardType) ?? this.#located(shardType, numShards);
    if (type !== undefined) this.#learn(type, shard, location);
  }

  /** A type of which this client has a reference only: it exists. */
  #located(shardType: string, numShards: number | undefined): ShardType | undefined {
    const router = numShards && this.#received?.take(shardType, numShards);
    return router ? this.#add(router) : undefined;
  }

  #onTable(from: string, value: unknown): void {
    const table = parseShardTable(value);
    const type = table && this.#types.get(table.shardType);
    if (type === undefined || table!.numShards !== type.router.numShards) return;
    const { owners, incarnations, shards, version } = table!;
    if (from === type.publisher) type.version = version;
    for (const [shard, owner, epoch] of shards) {
      this.#learn(type, shard, {
        owner: owners[owner]!,
        incarnation: incarnations[owner]!,
        epoch,
      });
    }
  }

  #learn(
    { router, locations }: ShardType,
    shard: number,
    { owner, epoch, incarnation }: LocatedGrant,
  ): void {
    if (shard >= router.numShards) return;
    // A new incarnation at the address does not have the grant.
    if (incarnation !== 0 && incarnation < this.#client.incarnationOf(owner)) return;
    const known = locations[shard];
    if (known !== undefined && known.epoch > epoch && this.#client.isPresent(known.owner)) return;
    locations[shard] = { owner, epoch, incarnation };
    const isReplaced = known !== undefined && known.owner !== owner && known.epoch < epoch;
    // Its router has forgotten the route to a node that is not usable.
    if (isReplaced && rules.replacedOwnersFailAsks && this.#isLost(known.owner)) {
      this.#replaced.add(known.owner, router.shardType, shard);
    }
    if (this.#client.isUsable(owner)) router.learn(shard, owner, epoch, incarnation);
  }
}

function placeOf(router: ShardRouter, shard: number): ShardPlace | undefined {
  const owner = router.ownerOf(shard);
  return owner === undefined ? undefined : { shard, owner, epoch: router.epochOf(shard) };
}
