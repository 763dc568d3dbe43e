import { assert, assertEquals } from "@std/assert";
import { Behaviors } from "../../lib/behaviors.ts";
import { nodeInternalsOf } from "../../lib/node_internals.ts";
import { simulate, type SimulatedNode } from "../../lib/testkit/mod.ts";
import { Topic } from "../../lib/topics/topic.ts";

const Texts = Topic<string>("texts");

Deno.test("a node that starts again with a clock that was set back is heard as what it is", async () => {
  const got = new Map<string, string[]>();
  const subscribe = ({ name, starts, system }: SimulatedNode) => {
    const texts: string[] = [];
    got.set(name, texts);
    const reader = Behaviors.receive<string>((_context, text) => {
      texts.push(text);
      return Behaviors.same();
    });
    system.topic(Texts).subscribe(system.spawn(reader, `reader-${starts}`));
  };
  await simulate({
    seed: 1,
    nodes: 3,
    duration: 60_000,
    linger: 0,
    shrink: 0,
    failures: false,
    setup: subscribe,
    faults: [
      { type: "clockSkew", at: 9_000, node: "node-1", by: -40_000 },
      { type: "stop", at: 10_000, node: "node-1", restartAfter: 2_000, identity: "same" },
    ],
  }, async (sim) => {
    await sim.until(() => sim.nodes[0]!.starts === 2 && sim.nodes[0]!.alive);
    await sim.faultsOver();
    await sim.converged({ limit: 20_000 });
    await sim.sleep(5_000);
    const [reborn, ...others] = sim.nodes;
    const { incarnation } = nodeInternalsOf(reborn!.system)!.view.self;
    for (const { system } of others) {
      const seen = nodeInternalsOf(system)!.remoting.endpoint.peers()
        .filter(({ address }) => address === reborn!.system.address);
      assert(seen.length > 0);
      assertEquals(new Set(seen.map((peer) => peer.incarnation)), new Set([incarnation]));
    }
    for (const { name, system } of sim.nodes) system.topic(Texts).publish(`of ${name}`);
    await sim.sleep(1_000);
    for (const { name } of sim.nodes) {
      assertEquals(got.get(name)!.toSorted(), ["of node-1", "of node-2", "of node-3"], name);
    }
  });
});
