/**
 * Which node should own a shard whose owner is lost or leaves, at the node that coordinates: one that stands
 * by for it, as the nodes have said last. What is not known here costs time and nothing else. Pure.
 *
 * @module
 */
import { rules } from "../../runtime/rules.ts";
import type { AllocationNode, AllocationStrategy } from "../../sharding/coordinator/allocation.ts";
import type { StandbyShard } from "./standby_control.ts";

interface Ready {
  readonly epoch: number;
  readonly entities: number;
}

/** See the module's text. */
export class StandbyPreference {
  readonly #numShards: number;
  readonly #ready = new Map<string, ReadonlyMap<number, Ready>>();

  constructor(numShards: number) {
    this.#numShards = numShards;
  }

  /** A node has said for which shards it stands by: for these, and for no others. */
  said(from: string, shards: readonly StandbyShard[]): void {
    const ready = new Map<number, Ready>();
    for (const [shard, epoch, entities] of shards) {
      if (shard < this.#numShards && entities > 0) ready.set(shard, { epoch, entities });
    }
    this.#ready.set(from, ready);
  }

  /** Forgets nodes that are no members. */
  retain(isMember: (address: string) => boolean): void {
    for (const address of this.#ready.keys()) if (!isMember(address)) this.#ready.delete(address);
  }

  /** Forgets all. */
  clear(): void {
    this.#ready.clear();
  }

  /**
   * Of the nodes that stand by for the newest grant, those that have at least half as many entities ready as
   * the one with the most; of these the one with the fewest shards.
   */
  ownerOf(shard: number, nodes: readonly AllocationNode[]): string | undefined {
    if (!rules.standbysComeFirst) return undefined;
    const ready = nodes.flatMap(({ address, shards }) => {
      const of = this.#ready.get(address)?.get(shard);
      return of === undefined ? [] : [{ address, load: shards.size, ...of }];
    });
    const newest = Math.max(...ready.map(({ epoch }) => epoch));
    const able = ready.filter(({ epoch }) => epoch === newest);
    const most = Math.max(...able.map(({ entities }) => entities));
    return able.filter(({ entities }) => 2 * entities >= most)
      .sort((a, b) => a.load - b.load)[0]?.address;
  }

  /** A strategy that goes by it first. */
  strategy(inner: AllocationStrategy): AllocationStrategy {
    const { rebalance } = inner;
    return {
      allocate: (shard, nodes) => this.ownerOf(shard, nodes) ?? inner.allocate(shard, nodes),
      ...(rebalance !== undefined && {
        rebalance: (nodes: readonly AllocationNode[], limit: number) =>
          rebalance.call(inner, nodes, limit),
      }),
    };
  }
}
