import type { GossipState } from "./gossip_state.ts";
import { compareText, isAlive } from "./member.ts";
import { contentDigest } from "./digest.ts";

/** Whether all relevant members have seen the same content. */
export interface Convergence {
  readonly converged: boolean;
  /** Members that have not seen the current content; sorted. Empty exactly when converged. */
  readonly missing: readonly string[];
}

/**
 * Whether every reachable member has seen the current content. Exiting, down and unreachable members
 * do not block convergence: they may have stopped already.
 *
 * @param digest `contentDigest(state)`, if it is known.
 */
export function convergence(
  state: GossipState,
  unreachable: ReadonlySet<string>,
  digest: string = contentDigest(state),
): Convergence {
  const missing: string[] = [];
  for (const [address, { member, seen }] of state.members) {
    if (!isAlive(member) || member.status === "exiting" || unreachable.has(address)) continue;
    if (seen.digest !== digest) missing.push(address);
  }
  return { converged: missing.length === 0, missing: missing.sort(compareText) };
}
