import { hashText } from "../runtime/fnv.ts";
import type { AllocationStrategy } from "../sharding/coordinator/allocation.ts";

/**
 * Where a singleton runs unless its options say: on the node with the highest hash of name and address
 * (rendezvous hashing, Thaler and Ravishankar 1998). So singletons of different names are spread over
 * the nodes. It does not move when nodes come.
 */
export function rendezvous(name: string): AllocationStrategy {
  const weight = (address: string) => hashText(`${name} ${address}`) >>> 0;
  return {
    allocate: (_shard, nodes) => {
      let best: string | undefined;
      for (const { address } of nodes) {
        if (best === undefined || weight(address) > weight(best)) best = address;
      }
      return best;
    },
  };
}
