import { Behaviors } from "../../../lib/behaviors.ts";
import type { Fault, Simulation, SimulationReport } from "../../../lib/testkit/mod.ts";
import { simulate } from "../../../lib/testkit/mod.ts";

/** A message to an actor on a node, and when it arrived. */
export interface Received {
  readonly node: string;
  readonly text: string;
  readonly at: number;
}

/** A simulation with an actor `/listener` on each node. */
export interface Scene {
  readonly sim: Simulation;
  readonly received: Received[];
  /** Tells the listener of one node something from another. */
  tell(from: string, to: string, text: string): void;
}

/** Runs a scene of three nodes with these faults. */
export async function listen(
  faults: readonly Fault[],
  run: (scene: Scene) => Promise<void>,
  options: { readonly duration?: number; readonly seed?: number } = {},
): Promise<SimulationReport> {
  const received: Received[] = [];
  let simulation: Simulation | undefined;
  return await simulate({
    seed: options.seed ?? 1,
    nodes: 3,
    duration: options.duration ?? 60_000,
    faults,
    shrink: 0,
    failures: false,
    setup: (node) => {
      const listener = Behaviors.receive<string>((_context, text) => {
        received.push({ node: node.name, text, at: simulation!.now });
        return Behaviors.same();
      });
      node.system.spawn(listener, "listener");
    },
  }, async (sim) => {
    simulation = sim;
    const tell = (from: string, to: string, text: string) => {
      const { address } = sim.node(to);
      sim.node(from).system.lookup<string>("/listener", { node: address }).tell(text);
    };
    // So that there is a connection between all.
    for (const from of sim.nodes) {
      for (const to of sim.nodes) if (from !== to) tell(from.name, to.name, "hello");
    }
    await sim.until(() => received.length === 6);
    received.length = 0;
    await run({ sim, received, tell });
  });
}

/** When a text of node-1 came to node-2, counted from when it was sent. */
export async function travelTime(
  faults: readonly Fault[],
  { from = "node-1", to = "node-2", at = 1_000 }: { from?: string; to?: string; at?: number } = {},
): Promise<number> {
  let time = 0;
  await listen(faults, async ({ sim, received, tell }) => {
    await sim.sleep(at - sim.now);
    const sent = sim.now;
    tell(from, to, "text");
    await sim.until(() => received.length > 0);
    time = received[0]!.at - sent;
  });
  return time;
}
