import type { ActorSystemOptions } from "../../actor/system/actor_system_options.ts";
import type { Logger } from "../../runtime/logger.ts";
import type { TlsMaterial } from "../../runtime/network.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import { checkOptions } from "../../options/check_options.ts";
import { clusterTable } from "../../options/tables/cluster_tables.ts";
import type { DowningStrategy } from "../../membership/downing/downing.ts";
import type { AddressMap } from "../../transport/base/address_map.ts";
import type { TransportLimits } from "../../transport/base/limits.ts";
import type { Serializer } from "../../wire/serializer.ts";
import { SerializerRegistry } from "../../wire/serializer_registry.ts";
import { checkSeedNodes, type SeedNodes } from "../bootstrap/seed_source.ts";
import type { LeaseDowning } from "../lease/lease.ts";
import type { NodeExtensionFactory } from "./node_extension.ts";

/** How a node starts. */
export interface ClusterOptions extends Omit<ActorSystemOptions, "name" | "runtime"> {
  /** Name of the system. All nodes and clients of one cluster use the same. */
  readonly name: string;
  /** A label for people; best unique in the cluster. Default `"host:port"`. */
  readonly nodeId?: string;
  /** The host under which others reach this node; its certificate must name it. */
  readonly host: string;
  /** 0 to 65535. 0 lets the system choose; the chosen port becomes part of the address. */
  readonly port: number;
  /** The interface to listen on. Default: `host`. */
  readonly bindHost?: string;
  /**
   * Addresses of nodes to join through, `"host:port"`. The same list for every node; it may name
   * this node. If it contains no other node, this node bootstraps a new cluster. If the first address
   * is this node's own, it bootstraps one once a majority of the seeds agrees, itself included: with
   * two, both; with three, two.
   *
   * Instead of a list, a function that returns one, or DNS: both are resolved again every second while
   * this node is no member, and every 3 s by a member. Then the lowest address bootstraps, once the
   * result has been stable for 5 s; it must contain this node's address as others see it. Default:
   * none: this node bootstraps a cluster.
   */
  readonly seedNodes?: SeedNodes;
  /**
   * Whether this node may bootstrap a cluster although it is not the first seed, or reaches fewer
   * than half of the seeds, after 5 s. For a first start while hosts of seeds are down: set it for
   * one node and one start, when you know that no cluster runs. Otherwise there may be two
   * clusters. Default false.
   */
  readonly allowSelfBootstrap?: boolean;
  /**
   * Configuration that must be equal on all nodes, up to 200 keys: a node with another value for a key
   * is rejected, with the key. Keys that only one side has are not compared. Default: none.
   */
  readonly clusterConfig?: Readonly<Record<string, string>>;
  /** Labels for placing work. */
  readonly roles?: readonly string[];
  /** Version of the application, 1 to 255 characters; other nodes see it. Default: none. */
  readonly appVersion?: string;
  /**
   * Availability zone, 1 to 255 characters: nodes that fail together, as those of one rack or data
   * centre, have the same. Default: none.
   */
  readonly zone?: string;
  /** Mutual TLS. Default: none: the traffic is plain and anybody can join. */
  readonly tls?: TlsMaterial;
  /** `start` resolves when this number of members is up. Default 1. */
  readonly requiredQuorum?: number;
  /** Milliseconds that `start` waits for the quorum. Default 60 000. */
  readonly startTimeout?: number;
  /** Milliseconds for leaving the cluster at shutdown. Default 5 000. */
  readonly leaveTimeout?: number;
  /**
   * Milliseconds after which a client that is not connected counts as gone: until then its watches, the
   * references that it has received and its streams are kept, since it may come back. A client that
   * closes is gone at once. Default 60 000.
   */
  readonly clientTimeout?: number;
  /**
   * Where to dial for an address, as an object, a `Map` or a function; for tunnels. Default: the
   * address itself.
   */
  readonly addressMap?: AddressMap;
  /** The host of the address that others know this node by. Default: `host`. */
  readonly advertisedHost?: string;
  /** The port of that address, 1 to 65535. Default: the port that is listened on. */
  readonly advertisedPort?: number;
  /**
   * How values of your classes cross the wire, made with `serializer()`; at most 64. Default: none,
   * and class instances are refused.
   */
  readonly serializers?: readonly Serializer[];
  /** Bounds of connections, messages and queues. */
  readonly transport?: Partial<TransportLimits>;
  /**
   * Decides which side of a partition survives: `keepMajority()`, `staticQuorum(...)`, `keepOldest(...)`,
   * `leaseMajority(...)` or `downAll()`; the same on all nodes. Default `keepMajority()`.
   */
  readonly downing?: DowningStrategy | LeaseDowning;
  /**
   * Action of this node after it was declared down and its shards have stopped:
   *
   * - `shutdown`: the whole system stops. For processes that a supervisor restarts.
   * - `rejoin`: it rejoins its cluster with a new incarnation as soon as the cluster is reachable;
   *   local actors keep running. It does not bootstrap a cluster then.
   * - `wait`: it stays outside the cluster until `rejoin()` is called.
   *
   * Default `"shutdown"`.
   */
  readonly whenDowned?: "shutdown" | "rejoin" | "wait";
  /**
   * Whether a thread of this node answers stall probes while its event loop is stalled, so that other
   * nodes do not mistake the stall for a crash, and whether this node probes theirs. Default true.
   */
  readonly stallDetection?: boolean;
  /** Port of that thread, 0 to 65535; other nodes must be able to reach it. Default 0: any. */
  readonly stallPort?: number;
  /**
   * Extensions of this node besides sharding: factory functions, each called once. An extension is
   * installed after the extensions that it requires. Default: none.
   */
  readonly extensions?: readonly NodeExtensionFactory[];
  /** Timing of the membership protocol. */
  readonly membership?: MembershipTiming;
  /** Where log lines go. Default: standard error, `warn` and above. */
  readonly logger?: Logger;
  /** Replaces parts of the runtime, for simulations. Default: the machine's. */
  readonly runtime?: Partial<Runtime>;
}

/** Timing of the membership protocol, milliseconds. */
export interface MembershipTiming {
  /** Between two gossip rounds. Default 1 000. */
  readonly gossipInterval?: number;
  /** Between two heartbeats. Default 1 000. */
  readonly heartbeatInterval?: number;
  /** Pause tolerated beyond the usual heartbeat interval. Default 3 000. */
  readonly acceptablePause?: number;
  /** How long the event loop of a member may stall before the member can be downed. Default 60 000. */
  readonly stallLimit?: number;
  /** How long the set of unreachable members must be stable before downing. Default: by cluster size. */
  readonly stableAfter?: number;
  /**
   * How long a node that joins while a member is unreachable waits before it becomes weakly up: it
   * takes work, but owns no shards and has no vote, until no member is unreachable. `Infinity`: it
   * waits until then. Default 7 000.
   */
  readonly weaklyUpAfter?: number;
}

/**
 * Validates options before any socket is opened.
 *
 * @throws {OptionError}
 */
export function checkClusterOptions(options: ClusterOptions): void {
  checkOptions(clusterTable, options);
  checkSeedNodes(options.seedNodes);
  // Names and classes must differ, which the table does not know.
  new SerializerRegistry(options.serializers ?? []);
}
