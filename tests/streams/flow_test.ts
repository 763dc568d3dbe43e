import { assert, assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import type { ActorRef } from "../../lib/actor/ref/ref.ts";
import { StreamError } from "../../lib/streams/errors.ts";
import type { ConsumerMessage } from "../../lib/streams/protocol.ts";
import { type StreamSink, streamSink } from "../../lib/streams/stream_sink.ts";
import { streamSource } from "../../lib/streams/stream_source.ts";
import { all, upTo, World } from "./world.ts";

async function send<T>(sink: StreamSink<T>, elements: Iterable<T>): Promise<void> {
  for (const element of elements) await sink.put(element);
  await sink.complete();
}

Deno.test("elements come out in order, then the end, and all actors have stopped", async () => {
  await using world = new World();
  const producer = world.producer();
  const sink = streamSink(world.system, producer);
  const sending = send(sink, upTo(1_000));
  assertEquals(await world.run(all(streamSource(world.system, producer))), upTo(1_000));
  await world.run(sending);
  assertEquals(await world.run(sink.outcome), { type: "completed" });
  await world.assertAtRest("/producer");
});

Deno.test("a put beyond the buffer waits until the consumer takes something", async () => {
  await using world = new World();
  const producer = world.producer({ bufferSize: 2 });
  const sink = streamSink(world.system, producer);
  await world.run(sink.put(1));
  await world.run(sink.put(2));
  const third = sink.put(3);
  assertEquals(await world.state(third), "waits");
  await world.clock.advance(60_000);
  assertEquals(await world.state(third), "waits");
  const elements = streamSource(world.system, producer, { demand: 1 })[Symbol.asyncIterator]();
  assertEquals(await world.run(elements.next()), { done: false, value: 1 });
  assertEquals(await world.state(third), "fulfilled");
  await world.run(elements.return!());
});

Deno.test("puts that do not wait for each other keep their order", async () => {
  for (const bufferSize of [1, 2, 3, 7, 256]) {
    await using world = new World();
    const producer = world.producer({ bufferSize });
    const sink = streamSink(world.system, producer);
    const puts = upTo(200).map((number) => sink.put(number));
    const completed = sink.complete();
    const source = streamSource(world.system, producer, { demand: 5 });
    assertEquals(await world.run(all(source)), upTo(200));
    await world.run(Promise.all([...puts, completed]));
  }
});

Deno.test("any demand brings all elements", async () => {
  for (const demand of [1, 2, 3, 16, 1_000]) {
    await using world = new World();
    const producer = world.producer({ bufferSize: 4 });
    const sending = send(streamSink(world.system, producer), upTo(100));
    const source = streamSource(world.system, producer, { demand });
    assertEquals(await world.run(all(source)), upTo(100));
    await world.run(sending);
  }
});

Deno.test("never more than the demand is on its way or waits", async () => {
  await using world = new World();
  const producer = world.producer({ bufferSize: 10 });
  const sink = streamSink(world.system, producer);
  const sent: number[] = [];
  const sending = (async () => {
    for (const number of upTo(100)) {
      await sink.put(number);
      sent.push(number);
    }
    await sink.complete();
  })();
  let read = 0;
  const reading = (async () => {
    for await (const _number of streamSource(world.system, producer, { demand: 4 })) {
      read++;
      // A slow consumer: all others come to rest.
      await new Promise<void>((resolve) => world.clock.schedule(10, resolve));
      assert(sent.length <= read + 4 + 10, `${sent.length} were sent when ${read} were read`);
    }
  })();
  await world.run(Promise.all([sending, reading]));
  assertEquals(read, 100);
});

Deno.test("elements pushed before a consumer subscribes are kept, as is an early end", async () => {
  await using world = new World();
  const pushed = world.producer();
  for (const element of upTo(5)) pushed.tell({ type: "streamPush", element });
  pushed.tell({ type: "streamComplete" });
  await world.clock.advance(1_000);
  assertEquals(await world.run(all(streamSource(world.system, pushed))), upTo(5));
  const empty = world.producer({}, "empty");
  await world.run(streamSink(world.system, empty).complete());
  assertEquals(await world.run(all(streamSource(world.system, empty))), []);
  await world.assertAtRest("/producer", "/empty");
});

Deno.test("an actor without demand gets nothing, then what it asks for, then the end", async () => {
  await using world = new World();
  const { ref, heard } = world.listener<ConsumerMessage<number>>();
  const producer = world.producer();
  producer.tell({ type: "streamSubscribe", consumer: ref });
  for (const element of upTo(5)) producer.tell({ type: "streamPush", element });
  producer.tell({ type: "streamComplete" });
  await world.clock.advance(0);
  assertEquals(heard, []);
  producer.tell({ type: "streamDemand", consumer: ref, total: 2 });
  await world.clock.advance(0);
  assertEquals(heard, [
    { type: "streamElement", sequence: 1, element: 1 },
    { type: "streamElement", sequence: 2, element: 2 },
  ]);
  assert(world.system.lookup("/producer") !== undefined);
  // A total that is repeated asks for nothing more.
  producer.tell({ type: "streamDemand", consumer: ref, total: 2 });
  producer.tell({ type: "streamDemand", consumer: ref, total: 5 });
  await world.clock.advance(0);
  assertEquals(heard.slice(2).map(({ type }) => type), [
    "streamElement",
    "streamElement",
    "streamElement",
    "streamCompleted",
  ]);
  assertEquals(heard.at(-1), { type: "streamCompleted", count: 5 });
  await world.assertAtRest("/producer");
});

Deno.test("an error comes after the elements before it, with its cause", async () => {
  await using world = new World();
  const producer = world.producer();
  const sink = streamSink(world.system, producer);
  for (const number of upTo(3)) await world.run(sink.put(number));
  const cause = new RangeError("out of paper");
  await world.run(sink.fail(cause));
  assertEquals(await world.state(sink.put(4)), "streamFailed");
  const seen: number[] = [];
  const reading = (async () => {
    for await (const number of streamSource(world.system, producer)) seen.push(number);
  })();
  const error = await assertRejects(() => world.run(reading), StreamError);
  assertEquals([error.code, error.cause], ["streamFailed", cause]);
  assertEquals(seen, [1, 2, 3]);
  assertEquals((await world.run(sink.outcome)).type, "failed");
  await world.assertAtRest("/producer");
});

Deno.test("whatever is thrown arrives as an error", async () => {
  for (const thrown of ["text", undefined, null, 7, Object.create(null), Symbol("odd")]) {
    await using world = new World();
    const producer = world.producer();
    await world.run(streamSink(world.system, producer).fail(thrown));
    const error = await assertRejects(
      () => world.run(all(streamSource(world.system, producer))),
      StreamError,
    );
    assertEquals(error.code, "streamFailed");
    assertInstanceOf(error.cause, Error);
  }
});

Deno.test("several sinks share a small buffer, and none starves", async () => {
  await using world = new World();
  const producer = world.producer<string>({ bufferSize: 2 });
  const sinks = ["a", "b", "c", "d"].map((name) => ({
    name,
    sink: streamSink(world.system, producer),
  }));
  const sending = Promise.all(sinks.map(async ({ name, sink }) => {
    for (const number of upTo(50)) await sink.put(`${name}${number}`);
  })).then(() => sinks[0]!.sink.complete());
  const elements = await world.run(all(streamSource(world.system, producer)));
  await world.run(sending);
  for (const { name } of sinks) {
    const own = elements.filter((element) => element.startsWith(name));
    assertEquals(own, upTo(50).map((number) => `${name}${number}`));
    // Each sink has a turn early.
    assert(elements.indexOf(`${name}1`) < 20);
  }
});

Deno.test("500 elements for a slow consumer, and ten streams one after the other", async () => {
  await using world = new World();
  const producer = world.producer();
  const sending = send(streamSink(world.system, producer), upTo(500));
  const seen: number[] = [];
  const reading = (async () => {
    for await (const number of streamSource(world.system, producer)) {
      seen.push(number);
      if (number % 50 === 0) {
        await new Promise<void>((resolve) => world.clock.schedule(5, resolve));
      }
    }
  })();
  await world.run(Promise.all([sending, reading]));
  assertEquals(seen, upTo(500));
  for (let cycle = 0; cycle < 10; cycle++) {
    const next = world.producer({}, `producer-${cycle}`);
    const sent = send(streamSink(world.system, next), upTo(5));
    assertEquals(await world.run(all(streamSource(world.system, next))), upTo(5));
    await world.run(sent);
    await world.assertAtRest(`/producer-${cycle}`);
  }
});

Deno.test("a sink that waits costs few messages", async () => {
  await using world = new World();
  const producer = world.producer();
  const sending = send(streamSink(world.system, producer), upTo(1_000));
  const before = world.system.ledger.snapshot().sent;
  assertEquals((await world.run(all(streamSource(world.system, producer)))).length, 1_000);
  await world.run(sending);
  // A put and an element each; the rest is credit and demand.
  const sent = world.system.ledger.snapshot().sent - before;
  assert(sent < 2_400, `${sent} messages for 1000 elements`);
});

Deno.test("references in elements stay references", async () => {
  await using world = new World();
  const { ref } = world.listener<string>();
  const producer = world.producer<{ replyTo: ActorRef<string> }>();
  const sink = streamSink(world.system, producer);
  const sending = send(sink, [{ replyTo: ref }]);
  assertEquals(await world.run(all(streamSource(world.system, producer))), [{ replyTo: ref }]);
  await world.run(sending);
});
