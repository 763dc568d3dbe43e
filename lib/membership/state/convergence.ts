import type { GossipState } from "./gossip_state.ts";
import { compareText, isAlive } from "./member.ts";
import { contentDigest } from "./digest.ts";

/** Whether all who matter have seen the same members. */
export interface Convergence {
  readonly converged: boolean;
  /** Who has not seen what this node knows; sorted. Empty exactly when converged. */
  readonly missing: readonly string[];
}

/**
 * Whether every member that is not unreachable has seen the current content. Members that are
 * exiting, down or unreachable do not hold the others up: they may be gone already.
 *
 * @param digest `contentDigest(state)`, where it is known.
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
