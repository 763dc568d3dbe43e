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
import { shardingKey } from "../sharding/sharding.ts";
import { replicationPath } from "../transport/base/peer.ts";
import { noBootstrap } from "./bootstrap_record.ts";
import {
  type AnnounceTypeMessage,
  type ControlMessage,
  encodeControl,
  parseControl,
  replicaControlPath,
} from "./control_form.ts";
import { parseMessages } from "./message_form.ts";
import type { ReplicationMessage } from "./replication_protocol.ts";
import { ReplicatedType, type ReplicatedTypePort } from "./replicated_type.ts";

/** Milliseconds between two ticks. */
const tickInterval = 100;
/** Milliseconds between two looks whether copies here are needed still. */
const drainInterval = 50;

/** See the module's text. */
export class ReplicationExtension implements NodeExtension, ShardReplicator {
  readonly name = "replication";
  readonly requires = ["sharding"] as const;
  readonly #types = new Map<string, ReplicatedType>();
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
      const { shardType, messages = [] } = parseMessages(value) ?? {};
      const type = shardType === undefined ? undefined : this.#types.get(shardType);
      type?.receive(peer.address, messages.filter(({ message }) => this.#isPlausible(message)));
    });
    node.handleNodes(replicaControlPath, (peer, value) => {
      const message = parseControl(value);
      if (message !== undefined) this.#receive(peer.address, peer.incarnation, message);
    });
  }

  /** A copy that has promised an epoch which no grant reaches would obey nobody any more. */
  #isPlausible(message: ReplicationMessage): boolean {
    const highest = message.type === "epochRefused" ? message.promised : message.epoch;
    return this.#host.isPlausibleEpoch(highest);
  }

  #receive(from: string, incarnation: number, message: ControlMessage): void {
    const type = this.#types.get(message.shardType);
    if (type !== undefined) return type.receiveControl(from, incarnation, message);
    if (message.type !== "announceType" || message.isAnswer) return;
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

  /** Adds a type. */
  add(options: ReplicatedTypeOptions): TypeReplication {
    const type = new ReplicatedType(this.#port(), options);
    this.#types.set(options.shardType, type);
    type.onView(this.#node.view.members);
    if (this.#timer === undefined) this.#scheduleTick();
    return type;
  }

  /** Resolves when no shard needs the copies of this node, or none can be kept elsewhere. */
  async drained(): Promise<void> {
    const types = [...this.#types.values()];
    for (const type of types) type.retire();
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
    for (const type of this.#types.values()) type.onView(view.members);
  }

  /** Shards that move away from here get copies elsewhere meanwhile. */
  beforeLeave(): void {
    for (const type of this.#types.values()) type.retire();
  }

  /** Ends all activity. */
  afterLeave(): void {
    this.#closed = true;
    this.#timer?.cancel();
  }

  /** How the copies of shards are. */
  explain(): readonly string[] {
    if (this.#types.size === 0) return ["no type of this node is replicated"];
    return [...this.#types.values()].flatMap((type) => type.explain());
  }

  /** Always healthy: a shard that waits for copies is explained. */
  health(): ExtensionHealth {
    return { healthy: true, details: { types: this.#types.size } };
  }

  #port(): ReplicatedTypePort {
    const { address: self, runtime: { clock, logger }, system, send } = this.#node;
    const internals = internalsOf(system);
    const host = this.#host;
    return {
      self,
      clock,
      holdsLease: () => !internals.turnGate.isClosedNow,
      leader: () => host.leader,
      replicates: (address) => internals.replicates?.(address),
      send: (to, bytes) => send(to, replicationPath, bytes),
      sendControl: (to, message) => send(to, replicaControlPath, encodeControl(message)),
      moveShard: (move) => host.moveShard(move),
      log: (level, message, fields) => logger.log(level, "replication", message, fields),
    };
  }

  #scheduleTick(): void {
    this.#timer = this.#node.runtime.clock.schedule(tickInterval, () => {
      if (this.#closed) return;
      for (const type of this.#types.values()) type.tick();
      this.#scheduleTick();
    });
  }
}
