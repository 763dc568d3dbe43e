/**
 * Where the copies and owners of a type are, at the node that coordinates: the placement, and the allocation
 * strategy that goes by it. What it does not know costs time and never an event. Pure.
 *
 * @module
 */
import {
  type AllocationNode,
  type AllocationStrategy,
  leastShards,
  type ShardMove,
} from "../sharding/coordinator/allocation.ts";
import type { ShardStatus } from "./control_form.ts";
import { compareReplicaVersions, type ReplicaConfig } from "./replica_config.ts";
import { type ReplicaOrder, ReplicaPlacement } from "./replica_placement.ts";
import type { TypeMember } from "./type_members.ts";

/** What is placed. */
export interface TypePlacementOptions {
  readonly shardType: string;
  readonly numShards: number;
  readonly replicas: number;
  readonly minAcks: number;
  /** For shards without copies. Default {@linkcode leastShards}. */
  readonly strategy: AllocationStrategy | undefined;
}

/** See the module's text. */
export class TypePlacement {
  readonly #options: TypePlacementOptions;
  #placement: ReplicaPlacement;
  /** The newest configuration of each shard that was heard of. */
  #configs = new Map<number, ReplicaConfig>();
  /** The epochs in which owners have said the configurations. */
  readonly #saidIn = new Map<number, number>();
  /** Shards that were open once. */
  #begun = new Set<number>();
  /** Shards that are open, as their owners have said last. */
  readonly #open = new Set<number>();
  /** Nodes that shall own shards, and have no copies of them yet. */
  #preferred = new Map<number, string>();
  #nodes: readonly TypeMember[] = [];

  constructor(options: TypePlacementOptions) {
    this.#options = options;
    this.#placement = this.#makePlacement();
  }

  #makePlacement(): ReplicaPlacement {
    const { shardType, replicas, minAcks } = this.#options;
    return new ReplicaPlacement(shardType, replicas, minAcks);
  }

  /** This node has begun to coordinate, or coordinates no more: what it knew may be old. */
  clear(): void {
    this.#placement = this.#makePlacement();
    this.#configs.clear();
    this.#saidIn.clear();
    this.#preferred.clear();
    this.#begun.clear();
    this.#open.clear();
  }

  /** Whether every shard was open once. */
  get allBegun(): boolean {
    return this.#begun.size === this.#options.numShards;
  }

  /** The nodes that can have copies. */
  nodes(nodes: readonly TypeMember[], now: number): ReplicaOrder[] {
    this.#nodes = nodes;
    return this.#placement.nodes(
      nodes.map(({ address, zone }) => ({ address, ...(zone !== undefined && { zone }) })),
      now,
    );
  }

  /** What an owner has said of its shard. */
  status(from: string, said: ShardStatus, now: number): ReplicaOrder[] {
    const { shard, epoch, phase, config, replicas, lagging } = said;
    this.#noteOwners(shard, epoch, config);
    if (phase === "open") {
      this.#begun.add(shard);
      this.#open.add(shard);
    } else this.#open.delete(shard);
    const status = { epoch, phase, replicas, lagging, copies: [], ...(config && { config }) };
    const orders = this.#placement.status(shard, from, status, now);
    if (orders.length > 0) return orders;
    // An owner that has just been granted the shard knows no nodes yet.
    const known = this.#placement.granted(shard, from, epoch, now);
    const isOwner = this.#placement.isGranted(shard, from, epoch);
    return isOwner && !sameAddresses(known, replicas)
      ? [{ shard, to: from, epoch, addresses: known }]
      : [];
  }

  /** A node has a copy with this configuration. The owner of the shard knows better. */
  noteConfig(shard: number, config: ReplicaConfig): void {
    const known = this.#configs.get(shard);
    if (known !== undefined && compareReplicaVersions(known.version, config.version) >= 0) return;
    if (config.version[0] <= (this.#saidIn.get(shard) ?? -1)) return;
    this.#takeConfig(shard, config);
  }

  #noteOwners(shard: number, epoch: number, config: ReplicaConfig | undefined): void {
    if (config === undefined) return;
    this.#saidIn.set(shard, epoch);
    this.#takeConfig(shard, config);
  }

  #takeConfig(shard: number, config: ReplicaConfig): void {
    this.#configs.set(shard, config);
    this.#placement.noteConfig(shard, config);
    const preferred = this.#preferred.get(shard);
    if (preferred !== undefined && this.#has(shard, preferred)) this.#preferred.delete(shard);
  }

  /** The owner has found that another node has more of the log. */
  preferOwner(shard: number, epoch: number, address: string): void {
    this.#placement.preferOwner(shard, epoch, address);
  }

  /** Orders that are to be repeated. */
  tick(now: number): ReplicaOrder[] {
    return this.#placement.tick(now);
  }

  /** Which node gets a shard, and which shards move. */
  get strategy(): AllocationStrategy {
    const inner = this.#options.strategy ?? leastShards();
    return {
      allocate: (shard, nodes) => this.#ownerOf(shard, nodes) ?? inner.allocate(shard, nodes),
      ...(inner.rebalance !== undefined && {
        rebalance: (nodes: readonly AllocationNode[], limit: number) =>
          this.#moves(inner.rebalance!(nodes, limit)),
      }),
    };
  }

  #ownerOf(shard: number, nodes: readonly AllocationNode[]): string | undefined {
    // Of those that have the shard, the one with the fewest.
    const addresses = nodes.toSorted((a, b) => a.shards.size - b.shards.size)
      .map(({ address }) => address);
    return this.#placement.ownerOf(shard, addresses) ??
      addresses.find((address) => this.#has(shard, address));
  }

  /** Only to nodes that have the log; another one is given a copy first, and the shard moves later. */
  #moves(wanted: readonly ShardMove[]): ShardMove[] {
    const moves: ShardMove[] = [];
    for (const move of wanted) {
      const { shard, to } = move;
      // One that waits for copies is where it can open, or will be moved there.
      if (!this.#open.has(shard)) continue;
      if (this.#has(shard, to)) moves.push(move);
      else if (this.#nodes.some(({ address }) => address === to)) this.#prefer(shard, to);
    }
    return moves;
  }

  #prefer(shard: number, address: string): void {
    this.#preferred.set(shard, address);
    this.#placement.want(shard, address);
  }

  #has(shard: number, address: string): boolean {
    return this.#configs.get(shard)?.inSync.some((id) => id.address === address) ?? false;
  }
}

function sameAddresses(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((address) => b.includes(address));
}
