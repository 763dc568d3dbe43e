import { numShards, Violation, World, type WorldNode, type WorldOptions } from "./shard_world.ts";
import { shardOf } from "../../lib/sharding/routing/shard_hash.ts";

const entities = Array.from({ length: 16 }, (_, index) => `entity-${index}`);

/** A scenario: the faults and changes of a world. */
export interface Scenario {
  readonly name: string;
  readonly nodes: number;
  readonly world?: Partial<WorldOptions>;
  /** No process dies and no connection breaks: then nothing may be lost. */
  readonly lossless?: boolean;
  /** Milliseconds that no message may take longer than. */
  readonly longest?: number;
  act(world: World): void;
}

const lossy = { loss: 0.1, repeats: 0.1 };
/** Messages by which a shard moves, in the order in which they are sent. */
const steps = ["handOff", "stopped", "startShard", "started", "location"] as const;

/** Does something once, when a message of this type is sent for the n-th time. */
function onMessage(
  world: World,
  type: string,
  times: number,
  act: (from: WorldNode) => void,
  counts: (from: WorldNode, to: string) => boolean = () => true,
): void {
  let left = times;
  world.onControl = (from, to, message) => {
    if (message.type !== type || !counts(from, to) || --left !== 0) return;
    // After the call that sends it.
    world.later(0, () => act(from));
  };
}

export const scenarios: readonly Scenario[] = [
  {
    name: "joins and leaves in peace lose nothing and keep order",
    nodes: 3,
    lossless: true,
    longest: 1_000,
    act(world) {
      world.join("d");
      world.run(6_000);
      world.retire(world.alive[world.pick(4)]!);
      world.run(6_000);
    },
  },
  {
    name: "lost and repeated hand-off messages",
    nodes: 3,
    world: { loss: 0.25, repeats: 0.3, delay: 400 },
    lossless: true,
    act(world) {
      world.join("d");
      world.run(8_000);
      world.join("e");
      world.run(8_000);
    },
  },
  {
    name: "the coordinator dies when a node that has just joined gets a shard",
    nodes: 4,
    world: { lag: 1_500 },
    act(world) {
      world.run(2_000);
      const joined = world.join("e");
      // Shards are free at the moment when the leader, and nobody else, sees it up.
      const leaving = world.find("bcd"[world.pick(3)]!)!;
      const look = () => {
        if (!world.leader!.ups.has(`e/${joined.incarnation}`)) return world.later(10, look);
        world.retire(leaving);
      };
      look();
      const toJoined = (from: WorldNode, to: string) => to === "e" && from === world.leader;
      onMessage(world, "startShard", 1 + world.pick(3), (leader) => {
        // The others notice it at once, before they have heard of all that it knew.
        world.later(world.pick(500), () => {
          if (leader.alive) world.crash(leader, { heard: 20, dead: 200 });
        });
      }, toJoined);
      world.run(9_000);
    },
  },
  ...steps.flatMap((step): Scenario[] => [
    {
      name: `the coordinator dies when "${step}" is sent`,
      nodes: 3,
      world: lossy,
      act(world) {
        world.join("d");
        onMessage(world, step, 1 + world.pick(4), () => {
          const leader = world.leader;
          if (leader !== undefined && world.alive.length > 2) world.crash(leader);
        });
        world.run(9_000);
      },
    },
    {
      name: `an owner dies when "${step}" is sent`,
      nodes: 4,
      world: lossy,
      act(world) {
        world.join("e");
        onMessage(world, step, 1 + world.pick(4), () => {
          const others = world.alive.filter((node) => node !== world.leader);
          world.crash(others[world.pick(others.length)]!);
        });
        world.run(9_000);
      },
    },
  ]),
  {
    name: "coordinator and owner die together",
    nodes: 5,
    world: lossy,
    act(world) {
      world.join("f");
      world.run(1_000 + world.pick(3_000));
      world.crash(world.leader!);
      const others = world.alive;
      world.crash(others[world.pick(others.length)]!);
      world.run(9_000);
    },
  },
  {
    name: "a partition: either side goes on",
    nodes: 5,
    world: lossy,
    act(world) {
      world.join("f");
      world.run(world.pick(3_000));
      const away = world.alive.map(({ address }) => address).toSorted(() =>
        world.random.next() - 0.5
      ).slice(0, 2);
      world.cut(away);
      world.run(1_000 + world.pick(4_000));
      world.decide(world.pick(2));
      world.run(5_000);
      world.heal();
      world.run(5_000);
    },
  },
  {
    name: "a partition heals before anybody was declared dead",
    nodes: 5,
    world: lossy,
    act(world) {
      world.join("f");
      for (let round = 0; round < 3; round++) {
        world.run(world.pick(2_000));
        world.cut(world.alive.filter(() => world.random.next() < 0.5).map((n) => n.address));
        world.run(600 + world.pick(2_000));
        world.heal();
      }
      world.run(5_000);
    },
  },
  {
    name: "two coordinators for a while: views come late",
    nodes: 4,
    world: { ...lossy, lag: 3_000 },
    act(world) {
      world.join("e");
      world.run(world.pick(4_000));
      // The leader is taken for unreachable and comes back: all change their minds at other times.
      world.cut([world.leader!.address]);
      world.run(600 + world.pick(1_500));
      world.heal();
      world.join("f");
      world.run(world.pick(3_000));
      world.cut([world.leader!.address]);
      world.run(600 + world.pick(1_500));
      world.heal();
      world.run(9_000);
    },
  },
  {
    name: "a storm of joins",
    nodes: 1,
    world: lossy,
    act(world) {
      for (const address of "bcdefgh") {
        world.join(address);
        world.run(world.pick(800));
      }
      world.run(9_000);
    },
  },
  {
    name: "a storm of leaves",
    nodes: 7,
    world: lossy,
    act(world) {
      world.run(2_000);
      for (const node of world.alive.slice(world.pick(2), 5)) {
        world.retire(node);
        world.run(world.pick(800));
      }
      world.run(9_000);
    },
  },
  {
    name: "nodes crash and come back at the same address",
    nodes: 4,
    world: lossy,
    act(world) {
      for (let round = 0; round < 3; round++) {
        world.run(world.pick(2_500));
        const node = world.alive[world.pick(world.alive.length)]!;
        world.crash(node);
        world.run(world.pick(2_500));
        if (world.find(node.address) === undefined) world.join(node.address);
      }
      world.run(8_000);
    },
  },
];

/** Not one of `scenarios`: seeds select those by their number. */
export const hastyRestart: Scenario = {
  name: "nodes restart before they have handed all off, and lose nothing",
  nodes: 5,
  lossless: true,
  act(world) {
    world.run(2_000);
    for (const { address } of world.alive) {
      const node = world.find(address)!;
      world.leaveInHaste(node);
      while (node.alive) world.run(20);
      world.run(300 + world.pick(300));
      world.join(address);
      world.run(1_500 + world.pick(2_000));
    }
    world.run(6_000);
  },
};

/** The same for nodes that take their time. */
export const rollingRestart: Scenario = {
  name: "nodes restart in order one after another, and lose nothing",
  nodes: 5,
  lossless: true,
  act(world) {
    world.run(2_000);
    for (const { address } of world.alive) {
      const node = world.find(address)!;
      world.retire(node);
      while (node.alive) world.run(20);
      world.run(world.pick(300));
      world.join(address);
      world.run(world.pick(3_000));
    }
    world.run(6_000);
  },
};

/** Runs one seed, which also selects the scenario. Throws the violation that it finds. */
export function runSeed(
  seed: number,
  change: Partial<WorldOptions> = {},
  scenario: Scenario = scenarios[seed % scenarios.length]!,
): World {
  // In half of the runs shards are granted on request only, as when there are too many of them.
  const onRequest = Math.floor(seed / scenarios.length) % 2 === 1;
  const world = new World({
    seed,
    ...(onRequest && { eagerGrants: 0 }),
    ...scenario.world,
    ...change,
  });
  try {
    for (const address of "abcdefgh".slice(0, scenario.nodes)) world.join(address);
    world.run(1_500);
    let talking = true;
    const talk = () => {
      if (!talking) return;
      const alive = world.alive.filter(({ leaving }) => !leaving);
      const node = alive[world.pick(alive.length)]!;
      const shardType = world.shardTypes[world.pick(world.shardTypes.length)]!;
      node.tell(shardType, entities[world.pick(entities.length)]!);
      world.later(world.random.next() * 30, talk);
    };
    talk();
    scenario.act(world);
    talking = false;
    world.loss = 0;
    world.repeats = 0;
    world.heal();
    world.run(15_000);
    if (scenario.lossless) checkLossless(world);
    if (world.longest > (scenario.longest ?? Infinity)) {
      throw new Violation(`a message took ${Math.round(world.longest)} ms`);
    }
    checkReachable(world);
  } catch (error) {
    throw new Violation(`seed ${seed}, "${scenario.name}": ${(error as Error).message}`, {
      cause: error,
    });
  }
  return world;
}

/** All messages that were sent have arrived. */
function checkLossless(world: World): void {
  if (world.lost.length > 0) throw new Violation(`lost: ${world.lost.slice(0, 3).join(", ")}`);
  if (world.told !== world.received) {
    throw new Violation(`${world.told} messages were told, ${world.received} received`);
  }
}

/** Each node reaches each entity, and all agree on the owners. */
function checkReachable(world: World): void {
  const told: (() => void)[] = [];
  for (const node of world.alive) {
    for (const shardType of world.shardTypes) {
      for (const id of entities) {
        const before = world.lastOf(node, shardType, id);
        node.tell(shardType, id);
        told.push(() => {
          if (world.lastOf(node, shardType, id) > before) return;
          throw new Violation(
            `${node.address} does not reach ${shardType}/${id} (shard ${shardOf(id, numShards)})`,
          );
        });
      }
    }
  }
  world.run(3_000);
  for (const check of told) check();
  for (const shardType of world.shardTypes) {
    const owners = new Map<number, string>();
    for (const { address, shards } of world.alive) {
      for (const [shard] of shards.regions.of(shardType)!.grants()) {
        if (owners.has(shard)) {
          throw new Violation(`${shardType} shard ${shard}: ${owners.get(shard)} and ${address}`);
        }
        owners.set(shard, address);
      }
    }
  }
}
