import type { Topology } from "../cluster/gateway/topology.ts";

/** The latest topology of one node. */
export interface PublishedTopology {
  readonly from: string;
  readonly topology: Topology;
}

/**
 * Which of several nodes' topologies counts. The one whose publisher is reachable in most of them: a
 * node that was cut off keeps publishing what it knew. Then the one with the most members, which is the
 * side of a partition that continues. Then the first. Pure.
 */
export function chooseTopology(
  published: readonly PublishedTopology[],
): PublishedTopology | undefined {
  let best: PublishedTopology | undefined;
  let bestVotes = -1;
  for (const candidate of published) {
    const votes = published.filter(({ topology }) => includes(topology, candidate.from)).length;
    const isBetter = votes > bestVotes || (votes === bestVotes &&
      candidate.topology.members.length > best!.topology.members.length);
    if (!isBetter) continue;
    best = candidate;
    bestVotes = votes;
  }
  return best;
}

function includes({ members, leaving }: Topology, address: string): boolean {
  return members.some((member) => member.address === address) || leaving.includes(address);
}
