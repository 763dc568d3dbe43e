import { addressHash } from "../state/digest.ts";
import { compareText } from "../state/member.ts";
import { rules } from "../../runtime/rules.ts";

/** Members in the order of their hashed addresses: neighbours rarely fail together. */
export function monitoringRing(addresses: Iterable<string>): readonly string[] {
  return [...addresses]
    .map((address) => ({ address, hash: addressHash(address)[0] }))
    .sort((a, b) => a.hash - b.hash || compareText(a.address, b.address))
    .map(({ address }) => address);
}

/**
 * The members that `self` monitors: the next `count` members on the ring, so that each member is
 * monitored by `count` others. Unreachable members do not count: `self` continues along the ring
 * until it monitors `count` reachable ones. So the small side of a partition monitors all members.
 */
export function monitoredMembers(
  ring: readonly string[],
  self: string,
  count: number,
  unreachable: ReadonlySet<string>,
): readonly string[] {
  const start = ring.indexOf(self);
  const members: string[] = [];
  let answering = 0;
  const most = rules.monitorsAreLimited ? count : Infinity;
  for (let step = 1; step < ring.length && answering < most; step++) {
    const address = ring[(start + step) % ring.length]!;
    if (address === self) continue;
    members.push(address);
    if (!unreachable.has(address)) answering++;
  }
  return members;
}

/** The members that monitor `self` while all are reachable: those before it on the ring. */
export function observersOf(ring: readonly string[], self: string, count: number): string[] {
  const start = ring.indexOf(self);
  const length = start < 0 ? 0 : Math.min(count, ring.length - 1);
  return Array.from(
    { length },
    (_, step) => ring[(start - step - 1 + ring.length) % ring.length]!,
  );
}
