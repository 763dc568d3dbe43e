import { type ExtensionKey, extensionKey } from "../cluster/node/extension_key.ts";

/** How the copies of one shard are, as its owner knows it. */
export interface ShardCopies {
  /** Name of the sharded actor. */
  readonly shardType: string;
  /** Number of the shard, from 0. */
  readonly shard: number;
  /** Of the owner's grant: the higher is the later. */
  readonly epoch: number;
  /** Whether it takes writes. */
  readonly open: boolean;
  /** What keeps it from opening, in words; undefined: nothing does. */
  readonly waitsFor: string | undefined;
  /** The copies that count, or shall, the owner's own among them. */
  readonly copies: readonly {
    /** Address of the node. */
    readonly node: string;
    /** Whether it counts. */
    readonly inSync: boolean;
    /** Entries of the log that it has not confirmed. */
    readonly lag: number;
    /** Whether it is being given the content of the shard. */
    readonly filling: boolean;
  }[];
}

/**
 * The copies of replicated shards at this node, and what a person decides about them:
 * `system.replication`. See `docs/replication.md`.
 *
 * Both decisions concern shards that this node owns: no other node can make them for it. So tell all nodes:
 * a shard may move to one that has more of it.
 *
 * @example
 * ```ts
 * import { Behaviors, ClusteredActorSystem } from "@casty/casty";
 *
 * await using system = await ClusteredActorSystem.start({
 *   name: "example",
 *   host: "127.0.0.1",
 *   port: 0,
 * });
 * const cart = () => Behaviors.receive<string>(() => Behaviors.same());
 * system.spawn(Behaviors.sharded(cart, { replication: {} }), "carts");
 * // A node is lost, and its disk with it: nobody has to wait for it.
 * console.assert(system.replication.retire("10.0.0.7:25520") === 0);
 * // Too many are lost: the shards that wait here go on with what is left.
 * console.assert(system.replication.acceptLoss("carts").length === 0);
 * ```
 */
export interface Replication {
  /** The shards that this node owns, of all replicated types. */
  shards(): readonly ShardCopies[];
  /**
   * What the node at an address has stored up to now will never be back: no shard that this node owns, or
   * will own before it restarts, waits for it. A new store at the address, such as an empty disk, counts
   * again. Only true statements are safe: a disk that comes back all the same can open a shard without
   * what was confirmed since.
   *
   * @param address `"host:port"` of the node.
   * @returns how many shards that this node owns have counted on it.
   * @throws {ShardingError} code `nodeIsMember`: the node is there.
   */
  retire(address: string): number;
  /**
   * The shards of a type that wait here for copies, or have lost all of them, go on with the newest copy
   * that is left. So do shards that come to this node within a minute and have waited for 5 s. Confirmed events may be lost: each shard is logged as an error, published as
   * `shardLossAccepted` and counted.
   *
   * @param shardType name of the sharded actor.
   * @param shards the numbers of the shards. Default: all.
   * @returns the shards that have waited here for that.
   * @throws {ShardingError} code `notReplicated`: this node runs no replicated type with that name.
   */
  acceptLoss(shardType: string, shards?: readonly number[]): readonly number[];
}

/** Under which a node exposes its {@linkcode Replication}. */
export const replicationKey: ExtensionKey<Replication> = extensionKey("replication");
