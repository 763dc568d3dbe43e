/**
 * Entities that record when they run, so that a simulation sees two of one id at once.
 *
 * @module
 */
import type { ActorRef } from "../../../lib/actor/ref/ref.ts";
import { Behaviors } from "../../../lib/behaviors.ts";
import { type ShardEnvelope, shardEnvelope } from "../../../lib/sharding/routing/shard_envelope.ts";
import type {
  Invariant,
  InvariantMaker,
  SimulatedNode,
  Simulation,
} from "../../../lib/testkit/mod.ts";

type Ping = { readonly type: "ping"; readonly replyTo?: ActorRef<string> };

const entities = Array.from({ length: 24 }, (_, index) => `entity-${index}`);

/** The entities of one process of a node. */
interface Registered {
  readonly starts: number;
  readonly entities: Set<string>;
  /** Counts starts. */
  version: number;
}

const registered = new WeakMap<SimulatedNode, Registered>();

/** Spawns entities that are registered while they run. */
export function spawnRegistered(node: SimulatedNode): void {
  const mine: Registered = { starts: node.starts, entities: new Set(), version: 0 };
  registered.set(node, mine);
  const entity = (entityId: string) => {
    mine.entities.add(entityId);
    mine.version++;
    return Behaviors.receive<Ping>((_context, { replyTo }) => {
      replyTo?.tell(node.name);
      return Behaviors.same();
    }, (_context, { type }) => {
      if (type === "postStop") mine.entities.delete(entityId);
      return Behaviors.same();
    });
  };
  node.system.spawn(Behaviors.sharded(entity, { numShards: 40 }), "registered");
}

/**
 * No entity runs at two nodes that reach each other. `grace`: milliseconds that they have, after a
 * cut or a pause, until one of them knows of the other.
 */
export function oneLiveEntity(grace = 0): InvariantMaker {
  return (): Invariant => {
    const apart = new Map<string, number>();
    let seen = -1;
    let next = 0;
    return {
      name: "oneLiveEntity",
      check: (sim) => {
        let version = 0;
        for (const node of sim.nodes) version += node.starts + (registered.get(node)?.version ?? 0);
        if (version === seen && sim.now < next) return undefined;
        seen = version;
        next = sim.now + 1_000;
        noteApart(sim, apart);
        return findTwins(sim, (one, other) => {
          return sim.now - (apart.get(`${one.name} ${other.name}`) ?? -Infinity) > grace;
        });
      },
    };
  };
}

function noteApart(sim: Simulation, apart: Map<string, number>): void {
  const { nodes } = sim;
  for (let i = 0; i < nodes.length; i++) {
    for (let j = i + 1; j < nodes.length; j++) {
      const [one, other] = [nodes[i]!, nodes[j]!];
      if (sim.reaches(one, other) && sim.reaches(other, one)) continue;
      apart.set(`${one.name} ${other.name}`, sim.now);
    }
  }
}

function findTwins(
  { nodes }: Simulation,
  counts: (one: SimulatedNode, other: SimulatedNode) => boolean,
): string | undefined {
  const homes = new Map<string, SimulatedNode[]>();
  for (const node of nodes) {
    const mine = registered.get(node);
    if (mine === undefined || mine.starts !== node.starts || !node.alive) continue;
    for (const entity of mine.entities) {
      const others = homes.get(entity) ?? [];
      const twin = others.find((other) => counts(other, node));
      if (twin !== undefined) return `${entity} runs at ${twin.name} and at ${node.name}`;
      homes.set(entity, [...others, node]);
    }
  }
}

/** Sends to entities from all nodes. */
export async function pingEntities(sim: Simulation, over: () => boolean): Promise<void> {
  while (!over()) {
    for (const node of sim.nodes) {
      if (node.status !== "up") continue;
      const entity = entities[Math.floor(sim.random.next() * entities.length)]!;
      node.running?.lookup<ShardEnvelope<Ping>>("/registered")
        ?.tell(shardEnvelope(entity, { type: "ping" }));
    }
    await sim.sleep(50 + sim.random.next() * 200);
  }
}

/**
 * Sends to entities from all nodes until the faults are over; then all must answer everywhere.
 *
 * @param injecting until it has ended, faults may be added.
 */
export async function workOnEntities(
  sim: Simulation,
  injecting: Promise<void> = Promise.resolve(),
): Promise<void> {
  let over = false;
  const faultsOver = injecting.then(() => sim.faultsOver()).then(() => over = true);
  await pingEntities(sim, () => over);
  await faultsOver;
  await sim.converged({ limit: 90_000 });
  for (const node of sim.nodes) {
    for (const entity of entities) await reach(node, entity);
  }
  const grants = sim.nodes.flatMap((node) => node.ownedShards());
  const shards = new Set(grants.map(({ shard }) => shard));
  if (shards.size !== grants.length) throw new Error("two nodes own a shard at the end");
}

/** An ask may be lost with a connection; it is repeated. */
async function reach({ system }: SimulatedNode, entity: string): Promise<void> {
  const ref = system.lookup<ShardEnvelope<Ping>>("/registered")!;
  const ask = (replyTo: ActorRef<string>) =>
    shardEnvelope(entity, { type: "ping" as const, replyTo });
  for (let attempt = 1;; attempt++) {
    try {
      return void await system.ask(ref, ask, { timeout: 5_000 });
    } catch (error) {
      if (attempt === 4) throw error;
    }
  }
}
