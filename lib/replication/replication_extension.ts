/**
 * The replication of shards at one node: gives the types their node's connections, time and view of the
 * cluster.
 *
 * @module
 */
import { internalsOf } from "../actor/system/system_internals.ts";
import type {
  ExtensionContext,
  ExtensionHealth,
  NodeExtension,
} from "../cluster/node/node_extension.ts";
import type { MembershipView } from "../membership/state/view.ts";
import type { Timer } from "../runtime/clock.ts";
import {
  type ReplicatedTypeOptions,
  type ReplicatorHost,
  replicatorHostOf,
  type ShardReplicator,
  type TypeReplication,
} from "../sharding/shard_replicator.ts";
import { ShardingError } from "../sharding/errors.ts";
import { shardingKey } from "../sharding/sharding.ts";
import { replicationPath } from "../transport/base/peer.ts";
import { noBootstrap } from "./bootstrap_record.ts";
import {
  type AnnounceTypeMessage,
  type AskOwnersMessage,
  type ControlMessage,
  encodeControl,
  parseControl,
  replicaControlPath,
} from "./control_form.ts";
import { FillTurns } from "./fill_turns.ts";
import { parseMessages } from "./message_form.ts";
import { type Replication, replicationKey } from "./replication.ts";
import { measureReplication, StandbyTelemetry } from "./replication_telemetry.ts";
import type { ReplicationMessage } from "./replication_protocol.ts";
import { grantsOf } from "./shard_owners.ts";
import { ReplicatedType, type ReplicatedTypePort } from "./replicated_type.ts";
import { parseStandby, type StandbyMessage } from "./standby/standby_control.ts";
import { isFeed, parseFeed } from "./standby/standby_form.ts";
import { hasStandbys, StandbyType, type StandbyTypePort } from "./standby/standby_type.ts";

/** Milliseconds between two ticks. */
const tickInterval = 100;
/** Milliseconds between two looks whether copies here are needed still. */
const drainInterval = 50;

/** See the module's text. */
export class ReplicationExtension implements NodeExtension, ShardReplicator {
  readonly name = "replication";
  readonly requires = ["sharding"] as const;
  #standbyTelemetry: StandbyTelemetry | undefined;
  /** Of all types. */
  #fills: FillTurns | undefined;
  readonly #types = new Map<string, ReplicatedType>();
  /** Types in a database, whose nodes stand by for each other. */
  readonly #standbys = new Map<string, StandbyType>();
  #endMeasuring = (): void => {};
  #node!: ExtensionContext;
  #host!: ReplicatorHost;
  #timer: Timer | undefined;
  #closed = false;

  /** Opens the paths of copies. */
  install(node: ExtensionContext): void {
    this.#node = node;
    this.#host = replicatorHostOf(node.extension(shardingKey));
    this.#host.attach(this);
    node.handleNodes(replicationPath, (peer, value) => {
      if (isFeed(value)) {
        const { shardType: name, items = [] } = parseFeed(value) ?? {};
        return void (name && this.#standbys.get(name)?.receive(peer.address, items));
      }
      const { shardType, messages = [] } = parseMessages(value) ?? {};
      const type = shardType === undefined ? undefined : this.#types.get(shardType);
      type?.receive(peer.address, messages.filter(({ message }) => this.#isPlausible(message)));
    });
    node.handleNodes(replicaControlPath, (peer, value) => {
      const message = parseControl(value);
      if (message !== undefined) this.#receive(peer.address, peer.incarnation, message);
      const standby = parseStandby(value);
      if (standby !== undefined) this.#receiveStandby(peer.address, peer.incarnation, standby);
    });
    const api = this.#api();
    node.expose(replicationKey, api);
    const { telemetry } = node.runtime;
    this.#endMeasuring = measureReplication(telemetry, node.system, () => api.shards());
    const standbys = this.#standbys;
    this.#standbyTelemetry = new StandbyTelemetry(telemetry, {
      [Symbol.iterator]: () => standbys.values(),
    });
  }

  #api(): Replication {
    const types = this.#types;
    return {
      shards: () => [...types.values()].flatMap((type) => [...type.ownedCopies()]),
      retire: (address) => this.#retireNode(address),
      acceptLoss: (shardType, shards) => {
        const type = types.get(shardType);
        if (type?.options.runs) return type.acceptLoss(shards);
        throw new ShardingError("notReplicated", `"${shardType}" is not replicated at this node`, {
          value: shardType,
          remedy: this.#standbys.has(shardType)
            ? "its events are in a database: nodes that are lost take nothing of them away"
            : "spawn it with `replication`, or name another type",
        });
      },
    };
  }

  #retireNode(address: string): number {
    const isMember = this.#node.view.members.some((member) =>
      member.address === address && member.status !== "down" && member.status !== "removed"
    );
    if (isMember) {
      throw new ShardingError("nodeIsMember", `${address} is a member, and not lost`, {
        value: address,
        remedy: "wait until it is declared down, or have it down",
      });
    }
    this.#node.runtime.logger.log("warn", "replication", "somebody has retired a node for good", {
      address,
    });
    let count = 0;
    for (const type of this.#types.values()) count += type.retireNode(address);
    return count;
  }

  /** A copy that has promised an epoch which no grant reaches would obey nobody any more. */
  #isPlausible(message: ReplicationMessage): boolean {
    const highest = message.type === "epochRefused" ? message.promised : message.epoch;
    return this.#host.isPlausibleEpoch(highest);
  }

  #receive(from: string, incarnation: number, message: ControlMessage): void {
    if (message.type === "askOwners") return this.#tellOwners(from, message);
    const standby = this.#standbys.get(message.shardType);
    if (message.type === "tellOwners" && standby !== undefined) {
      return standby.receiveOwners(from, message.grants);
    }
    const type = this.#types.get(message.shardType);
    if (type !== undefined) return type.receiveControl(from, incarnation, message);
    if (message.type !== "announceType" || message.isAnswer) return;
    if (message.runs && this.#standbys.has(message.shardType)) {
      this.#onMixed(from, message.shardType);
    }
    // It is not spawned here, or not yet: then this node will announce it, too.
    const { shardType } = message;
    const answer: AnnounceTypeMessage = {
      type: "announceType",
      shardType,
      runs: false,
      retiring: false,
      record: noBootstrap,
      isAnswer: true,
    };
    this.#node.send(from, replicaControlPath, encodeControl(answer));
  }

  /** Entities would not find there what they have stored here. */
  #onMixed(from: string, shardType: string): void {
    const text = "a type is stored in a database at one node, and in copies at another";
    const remedy = "give the type the same kind of journal at all nodes";
    const { limitedLog } = internalsOf(this.#node.system);
    const fields = { shardType, node: from, remedy };
    limitedLog.add("error", "replication", text, fields, { identity: from });
  }

  #receiveStandby(from: string, incarnation: number, message: StandbyMessage): void {
    const { type, shardType } = message;
    const known = this.#standbys.get(shardType);
    if (known !== undefined) return known.receiveControl(from, incarnation, message);
    if (type !== "announceStandby" || message.isAnswer) return;
    if (message.runs && this.#types.has(shardType)) this.#onMixed(from, shardType);
    const answer: StandbyMessage = {
      type,
      shardType,
      runs: false,
      retiring: false,
      isAnswer: true,
    };
    this.#node.send(from, replicaControlPath, answer);
  }

  /** Of the coordinator, which need not run the type. */
  #tellOwners(to: string, { shardType, shards }: AskOwnersMessage): void {
    const host = this.#host;
    if (host.leader !== this.#node.address) return;
    const grants = grantsOf(shards, (shard) => host.grantOf(shardType, shard));
    if (grants.length === 0) return;
    this.#node.send(
      to,
      replicaControlPath,
      encodeControl({ type: "tellOwners", shardType, grants }),
    );
  }

  /** Adds a type. */
  add(options: ReplicatedTypeOptions): TypeReplication {
    const type = hasStandbys(options) ? this.#addStandbys(options) : this.#addCopies(options);
    type.onView(this.#node.view.members);
    if (this.#timer === undefined) this.#scheduleTick();
    return type;
  }

  #addCopies(options: ReplicatedTypeOptions): ReplicatedType {
    const type = new ReplicatedType(this.#port(), options);
    this.#types.set(options.shardType, type);
    return type;
  }

  #addStandbys(options: ReplicatedTypeOptions): StandbyType {
    const sendControl: StandbyTypePort["sendControl"] = (to, message) =>
      this.#node.send(to, replicaControlPath, message);
    const { shardType } = options;
    const port = this.#port();
    const askOwners: StandbyTypePort["askOwners"] = (leader, shards) =>
      port.sendControl(leader, { type: "askOwners", shardType, shards });
    const started = (name: string, isUsed: boolean) => {
      this.#standbyTelemetry?.started(name, isUsed);
    };
    const type = new StandbyType({ ...port, sendControl, askOwners, started }, options);
    this.#standbys.set(shardType, type);
    return type;
  }

  /** Of all types. */
  *#all(): Generator<ReplicatedType | StandbyType> {
    yield* this.#types.values();
    yield* this.#standbys.values();
  }

  /** Resolves when no shard needs the copies of this node, or none can be kept elsewhere. */
  async drained(): Promise<void> {
    const types = [...this.#types.values()];
    for (const type of this.#all()) type.retire();
    const { promise, resolve } = Promise.withResolvers<void>();
    const look = () => {
      if (this.#closed || types.every(({ isNeeded }) => !isNeeded)) return resolve();
      this.#node.runtime.clock.schedule(drainInterval, look);
    };
    look();
    await promise;
  }

  /** The cluster has changed. */
  onView(view: MembershipView): void {
    for (const type of this.#all()) type.onView(view.members);
  }

  /** Shards that move away from here get copies elsewhere meanwhile. */
  beforeLeave(): void {
    for (const type of this.#all()) type.retire();
  }

  /** Ends all activity. */
  afterLeave(): void {
    this.#closed = true;
    this.#endMeasuring();
    this.#standbyTelemetry?.close();
    for (const type of this.#standbys.values()) type.close();
    this.#timer?.cancel();
  }

  /** How the copies of shards are. */
  explain(): readonly string[] {
    const lines = [...this.#all()].flatMap((type) => type.explain());
    return lines.length === 0 ? ["no type of this node is replicated"] : lines;
  }

  /** Always healthy: a shard that waits for copies is explained. */
  health(): ExtensionHealth {
    return { healthy: true, details: { types: this.#types.size + this.#standbys.size } };
  }

  #port(): ReplicatedTypePort {
    const { address: self, runtime: { clock, logger }, system, send } = this.#node;
    const internals = internalsOf(system);
    const host = this.#host;
    return {
      self,
      clock,
      fills: this.#fills ??= new FillTurns(clock),
      holdsLease: () => !internals.turnGate.isClosedNow,
      leader: () => host.leader,
      replicates: (address) => internals.replicates?.(address),
      send: (to, bytes) => send(to, replicationPath, bytes),
      sendControl: (to, message) => send(to, replicaControlPath, encodeControl(message)),
      moveShard: (move) => host.moveShard(move),
      grantOf: (shardType, shard) => host.grantOf(shardType, shard),
      publish: (event) => system.eventStream.publish(event),
      log: (level, message, fields) => logger.log(level, "replication", message, fields),
    };
  }

  #scheduleTick(): void {
    this.#timer = this.#node.runtime.clock.schedule(tickInterval, () => {
      if (this.#closed) return;
      for (const type of this.#all()) type.tick();
      this.#scheduleTick();
    });
  }
}
