import { atPath, type Generators } from "./at_path.ts";
import type { Draws } from "./draws.ts";

const about = (d: Draws) => ({ shardType: d.type(), shard: d.shard(), epoch: d.epoch() });

const holder = (d: Draws) => {
  const address = d.address();
  return { address, incarnation: d.target.incarnations.get(address) ?? d.count(7) };
};

const holders = (d: Draws) =>
  d.distinct(
    4,
    () => ({ holder: holder(d), age: d.count(d.int(2_000)) }),
    (one) => one.holder.address,
  );

function config(d: Draws): Record<string, unknown> {
  const some = (most: number) => d.distinct(most, () => holder(d), ({ address }) => address);
  const voters = some(4);
  return {
    version: [d.term(), d.like("version")],
    voters: voters.length > 0 ? voters : [holder(d)],
    ...(d.chance(0.2) && { previous: [holder(d)] }),
    excluded: some(3),
  };
}

function table(d: Draws) {
  const owners = [d.address(), ...d.list(3, () => d.address())];
  return {
    owners,
    incarnations: owners.map((owner) => d.target.incarnations.get(owner) ?? d.count(7)),
    shards: d.list(6, () => [d.int(8), d.int(owners.length), d.epoch()]),
  };
}

const location = (d: Draws) => {
  const owner = d.address();
  return {
    ...about(d),
    owner,
    incarnation: d.target.incarnations.get(owner) ?? d.count(7),
    ...d.maybe("numShards", () => d.numShards("counters")),
  };
};

const returned = (d: Draws) => ({
  ...location(d),
  entityId: d.entity(),
  message: message(d),
});

const unknownType = (d: Draws) => {
  const shardType = d.type();
  return { shardType, numShards: d.numShards(shardType), known: d.list(4, () => d.type()) };
};

const noRegion = (d: Draws) => ({
  shardType: d.type(),
  epoch: d.epoch(),
  entityId: d.entity(),
  message: message(d),
});

const refused = (d: Draws) => {
  const shardType = d.type();
  return {
    shardType,
    reason: d.text(),
    ...d.maybe("numShards", () => d.numShards(shardType)),
  };
};

const locate = (d: Draws) => {
  const shardType = d.type();
  return { shardType, numShards: d.numShards(shardType), shard: d.shard() };
};

const message = (d: Draws) =>
  d.chance(0.7)
    ? d.one([{ type: "increment", amount: 0 }, { type: "getValue", replyTo: d.ref() }])
    : d.value();

const digests = (d: Draws) => d.list(5, () => [d.shard(), d.epoch(), d.count(d.int(9))]);

/** Messages about shards, leases, entities and the lists of those that are remembered. */
export const sharding: Generators = {
  ...atPath("Shard coordination", "/_cluster/sharding", {
    requestReport: (d) => ({ term: d.term() }),
    shardReport: (d) => ({
      term: d.term(),
      stamp: d.stamp(),
      retiring: d.chance(0.3),
      regions: d.list(2, () => {
        const shardType = d.type();
        return {
          shardType,
          numShards: d.numShards(shardType),
          shards: d.list(5, () => [d.int(12), d.epoch(), d.int(2)]),
          lastEpoch: d.epoch(),
          ...d.maybe("options", () => d.one([{}, { role: "x" }, { clients: "a policy" }])),
        };
      }),
      ...d.maybe("config", () => config(d)),
      holders: holders(d),
    }),
    adoptLeases: (d) => ({ config: config(d), holders: holders(d) }),
    leasesAdopted: (d) => ({
      incarnation: d.incarnation(d.target.self),
      version: [d.term(), d.like("version")],
      holders: holders(d),
    }),
    admitHolder: (d) => ({ term: d.term(), config: config(d) }),
    outdatedTerm: (d) => ({ term: d.term() }),
    startShard: (d) => ({
      ...about(d),
      term: d.term(),
      config: d.like("version"),
      incarnation: d.incarnation(),
      ...d.maybe("previous", () => d.epoch()),
    }),
    started: (d) => ({ ...about(d), stamp: d.stamp() }),
    handOff: (d) => ({ ...about(d), term: d.term() }),
    stopped: (d) => ({ ...about(d), stamp: d.stamp() }),
    drained: about,
    shardTableDelta: (d) => ({ shardType: d.type(), ...table(d) }),
    locate,
    location,
    returned,
    noRegion,
    refused,
    unknownType,
  }),
  ...atPath("At a client", "/_shards", {
    shardTableDelta: (d) => ({ shardType: d.type(), ...table(d) }),
    location,
    returned,
    noRegion,
    refused,
    unknownType,
  }),
  ...atPath("From a client", "/_locate", { locate }),
  ...atPath("Leases", "/_cluster/lease", {
    renewLease: (d) => ({
      incarnation: d.incarnation(d.target.self),
      round: d.like("round"),
      version: [d.term(), d.like("version")],
      admitted: d.term(),
      ...d.maybe("idle", () => true),
    }),
    leaseRenewed: (d) => ({
      incarnation: d.incarnation(d.target.self),
      round: d.like("round"),
    }),
    leaseRefused: (d) => ({
      incarnation: d.incarnation(d.target.self),
      round: d.like("round"),
      reason: d.one(["notMember", "excluded", "outdatedConfig", "notAdmitted", "noConfig"]),
      ...d.maybe("config", () => config(d)),
    }),
    releaseLease: (d) => ({ incarnation: d.incarnation() }),
  }),
  "Entity messages/delivery": {
    path: (d) => `/_region-${d.type()}`,
    make: (d) => [d.entity(), message(d), d.epoch()],
  },
  "Entity messages/reference": {
    path: (d) => {
      const shardType = d.type();
      return `/_entity-${d.numShards(shardType)}-${shardType};${d.entity()}`;
    },
    make: message,
  },
  "Entity messages/marker": {
    path: (d) => `/_region-${d.type()}`,
    make: (d) => [
      d.shard(),
      d.epoch(),
      d.address(),
      d.chance(0.5) ? "" : d.address(),
      d.epoch(),
    ],
  },
  ...atPath("Remembered entities", "/_cluster/remembered", {
    changed: (d) => ({
      ...about(d),
      change: d.like("change"),
      started: d.list(3, () => d.entity()),
      stopped: d.list(3, () => d.entity()),
    }),
    digest: (d) => ({ shardType: d.type(), shards: digests(d) }),
    want: (d) => ({ shardType: d.type(), shards: d.list(5, () => d.shard()) }),
    recall: (d) => ({ shardType: d.type(), shards: digests(d) }),
    list: (d) => ({
      ...about(d),
      change: d.like("change"),
      ids: d.list(5, () => d.entity()),
    }),
  }),
  "Shard tables for clients/subscribe": {
    path: "/_shardtable",
    make: (d) => {
      const shardType = d.type();
      return { shardType, numShards: d.numShards(shardType), have: d.count(d.int(9)) };
    },
  },
  "Shard tables for clients/push": {
    path: "/_shardtable",
    make: (d) => {
      const shardType = d.type();
      const numShards = d.numShards(shardType);
      return { shardType, numShards, version: d.count(d.int(9)), ...table(d) };
    },
  },
};
