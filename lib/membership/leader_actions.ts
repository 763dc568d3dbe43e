import { compareAge, isAlive, type Member } from "./member.ts";

/** What the leader changes when all have seen the same. */
export interface LeaderActions {
  /** New accounts of members that move on. */
  readonly moved: readonly Member[];
  /** Members that are none any more. */
  readonly removed: readonly Member[];
}

/**
 * What the leader does on convergence: joining members become up, leaving ones exiting; exiting and
 * down ones are removed.
 *
 * Nobody becomes up while a full member is unreachable: the two sides of a partition would count
 * different majorities. Leaving goes on, because those that leave do not count (see `downing.ts`).
 */
export function leaderActions(
  members: readonly Member[],
  unreachable: ReadonlySet<string>,
): LeaderActions {
  const moved: Member[] = [];
  const removed: Member[] = [];
  let lastUp = 0;
  let mayPromote = true;
  for (const member of members) {
    lastUp = Math.max(lastUp, member.upNumber);
    if (member.status === "up" && unreachable.has(member.address)) mayPromote = false;
    if (member.status === "leaving") moved.push({ ...member, status: "exiting" });
    if (member.status === "exiting" || !isAlive(member)) removed.push(member);
  }
  if (mayPromote) {
    const joining = members.filter(({ status, address }) =>
      (status === "joining" || status === "weaklyUp") && !unreachable.has(address)
    );
    for (const member of joining.sort(compareAge)) {
      moved.push({ ...member, status: "up", upNumber: ++lastUp });
    }
  }
  return { moved, removed };
}
