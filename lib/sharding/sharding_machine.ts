/**
 * Sharding on one node, without its actors: joins coordinator, regions and routers, and dispatches
 * the messages of other nodes to them. Pure: its port sends messages and provides the time.
 *
 * @module
 */
import type { AllocationStrategy } from "./coordinator/allocation.ts";
import { Coordinator, type CoordinatorTiming } from "./coordinator/coordinator.ts";
import type { CoordinatorEvent } from "./coordinator/coordinator_event.ts";
import type { CoordinatorView } from "./coordinator/coordinator_view.ts";
import { DeliveryIntake, type DeliveryIntakePort } from "./region/delivery_intake.ts";
import { NodeRegions } from "./region/node_regions.ts";
import { Region, type ShardChange, type ShardRunner } from "./region/region.ts";
import {
  type LocateMessage,
  type LocationMessage,
  type RefusedMessage,
  type ReturnedMessage,
  type ShardingMessage,
  shardingPath,
} from "./routing/protocol.ts";
import { shardOf } from "./routing/shard_hash.ts";
import type { MessageSchema } from "./routing/schema.ts";
import { ShardRouter } from "./routing/shard_router.ts";
import type { ShardBufferLimits } from "./routing/shard_routes.ts";
import type { ShardEvent } from "./shard_event.ts";

/** Ticks between two unsolicited reports, in case one was lost. */
const ticksPerReport = 20;

/** Dependencies of the machine on its node. Messages to itself must arrive after the call. */
export interface ShardingMachinePort extends DeliveryIntakePort {
  publish(event: ShardEvent): void;
  /** The coordinator has located a shard or rejected a type; clients may wait for that. */
  onAnswer(message: LocationMessage | RefusedMessage): void;
}

/** A type of entities at this node. */
export interface ShardTypeOptions {
  readonly shardType: string;
  readonly numShards: number;
  /** Undefined: this node owns no shards of the type, and only routes to it. */
  readonly runner?: ShardRunner;
  readonly strategy?: AllocationStrategy;
  readonly limits?: Partial<ShardBufferLimits>;
  /** Schema of messages from other processes. */
  readonly schema?: MessageSchema<unknown>;
}

/** See the module's text. */
export class ShardingMachine {
  readonly coordinator: Coordinator;
  readonly regions: NodeRegions;
  /** Handles messages for entities. */
  readonly intake: DeliveryIntake;
  readonly #port: ShardingMachinePort;
  readonly #routers = new Map<string, ShardRouter>();
  #view: CoordinatorView | undefined;
  /** The latest incarnation of this node that was a member; 0: none. */
  #incarnation = 0;
  #ticks = 0;

  constructor(port: ShardingMachinePort, timing: Partial<CoordinatorTiming> = {}) {
    this.#port = port;
    this.coordinator = new Coordinator(timing);
    this.intake = new DeliveryIntake(port);
    this.regions = new NodeRegions({
      self: port.self,
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

  /** Adds a type. Its region owns no shards before `open`. */
  add(options: ShardTypeOptions): ShardRouter {
    const { shardType, numShards, runner, strategy, limits, schema } = options;
    if (schema !== undefined) this.intake.addSchema(shardType, schema);
    const region = runner && new Region(runner, (...change) => this.#changed(shardType, ...change));
    const router = new ShardRouter({
      shardType,
      numShards,
      port: this.#port,
      locate: (shard) => this.locate({ type: "locate", shardType, numShards, shard }),
      ...(region && { region }),
      ...(limits && { limits }),
    });
    if (strategy !== undefined) this.coordinator.setStrategy(shardType, strategy);
    this.#routers.set(shardType, router);
    this.regions.add(router, region);
    return router;
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
    const incarnation = present.get(view.self) ?? 0;
    this.regions.setIncarnation(incarnation);
    if (incarnation !== 0) this.#becomes(incarnation);
    this.#step({ type: "view", view });
    for (const router of this.#routers.values()) {
      router.retainOwners(present);
      if (view.leader !== before) router.tick();
    }
    if (view.leader !== before) this.regions.report();
  }

  /** A message of a node, this one included. */
  receive(from: string, message: ShardingMessage): void {
    switch (message.type) {
      case "requestReport":
        // Should this node lead one day, its term must have a higher number.
        this.#step({ type: "outdatedTerm", from, term: message.term });
        return this.regions.onReportRequest(from, message.term);
      case "startShard":
        return this.regions.onStartShard(from, message);
      case "handOff":
        return this.regions.onHandOff(from, message);
      case "location":
        this.#learn(message);
        return this.#port.onAnswer(message);
      case "shardTableDelta":
        return this.#onTableDelta(message);
      case "drained":
        return this.#routers.get(message.shardType)?.drained(message.shard, message.epoch);
      case "refused":
        this.#routers.get(message.shardType)?.refuse();
        this.#port.log("error", "the coordinator rejected a shard type", { ...message });
        return this.#port.onAnswer(message);
      case "shardReport":
      case "outdatedTerm":
      case "locate":
      case "started":
      case "stopped":
        return this.#step({ ...message, from });
      case "noRegion": {
        const { shardType, entityId, epoch } = message;
        return this.#routers.get(shardType)?.noRegion(entityId, message.message, epoch);
      }
      case "returned":
        return this.#onReturned(message);
    }
  }

  /** Repeats messages that may have been lost. */
  tick(): void {
    this.intake.tick();
    this.#step({ type: "tick" });
    for (const router of this.#routers.values()) router.tick();
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

  /** Messages that wait for their shards, of all types. */
  get buffered(): number {
    let buffered = 0;
    for (const router of this.#routers.values()) buffered += router.buffered;
    return buffered;
  }

  /** Gives up all waiting messages; messages of clients are returned to them. */
  close(): void {
    for (const router of this.#routers.values()) router.close();
  }

  /** The known location of a shard. */
  known({ shardType, numShards, shard }: LocateMessage): LocationMessage | undefined {
    const router = this.#routers.get(shardType);
    if (router === undefined || router.numShards !== numShards) return undefined;
    const grant = router.grantOf(shard);
    return grant && { type: "location", shardType, shard, ...grant };
  }

  /** Requests the location of a shard from the coordinator. */
  locate(request: LocateMessage): void {
    if (this.leader !== undefined) this.#send(this.leader, request);
  }

  /** As another incarnation, this node may be in another cluster. */
  #becomes(incarnation: number): void {
    const isOther = this.#incarnation !== 0 && incarnation !== this.#incarnation;
    this.#incarnation = incarnation;
    if (!isOther) return;
    for (const router of this.#routers.values()) router.reset();
  }

  #onTableDelta(message: ShardingMessage & { type: "shardTableDelta" }): void {
    const router = this.#routers.get(message.shardType);
    const { owners, incarnations } = message;
    for (const [shard, owner, epoch] of message.shards) {
      router?.learn(shard, owners[owner]!, epoch, incarnations[owner]);
    }
  }

  #learn({ shardType, shard, owner, epoch, incarnation }: LocationMessage): void {
    this.#routers.get(shardType)?.learn(shard, owner, epoch, incarnation);
  }

  /** A message of this node reached a node that closes, or is another incarnation of the owner. */
  #onReturned({ type: _, ...returned }: ReturnedMessage): void {
    const { shardType, shard, owner, entityId, epoch } = returned;
    const router = this.#routers.get(shardType);
    if (router === undefined || shardOf(entityId, router.numShards) !== shard) return;
    if (owner !== "") this.#learn({ type: "location", ...returned });
    router.returned(shard, entityId, returned.message, epoch);
  }

  #changed(shardType: string, shard: number, epoch: number, how: ShardChange): void {
    this.#port.publish(
      how === "started"
        ? { type: "shardStarted", shardType, shard, epoch }
        : { type: "shardStopped", shardType, shard, epoch, reason: how },
    );
  }

  #step(event: CoordinatorEvent): void {
    for (const effect of this.coordinator.step(event, this.#port.now())) {
      if (effect.type === "event") this.#port.publish(effect.event);
      else if (effect.type === "strategyFailed") {
        const { shardType, error } = effect;
        this.#port.log("error", "the allocation strategy failed", { shardType, error });
      } else {
        const { to, ...message } = effect;
        this.#send(to, message);
      }
    }
  }

  #send(to: string, message: ShardingMessage): void {
    this.#port.send(to, shardingPath, message);
  }
}
