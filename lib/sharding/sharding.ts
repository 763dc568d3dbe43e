/**
 * Sharding on one node: its coordinator, its regions, its routers, and what they say to those of
 * other nodes. Decides nothing by itself.
 *
 * @module
 */
import type { ActorSystem } from "../actor/actor_system.ts";
import { Behaviors } from "../actor/behaviors.ts";
import { internalsOf } from "../actor/internals.ts";
import type { ActorRef } from "../actor/ref.ts";
import { clientTopologyPath } from "../cluster/topology.ts";
import type { MembershipView } from "../membership/view.ts";
import type { Remoting } from "../remoting/remoting.ts";
import type { Timer } from "../runtime/clock.ts";
import type { Runtime } from "../runtime/runtime.ts";
import type { Peer } from "../transport/peer.ts";
import { ClientLocator } from "./client_locator.ts";
import { Coordinator, type CoordinatorEffect } from "./coordinator.ts";
import { coordinatorView } from "./coordinator_view.ts";
import {
  clientShardsPath,
  type LocateMessage,
  locatePath,
  parseEntityDelivery,
  parseShardingMessage,
  regionPath,
  type ShardingMessage,
  shardingPath,
} from "./protocol.ts";
import { Region } from "./region.ts";
import type { ShardEnvelope } from "./shard_envelope.ts";
import { ShardProxy } from "./shard_proxy.ts";
import { ShardRouter } from "./shard_router.ts";
import { shardOf } from "./shard_hash.ts";
import type { ShardedBehavior } from "./sharded_behavior.ts";
import type { ShardingPort } from "./sharding_port.ts";
import { type KnownShards, shardTablePath, TableFollowers } from "./table_followers.ts";

/** Milliseconds between two rounds of repeated questions. */
const tickInterval = 250;
/** Ticks between two unasked reports, in case one was lost. */
const ticksPerReport = 20;

/** A shard that a node owns. */
export interface ShardGrant {
  /** The name under which the sharded behaviour was spawned. */
  readonly shardType: string;
  /** Number of the shard, from 0. */
  readonly shard: number;
  /** Of the grant: the higher is the later. */
  readonly epoch: number;
}

/** See the module's text. One per node. */
export class Sharding {
  readonly #system: ActorSystem;
  readonly #remoting: Remoting;
  readonly #runtime: Runtime;
  readonly #port: ShardingPort;
  readonly #coordinator = new Coordinator();
  readonly #routers = new Map<string, ShardRouter>();
  readonly #clients: ClientLocator;
  readonly #followers: TableFollowers;
  #leader: string | undefined;
  #ticks = 0;
  #timer: Timer | undefined;
  readonly #regionActors: ActorRef<never>[] = [];
  #releasing = false;
  #isMember = false;
  #closed = false;

  /** Opens the paths at which other nodes and clients talk about shards. */
  constructor(system: ActorSystem, remoting: Remoting, runtime: Runtime) {
    this.#system = system;
    this.#remoting = remoting;
    this.#runtime = runtime;
    this.#port = {
      self: remoting.address,
      now: () => runtime.clock.now(),
      send: (to, path, message) => remoting.send(to, path, 0, message),
      deadLetter: (reason, target, message) =>
        internalsOf(system).deadLetter(reason, target, message),
    };
    this.#clients = new ClientLocator(
      this.#port,
      (question) => this.#known(question),
      (question) => this.#toLeader(question),
    );
    remoting.handleNodes(shardingPath, (peer, value) => {
      const message = parseShardingMessage(value);
      if (message !== undefined) this.#onMessage(peer.address, message);
    });
    // Where clients listen to their nodes.
    for (const path of [clientTopologyPath, clientShardsPath]) remoting.reserve(path);
    remoting.handlePeers(locatePath, (peer, value) => this.#clients.receive(peer, value));
    this.#followers = new TableFollowers(this.#port, (shardType) => this.#knownShards(shardType));
    remoting.handlePeers(shardTablePath, (peer, value) => this.#followers.receive(peer, value));
    this.#scheduleTick();
  }

  /** Starts to run entities of a type at this node, and to route to them. */
  deploy<M>(name: string, behavior: ShardedBehavior<M>): ActorRef<ShardEnvelope<M>> {
    const region = new Region(behavior.factory as (entityId: string) => never);
    const { numShards } = behavior;
    const router = new ShardRouter({
      shardType: name,
      numShards,
      region,
      port: this.#port,
      ask: (shard) => this.#toLeader({ type: "locate", shardType: name, numShards, shard }),
    });
    // The anchor's name is the user's: a second deployment under it fails here.
    const anchor = this.#system.spawn<ShardEnvelope<M>>(
      Behaviors.receive((_context, envelope) => {
        if (envelope?.type !== "shardEnvelope") return Behaviors.unhandled();
        router.route(envelope.entityId, envelope.message);
        return Behaviors.same();
      }),
      name,
    );
    this.#routers.set(name, router);
    this.#regionActors.push(
      internalsOf(this.#system)
        .spawnSystem(region.behavior(() => this.#report()), `_region-${name}`),
    );
    this.#remoting.handlePeers(regionPath(name), (peer, value) => {
      this.#onDelivery(router, peer, value);
    });
    return new ShardProxy(router, anchor);
  }

  /** The node that runs an entity of a deployed type, if this node knows. */
  ownerOf(name: string, entityId: string): string | undefined {
    const router = this.#routers.get(name);
    return router?.ownerOf(shardOf(entityId, router.numShards));
  }

  /** The shards that this node owns now, for tests and simulations. */
  grants(): ShardGrant[] {
    return [...this.#routers.values()].flatMap(({ shardType, region }) =>
      (region?.grants() ?? []).map(([shard, epoch]) => ({ shardType, shard, epoch }))
    );
  }

  /** Counts the changes of what `grants` answers. */
  get grantsVersion(): number {
    let version = 0;
    for (const { region } of this.#routers.values()) version += region?.version ?? 0;
    return version;
  }

  /** The cluster has changed. */
  onView(view: MembershipView): void {
    const shape = coordinatorView(this.#port.self, view);
    const present = new Set(shape.members);
    this.#fence(present.has(this.#port.self));
    const leaderBefore = this.#leader;
    this.#leader = shape.leader;
    this.#carryOut(this.#coordinator.step({ type: "view", view: shape }));
    for (const router of this.#routers.values()) {
      router.retainOwners(present);
      if (shape.leader !== leaderBefore) router.tick();
    }
  }

  /** A node that is no member any more owns nothing: others may run its entities by now. */
  #fence(isMember: boolean): void {
    if (this.#isMember && !isMember) {
      for (const router of this.#routers.values()) router.region?.releaseAll();
    }
    this.#isMember = isMember;
  }

  /**
   * Stops all entities of this node, then tells the coordinator that others may run them. What
   * still arrives for them is passed on.
   */
  async release(): Promise<void> {
    this.#releasing = true;
    for (const router of this.#routers.values()) router.region?.close();
    await Promise.all(this.#regionActors.map((region) => this.#system.stop(region)));
    for (const router of this.#routers.values()) router.region?.releaseAll();
    this.#report();
  }

  /** Ends all activity. */
  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
    for (const router of this.#routers.values()) router.refuse();
  }

  #onMessage(from: string, message: ShardingMessage): void {
    switch (message.type) {
      case "askReport":
        // Only the leader that this node sees may count on its report: see `host`.
        if (from === this.#leader) this.#report();
        return;
      case "host":
        return this.#onHost(from, message.shardType, message.shard, message.epoch);
      case "location":
        this.#clients.onLocation(message);
        return this.#routers.get(message.shardType)
          ?.learn(message.shard, message.owner, message.epoch);
      case "refused":
        this.#clients.onRefused(message);
        return this.#onRefused(message.shardType, message.reason);
      case "report":
      case "locate":
      case "hosting":
        return this.#carryOut(this.#coordinator.step({ ...message, from }));
    }
  }

  #onHost(from: string, shardType: string, shard: number, epoch: number): void {
    const router = this.#routers.get(shardType);
    const region = router?.region;
    // A grant of a deposed leader may contradict what its successor was told: refuse it.
    if (from !== this.#leader || this.#releasing || !region?.ready) return;
    region.own(shard, epoch);
    this.#send(from, { type: "hosting", shardType, shard, epoch: region.epochOf(shard) });
    router!.learn(shard, this.#port.self, epoch);
  }

  #onRefused(shardType: string, reason: string): void {
    this.#runtime.logger.log("error", "sharding", "the coordinator refused", { shardType, reason });
    this.#routers.get(shardType)?.refuse();
  }

  #onDelivery(router: ShardRouter, peer: Peer, value: unknown): void {
    const delivery = parseEntityDelivery(value);
    if (delivery === undefined) return;
    const [entityId, message, forwarded] = delivery;
    const shard = shardOf(entityId, router.numShards);
    if (router.region!.deliver(shard, entityId, message)) return;
    if (forwarded) {
      return this.#port.deadLetter(
        "shardMoved",
        `${regionPath(router.shardType)}/${entityId}`,
        message,
      );
    }
    this.#tellMoved(router, peer, shard);
    router.route(entityId, message, true);
  }

  /** The sender believes that the shard is here; if this node knows better, it says so. */
  #tellMoved(router: ShardRouter, peer: Peer, shard: number): void {
    const known = this.#known({
      type: "locate",
      shardType: router.shardType,
      numShards: router.numShards,
      shard,
    });
    if (known === undefined || known.owner === this.#port.self) return;
    this.#port.send(peer.address, peer.role === "node" ? shardingPath : clientShardsPath, known);
  }

  #known(question: LocateMessage): (ShardingMessage & { type: "location" }) | undefined {
    const { shardType, numShards, shard } = question;
    const router = this.#routers.get(shardType);
    if (router === undefined || router.numShards !== numShards) return undefined;
    const owner = router.ownerOf(shard);
    if (owner === undefined) return undefined;
    return { type: "location", shardType, shard, owner, epoch: router.epochOf(shard) };
  }

  /** The coordinator knows all shards of a type, another node those that it has sent to. */
  #knownShards(shardType: string): KnownShards | undefined {
    const table = this.#coordinator.phase === "active"
      ? this.#coordinator.table(shardType)
      : undefined;
    if (table !== undefined) {
      const confirmed = (shard: number) => {
        const grant = table.grant(shard);
        return grant?.confirmed ? grant : undefined;
      };
      return { numShards: table.numShards, grantOf: confirmed };
    }
    const router = this.#routers.get(shardType);
    if (router === undefined) return undefined;
    const grantOf = (shard: number) => {
      const owner = router.ownerOf(shard);
      return owner === undefined ? undefined : { owner, epoch: router.epochOf(shard) };
    };
    return { numShards: router.numShards, grantOf };
  }

  #carryOut(effects: readonly CoordinatorEffect[]): void {
    for (const effect of effects) {
      const { to, ...message } = effect;
      this.#send(to, message);
    }
  }

  #toLeader(message: ShardingMessage): void {
    if (this.#leader !== undefined) this.#send(this.#leader, message);
  }

  #send(to: string, message: ShardingMessage): void {
    if (to !== this.#port.self) return this.#port.send(to, shardingPath, message);
    // Deferred, so that the machine that wants this sent has ended its step.
    this.#runtime.clock.defer(() => this.#onMessage(to, message));
  }

  #report(): void {
    const regions = [];
    for (const router of this.#routers.values()) {
      if (!router.region?.ready || this.#releasing) continue;
      regions.push({
        shardType: router.shardType,
        numShards: router.numShards,
        shards: router.region.grants(),
        lastEpoch: router.lastEpoch,
      });
    }
    this.#toLeader({ type: "report", regions });
  }

  #scheduleTick(): void {
    this.#timer = this.#runtime.clock.schedule(tickInterval, () => {
      if (this.#closed) return;
      this.#carryOut(this.#coordinator.step({ type: "tick" }));
      for (const router of this.#routers.values()) router.tick();
      this.#clients.tick();
      this.#followers.tick();
      if (++this.#ticks % ticksPerReport === 0 && this.#routers.size > 0) this.#report();
      this.#scheduleTick();
    });
  }
}
