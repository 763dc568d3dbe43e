import { assert, assertRejects } from "@std/assert";
import { Behaviors } from "../../../lib/behaviors.ts";
import { simulate, SimulationError } from "../../../lib/testkit/mod.ts";

Deno.test("a node that sets itself in motion without an end is a failure, not a hang", async () => {
  await assertRejects(
    () =>
      simulate({ seed: 1, nodes: 1, duration: 10_000, failures: false, shrink: 0 }, async (sim) => {
        const { system } = sim.nodes[0]!;
        const { clock } = system.runtime;
        const again = () => clock.defer(again);
        const restless = Behaviors.receive<string>(() => {
          again();
          return Behaviors.same();
        });
        system.spawn(restless, "restless").tell("go");
        await sim.sleep(1_000);
      }),
    SimulationError,
    "without an end",
  );
});

Deno.test("timers that set each other without a delay are a failure, not a hang", async () => {
  const options = { seed: 1, nodes: 1, duration: 10_000, failures: false, shrink: 0 } as const;
  await assertRejects(
    () =>
      simulate(options, async (sim) => {
        const { clock } = sim.nodes[0]!.system.runtime;
        const again = () => void clock.schedule(0, again);
        again();
        await sim.sleep(1_000);
      }),
    SimulationError,
    "of one instant",
  );
});

for (const seed of [3, 4]) {
  Deno.test(`asks that expire by a clock that drifts end, seed ${seed}`, async () => {
    // The deadline was missed by 3.6e-12 ms, and so was each timer that was set for the rest.
    const drift = { type: "clockDrift", at: 500, for: 8_000, node: "node-1", rate: 1.013 } as const;
    const options = { seed, nodes: 1, duration: 10_000, failures: false, shrink: 0 } as const;
    let expired = 0;
    await simulate({ ...options, faults: [drift] }, async (sim) => {
      const { system } = sim.nodes[0]!;
      const silent = system.spawn(Behaviors.receive<unknown>(() => Behaviors.same()), "silent");
      while (sim.now < 8_000) {
        system.ask(silent, (replyTo) => ({ replyTo }), { timeout: 777 }).catch(() => expired++);
        await sim.sleep(100 + sim.random.next() * 50);
      }
      await sim.sleep(1_000);
    });
    assert(expired > 50, `only ${expired} asks have expired`);
  });
}
