import { assertEquals } from "@std/assert";
import {
  type Fault,
  type Scenario,
  simulate,
  type SimulatedNode,
  type Simulation,
} from "../../lib/testkit/mod.ts";

const victim = "node-3";

/** Runs five nodes with stall responders; the fault happens five seconds after they have formed. */
async function scene(
  fault: Fault,
  cluster: NonNullable<Scenario["cluster"]>,
  run: (sim: Simulation, others: readonly SimulatedNode[]) => Promise<void>,
): Promise<void> {
  await simulate({
    seed: 1,
    nodes: 5,
    duration: 60_000,
    faults: [],
    shrink: 0,
    failures: false,
    cluster,
  }, async (sim) => {
    await sim.sleep(5_000);
    sim.inject(fault);
    await run(sim, sim.nodes.filter(({ name }) => name !== victim));
  });
}

/** The reason for which each of the nodes cannot reach the victim. */
const reasons = (sim: Simulation, others: readonly SimulatedNode[]) =>
  others.map(({ view }) => view?.unreachability.get(sim.node(victim).address)?.reason);

Deno.test("a crashed process is gone for all nodes within half a second", async () => {
  await scene({ type: "crash", at: 0, node: victim }, {}, async (sim, others) => {
    const isGone = () => reasons(sim, others).every((reason) => reason === "gone");
    await sim.until(isGone, { limit: 500 });
  });
});

Deno.test("a crashed process is silent where others dial it through an address map", async () => {
  // A tunnel that is down: only the node itself dials the others.
  const addressMap = (address: string) => address.replace(/^node-3:.*/, "node-3:1");
  await scene({ type: "crash", at: 0, node: victim }, { addressMap }, async (sim, others) => {
    await sim.until(() => reasons(sim, others).every((reason) => reason !== undefined));
    assertEquals(reasons(sim, others), others.map(() => "silent"));
  });
});

Deno.test("a machine that vanishes is silent", async () => {
  const fault: Fault = { type: "crash", at: 0, node: victim, silently: true };
  await scene(fault, {}, async (sim, others) => {
    await sim.until(() => reasons(sim, others).every((reason) => reason !== undefined));
    assertEquals(reasons(sim, others), others.map(() => "silent"));
  });
});

Deno.test("a node that leaves is unreachable for nobody", async () => {
  await scene({ type: "stop", at: 0, node: victim }, {}, async (sim, others) => {
    const { address } = sim.node(victim);
    let unreachable = 0;
    for (const { system } of others) {
      system.eventStream.subscribe("unreachableMember", () => unreachable++);
    }
    const isMember = ({ view }: SimulatedNode) =>
      view!.members.some((member) => member.address === address);
    await sim.until(() => !others.some(isMember));
    await sim.sleep(10_000);
    assertEquals(unreachable, 0);
  });
});
