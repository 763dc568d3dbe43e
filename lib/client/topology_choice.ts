import type { Topology } from "../cluster/gateway/topology.ts";

/** What one node has told last. */
export interface ToldTopology {
  readonly from: string;
  readonly topology: Topology;
}

/**
 * Which of several nodes' topologies to go by. The one whose teller most of them call reachable: a
 * node that has stopped, or was cut off, goes on to tell what it knew. Then the one with the most
 * members, which is the side of a partition that lives on. Then the first. Pure.
 */
export function chooseTopology(told: readonly ToldTopology[]): ToldTopology | undefined {
  let best: ToldTopology | undefined;
  let bestVotes = -1;
  for (const candidate of told) {
    const votes = told.filter(({ topology }) => includes(topology, candidate.from)).length;
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
