/**
 * Whole clusters in which shards move while nodes and connections fail. All are checked for one
 * live instance of each entity.
 *
 * @module
 */
import {
  type Fault,
  type Scenario,
  type SeededRandom,
  type Simulation,
  standardInvariants,
} from "../../../lib/testkit/mod.ts";
import { oneLiveEntity, spawnRegistered, workOnEntities } from "./single_owner.ts";

const source = (name: string) => ({ module: import.meta.url, export: name });

const below = (random: SeededRandom, count: number) => Math.floor(random.next() * count);

/** In which a node has nothing against another: never two of an entity. */
const strict = [...standardInvariants, oneLiveEntity()];
/** Time for a node that was cut off to learn what others have decided. */
const afterCuts = [...standardInvariants, oneLiveEntity(10_000)];

/**
 * Who starts again without reaching a member must not find a majority of the seeds in the same
 * situation: they would bootstrap a cluster.
 */
function allSeeds(count: number): { seedNodes: string[] } {
  return { seedNodes: Array.from({ length: count }, (_, index) => `node-${index + 1}:25520`) };
}

const base = {
  nodes: 5,
  duration: 240_000,
  linger: 5_000,
  cluster: allSeeds(5),
  setup: spawnRegistered,
  run: workOnEntities,
} as const;

/** A node leaves and comes back, so that shards move twice. */
function leaveAndJoin(random: SeededRandom, nodes: readonly string[]): Fault {
  const node = nodes[1 + below(random, nodes.length - 1)]!;
  const identity = random.next() < 0.5 ? "same" : "new";
  return { type: "stop", at: 1_000, node, restartAfter: 1_000 + below(random, 4_000), identity };
}

/** Messages of the protocol of hand-offs are lost, come twice and overtake each other. */
function meddling(at: number, span: number, much = 0.15): Fault[] {
  const time = { at, for: span };
  return [
    { type: "messageLoss", ...time, probability: much },
    { type: "messageDuplication", ...time, probability: much * 2, delay: 500 },
    { type: "messageReordering", ...time, probability: much * 2, delay: 300 },
  ];
}

/** The steps of a hand-off, in this order, at the leader or the owners. */
const steps = [
  "shardHandOffStarted",
  "shardStopped",
  "shardFreed",
  "shardStarted",
  "shardAllocated",
] as const;

/**
 * Kills nodes at some step of the move of some shard, once a node has left or has joined. Resolves
 * when it has done so, or when there was no such step for a minute.
 */
async function killDuringHandOff(
  sim: Simulation,
  victims: (leader: string, actor: string) => readonly string[],
): Promise<void> {
  const step = steps[below(sim.random, steps.length)]!;
  let left = 1 + below(sim.random, 12);
  const after = sim.random.next() < 0.5 ? 900 : 12_000;
  const silently = sim.random.next() < 0.5;
  let killed = false;
  const stopWatching = sim.nodes.map((node) =>
    node.system.eventStream.subscribe(step, () => {
      if (sim.now < after || --left !== 0) return;
      killed = true;
      const { leader } = node.view ?? {};
      const leading = sim.nodes.find(({ address }) => address === leader);
      for (const name of new Set(victims(leading?.name ?? node.name, node.name))) {
        const restartAfter = 8_000 + below(sim.random, 20_000);
        sim.inject({ type: "crash", at: 0, node: name, silently, restartAfter });
      }
    })
  );
  const end = sim.now + 60_000;
  await sim.until(() => killed || sim.now >= end, { limit: 70_000 });
  for (const stop of stopWatching) stop();
}

function killing(
  name: string,
  exported: string,
  victims: (leader: string, actor: string, sim: Simulation) => readonly string[],
): Scenario {
  return {
    ...base,
    name,
    faults: (random, { nodes }) => [
      leaveAndJoin(random, nodes),
      ...(random.next() < 0.5 ? meddling(0, 60_000) : []),
    ],
    invariants: strict,
    source: source(exported),
    run: async (sim) => {
      const kill = killDuringHandOff(sim, (leader, actor) => victims(leader, actor, sim));
      await workOnEntities(sim, kill);
    },
  };
}

/** Some node but the leader, the one at which it happens if that is another. */
function ownerOf(leader: string, actor: string, sim: Simulation): string {
  if (actor !== leader) return actor;
  const others = sim.nodes.filter(({ name, status }) => name !== leader && status === "up");
  return others[below(sim.random, others.length)]?.name ?? actor;
}

/** The coordinator dies at some step of a hand-off. */
export const coordinatorDies: Scenario = killing(
  "the coordinator dies in a hand-off",
  "coordinatorDies",
  (leader) => [leader],
);

/** An owner dies at some step of a hand-off. */
export const ownerDies: Scenario = killing(
  "an owner dies in a hand-off",
  "ownerDies",
  (leader, actor, sim) => [ownerOf(leader, actor, sim)],
);

/** Both die at some step of a hand-off. */
export const bothDie: Scenario = killing(
  "coordinator and owner die in a hand-off",
  "bothDie",
  (leader, actor, sim) => [leader, ownerOf(leader, actor, sim)],
);

/** A partition, the leader on either side, for any time, while shards move or not. */
export const splitShards: Scenario = {
  ...base,
  name: "shards in a partition",
  restartEnded: 10_000,
  faults: (random, { nodes }) => {
    const minority = 1 + below(random, 2);
    const shuffled = nodes.map((node) => [random.next(), node] as const)
      .toSorted(([a], [b]) => a - b).map(([, node]) => node);
    const at = below(random, 20_000);
    return [
      ...(random.next() < 0.5 ? [leaveAndJoin(random, nodes)] : []),
      {
        type: "partition",
        at,
        for: 1_000 + below(random, 50_000),
        between: shuffled.slice(0, minority),
        and: shuffled.slice(minority),
        ...(random.next() < 0.2 && { oneWay: true }),
      },
    ];
  },
  invariants: afterCuts,
  source: source("splitShards"),
};

/** Nodes come one after the other, and shards follow. */
export const joinStorm: Scenario = {
  ...base,
  name: "a storm of joins",
  nodes: 7,
  cluster: allSeeds(7),
  formed: false,
  startSpread: 40_000,
  faults: (random) => meddling(5_000, 60_000, 0.05 + random.next() * 0.2),
  invariants: strict,
  source: source("joinStorm"),
};

/** Most nodes leave, nearly at once, and come back. */
export const leaveStorm: Scenario = {
  ...base,
  name: "a storm of leaves",
  nodes: 7,
  cluster: allSeeds(7),
  faults: (random, { nodes }) => {
    const leaving = nodes.filter(() => random.next() < 0.7).slice(0, 5);
    return [
      ...leaving.map((node): Fault => ({
        type: "stop",
        at: 2_000 + below(random, 8_000),
        node,
        restartAfter: 2_000 + below(random, 20_000),
        identity: random.next() < 0.3 ? "new" : "same",
      })),
      ...(random.next() < 0.5 ? meddling(1_000, 30_000) : []),
    ];
  },
  invariants: strict,
  source: source("leaveStorm"),
};

/** The leader is cut off again and again: others lead meanwhile, and it does not know. */
export const twoCoordinators: Scenario = {
  ...base,
  name: "two coordinators for a while",
  faults: (random, { nodes }) => {
    const faults: Fault[] = [leaveAndJoin(random, nodes)];
    for (let at = below(random, 8_000); at < 80_000; at += 15_000 + below(random, 15_000)) {
      const leaders = nodes.slice(0, 1 + below(random, 2));
      const others = nodes.filter((node) => !leaders.includes(node));
      const [between, and] = random.next() < 0.5 ? [leaders, others] : [others, leaders];
      const oneWay = random.next() < 0.3;
      faults.push({
        type: "partition",
        at,
        for: 3_000 + below(random, 11_000),
        between,
        and,
        oneWay,
      });
    }
    return faults;
  },
  invariants: afterCuts,
  source: source("twoCoordinators"),
};

/** Hand-offs go on for long on a lane that loses, repeats and reorders much. */
export const lossyHandOffs: Scenario = {
  ...base,
  name: "hand-off messages are lost and repeated",
  faults: (random, { nodes }) => [
    ...meddling(0, 100_000, 0.1 + random.next() * 0.15),
    ...[0, 25_000, 50_000].map((at): Fault => {
      return { ...leaveAndJoin(random, nodes), at: at + below(random, 10_000) };
    }),
  ],
  invariants: strict,
  source: source("lossyHandOffs"),
};

/** Three of five crash at once, and come back. */
export const majorityLost: Scenario = {
  ...base,
  name: "a majority crashes",
  faults: (random, { nodes }) => {
    const lucky = new Set([below(random, 5), below(random, 5)]);
    const silently = random.next() < 0.5;
    return nodes.filter((_, index) => !lucky.has(index)).slice(0, 3).map((node): Fault => ({
      type: "crash",
      at: 5_000 + below(random, 300),
      node,
      silently,
      restartAfter: 2_000 + below(random, 50_000),
    }));
  },
  invariants: strict,
  source: source("majorityLost"),
};

/** All of them. */
export const sharding: readonly Scenario[] = [
  coordinatorDies,
  ownerDies,
  bothDie,
  splitShards,
  joinStorm,
  leaveStorm,
  twoCoordinators,
  lossyHandOffs,
  majorityLost,
];
