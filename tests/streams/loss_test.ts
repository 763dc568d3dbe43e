import { assert, assertEquals, assertRejects } from "@std/assert";
import { StreamError } from "../../lib/streams/errors.ts";
import { streamConsumer } from "../../lib/streams/stream_consumer.ts";
import { streamSink } from "../../lib/streams/stream_sink.ts";
import { streamSource } from "../../lib/streams/stream_source.ts";
import { losing, LossyLink } from "./lossy_link.ts";
import { all, upTo, World } from "./world.ts";

/** One side of a stream is at the other end of a link. */
function linked(world: World, bufferSize = 8) {
  const link = new LossyLink(world);
  const producer = world.producer({ bufferSize });
  return { link, producer, remote: link.ref(producer) };
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  return (await assertRejects(() => promise, StreamError)).code;
}

Deno.test("over a link that loses nothing everything arrives, and both ends are confirmed", async () => {
  await using world = new World();
  const { remote, link } = linked(world);
  const sink = streamSink(world.system, remote);
  const sending = Promise.all([...upTo(100).map((number) => sink.put(number)), sink.complete()]);
  assertEquals(await world.run(all(streamSource(world.system, remote))), upTo(100));
  await world.run(sending);
  assertEquals(await world.run(sink.outcome), { type: "completed" });
  await world.assertAtRest("/producer");
  const types = link.seen.map(({ type }) => type);
  assertEquals(types.filter((type) => type === "streamCancel").length, 1);
  assertEquals(types.filter((type) => type === "streamLeave").length, 1);
});

Deno.test("a put that is lost breaks the stream at the next, for both sides", async () => {
  await using world = new World();
  const { link, producer, remote } = linked(world);
  link.lose = losing("streamPut", 2);
  const sink = streamSink(world.system, remote);
  const puts = [1, 2, 3].map((number) => sink.put(number));
  await world.run(Promise.all(puts));
  assertEquals(await codeOf(world.run(sink.complete())), "streamBroken");
  const seen: number[] = [];
  const reading = (async () => {
    for await (const number of streamSource(world.system, producer)) seen.push(number);
  })();
  const error = await assertRejects(() => world.run(reading), StreamError);
  assertEquals([error.code, (error.cause as StreamError).code], ["streamFailed", "streamBroken"]);
  assertEquals(seen, [1]);
  await world.assertAtRest("/producer");
});

Deno.test("a lost put is detected even if no other follows", async () => {
  await using world = new World();
  const { link, remote } = linked(world);
  link.lose = losing("streamPut", 1);
  const sink = streamSink(world.system, remote);
  await world.run(sink.put(1));
  await world.clock.advance(4_000);
  assertEquals(await world.state(sink.put(2)), "fulfilled");
  await world.run(sink.outcome);
  assertEquals(await world.state(sink.put(3)), "streamBroken");
});

Deno.test("a silent loss is detected within two probe intervals", async () => {
  await using world = new World();
  const { link, remote } = linked(world);
  link.lose = losing("streamPut", 1);
  const sink = streamSink(world.system, remote, { probeInterval: 100 });
  await world.run(sink.put(1));
  await world.clock.advance(200);
  assertEquals(await world.state(sink.put(2)), "streamBroken");
});

Deno.test("requests, credit and ends that are lost are repeated", async () => {
  const types = [
    "streamWant",
    "streamCredit",
    "streamEnd",
    "streamClosing",
    "streamEnded",
    "streamCompleted",
  ] as const;
  for (const type of types) {
    for (const number of [1, 2]) {
      await using world = new World();
      const { link, remote } = linked(world, 3);
      link.lose = losing(type, number);
      const sink = streamSink(world.system, remote);
      const sending = Promise.all([...upTo(20).map((number) => sink.put(number)), sink.complete()]);
      const read = await world.run(all(streamSource(world.system, remote)));
      assertEquals(read, upTo(20), `${type} ${number}`);
      await world.run(sending);
      assertEquals(await world.run(sink.outcome), { type: "completed" }, `${type} ${number}`);
      await world.assertAtRest("/producer");
    }
  }
});

Deno.test("demand that is lost is said again", async () => {
  await using world = new World();
  const { link, remote } = linked(world);
  link.lose = losing("streamDemand", 1, 2, 3);
  const sink = streamSink(world.system, remote);
  const sending = Promise.all([...upTo(30).map((number) => sink.put(number)), sink.complete()]);
  assertEquals(await world.run(all(streamSource(world.system, remote, { demand: 2 }))), upTo(30));
  await world.run(sending);
});

Deno.test("an element that is lost breaks the stream, whether another follows or not", async () => {
  for (const number of [2, 3]) {
    await using world = new World();
    const { link, producer, remote } = linked(world);
    link.lose = losing("streamElement", number);
    const sink = streamSink(world.system, producer);
    await world.run(Promise.all([1, 2, 3].map((number) => sink.put(number))));
    const seen: number[] = [];
    const reading = (async () => {
      for await (const number of streamSource(world.system, remote)) seen.push(number);
    })();
    assertEquals(await codeOf(world.run(reading)), "streamBroken");
    assertEquals(seen, upTo(number - 1));
    assertEquals((await world.run(sink.outcome)).type, "cancelled");
    await world.assertAtRest("/producer");
  }
});

Deno.test("a lost element is detected at the end at the latest", async () => {
  await using world = new World();
  const { link, producer, remote } = linked(world);
  link.lose = losing("streamElement", 3);
  for (const element of upTo(3)) producer.tell({ type: "streamPush", element });
  producer.tell({ type: "streamComplete" });
  assertEquals(await codeOf(world.run(all(streamSource(world.system, remote)))), "streamBroken");
});

Deno.test("a first message that is lost is an error, not a wait for ever", async () => {
  await using world = new World();
  const { link, remote } = linked(world);
  link.lose = losing("streamSubscribe", 1);
  const reading = all(streamSource(world.system, remote));
  assertEquals(await codeOf(world.run(reading)), "streamClosed");
  link.lose = losing("streamConnect", 1);
  const sink = streamSink(world.system, remote);
  assertEquals(await codeOf(world.run(sink.put(1))), "streamClosed");
});

Deno.test("when the other node is gone, all pending puts and reads end", async () => {
  await using world = new World();
  const { link, producer, remote } = linked(world, 1);
  const sink = streamSink(world.system, remote);
  const source = streamSource(world.system, producer);
  const elements = source[Symbol.asyncIterator]();
  await world.run(sink.put(1));
  assertEquals((await world.run(elements.next())).value, 1);
  // The producer loses its sink, the sink its producer.
  const read = elements.next();
  link.cut();
  assertEquals(await codeOf(world.run(read)), "streamFailed");
  assertEquals(await world.state(sink.put(2)), "streamClosed");
  await world.assertAtRest("/producer");
});

Deno.test("when the consumer's node is gone, puts are rejected, and the source throws there", async () => {
  await using world = new World();
  const { link, producer, remote } = linked(world, 1);
  const sink = streamSink(world.system, producer);
  const elements = streamSource(world.system, remote, { demand: 1 })[Symbol.asyncIterator]();
  const puts = upTo(5).map((number) => sink.put(number));
  assertEquals((await world.run(elements.next())).value, 1);
  await world.clock.advance(0);
  const states = Promise.all(puts.map((put) => world.state(put)));
  await states;
  link.cut();
  assertEquals(await world.state(puts[4]!), "streamCancelled");
  assertEquals((await world.run(elements.next())).value, 2);
  assertEquals(await codeOf(world.run(elements.next())), "streamClosed");
  await world.assertAtRest("/producer");
});

Deno.test("an error that is too large to cross is shortened", async () => {
  await using world = new World();
  const { link, remote } = linked(world);
  const tooLarge = (error: unknown) => (error as Error | undefined)?.message.length! > 5_000;
  link.lose = (message) =>
    "error" in message && tooLarge(message.error) ||
    "ending" in message && message.ending.type === "failed" && tooLarge(message.ending.error) ||
    "outcome" in message && message.outcome.type === "failed" && tooLarge(message.outcome.error);
  const sink = streamSink(world.system, remote);
  await world.run(sink.fail(new TypeError("x".repeat(10_000))));
  const reading = world.run(all(streamSource(world.system, remote)));
  const error = await assertRejects(() => reading, StreamError);
  const cause = error.cause as Error;
  assertEquals([cause.name, cause.message], ["TypeError", "x".repeat(1_000)]);
  await world.assertAtRest("/producer");
});

Deno.test("an actor that consumes detects losses too", async () => {
  for (const number of [2, 3]) {
    await using world = new World();
    const { link, producer, remote } = linked(world);
    link.lose = losing("streamElement", number);
    const ended = Promise.withResolvers<string | undefined>();
    const seen: number[] = [];
    world.system.spawn(
      streamConsumer(remote, {
        onElement: (_context, element) => void seen.push(element),
        onEnd: (_context, error) => ended.resolve(error?.code),
      }),
      "consumer",
    );
    for (const element of upTo(3)) producer.tell({ type: "streamPush", element });
    assertEquals(await world.run(ended.promise), "streamBroken");
    assertEquals(seen, upTo(number - 1));
    await world.assertAtRest("/producer", "/consumer");
  }
});

Deno.test("a sink that sends without credit is dismissed, and the buffer keeps its bound", async () => {
  await using world = new World();
  const producer = world.producer({ bufferSize: 2, onSinkLost: "ignore" });
  const { ref: sink, heard } = world.listener<unknown>("rude");
  producer.tell({ type: "streamConnect", sink });
  for (const sequence of upTo(4)) {
    producer.tell({ type: "streamPut", sink, sequence, element: sequence });
  }
  await world.clock.advance(0);
  assert(
    heard.some((message) => (message as { reason?: string }).reason === "noCredit"),
    "the sink was not told",
  );
  const { deadLetters } = world.system.ledger.snapshot();
  assertEquals(deadLetters, { bufferFull: 1, stopped: 1 });
  producer.tell({ type: "streamComplete" });
  assertEquals(await world.run(all(streamSource(world.system, producer))), [1, 2]);
});

Deno.test("a leave is not overtaken by the signal that its sink has stopped", async () => {
  for (const lost of [[], [1], [1, 2]]) {
    await using world = new World();
    const { link, producer, remote } = linked(world);
    link.lose = losing("streamLeave", ...lost);
    const sink = streamSink(world.system, remote);
    await world.clock.advance(0);
    link.held = [];
    await world.run(sink.put(1));
    await world.run(sink.leave());
    assertEquals(await world.run(sink.outcome), { type: "left" });
    await world.clock.advance(0);
    link.release();
    await world.clock.advance(30_000);
    // Everything of the sink is gone.
    await world.assertAtRest();
    producer.tell({ type: "streamComplete" });
    assertEquals(await world.run(all(streamSource(world.system, producer))), [1]);
  }
});

Deno.test("a confirmation that is lost is said again", async () => {
  await using world = new World();
  const { link, producer, remote } = linked(world);
  link.lose = losing("streamEnded", 1);
  const sink = streamSink(world.system, remote);
  await world.run(sink.put(1));
  await world.run(sink.leave());
  await world.clock.advance(30_000);
  await world.assertAtRest();
  const late = streamSink(world.system, remote);
  await world.run(late.leave());
  // Its producer goes before it was heard of.
  link.cut();
  await world.assertAtRest();
  producer.tell({ type: "streamComplete" });
  assertEquals(await world.run(all(streamSource(world.system, producer))), [1]);
});
