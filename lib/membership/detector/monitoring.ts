import { addressHash } from "../state/digest.ts";
import { compareText } from "../state/member.ts";
import { rules } from "../../runtime/rules.ts";

/** Members in the order of their hashed addresses: neighbours are unlikely to fail together. */
export function monitoringRing(addresses: Iterable<string>): readonly string[] {
  return [...addresses]
    .map((address) => ({ address, hash: addressHash(address)[0] }))
    .sort((a, b) => a.hash - b.hash || compareText(a.address, b.address))
    .map(({ address }) => address);
}

/**
 * Whom `self` watches: the next `count` members on the ring, so that each is watched by `count`
 * others. Those that `self` cannot reach do not fill a place: it looks further until it watches
 * `count` that answer. So the small side of a partition comes to watch everybody.
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
