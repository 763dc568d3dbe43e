import type { ActorRef } from "../../../lib/actor/ref/ref.ts";
import { Behaviors } from "../../../lib/behaviors.ts";
import type { ClusteredActorSystem } from "../../../lib/clustered_actor_system.ts";
import type { ShardEnvelope } from "../../../lib/sharding/routing/shard_envelope.ts";
import type { SimulatedNode, Simulation } from "../../../lib/testkit/mod.ts";
import { counter, type CounterMessage, getValue, increment } from "../counter.ts";

type Counters = ActorRef<ShardEnvelope<CounterMessage>>;

/** Entities that are worked on. */
const entities = Array.from({ length: 12 }, (_, index) => `counter-${index}`);

/** Spawns sharded counters on a node that has come up. */
export function spawnCounters({ system }: SimulatedNode): void {
  system.spawn(Behaviors.sharded(() => counter(), { numShards: 16 }), "counters");
}

/** Tells counters from all nodes until the faults are over, then expects all to answer everywhere. */
export async function workOnCounters(sim: Simulation): Promise<void> {
  let over = false;
  const faultsOver = sim.faultsOver().then(() => over = true);
  while (!over) {
    for (const node of sim.nodes) {
      if (node.status !== "up") continue;
      const entity = entities[Math.floor(sim.random.next() * entities.length)]!;
      node.running?.lookup<ShardEnvelope<CounterMessage>>("/counters")?.tell(increment(entity));
    }
    await sim.sleep(100 + sim.random.next() * 400);
  }
  await faultsOver;
  await sim.converged({ limit: 90_000 });
  for (const { system } of sim.nodes) {
    const counters: Counters = system.lookup<ShardEnvelope<CounterMessage>>("/counters")!;
    for (const entity of entities) await readOne(system, counters, entity);
  }
}

/** A question may be lost with a connection; it is asked again. */
async function readOne(
  system: ClusteredActorSystem,
  counters: Counters,
  entity: string,
): Promise<number> {
  for (let attempt = 1;; attempt++) {
    try {
      return await system.ask(counters, getValue(entity), { timeout: 5_000 });
    } catch (error) {
      if (attempt === 5) throw error;
    }
  }
}
