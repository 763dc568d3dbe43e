/**
 * Sharding on one node: gives the sharding machine time, connections and actors. All decisions are
 * in the machine.
 *
 * @module
 */
import { type MessageSender, senderOf } from "../actor/ref/message_sender.ts";
import type { ActorRef } from "../actor/ref/ref.ts";
import { findReply } from "../actor/ask/reply_refs.ts";
import { internalsOf, type SystemInternals } from "../actor/system/system_internals.ts";
import type { ExtensionBehavior } from "../cluster/node/extension_behavior.ts";
import type {
  ExtensionContext,
  ExtensionHealth,
  NodeExtension,
} from "../cluster/node/node_extension.ts";
import type { MembershipView } from "../membership/state/view.ts";
import { resolveOptions, withDefaults } from "../options/check_options.ts";
import { persistenceDefaults } from "../options/tables/persistence_tables.ts";
import { entityRefTable, shardedDefaults } from "../options/tables/sharding_tables.ts";
import type { RefSource } from "../remoting/remoting_options.ts";
import type { Timer } from "../runtime/clock.ts";
import { rules } from "../runtime/rules.ts";
import { accountOf } from "../transport/base/peer.ts";
import type { Daemons } from "./region/daemons.ts";
import { TokenBuckets } from "../runtime/token_buckets.ts";
import { answerWithoutRegion } from "./region/no_region.ts";
import { entityPrefix, parseEntityPath } from "./routing/entity_address.ts";
import type { EntityFactory } from "./routing/entity_factory.ts";
import type { EntityRefHost } from "./routing/entity_ref.ts";
import type { EntityType } from "./routing/entity_type.ts";
import { ClientGivenRoutes } from "./client_given_routes.ts";
import { ClientLocator } from "./client_locator.ts";
import { DueEntities } from "./due_entities.ts";
import { parseCoordinationMessage } from "./coordinator/coordination_protocol.ts";
import { coordinatorView } from "./coordinator/coordinator_view.ts";
import { ShardingError } from "./errors.ts";
import { leasePath, parseLeaseMessage } from "./lease/lease_protocol.ts";
import { parseRememberMessage, rememberedPath } from "./remember/remember_protocol.ts";
import { ReplacedOwners } from "./routing/replaced_owners.ts";
import { isRecord } from "./routing/message_fields.ts";
import {
  clientShardsPath,
  type EntityDelivery,
  locatePath,
  lostDelivery,
  parseEntityDelivery,
  regionPath,
  regionPrefix,
  shardingPath,
} from "./routing/protocol.ts";
import { shardOf } from "./routing/shard_hash.ts";
import type { ShardPlace } from "./routing/shard_place.ts";
import { refTo, ShardProxy, type ShardRegionRef } from "./routing/shard_proxy.ts";
import type { ShardRouter } from "./routing/shard_router.ts";
import { shardTablePath } from "./routing/shard_table_push.ts";
import { type KnownShards, ShardTablePublisher } from "./shard_table_publisher.ts";
import { ShardingMachine, type ShardingMachinePort } from "./sharding_machine.ts";
import {
  sharded,
  type ShardedBehavior,
  shardedKind,
  type ShardedOptions,
} from "./sharded_behavior.ts";
import { ShardedType } from "./sharded_type.ts";
import {
  type InspectedShard,
  type InspectedType,
  setShardInspector,
  type ShardInspector,
} from "./shard_inspector.ts";
import { setReplicatorHost, type ShardReplicator } from "./shard_replicator.ts";
import {
  type KnownType,
  setShardRefs,
  type Sharding,
  shardingKey,
  type ShardRefs,
} from "./sharding.ts";
import { type MeasuredType, measureSharding } from "./sharding_telemetry.ts";

/** Milliseconds between two ticks of all machines. */
const tickInterval = 250;
/** Milliseconds between two checks whether a leaving node has handed off all shards. */
const retireInterval = 20;
/** How long a node that leaves waits for the end of its vote where no other runs entities, milliseconds. */
const idleWait = 1_000;

/** See the module's text. */
export class ShardingExtension implements NodeExtension {
  readonly name = "sharding";
  readonly #types = new Map<string, ShardedType>();
  /** The references to the types for which one was asked for, spawned here or not. */
  readonly #refs = new Map<string, ShardProxy>();
  /** What clients start by references, of types that were not spawned here. */
  readonly #starts = new TokenBuckets(shardedDefaults.maxStartsPerIdentity);
  #node!: ExtensionContext;
  #host!: EntityRefHost;
  #machine!: ShardingMachine;
  #locator!: ClientLocator;
  #publisher!: ShardTablePublisher;
  #dueEntities!: DueEntities;
  #gate!: SystemInternals["turnGate"];
  #timer: Timer | undefined;
  /** Wakes the machine at its next deadline. */
  #alarm: { readonly timer: Timer; readonly at: number } | undefined;
  /** Entities were suspended, and that was logged. */
  #suspended = false;
  /** Whether this node has held its lease since it started. */
  #hadLease = false;
  #replicator: ShardReplicator | undefined;
  #left = false;
  #endMeasuring = (): void => {};
  #closed = false;

  /** Opens the paths at which other nodes and clients send messages about shards. */
  install(node: ExtensionContext): void {
    this.#node = node;
    this.#gate = internalsOf(node.system).turnGate;
    this.#gate.listen({
      onOpened: (closedFor, parked) => this.#onOpened(closedFor, parked),
      onClosed: (why) => this.#onClosed(why),
      onClockJump: () => this.#machine.lease.expire(),
    });
    const port = this.#makePort(node);
    const machine = this.#machine = new ShardingMachine(port);
    this.#locator = new ClientLocator(
      port,
      (request) => machine.known(request),
      (request) => machine.locate(request),
      node.limits.maxLocatesPerIdentity,
    );
    this.#publisher = new ShardTablePublisher(
      port,
      (shardType) => this.#knownShards(shardType),
      node.limits.maxSubscriptionsPerIdentity,
    );
    const { dueInterval } = withDefaults(
      persistenceDefaults,
      internalsOf(node.system).persistence,
    );
    this.#dueEntities = new DueEntities({
      node,
      interval: dueInterval,
      route: (shardType, entityId, message) => {
        machine.routers.get(shardType)?.route(entityId, message);
      },
    });
    node.handleNodes(shardingPath, (peer, value, deadline) => {
      const message = parseCoordinationMessage(value);
      if (message === undefined) return;
      machine.receive(peer.address, message, deadline);
      this.#setAlarm();
    });
    node.handleNodes(leasePath, (peer, value) => {
      const message = parseLeaseMessage(value);
      if (message !== undefined) machine.receiveLease(peer.address, message);
    });
    node.handleNodes(rememberedPath, (peer, value) => {
      const message = parseRememberMessage(value);
      if (message === undefined) return;
      this.#types.get(message.shardType)?.memory?.receive(peer.address, message);
    });
    node.handleMissing(regionPrefix, (peer, value, path, deadline) => {
      const shardType = path.slice(regionPrefix.length);
      answerWithoutRegion(node.send, peer.address, shardType, value, deadline);
    });
    node.handleUndelivered(regionPrefix, (to, value, path, deadline) => {
      const router = machine.routers.get(path.slice(regionPrefix.length));
      return router?.undelivered(to, value, deadline) ?? false;
    }, lostDelivery);
    const host: EntityRefHost = {
      address: node.address,
      ask: (ref, factory, options) => node.system.ask(ref, factory as never, options),
    };
    this.#host = host;
    node.resolveRefs(entityPrefix, ({ path }, from) => this.#resolve(path, from));
    // Peers of earlier versions send to the node in a reference instead of to the owner.
    node.handleMissing(entityPrefix, (peer, message, path) => {
      const { shardType, entityId } = parseEntityPath(path) ?? {};
      const type = this.#types.get(shardType ?? "");
      const delivery = entityId === undefined ? deliveryOf(message) : [entityId, message, 0];
      if (type !== undefined && delivery !== undefined) return type.receive(peer, delivery);
      node.deadLetter("noSuchActor", path, message);
    });
    // Where clients listen. What is returned to them are their messages: references in them may be forged.
    node.reserve(clientShardsPath, { grants: false });
    node.handlePeers(locatePath, (peer, value) => this.#locator.receive(peer, value));
    node.handlePeers(shardTablePath, (peer, value) => this.#publisher.receive(peer, value));
    node.registerKind(shardedKind, (behavior, name) => this.#spawn(behavior, name));
    const api = this.#api();
    setShardRefs(api, this.#refsApi());
    setShardInspector(api, this.#inspector());
    setReplicatorHost(api, {
      get leader() {
        return machine.leader;
      },
      isPlausibleEpoch: (epoch) => machine.isPlausibleEpoch(epoch),
      grantOf: (shardType, shard) => machine.coordinator.table(shardType)?.grant(shard),
      moveShard: (move) => {
        machine.moveShard(move);
        this.#setAlarm();
      },
      attach: (replicator) => this.#replicator = replicator,
    });
    node.expose(shardingKey, api);
    this.#endMeasuring = measureSharding(
      node.runtime.telemetry,
      node.system,
      () => this.#measuredTypes(),
      () => this.#machine.lease.holds,
    );
    this.#scheduleTick();
  }

  /** The cluster has changed. */
  onView(view: MembershipView): void {
    this.#machine.onView(coordinatorView(this.#node.address, view));
    this.#setAlarm();
  }

  /**
   * Hands all shards off: their entities stop, other nodes take over, and messages that wait are
   * passed on. Resolves when nothing is left here, no lease of another node needs the vote of this one
   * and the stores have saved.
   */
  async beforeLeave(): Promise<void> {
    this.#dueEntities.close();
    this.#machine.retire();
    const { clock } = this.#node.runtime;
    const since = clock.now();
    const { promise, resolve } = Promise.withResolvers<void>();
    const look = () => {
      if (this.#closed || this.#hasRetired(clock.now() - since)) return resolve();
      clock.schedule(retireInterval, look);
    };
    look();
    await promise;
    await this.#replicator?.drained();
    await Promise.all(Array.from(this.#types.values(), ({ memory }) => memory?.saved()));
    this.#left = true;
    this.#machine.lease.release();
  }

  /** Ends all activity. */
  afterLeave(): void {
    this.#closed = true;
    this.#dueEntities.close();
    this.#timer?.cancel();
    this.#alarm?.timer.cancel();
    this.#endMeasuring();
    for (const { memory } of this.#types.values()) memory?.close();
    this.#machine.close();
  }

  /** The coordinator, the shards of this node, and the waiting messages. */
  explain(): readonly string[] {
    const { leader, coordinator, routers, regions } = this.#machine;
    const { address } = this.#node;
    const lines = [
      leader === undefined
        ? "no coordinator is known, because no member leads: no shard is granted"
        : leader !== address
        ? `${leader} coordinates shards`
        : coordinator.phase === "active"
        ? "this node coordinates shards"
        : "this node coordinates shards; it grants none now",
      ...coordinator.explain(),
      ...this.#explainLease(),
    ];
    for (const { shardType, numShards, buffered } of routers.values()) {
      const region = regions.of(shardType);
      const role = region === undefined
        ? "routes only"
        : `owns ${region.size} of ${numShards} shards`;
      const obstacle = this.#types.get(shardType)?.obstacle;
      const why = obstacle === undefined ? "" : `; ${obstacle}`;
      const waiting = buffered === 0 ? "" : `; ${buffered} messages wait for their shards`;
      lines.push(`"${shardType}": this node ${role}${waiting}${why}`);
    }
    return lines;
  }

  #explainLease(): readonly string[] {
    const { lease, regions: { owned } } = this.#machine;
    const { missing } = lease;
    if (missing === undefined) return ["this node holds its lease, so its entities run"];
    const state = owned === 0 ? "this node holds no lease" : "this node's entities are suspended";
    return [`${state}: ${missing}`];
  }

  /**
   * Unhealthy while no coordinator is known, or entities of this node are suspended. A node that can own
   * shards is healthy when it has its first lease: shards may be granted to it before, and then it would
   * turn unhealthy again.
   */
  health(): ExtensionHealth {
    const { leader, routers, regions: { owned, any }, buffered, lease } = this.#machine;
    const details = { types: routers.size, ownedShards: owned, bufferedMessages: buffered };
    if (leader === undefined) return { healthy: false, reason: "no coordinator is known", details };
    const { missing } = lease;
    if (missing === undefined) this.#hadLease = true;
    const waits = !this.#hadLease && any;
    if (missing === undefined || (owned === 0 && !waits)) return { healthy: true, details };
    const state = owned === 0 ? "this node has no lease yet" : "this node's entities are suspended";
    const reason = `${state}: ${missing}`;
    return { healthy: false, reason, details };
  }

  /** The reference of a path that has arrived. */
  #resolve(path: string, from: RefSource | undefined): ActorRef<never> | undefined {
    const address = parseEntityPath(path);
    if (address === undefined) return undefined;
    const { shardType, numShards, entityId } = address;
    const { received, routers } = this.#machine;
    const isOfClient = from?.role === "client";
    const known = routers.get(shardType);
    if (known !== undefined && entityId === undefined && !isOfClient) return this.#refOf(known);
    const account = accountOf(from ?? this.#node);
    const routes = received.routes(shardType, numShards, account);
    if (!isOfClient) return refTo(routes, this.#host, entityId);
    const given = new ClientGivenRoutes(routes, senderOf(from), this.#admits);
    return refTo(given, this.#host, entityId);
  }

  /** Whether an actor of this node may send a message to an entity that a client has named. */
  readonly #admits = (
    client: MessageSender,
    shardType: string,
    entityId: string,
    message: unknown,
  ): boolean => {
    const type = this.#types.get(shardType);
    if (type !== undefined) return type.admits(client, entityId, message);
    if (this.#starts.take(accountOf(client), this.#node.runtime.clock.now())) return true;
    this.#node.deadLetter("bufferFull", `${regionPath(shardType)}/${entityId}`, message);
    return false;
  };

  #spawn(
    described: ExtensionBehavior<never>,
    name: string | undefined,
    daemons?: Daemons,
  ): ActorRef<never> {
    const behavior = described as unknown as ShardedBehavior<never>;
    const shardType = nameOf(behavior, name);
    const known = this.#machine.routers.get(shardType);
    if (known !== undefined) checkNumShards(known, behavior.numShards);
    const type = new ShardedType(
      this.#node,
      this.#machine,
      shardType,
      behavior,
      this.#dueEntities,
      this.#replicator,
      daemons,
    );
    this.#types.set(shardType, type);
    return this.#refOf(type.router);
  }

  /** The message types are the callers': no node can check them. */
  #refsApi(): ShardRefs {
    return {
      entityRef: <M>(type: string | EntityType<M>, options: { readonly numShards?: number }) => {
        const { name, numShards } = typeof type === "string"
          ? { name: type, ...resolveOptions(entityRefTable, options) }
          : type;
        return this.#entityRef(name, numShards) as unknown as ShardRegionRef<M>;
      },
      regionRef: <M>(
        type: string | EntityType<M>,
        factory: EntityFactory<M>,
        options: ShardedOptions | undefined,
      ) => {
        const isNamed = typeof type === "string";
        const behavior = isNamed ? sharded(factory, options) : sharded(type, factory, options);
        const name = isNamed ? type : type.name;
        const ref = this.#types.has(name)
          ? this.#entityRef(name, behavior.numShards)
          : this.#spawn(behavior as ExtensionBehavior<never>, name);
        return ref as unknown as ShardRegionRef<M>;
      },
      obstacle: (shardType) => this.#types.get(shardType)?.obstacle,
      types: () => [...this.#knownTypes()],
      grantPhase: (shardType, shard) =>
        this.#machine.coordinator.table(shardType)?.grant(shard)?.phase,
      spawnDaemons: <M>(behavior: ShardedBehavior<M>, name: string, daemons: Daemons) =>
        this.#spawn(
          behavior as ExtensionBehavior<never>,
          name,
          daemons,
        ) as unknown as ShardRegionRef<M>,
    };
  }

  #inspector(): ShardInspector {
    const machine = this.#machine;
    return {
      get leader() {
        return machine.leader;
      },
      get coordinates() {
        return machine.coordinator.phase === "active";
      },
      names: (limit) => this.#inspectedNames(limit),
      types: (limit, maxShards) => this.#inspectedTypes(limit, maxShards),
      entity: (shardType, entityId) => this.#types.get(shardType)?.cellOf(entityId),
      passivate: (shardType, entityId) => this.#types.get(shardType)?.stop(entityId) ?? false,
      balance: (shardType) => {
        const isKnown = machine.coordinator.table(shardType) !== undefined;
        if (isKnown) machine.balance(shardType);
        this.#setAlarm();
        return isKnown;
      },
    };
  }

  #inspectedNames(limit: number): readonly string[] {
    const { coordinator, routers } = this.#machine;
    return [...new Set([...routers.keys(), ...coordinator.shardTypes])].sort().slice(0, limit);
  }

  #inspectedTypes(limit: number, maxShards: number): readonly InspectedType[] {
    const { coordinator, routers } = this.#machine;
    let left = maxShards;
    return this.#inspectedNames(limit).flatMap((shardType) => {
      const known = this.#knownShards(shardType);
      if (known === undefined) return [];
      const { numShards } = known;
      const table = coordinator.phase === "active" ? coordinator.table(shardType) : undefined;
      const shards: InspectedShard[] = [];
      const looked = Math.min(numShards, left);
      left -= looked;
      for (let shard = 0; shard < looked; shard++) {
        const grant = table?.grant(shard);
        const place = grant ?? known.grantOf(shard);
        if (place === undefined) continue;
        const { owner, epoch } = place;
        const target = grant && table?.targetOf(shard);
        shards.push({
          shard,
          owner,
          epoch,
          ...(grant && { phase: grant.phase }),
          ...(target !== undefined && { target }),
        });
      }
      const type = this.#types.get(shardType);
      const obstacle = type?.obstacle;
      const entities = type?.running().length ?? 0;
      const waiting = routers.get(shardType)?.buffered ?? 0;
      const cut = looked < numShards && { cut: true };
      const more = obstacle && { obstacle };
      return [{ shardType, numShards, shards, entities, waiting, ...cut, ...more }];
    });
  }

  #entityRef(shardType: string, numShards: number): ShardProxy {
    const { routers } = this.#machine;
    const router = routers.get(shardType) ?? this.#machine.add({ shardType, numShards });
    checkNumShards(router, numShards);
    return this.#refOf(router);
  }

  #refOf(router: ShardRouter): ShardProxy {
    const { shardType } = router;
    const known = this.#refs.get(shardType);
    if (known !== undefined) return known;
    const ref = new ShardProxy(router, this.#host);
    this.#refs.set(shardType, ref);
    return ref;
  }

  #api(): Sharding {
    const { regions } = this.#machine;
    return {
      whereIs: (name, entityId) => this.#whereIs(name, entityId),
      shardOwner: (name, entityId) => this.#whereIs(name, entityId)?.owner,
      shardTable: (name) => this.#table(name),
      runningEntities: (name) => this.#types.get(name)?.running() ?? [],
      ownedShards: () => regions.grants(),
      get ownedVersion() {
        return regions.version;
      },
    };
  }

  *#measuredTypes(): Generator<MeasuredType> {
    for (const [shardType, type] of this.#types) {
      const shards = this.#machine.regions.of(shardType)?.grants() ?? [];
      const handingOff = shards.reduce((sum, [, , stopping]) => sum + stopping, 0);
      const running = shards.length - handingOff;
      yield { shardType, running, handingOff, entities: type.running().length };
    }
  }

  *#knownTypes(): Generator<KnownType> {
    const { routers, regions } = this.#machine;
    for (const { shardType, numShards, buffered: waiting } of routers.values()) {
      const region = regions.of(shardType);
      const owned = region?.size ?? 0;
      const entities = this.#types.get(shardType)?.running().length ?? 0;
      yield { shardType, numShards, runs: region !== undefined, owned, entities, waiting };
    }
  }

  #whereIs(name: string, entityId: string): ShardPlace | undefined {
    const router = this.#types.get(name)?.router;
    if (router === undefined) return undefined;
    const shard = shardOf(entityId, router.numShards);
    const owner = router.ownerOf(shard);
    return owner === undefined ? undefined : { owner, shard, epoch: router.epochOf(shard) };
  }

  #table(name: string): (ShardPlace | undefined)[] {
    const known = this.#knownShards(name);
    return Array.from({ length: known?.numShards ?? 0 }, (_, shard) => {
      const grant = known!.grantOf(shard);
      return grant && { shard, owner: grant.owner, epoch: grant.epoch };
    });
  }

  /** `waited`: milliseconds since this node began to leave. */
  #hasRetired(waited: number): boolean {
    const { retired, lease, coordinator, othersAreIdle } = this.#machine;
    // The others need the vote of this node while they own shards.
    if (retired && (!lease.votes || coordinator.isLast)) return true;
    // After the death of a node, voters may not change for longer than this one may take to leave.
    if (retired && waited >= idleWait && othersAreIdle) return true;
    const { view: { members, unreachable }, address: self } = this.#node;
    const others = members.some(({ address, status }) =>
      status === "up" && address !== self && !unreachable.has(address)
    );
    if (others) return false;
    // No node is left that could take the waiting messages. Without a lease this one is suspended, and
    // would never stop its entities in turn.
    const { regions } = this.#machine;
    if (this.#gate.closed) regions.stopAll();
    return regions.owned === 0;
  }

  #makePort(node: ExtensionContext): ShardingMachinePort {
    const { address: self, runtime: { clock, telemetry }, system, send, deadLetter } = node;
    const internals = internalsOf(system);
    const { limitedLog } = internals;
    const replaced = new ReplacedOwners({
      defer: (task) => clock.defer(task),
      numShardsOf: (shardType) => this.#machine.routers.get(shardType)?.numShards,
      failAsks: (owner, isMeant) => internals.failAsksRoutedTo(owner, isMeant),
      failForeignAsks: (owner, isMeant) => internals.failForeignAsksRoutedTo?.(owner, isMeant),
    });
    return {
      self,
      ...(telemetry?.enabled && telemetry.traces !== false && { traces: telemetry }),
      now: () => clock.now(),
      yield: (task) => clock.yield(task),
      wallTime: () => clock.wallTime(),
      onLease: (until) => {
        if (!rules.suspendedWithoutLease) this.#gate.extend(Infinity);
        else if (until === -Infinity) this.#gate.close();
        else this.#gate.extend(until);
      },
      send,
      deadLetter,
      publish: (event) => system.eventStream.publish(event),
      log: (level, message, fields, identity) => {
        const cause = `${message} ${fields.shardType}`;
        limitedLog.add(level, "sharding", message, fields, {
          cause,
          ...(identity && { identity }),
        });
      },
      onAnswer: (message) => {
        if (message.type === "location") this.#locator.onLocation(message);
        else this.#locator.onRefused(message);
      },
      bringAsk: (message) => {
        internals.askAtHand = message === undefined ? undefined : findReply(message)?.heldAsk;
      },
      ownerReplaced: (owner, shardType, shard) => replaced.add(owner, shardType, shard),
    };
  }

  /** The coordinator knows all shards of a type, another node those that it has sent to. */
  #knownShards(shardType: string): KnownShards | undefined {
    const { coordinator, routers } = this.#machine;
    const table = coordinator.phase === "active" ? coordinator.table(shardType) : undefined;
    if (table !== undefined) {
      const confirmed = (shard: number) => {
        const grant = table.grant(shard);
        return grant?.confirmed ? grant : undefined;
      };
      const incarnationOf = (owner: string) => coordinator.incarnationOf(owner);
      return { numShards: table.numShards, grantOf: confirmed, incarnationOf };
    }
    const router = routers.get(shardType);
    if (router === undefined) return undefined;
    const incarnationOf = (owner: string) =>
      this.#node.view.members.find(({ address }) => address === owner)?.incarnation ?? 0;
    return {
      numShards: router.numShards,
      grantOf: (shard) => router.grantOf(shard),
      incarnationOf,
    };
  }

  #onOpened(closedFor: number, parked: number): void {
    this.#hadLease = true;
    if (!this.#suspended) return;
    this.#suspended = false;
    const fields = { suspendedFor: Math.round(closedFor), waiting: parked };
    this.#log("info", "this node holds its lease again; entities resume", fields);
  }

  #onClosed(why: string): void {
    if (this.#left || this.#closed || this.#machine.regions.owned === 0) return;
    this.#suspended = true;
    const reason = why === "clockJumped"
      ? "the machine was suspended"
      : this.#machine.lease.missing ?? "it was not renewed in time";
    const shards = this.#machine.regions.owned;
    this.#log("warn", "this node holds no lease; entities are suspended", { reason, shards });
  }

  #log(level: "info" | "warn", message: string, fields: Record<string, unknown>): void {
    this.#node.runtime.logger.log(level, "sharding", message, fields);
  }

  /** A lease may end between two ticks: then its shards are granted at once. */
  #setAlarm(): void {
    const at = this.#machine.nextDeadline;
    if (at === this.#alarm?.at) return;
    this.#alarm?.timer.cancel();
    this.#alarm = undefined;
    if (at === undefined || this.#closed) return;
    const { clock } = this.#node.runtime;
    const timer = clock.schedule(Math.max(1, Math.ceil(at - clock.now())), () => {
      this.#alarm = undefined;
      if (this.#closed) return;
      this.#machine.wake();
      this.#setAlarm();
    });
    this.#alarm = { timer, at };
  }

  #scheduleTick(): void {
    this.#timer = this.#node.runtime.clock.schedule(tickInterval, () => {
      if (this.#closed) return;
      this.#machine.tick();
      this.#setAlarm();
      for (const type of this.#types.values()) type.tick();
      this.#locator.tick();
      this.#publisher.tick();
      this.#scheduleTick();
    });
  }
}

/**
 * Refuses another number of shards than the type has here.
 *
 * @throws {ShardingError} code `shardCountMismatch`.
 */
function checkNumShards(router: ShardRouter, numShards: number): void {
  if (router.numShards === numShards) return;
  throw new ShardingError(
    "shardCountMismatch",
    `"${router.shardType}" has ${router.numShards} shards at this node already`,
    { value: numShards, remedy: "use the same number everywhere, best by one entityType" },
  );
}

/** What an envelope holds, as it is sent to a region. */
function deliveryOf(envelope: unknown): EntityDelivery | undefined {
  if (!isRecord(envelope) || envelope.type !== "shardEnvelope") return undefined;
  return parseEntityDelivery([envelope.entityId, envelope.message, 0]);
}

/** Refuses a name that is not the type's. */
function nameOf(behavior: ShardedBehavior<never>, name: string | undefined): string {
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
