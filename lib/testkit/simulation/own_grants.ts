import { shardOf } from "../../sharding/routing/shard_hash.ts";
import type { SimulatedNode } from "./simulated_node.ts";

/** The grants of one process of a node, read anew only when they have changed. */
export class OwnGrants {
  readonly #process: SimulatedNode;
  /** By type and number of the shard. */
  readonly #epochs = new Map<string, Map<number, number>>();
  readonly #numShards = new Map<string, number>();
  #version = -1;

  constructor(process: SimulatedNode) {
    this.#process = process;
  }

  /** The epoch of the grant by which an entity runs here; 0: there is none. */
  epochOf(shardType: string, entityId: string): number {
    const sharding = this.#process.running?.sharding;
    if (sharding === undefined) return 0;
    if (sharding.ownedVersion !== this.#version) {
      this.#version = sharding.ownedVersion;
      this.#epochs.clear();
      for (const { shardType: type, shard, epoch } of sharding.ownedShards()) {
        const epochs = this.#epochs.get(type);
        if (epochs === undefined) this.#epochs.set(type, new Map([[shard, epoch]]));
        else epochs.set(shard, epoch);
      }
    }
    let numShards = this.#numShards.get(shardType);
    if (numShards === undefined) {
      numShards = sharding.shardTable(shardType).length;
      this.#numShards.set(shardType, numShards);
    }
    return this.#epochs.get(shardType)?.get(shardOf(entityId, numShards)) ?? 0;
  }
}
