import { assert, assertEquals } from "@std/assert";
import { Behaviors } from "../../lib/behaviors.ts";
import { SimulatedCluster } from "./simulated_cluster.ts";

Deno.test("drained lets a producer wait for the network, and nothing it sends is lost", async () => {
  const cluster = new SimulatedCluster("drained");
  const [a, b] = await cluster.start(2, { transport: { maxQueuedMessages: 100 } });
  let received = 0;
  b!.spawn(
    Behaviors.receive<number>(() => {
      received++;
      return Behaviors.same();
    }),
    "sink",
  );
  const sink = a!.lookup<number>("/sink", { node: b!.address });
  let waits = 0;
  const producing = (async () => {
    for (let sent = 0; sent < 2_000; sent++) {
      if (sent % 50 === 0) {
        const before = cluster.clock.now();
        await a!.drained(sink);
        if (cluster.clock.now() > before) waits++;
      }
      sink.tell(sent);
    }
    await a!.drained(b!.address);
    await a!.drained();
  })();
  await cluster.clock.resolve(producing);
  await cluster.clock.runUntil(() => received === 2_000);
  assert(waits > 0, "the producer has never been held back");
  assertEquals(a!.ledger.snapshot().deadLetters, {});
  await a!.drained("node-9:1");
  await cluster.stop([a!, b!]);
});
