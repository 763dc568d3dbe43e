import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { AskError } from "../../lib/actor/errors.ts";
import type { ActorRef } from "../../lib/actor/ref/ref.ts";
import { internalsOf } from "../../lib/actor/system/system_internals.ts";
import type { DeadLetter } from "../../lib/actor/services/dead_letter.ts";
import { ClusterClient } from "../../lib/client/cluster_client.ts";
import {
  consumerController,
  producerController,
  type ProducerMessage,
} from "../../lib/delivery/mod.ts";
import { SimulatedCluster } from "./simulated_cluster.ts";

Deno.test("only the process of a producer controller gives it messages and names its consumer", async () => {
  const cluster = new SimulatedCluster(1);
  const { clock } = cluster;
  const nodes = await cluster.start(2);
  const [one, two] = nodes as [typeof nodes[0], typeof nodes[0]];
  const runtime = cluster.runtime("client");
  const client = await clock.resolve(ClusterClient.connect({
    contactPoints: ["node-1:25520"],
    systemName: "sim",
    runtime,
    logger: runtime.logger,
  }));
  const got: string[] = [];
  const consumer = (node: typeof one) =>
    node.spawn(
      consumerController<string>({ onMessage: (_context, message) => void got.push(message) }),
      "consumer",
    );
  const own = consumer(one);
  const foreign = consumer(two);
  const producer = one.spawn(producerController<string>({ consumer: own }), "producer");
  const lost: string[] = [];
  one.eventStream.subscribe<DeadLetter>("deadLetter", ({ reason, target }) => {
    lost.push(`${reason} ${target}`);
  });

  for (const system of [two, client.system]) {
    const address = { node: "node-1:25520", path: "/producer", uid: 0 };
    const remote = internalsOf(system).refTo(address) as ActorRef<ProducerMessage<string>>;
    remote.tell({ type: "setConsumer", consumer: foreign });
    remote.tell({ type: "deliver", message: "lost" });
    const error = await clock.resolve(assertRejects(
      () =>
        system.askStatus(remote, (confirmedTo: ActorRef<never>) => (
          { type: "deliver", message: "asked", confirmedTo } as never
        )),
      AskError,
    ));
    assertEquals(error.reason, "unauthorized");
    if (system === two) {
      assertMatch(error.message, /"deliver" is for the process of the producer controller; spawn/);
    }
  }
  assertEquals(lost, Array(6).fill("unauthorized /producer"));

  const confirmed = one.askStatus(producer, (confirmedTo: ActorRef<never>) => (
    { type: "deliver", message: "own", confirmedTo } as never
  ));
  assertEquals(await clock.resolve(confirmed), 1);
  assertEquals(got, ["own"]);
  // Answers of consumers at other nodes are taken.
  producer.tell({ type: "setConsumer", consumer: foreign });
  const next = one.askStatus(producer, (confirmedTo: ActorRef<never>) => (
    { type: "deliver", message: "there", confirmedTo } as never
  ));
  assertEquals(await clock.resolve(next), 2);
  assertEquals(got, ["own", "there"]);
  await clock.resolve(client.close());
  await cluster.stop(nodes);
});
