/**
 * Sharding on one node, without its actors: joins coordinator, regions and routers, and dispatches
 * the messages of other nodes to them. Pure: its port sends messages and provides the time.
 *
 * @module
 */
import { sentMessage } from "../actor/ref/sent_message.ts";
import type { AllocationStrategy } from "./coordinator/allocation.ts";
import { type CoordinationMessage, highestEpochOf } from "./coordinator/coordination_protocol.ts";
import { Coordinator, type CoordinatorTiming } from "./coordinator/coordinator.ts";
import type { CoordinatorEvent } from "./coordinator/coordinator_event.ts";
import type { CoordinatorView } from "./coordinator/coordinator_view.ts";
import type { TypeOptions } from "./coordinator/type_options.ts";
import { DeliveryIntake, type DeliveryIntakePort } from "./region/delivery_intake.ts";
import { sameHolder } from "./lease/lease_config.ts";
import type { LeaseMessage } from "./lease/lease_protocol.ts";
import { NodeLease } from "./lease/node_lease.ts";
import { NodeRegions } from "./region/node_regions.ts";
import { Region, type ShardChange, type ShardRunner } from "./region/region.ts";
import { isPlausibleEpoch } from "./routing/epoch.ts";
import {
  type LocateMessage,
  type LocationMessage,
  otherNumber,
  type RefusedMessage,
  regionPath,
  type ReturnedMessage,
  shardingPath,
  type UnknownTypeMessage,
} from "./routing/protocol.ts";
import { shardOf } from "./routing/shard_hash.ts";
import type { MessageSchema } from "../actor/behavior/message_schema.ts";
import { LostNodes } from "./routing/lost_nodes.ts";
import { ReceivedTypes } from "./routing/received_types.ts";
import { ShardRouter, type ShardRouterOptions } from "./routing/shard_router.ts";
import type { ShardBufferLimits } from "./routing/shard_routes.ts";
import type { ShardMove } from "./shard_replicator.ts";
import type { ShardEvent } from "./shard_event.ts";
import { rules } from "../runtime/rules.ts";

/** Ticks between two unsolicited reports, in case one was lost. */
const ticksPerReport = 20;

/** Dependencies of the machine on its node. Messages to itself must arrive after the call. */
export interface ShardingMachinePort extends DeliveryIntakePort {
  /** Milliseconds since the Unix epoch. */
  wallTime(): number;
  /** This node may run entities up to `until`, on the clock of `now`; -Infinity: it may not. */
  onLease(until: number): void;
  publish(event: ShardEvent): void;
  /** The coordinator has located a shard or rejected a type; clients may wait for that. */
  onAnswer(message: LocationMessage | RefusedMessage | UnknownTypeMessage): void;
}

/** A type of entities at this node. */
export interface ShardTypeOptions {
  readonly shardType: string;
  readonly numShards: number;
  /** Whether the type was spawned at this node. Default: it has references only. */
  readonly spawned?: boolean;
  /** Undefined: this node owns no shards of the type, and only routes to it. */
  readonly runner?: ShardRunner;
  readonly strategy?: AllocationStrategy;
  readonly limits?: Partial<ShardBufferLimits>;
  /** Schema of messages from other processes. */
  readonly schema?: MessageSchema<unknown>;
  /** What the node reports of it, for the comparison with other nodes. */
  readonly options?: TypeOptions;
}

/** See the module's text. */
export class ShardingMachine {
  readonly coordinator: Coordinator;
  readonly regions: NodeRegions;
  /** Handles messages for entities. */
  readonly intake: DeliveryIntake;
  /** The lease under which this node runs entities. */
  readonly lease: NodeLease;
  /** Types that this node knows from references only. */
  readonly received: ReceivedTypes;
  readonly #port: ShardingMachinePort;
  readonly #routers = new Map<string, ShardRouter>();
  /** Types that were spawned at this node, whether it runs entities of them or not. */
  readonly #spawned = new Set<string>();
  /** Why the coordinator rejects types, by their names. */
  readonly #rejections = new Map<string, string>();
  #view: CoordinatorView | undefined;
  /** Members that this node takes for unreachable, without stalled ones. */
  readonly #lost = new LostNodes();
  /** The latest incarnation of this node that was a member; 0: none. */
  #incarnation = 0;
  #ticks = 0;
  /** The highest epoch that another process has named, and that a grant can have. */
  #plausibleEpoch = 0;

  constructor(port: ShardingMachinePort, timing: Partial<CoordinatorTiming> = {}) {
    this.#port = port;
    this.coordinator = new Coordinator(timing);
    this.intake = new DeliveryIntake(port, {
      isCoordinator: (address) => address === this.leader || !rules.locationsAreAsked,
      isPlausible: (epoch) => this.#isPlausible(epoch),
    });
    this.received = new ReceivedTypes({
      known: (shardType) => this.#routers.get(shardType),
      makeRouter: (shardType, numShards, limits) =>
        this.#makeRouter({ shardType, numShards, limits }),
      deadLetter: (reason, target, message) => port.deadLetter(reason, target, message),
    });
    this.lease = new NodeLease({
      self: port.self,
      now: () => port.now(),
      wallTime: () => port.wallTime(),
      send: (...message) => port.send(...message),
      isCoordinator: (address) => address === this.leader,
      isMember: (id) => this.#view?.members.some((member) => sameHolder(member, id)) === true,
      onLaterTerm: (term) => this.regions.acknowledge(term),
      onNotAdmitted: () => this.regions.report(),
      runsTypes: () => this.regions.any,
      onLease: (until) => port.onLease(until),
    });
    this.regions = new NodeRegions({
      self: port.self,
      lease: this.lease,
      wallTime: () => port.wallTime(),
      leader: () => this.leader,
      send: (to, message) => this.#send(to, message),
    });
  }

  /** All types at this node, by name. */
  get routers(): ReadonlyMap<string, ShardRouter> {
    return this.#routers;
  }

  /** The member that leads, if one is known. Its coordinator is active. */
  get leader(): string | undefined {
    return this.#view?.leader;
  }

  /**
   * Adds a type, or what this node runs of a type to which it has only routed so far: then with the same
   * number of shards. Its region owns no shards before `open`.
   */
  add(options: ShardTypeOptions): ShardRouter {
    const { shardType, numShards, runner, strategy, limits, schema } = options;
    if (schema !== undefined) this.intake.addSchema(shardType, schema);
    if (options.spawned) this.#spawned.add(shardType);
    const region = runner && new Region(runner, (...change) => this.#changed(shardType, ...change));
    const known = this.#routers.get(shardType) ?? this.received.take(shardType, numShards);
    known?.adopt(region, limits);
    const router = known ?? this.#makeRouter({
      shardType,
      numShards,
      ...(region && { region }),
      ...(limits && { limits }),
    });
    if (strategy !== undefined) this.coordinator.setStrategy(shardType, strategy);
    this.#routers.set(shardType, router);
    this.regions.add(router, region, options.options);
    return router;
  }

  #makeRouter(options: Omit<ShardRouterOptions, "port" | "locate" | "isLost">): ShardRouter {
    const { shardType, numShards } = options;
    return new ShardRouter({
      ...options,
      port: this.#port,
      locate: (shard) => this.locate({ type: "locate", shardType, numShards, shard }),
      isLost: (address) => this.#lost.has(address, this.#port.now()),
    });
  }

  /** The region of a type can start entities. */
  open(shardType: string): void {
    this.regions.open(shardType);
  }

  /** The cluster has changed. */
  onView(view: CoordinatorView): void {
    const before = this.#view?.leader;
    const present = new Map(view.members.map((member) => [member.address, member.incarnation]));
    this.#view = view;
    this.#lost.onView(
      view.members.filter(({ unreachable }) => unreachable === "gone" || unreachable === "silent")
        .map(({ address }) => address),
    );
    const incarnation = present.get(view.self) ?? 0;
    this.regions.setIncarnation(incarnation);
    this.lease.setIncarnation(incarnation);
    this.lease.retain(view.members);
    if (incarnation !== 0) this.#becomes(incarnation);
    this.#step({ type: "view", view });
    for (const router of this.#routers.values()) {
      router.retainOwners(present);
      if (view.leader !== before) router.tick();
    }
    if (view.leader === before) return;
    this.#rejections.clear();
    this.regions.report();
  }

  /**
   * A message of a node, this one included. `deadline`: of what it returns, on the clock of `now`.
   */
  receive(from: string, message: CoordinationMessage, deadline?: number): void {
    this.#lost.heard(from, this.#port.now());
    const epoch = highestEpochOf(message);
    if (!this.#isPlausible(epoch)) return this.#ignoreEpoch(from, message, epoch);
    switch (message.type) {
      case "requestReport":
        // Should this node lead one day, its term must have a higher number.
        this.#step({ type: "outdatedTerm", from, term: message.term });
        return this.regions.onReportRequest(from, message.term);
      case "adoptLeases":
        return from === this.leader ? this.lease.onAdopt(from, message) : undefined;
      case "admitHolder":
        return from === this.leader ? this.lease.onAdmit(message) : undefined;
      case "startShard":
        return this.regions.onStartShard(from, message);
      case "handOff":
        return this.regions.onHandOff(from, message);
      case "location":
        if (this.#mayTeach(from, message)) this.#learn(from, message);
        return from === this.leader ? this.#port.onAnswer(message) : undefined;
      case "shardTableDelta":
        return from === this.leader ? this.#onTableDelta(message) : undefined;
      case "drained":
        return this.#routers.get(message.shardType)?.drained(message.shard, message.epoch);
      case "refused":
        if (from !== this.leader) return;
        this.#onRefused(message);
        return this.#port.onAnswer(message);
      case "unknownType":
        // A type that this node has spawned, and does not run, waits for a member that does.
        if (from !== this.leader || this.#spawned.has(message.shardType)) return;
        this.#onUnknownType(message);
        this.received.unknownType(message.shardType, message.numShards, message.known);
        return this.#port.onAnswer(message);
      case "shardReport":
      case "leasesAdopted":
      case "outdatedTerm":
      case "locate":
      case "started":
      case "stopped":
        return this.#step({ ...message, from });
      case "noRegion": {
        const { shardType, entityId, epoch } = message;
        const router = this.#routers.get(shardType);
        const shard = router === undefined ? 0 : shardOf(entityId, router.numShards);
        const isRoute = this.#mayTeach(from, { shardType, shard });
        const kept = sentMessage(message.message, undefined, deadline);
        return router?.noRegion(entityId, kept, isRoute ? epoch : undefined);
      }
      case "returned":
        return this.#onReturned(from, message, deadline);
    }
  }

  /**
   * Whether a node may say where a shard is: the coordinator, and the node to which this one sends
   * messages for the shard, which corrects it. What others claim would keep true locations out, since
   * theirs may have a later epoch.
   */
  #mayTeach(
    from: string,
    { shardType, shard }: { readonly shardType: string; readonly shard: number },
  ): boolean {
    return from === this.leader || !rules.locationsAreAsked ||
      (this.#routers.get(shardType)?.sendsTo(shard, from) ?? false);
  }

  /** A message of a node, this one included, about leases. */
  receiveLease(from: string, message: LeaseMessage): void {
    this.#lost.heard(from, this.#port.now());
    this.lease.receive(from, message);
    if (message.type !== "releaseLease") return;
    const { incarnation } = message;
    this.#step({ type: "released", holder: { address: from, incarnation } });
  }

  /** Of the coordinator here: a shard shall have another grant. */
  moveShard(move: ShardMove): void {
    if (this.#isPlausible(move.above)) this.#step({ type: "moveShard", ...move });
  }

  /** Of the coordinator here: a round of rebalancing, without the usual wait. */
  balance(shardType: string): void {
    this.#step({ type: "balance", shardType });
  }

  /** Whether a grant can have an epoch that a peer names. */
  isPlausibleEpoch(epoch: number): boolean {
    return this.#isPlausible(epoch);
  }

  /** When `wake` has something to do although no message comes, on the clock of `now`. */
  get nextDeadline(): number | undefined {
    return this.coordinator.nextDeadline;
  }

  /** A deadline has come. */
  wake(): void {
    this.#step({ type: "wake" });
  }

  /** Renews the lease, and repeats messages that may have been lost. */
  tick(): void {
    this.intake.tick();
    this.lease.tick();
    this.#step({ type: "tick" });
    for (const router of this.#routers.values()) router.tick();
    this.received.tick();
    const { retiring } = this.regions;
    if (retiring) this.regions.handOffAll();
    if (++this.#ticks % ticksPerReport === 0 || retiring) {
      if (this.#routers.size > 0) this.regions.report();
    }
  }

  /** This node leaves: reports that, then hands off all shards in order, and takes no others. */
  retire(): void {
    this.regions.retire();
  }

  /** Whether a node that leaves has handed off all shards, and no message waits here any more. */
  get retired(): boolean {
    return this.regions.retiring && this.regions.owned === 0 && this.buffered === 0;
  }

  /** Whether all other members have said that they run entities of no type: their leases protect nothing. */
  get othersAreIdle(): boolean {
    const { members = [], self } = this.#view ?? {};
    return members.every((member) => member.address === self || this.lease.isIdle(member));
  }

  /** Messages that wait for their shards, of all types. */
  get buffered(): number {
    let buffered = 0;
    for (const router of this.#routers.values()) buffered += router.buffered;
    return buffered;
  }

  /** Gives up all waiting messages; messages of clients are returned to them. */
  close(): void {
    this.received.close();
    for (const router of this.#routers.values()) router.close();
  }

  /** The answer to a request for a location, if this node can give it. */
  known(
    { shardType, numShards, shard }: LocateMessage,
  ): LocationMessage | RefusedMessage | undefined {
    const router = this.#routers.get(shardType);
    if (router === undefined) return undefined;
    if (router.numShards !== numShards) return otherNumber(shardType, numShards, router.numShards);
    const grant = router.grantOf(shard);
    return grant && { type: "location", shardType, shard, ...grant, numShards };
  }

  /** Why the coordinator rejects a type of this node; undefined: it does not, as far as is known. */
  rejection(shardType: string): string | undefined {
    return this.#rejections.get(shardType);
  }

  /** Requests the location of a shard from the coordinator. */
  locate(request: LocateMessage): void {
    if (this.leader !== undefined) this.#send(this.leader, request);
  }

  /** A type to which this node only has references. */
  #onUnknownType({ shardType, numShards, known }: UnknownTypeMessage): void {
    const router = this.#routers.get(shardType);
    if (router !== undefined && router.numShards === numShards) router.unknownType(known);
  }

  /** Another node or client may have asked with another number: only requests with that one fail. */
  #onRefused(refused: RefusedMessage): void {
    const { shardType, numShards, reason } = refused;
    if (numShards !== undefined) this.received.refuse(refused);
    const router = this.#routers.get(shardType);
    if (router === undefined || router.numShards !== numShards) return;
    router.refuse(refused);
    this.#rejections.set(shardType, reason);
    this.#port.log("error", "the coordinator rejected a shard type", { shardType, reason });
  }

  /** As another incarnation, this node may be in another cluster. */
  #becomes(incarnation: number): void {
    const isOther = this.#incarnation !== 0 && incarnation !== this.#incarnation;
    this.#incarnation = incarnation;
    if (!isOther) return;
    for (const router of this.#routers.values()) router.reset();
  }

  #onTableDelta(message: CoordinationMessage & { type: "shardTableDelta" }): void {
    const router = this.#routers.get(message.shardType);
    const { owners, incarnations } = message;
    for (const [shard, owner, epoch] of message.shards) {
      router?.learn(shard, owners[owner]!, epoch, incarnations[owner]);
    }
  }

  #learn(
    from: string,
    { shardType, shard, owner, epoch, incarnation, numShards }: LocationMessage,
  ): void {
    // The answer to a request for a type of which this node has a reference only: it exists.
    if (numShards !== undefined && !this.#routers.has(shardType)) {
      const router = this.received.take(shardType, numShards);
      if (router === undefined) return;
      router.adopt(undefined);
      this.#routers.set(shardType, router);
      this.regions.add(router, undefined);
    }
    const by = from === this.leader ? undefined : from;
    if (by === undefined) this.#rejections.delete(shardType);
    this.#routers.get(shardType)?.learn(shard, owner, epoch, incarnation, by);
  }

  /** A message of this node reached a node that closes, or is another incarnation of the owner. */
  #onReturned(
    from: string,
    { type: _, ...returned }: ReturnedMessage,
    deadline: number | undefined,
  ): void {
    const { shardType, shard, owner, entityId, epoch } = returned;
    const router = this.#routers.get(shardType);
    if (router === undefined || shardOf(entityId, router.numShards) !== shard) return;
    const isRoute = this.#mayTeach(from, returned);
    if (owner !== "" && isRoute) this.#learn(from, { type: "location", ...returned });
    const kept = sentMessage(returned.message, undefined, deadline);
    router.returned(shard, entityId, kept, isRoute ? epoch : undefined);
  }

  #changed(shardType: string, shard: number, epoch: number, how: ShardChange): void {
    this.#port.publish(
      how === "started"
        ? { type: "shardStarted", shardType, shard, epoch }
        : { type: "shardStopped", shardType, shard, epoch, reason: how },
    );
  }

  /** The one judge of epochs that others name. */
  #isPlausible(epoch: number): boolean {
    if (epoch <= this.#plausibleEpoch) return true;
    const known = Math.max(this.coordinator.highestTerm, this.regions.acknowledged[0]);
    if (!isPlausibleEpoch(epoch, known, this.#port.wallTime())) return false;
    this.#plausibleEpoch = epoch;
    return true;
  }

  #ignoreEpoch(peer: string, message: CoordinationMessage, epoch: number): void {
    const { type, shardType = "" } = message as { type: string; shardType?: string };
    const fields = { shardType, peer, type, epoch };
    this.#port.log("warn", "ignored an epoch that no grant can have", fields, peer);
    if (message.type !== "returned" && message.type !== "noRegion") return;
    const target = `${regionPath(shardType)}/${message.entityId}`;
    const why = "the message names an epoch that no grant can have";
    this.#port.deadLetter("invalidMessage", target, message.message, why);
  }

  #step(event: CoordinatorEvent): void {
    for (const effect of this.coordinator.step(event, this.#port.now(), this.#port.wallTime())) {
      if (effect.type === "event") this.#port.publish(effect.event);
      else if (effect.type === "strategyFailed") {
        const { shardType, error } = effect;
        this.#port.log("error", "the allocation strategy failed", { shardType, error });
      } else if (effect.type === "differs") {
        this.#port.log("warn", "nodes run a shard type with different options", {
          ...effect.difference,
          options: effect.difference.options.join("; "),
          remedy: "give the type the same options on all nodes, from a module that all import",
        });
      } else {
        const { to, ...message } = effect;
        this.#send(to, answerTo(event, message));
      }
    }
  }

  #send(to: string, message: CoordinationMessage): void {
    this.#port.send(to, shardingPath, message);
  }
}

/** The answer with the number of shards of the request, by which its receiver matches them. */
function answerTo(event: CoordinatorEvent, answer: CoordinationMessage): CoordinationMessage {
  if (answer.type !== "refused" && answer.type !== "location") return answer;
  const asked = event.type === "locate"
    ? event
    : event.type === "shardReport"
    ? event.regions.find(({ shardType }) => shardType === answer.shardType)
    : undefined;
  return asked === undefined ? answer : { ...answer, numShards: asked.numShards };
}
