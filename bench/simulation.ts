/**
 * The speed of simulations: an hour of virtual time of ten nodes, with and without faults. The
 * target is 10 s.
 */
import { randomFaults, simulate, type SimulationOptions } from "../lib/testkit/mod.ts";

const hour = 3_600_000;

const cases: Record<string, Omit<SimulationOptions, "seed">> = {
  "10 nodes, an hour, no faults": { nodes: 10, duration: hour },
  "10 nodes, an hour, a fault each minute": {
    nodes: 10,
    duration: hour,
    faults: randomFaults({ every: 60_000 }),
  },
  "3 nodes, an hour, no faults": { nodes: 3, duration: hour },
  "30 nodes, ten minutes, no faults": { nodes: 30, duration: hour / 6 },
};

for (const [name, options] of Object.entries(cases)) {
  const start = performance.now();
  const { events } = await simulate({ seed: 1, ...options });
  const took = performance.now() - start;
  console.log(
    `${name}: ${(took / 1_000).toFixed(1)} s, ${events} events, ` +
      `${(took * 1_000 / events).toFixed(1)} us each`,
  );
}
