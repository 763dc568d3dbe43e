/**
 * Sharding on one node: gives `ShardNode` time, connections and actors. Decides nothing by itself.
 *
 * @module
 */
import type { ActorSystem } from "../actor/system/actor_system.ts";
import { Behaviors } from "../actor/behavior/behaviors.ts";
import { internalsOf } from "../actor/system/system_internals.ts";
import type { ActorRef } from "../actor/ref/ref.ts";
import { clientTopologyPath } from "../cluster/gateway/topology.ts";
import type { MembershipView } from "../membership/state/view.ts";
import type { Remoting } from "../remoting/remoting.ts";
import type { Timer } from "../runtime/clock.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { ClientLocator } from "./client_locator.ts";
import { coordinatorView } from "./coordinator/coordinator_view.ts";
import { Entities } from "./region/entities.ts";
import { checkRemember } from "./remember/remember_options.ts";
import { parseRememberMessage, rememberedPath } from "./remember/remember_protocol.ts";
import { RememberEntities } from "./remember/remember_entities.ts";
import { ShardingError } from "./errors.ts";
import {
  clientShardsPath,
  locatePath,
  parseShardingMessage,
  regionPath,
  type ShardingMessage,
  shardingPath,
} from "./routing/protocol.ts";
import { ShardNode, type ShardNodePort } from "./shard_node.ts";
import type { ShardEnvelope } from "./routing/shard_envelope.ts";
import { shardOf } from "./routing/shard_hash.ts";
import { ShardProxy } from "./routing/shard_proxy.ts";
import type { ShardRouter } from "./routing/shard_router.ts";
import type { ShardedBehavior } from "./sharded_behavior.ts";
import {
  type KnownShards,
  shardTablePath,
  ShardTablePublisher,
} from "./routing/shard_table_publisher.ts";

/** Milliseconds between two rounds of repeated questions. */
const tickInterval = 250;
/** Milliseconds between two looks whether a node that leaves has given all up. */
const retireInterval = 20;

/** A shard that a node owns. */
export interface ShardGrant {
  /** The name under which the sharded behaviour was spawned. */
  readonly shardType: string;
  /** Number of the shard, from 0. */
  readonly shard: number;
  /** Of the grant: the higher is the later. */
  readonly epoch: number;
}

/** Where a shard is. */
export interface ShardPlace {
  /** Number of the shard, from 0. */
  readonly shard: number;
  /** Address of the node that runs it. */
  readonly owner: string;
  /** Of the grant: the higher is the later. */
  readonly epoch: number;
}

/** See the module's text. One per node. */
export class Sharding {
  readonly #system: ActorSystem;
  readonly #remoting: Remoting;
  readonly #runtime: Runtime;
  readonly #roles: readonly string[];
  readonly #node: ShardNode;
  readonly #clients: ClientLocator;
  readonly #followers: ShardTablePublisher;
  readonly #entities = new Map<string, Entities>();
  readonly #memories = new Map<string, RememberEntities>();
  #view: MembershipView | undefined;
  #timer: Timer | undefined;
  #closed = false;

  /** Opens the paths at which other nodes and clients talk about shards. */
  constructor(
    system: ActorSystem,
    remoting: Remoting,
    runtime: Runtime,
    { roles = [] }: { readonly roles?: readonly string[] } = {},
  ) {
    this.#system = system;
    this.#remoting = remoting;
    this.#runtime = runtime;
    this.#roles = roles;
    const port = this.#makePort();
    this.#node = new ShardNode(port);
    this.#clients = new ClientLocator(
      port,
      (question) => this.#node.known(question),
      (question) => this.#node.locate(question),
    );
    remoting.handleNodes(shardingPath, (peer, value) => {
      const message = parseShardingMessage(value);
      if (message !== undefined) this.#node.receive(peer.address, message);
    });
    remoting.handleNodes(rememberedPath, (peer, value) => {
      const message = parseRememberMessage(value);
      if (message !== undefined) {
        this.#memories.get(message.shardType)?.receive(peer.address, message);
      }
    });
    // Where clients listen to their nodes.
    for (const path of [clientTopologyPath, clientShardsPath]) remoting.reserve(path);
    remoting.handlePeers(locatePath, (peer, value) => this.#clients.receive(peer, value));
    this.#followers = new ShardTablePublisher(port, (shardType) => this.#knownShards(shardType));
    remoting.handlePeers(shardTablePath, (peer, value) => this.#followers.receive(peer, value));
    this.#scheduleTick();
  }

  /** Starts to run entities of a type at this node, if it has the role, and to route to them. */
  deploy<M>(name: string, behavior: ShardedBehavior<M>): ActorRef<ShardEnvelope<M>> {
    const { numShards, options: { role, strategy, buffer } } = behavior;
    const schema = behavior.entityType?.schema;
    let router: ShardRouter | undefined = undefined;
    // The anchor's name is the user's: a second deployment under it fails here.
    const anchor = this.#system.spawn<ShardEnvelope<M>>(
      Behaviors.receive((_context, envelope) => {
        if (envelope?.type !== "shardEnvelope") return Behaviors.unhandled();
        router!.route(envelope.entityId, envelope.message);
        return Behaviors.same();
      }),
      name,
    );
    const owns = role === undefined || this.#roles.includes(role);
    const entities = owns ? this.#makeEntities(name, behavior) : undefined;
    const added = this.#node.add({
      shardType: name,
      numShards,
      ...(entities && { host: entities }),
      ...(strategy && { strategy }),
      ...(buffer && { limits: buffer }),
      ...(schema && { schema }),
    });
    router = added;
    if (entities !== undefined) {
      this.#entities.set(name, entities);
      internalsOf(this.#system)
        .spawnSystem(entities.behavior(() => this.#node.open(name)), `_region-${name}`);
    }
    this.#remoting.handlePeers(regionPath(name), (peer, value) => {
      this.#node.onDelivery(added, peer.address, value);
    });
    return new ShardProxy(added, anchor);
  }

  /** The node that runs an entity of a deployed type, if this node knows. */
  ownerOf(name: string, entityId: string): string | undefined {
    const router = this.#node.routers.get(name);
    return router?.ownerOf(shardOf(entityId, router.numShards));
  }

  /** Where an entity is, as far as this node knows. */
  whereIs(name: string, entityId: string): ShardPlace | undefined {
    const router = this.#node.routers.get(name);
    if (router === undefined) return undefined;
    const shard = shardOf(entityId, router.numShards);
    const owner = router.ownerOf(shard);
    return owner === undefined ? undefined : { owner, shard, epoch: router.epochOf(shard) };
  }

  /** The entities that run at this node, by their ids. */
  running(name: string): string[] {
    return Array.from(this.#entities.get(name)?.running() ?? [], ([entityId]) => entityId);
  }

  /** Where the shards of a type are, as far as this node knows: the leader knows all. */
  table(name: string): (ShardPlace | undefined)[] {
    const known = this.#knownShards(name);
    return Array.from({ length: known?.numShards ?? 0 }, (_, shard) => {
      const grant = known!.grantOf(shard);
      return grant && { shard, owner: grant.owner, epoch: grant.epoch };
    });
  }

  /** The shards that this node owns now, for tests and simulations. */
  grants(): ShardGrant[] {
    return [...this.#node.routers.values()].flatMap(({ shardType, region }) =>
      (region?.grants() ?? []).map(([shard, epoch]) => ({ shardType, shard, epoch }))
    );
  }

  /** Counts the changes of what `grants` answers. */
  get grantsVersion(): number {
    let version = 0;
    for (const { region } of this.#node.routers.values()) version += region?.version ?? 0;
    return version;
  }

  /** The cluster has changed. */
  onView(view: MembershipView): void {
    this.#view = view;
    this.#node.onView(coordinatorView(this.#remoting.address, view));
  }

  /**
   * Gives all shards up: their entities stop, and others take over. What waits for them is passed on.
   * Resolves when nothing is left here.
   */
  release(): Promise<void> {
    this.#node.retire();
    const { promise, resolve } = Promise.withResolvers<void>();
    const look = () => {
      if (this.#closed || this.#hasRetired()) return resolve();
      this.#runtime.clock.schedule(retireInterval, look);
    };
    look();
    return promise.then(async () => {
      await Promise.all(Array.from(this.#memories.values(), (memory) => memory.saved()));
    });
  }

  /** Ends all activity. */
  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
    for (const memory of this.#memories.values()) memory.close();
    this.#node.close();
  }

  #hasRetired(): boolean {
    if (this.#node.retired) return true;
    const others = this.#view?.members.some(({ address, status }) =>
      status === "up" && address !== this.#remoting.address && !this.#view!.unreachable.has(address)
    );
    // Nobody is left who could take what waits.
    return !others && this.grants().length === 0;
  }

  #makePort(): ShardNodePort {
    const { address: self } = this.#remoting;
    const { clock, logger } = this.#runtime;
    const system = internalsOf(this.#system);
    return {
      self,
      now: () => clock.now(),
      send: (to, path, message) => {
        if (to !== self) return this.#remoting.send(to, path, 0, message);
        // Deferred, so that the machine that wants this sent has ended its step.
        clock.defer(() => {
          if (path === shardingPath) this.#node.receive(self, message as ShardingMessage);
        });
      },
      deadLetter: (reason, target, message) => system.deadLetter(reason, target, message),
      publish: (event) => this.#system.eventStream.publish(event),
      log: (level, message, fields) => logger.log(level, "sharding", message, fields),
      heard: (message) => {
        if (message.type === "location") this.#clients.onLocation(message);
        else this.#clients.onRefused(message);
      },
    };
  }

  #makeEntities<M>(name: string, behavior: ShardedBehavior<M>): Entities {
    const { factory, numShards, passivation, options } = behavior;
    const { maxPendingPerEntity = 1_000, stopTimeout = 10_000 } = options;
    const memory = this.#makeMemory(name, behavior);
    return new Entities(name, factory as never, {
      ...(memory && { memory }),
      clock: this.#runtime.clock,
      numShards,
      limits: passivation,
      maxPending: maxPendingPerEntity,
      stopTimeout,
      giveBack: (entityId, message) => this.#node.routers.get(name)!.route(entityId, message),
      lose: (reason, target, message) =>
        internalsOf(this.#system).deadLetter(reason, target, message),
    });
  }

  #makeMemory<M>(name: string, behavior: ShardedBehavior<M>): RememberEntities | undefined {
    const { numShards, options } = behavior;
    const checked = checkRemember(options.rememberEntities);
    if (checked === undefined) return undefined;
    const { store } = checked;
    const remember = { ...checked, store: store?.bind?.(this.#runtime) ?? store };
    const { clock, logger } = this.#runtime;
    const memory = new RememberEntities(name, remember, {
      clock,
      numShards,
      others: () =>
        this.#view?.members.map(({ address }) => address)
          .filter((address) => address !== this.#remoting.address) ?? [],
      send: (to, message) => this.#remoting.send(to, rememberedPath, 0, message),
      wake: (shard, id) => this.#entities.get(name)?.wake(shard, id),
      isOwned: (shard) => this.#node.routers.get(name)?.ownerOf(shard) !== undefined,
      locate: (shard) => this.#node.locate({ type: "locate", shardType: name, numShards, shard }),
      log: (message, fields) =>
        logger.log("warn", "sharding", message, { shardType: name, ...fields }),
    });
    this.#memories.set(name, memory);
    return memory;
  }

  /** The coordinator knows all shards of a type, another node those that it has sent to. */
  #knownShards(shardType: string): KnownShards | undefined {
    const { coordinator, routers } = this.#node;
    const table = coordinator.phase === "active" ? coordinator.table(shardType) : undefined;
    if (table !== undefined) {
      const confirmed = (shard: number) => {
        const grant = table.grant(shard);
        return grant?.confirmed ? grant : undefined;
      };
      return { numShards: table.numShards, grantOf: confirmed };
    }
    const router = routers.get(shardType);
    if (router === undefined) return undefined;
    const grantOf = (shard: number) => {
      const owner = router.ownerOf(shard);
      return owner === undefined ? undefined : { owner, epoch: router.epochOf(shard) };
    };
    return { numShards: router.numShards, grantOf };
  }

  #scheduleTick(): void {
    this.#timer = this.#runtime.clock.schedule(tickInterval, () => {
      if (this.#closed) return;
      this.#node.tick();
      for (const entities of this.#entities.values()) entities.tick();
      for (const memory of this.#memories.values()) memory.tick();
      this.#clients.tick();
      this.#followers.tick();
      this.#scheduleTick();
    });
  }
}

/** Refuses a name that is not the type's. */
export function nameOf<M>(behavior: ShardedBehavior<M>, name: string | undefined): string {
  const own = behavior.entityType?.name;
  if (name !== undefined && (own === undefined || own === name)) return name;
  if (name === undefined && own !== undefined) return own;
  throw new ShardingError(
    "badName",
    own === undefined
      ? "a sharded behaviour needs a name"
      : `the entity type is called "${own}", not "${name}"`,
    { value: name, remedy: "spawn it under the name of its entity type" },
  );
}
