import { memberStatuses } from "../../lib/membership/state/member.ts";
import { atPath } from "./at_path.ts";
import type { Draws } from "./draws.ts";

function member(d: Draws, address = d.address()): Record<string, unknown> {
  return {
    address,
    nodeId: d.chance(0.8) ? address.split(":")[0] : `n${d.int(9)}`,
    incarnation: d.chance(0.7)
      ? d.target.incarnations.get(address) ?? d.count(7)
      : d.incarnation(address),
    status: d.one(memberStatuses),
    roles: d.list(2, () => `r${d.int(3)}`),
    upNumber: d.count(d.int(8)),
    ...d.maybe("statusRefutation", () => d.count(d.int(3))),
    ...(d.chance(0.1) && { inheritedNumber: d.count(d.int(8)) }),
    ...(d.chance(0.1) && { zone: d.text() }),
    ...(d.chance(0.2) && { evidence: evidence(d) }),
  };
}

function evidence(d: Draws): Record<string, unknown> {
  const observers = d.list(3, () => d.address());
  return {
    by: d.address(),
    why: d.text(),
    observers,
    ...d.maybe("phi", () => observers.map(() => d.int(1_000))),
  };
}

function record(d: Draws): Record<string, unknown> {
  return {
    member: member(d),
    seen: { counter: d.like("counter"), digest: d.digest() },
    reachability: {
      version: d.like("version"),
      unreachable: d.distinct(3, () => {
        const address = d.address();
        return {
          address,
          incarnation: d.target.incarnations.get(address) ?? 7,
          ...d.maybe("refutation", () => d.count(d.int(4))),
          ...d.maybe("reason", () => d.one(["silent", "gone", "stalled"])),
          ...(d.chance(0.2) && { early: true }),
        };
      }, ({ address }) => address),
      ...d.maybe("refutation", () => d.count(d.int(4))),
    },
  };
}

function state(d: Draws): Record<string, unknown> {
  const members = d.distinct(4, () => record(d), addressOf);
  const known = new Set(members.map(addressOf));
  const tombstones = d.distinct(2, () => {
    const address = d.address();
    return {
      address,
      incarnation: d.chance(0.7) ? d.target.incarnations.get(address) ?? 7 : d.incarnation(address),
      age: d.count(d.int(60_000)),
      ...(d.chance(0.5) && { evidence: evidence(d) }),
    };
  }, ({ address }) => address).filter(({ address }) => !known.has(address));
  return { members, tombstones };
}

function addressOf(record: Record<string, unknown>): unknown {
  return (record.member as { address: string }).address;
}

const sender = (d: Draws) => ({
  clusterId: d.clusterId(),
  incarnation: d.chance(0.8)
    ? d.target.incarnations.get(d.target.self) ?? 7
    : d.incarnation(d.target.self),
});

/** Where a request comes from is not checked by the sender. */
export const membership = {
  ...atPath("Membership", "/_cluster", {
    join: (d) => ({
      member: {
        ...member(d, d.chance(0.8) ? d.target.self : d.address()),
        status: d.chance(0.9) ? "joining" : "up",
        upNumber: d.chance(0.9) ? 0 : 1,
        evidence: undefined,
        statusRefutation: undefined,
        inheritedNumber: undefined,
      },
      clusterConfig: d.chance(0.8) ? {} : { color: d.text() },
      ...d.maybe("bootstraps", () => d.chance(0.5)),
    }),
    welcome: (d) => ({ clusterId: d.clusterId(), state: state(d) }),
    joinRefused: (d) => ({
      code: d.one(["staleIncarnation", "configConflict", "clusterFull", "clockAhead"]),
      reason: d.text(),
      known: d.count(7),
    }),
    notReady: (d) => ({
      bootstraps: d.chance(0.5),
      vote: d.chance(0.5),
      ...d.maybe("contacts", () => d.list(3, () => d.address())),
    }),
    digest: (d) => ({ ...sender(d), digest: d.digest() }),
    summary: (d) => ({
      ...sender(d),
      digest: d.digest(),
      salt: d.int(2 ** 31),
      entries: d.bytes(8 * d.int(40)),
    }),
    gossip: (d) => ({
      ...sender(d),
      state: state(d),
      reply: d.chance(0.5),
      ...(d.chance(0.3) &&
        { requested: { salt: d.int(2 ** 31), addresses: d.bytes(4 * d.int(9)) } }),
    }),
    heartbeat: (d) => sender(d),
    heartbeatAck: (d) => ({
      incarnation: d.incarnation(d.target.self),
      ...d.maybe("stallPort", () => 1 + d.int(65_535)),
      ...d.maybe("translated", () => d.chance(0.5)),
    }),
    indirectProbe: (d) => ({ ...sender(d), target: d.address(), sequence: d.count(d.int(50)) }),
    indirectAnswer: (d) => ({
      ...sender(d),
      target: d.address(),
      sequence: d.count(d.int(50)),
      alive: d.chance(0.5),
    }),
    left: (d) => sender(d),
    removed: (d) => ({
      clusterId: d.clusterId(),
      incarnation: d.incarnation(),
      ...d.maybe("evidence", () => evidence(d)),
    }),
  }),
};
