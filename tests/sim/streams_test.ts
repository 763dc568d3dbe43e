import { assert, assertEquals, assertRejects } from "@std/assert";
import type { ActorRef } from "../../lib/actor/ref/ref.ts";
import { Behaviors } from "../../lib/behaviors.ts";
import type { ClusteredActorSystem } from "../../lib/clustered_actor_system.ts";
import { StreamError } from "../../lib/streams/errors.ts";
import type { ProducerMessage } from "../../lib/streams/protocol.ts";
import { streamConsumer } from "../../lib/streams/stream_consumer.ts";
import { streamProducer, type StreamProducerOptions } from "../../lib/streams/stream_producer.ts";
import { type StreamSink, streamSink } from "../../lib/streams/stream_sink.ts";
import { streamSource } from "../../lib/streams/stream_source.ts";
import { SimulatedCluster } from "./simulated_cluster.ts";

type Numbers = ActorRef<ProducerMessage<number>>;

const upTo = (count: number) => Array.from({ length: count }, (_, index) => index + 1);

/** Runs a scenario on three nodes; afterwards nobody is left over and every message is accounted for. */
async function onThreeNodes(
  seed: number,
  scenario: (
    nodes: readonly [ClusteredActorSystem, ClusteredActorSystem, ClusteredActorSystem],
    cluster: SimulatedCluster,
  ) => Promise<void>,
): Promise<void> {
  const cluster = new SimulatedCluster(seed);
  const nodes = await cluster.start(3);
  await scenario([nodes[0]!, nodes[1]!, nodes[2]!], cluster);
  await cluster.stop(nodes);
  for (const node of nodes) {
    const { sent, delivered, deadLetters, inFlight } = node.ledger.snapshot();
    const lost = Object.values(deadLetters).reduce((sum, count) => sum + count, 0);
    assertEquals(sent, delivered + lost + inFlight, node.nodeId);
  }
}

/** A producer on one node, as another node sees it. */
function producerAt(
  node: ClusteredActorSystem,
  from: ClusteredActorSystem,
  name = "numbers",
  options?: StreamProducerOptions,
): Numbers {
  node.spawn(streamProducer<number>(options), name);
  return from.lookup<ProducerMessage<number>>(`/${name}`, { node: node.address });
}

/** Sends all and completes; gives how the stream ended. Whether that works is asked later. */
function send(sink: StreamSink<number>, numbers: Iterable<number>): Promise<string> {
  const sending = (async () => {
    for (const number of numbers) await sink.put(number);
    await sink.complete();
    return (await sink.outcome).type;
  })();
  sending.catch(() => {});
  return sending;
}

Deno.test("a stream between nodes: 500 elements with a demand of 4, in order, in both directions", async () => {
  await onThreeNodes(1, async ([first, second, third], { clock }) => {
    for (const [from, at, to] of [[first, second, third], [third, second, first]] as const) {
      const name = `from-${from.nodeId}`;
      const remote = producerAt(at, from, name, { bufferSize: 16 });
      const sending = send(streamSink(from, remote), upTo(500));
      const seen: number[] = [];
      const source = streamSource(
        to,
        to.lookup<ProducerMessage<number>>(`/${name}`, { node: at.address }),
        { demand: 4 },
      );
      const reading = (async () => {
        for await (const number of source) seen.push(number);
      })();
      await clock.resolve(reading);
      assertEquals(seen, upTo(500));
      assertEquals(await clock.resolve(sending), "completed");
      // Confirmed by both, the producer has stopped.
      await clock.runUntil(() => at.lookup(`/${name}`) === undefined);
    }
  });
});

Deno.test("a producer beside its consumer, and one beside its sink", async () => {
  await onThreeNodes(2, async ([first, second], { clock }) => {
    for (const [at, from, to] of [[first, first, second], [first, second, first]] as const) {
      const name = `${from.nodeId}-${to.nodeId}`;
      at.spawn(streamProducer<number>({ bufferSize: 5 }), name);
      const seenBy = (node: ClusteredActorSystem) =>
        node.lookup<ProducerMessage<number>>(`/${name}`, { node: at.address });
      const sending = send(streamSink(from, seenBy(from)), upTo(50));
      const reading = Array.fromAsync(streamSource(to, seenBy(to)));
      assertEquals(await clock.resolve(reading), upTo(50));
      assertEquals(await clock.resolve(sending), "completed");
      await clock.runUntil(() => at.lookup(`/${name}`) === undefined);
    }
  });
});

Deno.test("five streams at once, through references that travel in messages, and five in a row", async () => {
  await onThreeNodes(3, async ([first, second, third], { clock }) => {
    // An actor of node 2 starts a consumer for whatever producer it is told of.
    const sums = new Map<string, number>();
    second.spawn(
      Behaviors.receive<{ name: string; producer: Numbers }>((context, { name, producer }) => {
        sums.set(name, 0);
        context.spawn(streamConsumer(producer, {
          onElement: (_context, number) => void sums.set(name, sums.get(name)! + number),
        }));
        return Behaviors.same();
      }),
      "summing",
    );
    const summing = first.lookup<{ name: string; producer: Numbers }>("/summing", {
      node: second.address,
    });
    const start = (name: string) => {
      const producer = first.spawn(streamProducer<number>({ bufferSize: 8 }), name);
      summing.tell({ name, producer });
      const seen = third.lookup<ProducerMessage<number>>(`/${name}`, { node: first.address });
      return send(streamSink(third, seen), upTo(100));
    };
    const names = ["a", "b", "c", "d", "e"];
    const outcomes = await clock.resolve(Promise.all(names.map(start)));
    assertEquals(new Set(outcomes), new Set(["completed"]));
    for (let cycle = 0; cycle < 5; cycle++) await clock.resolve(start(`cycle-${cycle}`));
    await clock.runUntil(() => [...sums.values()].every((sum) => sum === 5_050));
    assertEquals(sums.size, 10);
  });
});

Deno.test("errors and cancellation cross the wire", async () => {
  await onThreeNodes(4, async ([first, second], { clock }) => {
    const failing = producerAt(first, second, "failing");
    const sink = streamSink(second, failing);
    await clock.resolve(sink.put(1));
    await clock.resolve(sink.fail(new RangeError("out of paper")));
    const source = streamSource<number>(second, failing);
    const error = await assertRejects(() => clock.resolve(Array.fromAsync(source)), StreamError);
    assertEquals(error.code, "streamFailed");
    assertEquals(String(error.cause), "RangeError: out of paper");

    const cancelled = producerAt(first, second, "cancelled", { bufferSize: 2 });
    const other = streamSink(second, cancelled);
    const sending = send(other, upTo(100));
    const seen: number[] = [];
    const reading = (async () => {
      for await (const number of streamSource(second, cancelled, { demand: 2 })) {
        seen.push(number);
        if (number === 3) break;
      }
    })();
    await clock.resolve(reading);
    assertEquals(seen, [1, 2, 3]);
    const rejected = await assertRejects(() => clock.resolve(sending), StreamError);
    assertEquals(rejected.code, "streamCancelled");
    await clock.runUntil(() => first.lookup("/cancelled") === undefined);
  });
});

Deno.test("an element that cannot cross the wire breaks the stream instead of missing", async () => {
  await onThreeNodes(5, async ([first, second], { clock }) => {
    const remote = producerAt(first, second);
    const sink = streamSink(second, remote);
    await clock.resolve(sink.put(1));
    // The put itself has room; that the element is no data is seen on its way.
    await clock.resolve(sink.put((() => {}) as never));
    const error = await assertRejects(() => clock.resolve(sink.complete()), StreamError);
    assertEquals(error.code, "streamBroken");
    const reading = Array.fromAsync(streamSource(second, remote));
    const read = await assertRejects(() => clock.resolve(reading), StreamError);
    assertEquals(read.code, "streamFailed");
    assertEquals(second.ledger.snapshot().deadLetters.notSerializable, 1);
  });
});

Deno.test("the producer's node crashes: the source throws, and puts are rejected", async () => {
  await onThreeNodes(6, async ([first, second, third], { clock, network }) => {
    producerAt(third, first, "numbers", { bufferSize: 4 });
    const seenBy = (node: ClusteredActorSystem) =>
      node.lookup<ProducerMessage<number>>("/numbers", { node: third.address });
    const sink = streamSink(second, seenBy(second));
    const elements = streamSource(first, seenBy(first))[Symbol.asyncIterator]();
    await clock.resolve(sink.put(1));
    assertEquals((await clock.resolve(elements.next())).value, 1);
    const read = elements.next();
    read.catch(() => {});
    network.crash("node-3", { silently: true });
    const error = await assertRejects(() => clock.resolve(read), StreamError);
    assertEquals(error.code, "streamClosed");
    assertEquals(await clock.resolve(sink.outcome), { type: "closed" });
    const put = await assertRejects(() => sink.put(2), StreamError);
    assertEquals(put.code, "streamClosed");
  });
});

Deno.test("the consumer's node crashes: puts are rejected, and the producer stops", async () => {
  await onThreeNodes(7, async ([first, second, third], { clock, network }) => {
    const remote = producerAt(first, second, "numbers", { bufferSize: 4 });
    const sink = streamSink(second, remote);
    const seen = third.lookup<ProducerMessage<number>>("/numbers", { node: first.address });
    const elements = streamSource(third, seen)[Symbol.asyncIterator]();
    await clock.resolve(sink.put(1));
    assertEquals((await clock.resolve(elements.next())).value, 1);
    network.crash("node-3", { silently: true });
    const sending = send(sink, upTo(100));
    const error = await assertRejects(() => clock.resolve(sending), StreamError);
    assertEquals(error.code, "streamCancelled");
    const outcome = await clock.resolve(sink.outcome);
    assert(outcome.type === "cancelled" && outcome.undelivered > 0);
    await clock.runUntil(() => first.lookup("/numbers") === undefined);
    await clock.resolve(elements.return!());
  });
});

Deno.test("a sink's node crashes: the consumer is told that something is missing", async () => {
  await onThreeNodes(8, async ([first, second, third], { clock, network }) => {
    first.spawn(streamProducer<number>(), "numbers");
    const seenBy = (node: ClusteredActorSystem) =>
      node.lookup<ProducerMessage<number>>("/numbers", { node: first.address });
    const elements = streamSource(second, seenBy(second))[Symbol.asyncIterator]();
    const sink = streamSink(third, seenBy(third));
    await clock.resolve(sink.put(1));
    assertEquals((await clock.resolve(elements.next())).value, 1);
    const read = elements.next();
    read.catch(() => {});
    network.crash("node-3", { silently: true });
    const error = await assertRejects(() => clock.resolve(read), StreamError);
    assertEquals(error.code, "streamFailed");
    assertEquals((error.cause as { code?: string }).code, "streamBroken");
    await clock.runUntil(() => first.lookup("/numbers") === undefined);
  });
});
