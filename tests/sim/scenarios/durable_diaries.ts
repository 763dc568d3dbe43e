/**
 * Durable actors that stay on their node, on its disk, which is full, slow or fails, and loses or tears
 * what was not synced when the machine crashes. What was acknowledged is in their state ever after.
 *
 * @module
 */
import type { ActorRef } from "../../../lib/actor/ref/ref.ts";
import { Behaviors } from "../../../lib/behaviors.ts";
import { eventSourced, persistenceId } from "../../../lib/persistence/mod.ts";
import {
  randomFaults,
  type Scenario,
  type SimulatedNode,
  type Simulation,
} from "../../../lib/testkit/mod.ts";

type Message = { readonly add: number; readonly replyTo: ActorRef<readonly number[]> };

function diary(node: SimulatedNode) {
  return Behaviors.supervise(
    eventSourced<Message, number, readonly number[]>({
      id: persistenceId("diary", node.name),
      journal: node.diskJournal,
      initial: [],
      onCommand: (_context, _entries, { add, replyTo }, effect) =>
        effect.persist(add).thenReply(replyTo, (entries) => entries),
      onEvent: (entries, entry) => [...entries, entry],
      snapshots: { every: 20 },
    }),
    { maxRestarts: Infinity, backoff: { min: 20, max: 1_000, jitter: 0.2 } },
  );
}

/** Writes into the diary of a node as long as its process runs; checks each answer. */
async function write(sim: Simulation, node: SimulatedNode, kept: Set<number>, next: () => number) {
  const { starts } = node;
  const { system } = node;
  const { clock, random } = system.runtime;
  const ref = system.lookup<Message>("/diary")!;
  while (node.starts === starts && node.running === system) {
    await new Promise<void>((resolve) => void clock.schedule(random.next() * 200, resolve));
    const add = next();
    const entries = await system.ask(ref, (replyTo: Message["replyTo"]) => ({ add, replyTo }), {
      timeout: 5_000,
    }).catch(() => undefined);
    if (entries === undefined) continue;
    const found = new Set(entries);
    if (found.size !== entries.length) throw new Error(`${node.name}: an entry is there twice`);
    for (const entry of kept) {
      if (!found.has(entry)) throw new Error(`${node.name} has lost ${entry} at ${sim.now}`);
    }
    kept.add(add);
  }
}

/** See the module's text. */
export const durableDiaries: Scenario = {
  name: "durable diaries on failing disks",
  nodes: 3,
  duration: 180_000,
  linger: 1_000,
  faults: (random, scene) => [
    ...randomFaults({
      kinds: ["diskFull", "diskSlow", "diskError", "pause"],
      every: 6_000,
      longest: 8_000,
      quiet: 60_000,
    })(random, scene),
    ...randomFaults({ kinds: ["crash"], every: 6_000, longest: 8_000, quiet: 60_000 })(
      random,
      scene,
    ),
  ],
  setup: (node) => void node.system.spawn(diary(node), "diary"),
  create: () => {
    const kept = new Map<string, Set<number>>();
    let last = 0;
    return async (sim) => {
      const writing = new Set<string>();
      let error: unknown;
      while (sim.now < 120_000) {
        for (const node of sim.nodes) {
          const key = `${node.name} ${node.starts}`;
          if (node.status !== "up" || writing.has(key)) continue;
          writing.add(key);
          let mine = kept.get(node.name);
          if (mine === undefined) kept.set(node.name, mine = new Set());
          write(sim, node, mine, () => ++last).catch((thrown) => error ??= thrown);
        }
        await sim.sleep(100);
        if (error !== undefined) throw error;
      }
      const count = [...kept.values()].reduce((sum, { size }) => sum + size, 0);
      if (count < 100) throw new Error(`only ${count} entries were acknowledged`);
      sim.note(`${count} entries, ${writing.size} processes`);
    };
  },
  source: { module: import.meta.url, export: "durableDiaries" },
};
