import { assertEquals } from "@std/assert";
import type { ActorRef } from "../../lib/actor/ref/ref.ts";
import { ServiceKey } from "../../lib/actor/services/service_key.ts";
import { Behaviors } from "../../lib/behaviors.ts";
import { ClusterClient } from "../../lib/client/cluster_client.ts";
import { SimulatedCluster } from "./simulated_cluster.ts";

type Question = { replyTo: ActorRef<number> };

Deno.test("a client that answers no asks does not use up those of a node", async () => {
  const cluster = new SimulatedCluster(1);
  const [node] = await cluster.start(1, { transport: { maxAsksPerIdentity: 5 } });
  let silent: ActorRef<Question> | undefined;
  const keeper = node!.spawn(
    Behaviors.receive<ActorRef<Question>>((_context, ref) => {
      silent = ref;
      return Behaviors.same();
    }),
    "keeper",
  );
  const service = ServiceKey<ActorRef<Question>>("keeper");
  node!.receptionist.register(service, keeper);
  const client = await cluster.clock.resolve(ClusterClient.connect({
    contactPoints: ["node-1:25520"],
    systemName: "sim",
    runtime: cluster.runtime("client"),
  }));
  let answers = false;
  const own = client.spawn(
    Behaviors.receive<Question>((_context, { replyTo }) => {
      if (answers) replyTo.tell(1);
      return Behaviors.same();
    }),
    "silent",
  );
  await cluster.clock.runUntil(() => client.lookup(service).length === 1);
  client.lookup(service)[0]!.tell(own);
  await cluster.clock.runUntil(() => silent !== undefined);
  const outcomes: string[] = [];
  const ask = () =>
    node!.ask(silent!, (replyTo: ActorRef<number>): Question => ({ replyTo }), { timeout: 2_000 })
      .then(() => outcomes.push("answered"), ({ code }) => outcomes.push(code));
  for (let i = 0; i < 8; i++) void ask();
  await cluster.clock.advance(100);
  assertEquals(outcomes.length, 3, `beyond the limit at once: ${outcomes}`);
  await cluster.clock.advance(3_000);
  assertEquals(outcomes.length, 8);
  // Asks that have ended make room.
  answers = true;
  outcomes.length = 0;
  for (let i = 0; i < 5; i++) void ask();
  await cluster.clock.advance(500);
  assertEquals(outcomes, new Array(5).fill("answered"));
  await cluster.clock.resolve(client.close());
  await cluster.stop([node!]);
});
