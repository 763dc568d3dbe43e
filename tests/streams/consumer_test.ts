import { assert, assertEquals, assertThrows } from "@std/assert";
import { Behaviors } from "../../lib/actor/behavior/behaviors.ts";
import type { ActorRef } from "../../lib/actor/ref/ref.ts";
import type { ProducerMessage } from "../../lib/streams/protocol.ts";
import { streamConsumer } from "../../lib/streams/stream_consumer.ts";
import { streamSink } from "../../lib/streams/stream_sink.ts";
import { streamSource } from "../../lib/streams/stream_source.ts";
import { all, upTo, World } from "./world.ts";
import { OptionError } from "../../lib/options/option_error.ts";

Deno.test("an actor takes elements one after the other, and then the end", async () => {
  await using world = new World();
  const producer = world.producer({ bufferSize: 3 });
  const seen: (number | string)[] = [];
  world.system.spawn(
    streamConsumer(producer, {
      demand: 2,
      // A function that gives something where nothing is wanted.
      onElement: (_context, element) => seen.push(element) as unknown as void,
      onEnd: (_context, error) => void seen.push(String(error)),
    }),
    "consumer",
  );
  const sink = streamSink(world.system, producer);
  for (const number of upTo(20)) await world.run(sink.put(number));
  await world.run(sink.complete());
  await world.run(sink.outcome);
  assertEquals(seen, [...upTo(20), "undefined"]);
  await world.assertAtRest("/producer", "/consumer");
});

Deno.test("a slow actor slows the sinks down", async () => {
  await using world = new World();
  const producer = world.producer({ bufferSize: 4 });
  let handled = 0;
  let running = 0;
  const ended = Promise.withResolvers<void>();
  world.system.spawn(
    streamConsumer(producer, {
      demand: 2,
      onElement: async () => {
        assertEquals(++running, 1);
        await new Promise<void>((resolve) => world.clock.schedule(10, resolve));
        running--;
        handled++;
      },
      onEnd: () => ended.resolve(),
    }),
    "consumer",
  );
  const sink = streamSink(world.system, producer);
  const sending = (async () => {
    for (const number of upTo(50)) {
      await sink.put(number);
      assert(number <= handled + 2 + 4 + 1, `${number} were sent when ${handled} were handled`);
    }
    await sink.complete();
    return await sink.outcome;
  })();
  assertEquals((await world.run(sending)).type, "completed");
  await world.run(ended.promise);
  assertEquals(handled, 50);
});

Deno.test("an actor that fails or stops cancels the stream", async () => {
  for (const how of ["fail", "restart", "stop"]) {
    await using world = new World();
    const producer = world.producer();
    const ends: (string | undefined)[] = [];
    const behavior = streamConsumer(producer, {
      onElement: (_context, element: number) => {
        if (element === 3 && how !== "stop") throw new Error("broken");
      },
      onEnd: (_context, error) => void ends.push(error?.code),
    });
    const consumer = world.system.spawn(
      how === "restart" ? Behaviors.supervise(behavior) : behavior,
      "consumer",
    );
    const sink = streamSink(world.system, producer);
    for (const number of upTo(3)) await world.run(sink.put(number));
    await world.clock.advance(0);
    if (how === "stop") await world.run(world.system.stop(consumer));
    assertEquals((await world.run(sink.outcome)).type, "cancelled");
    assertEquals(await world.state(sink.put(4)), "streamCancelled");
    await world.assertAtRest("/producer", "/consumer");
    // The next incarnation finds that the stream has ended.
    assertEquals(ends, how === "restart" ? ["streamClosed"] : []);
  }
});

Deno.test("an actor that resumes skips the element and continues", async () => {
  await using world = new World();
  const producer = world.producer();
  const seen: number[] = [];
  world.system.spawn(
    Behaviors.supervise(
      streamConsumer(producer, {
        demand: 2,
        onElement: (_context, element: number) => {
          if (element % 3 === 0) throw new Error("not this one");
          seen.push(element);
        },
      }),
      { decider: () => "resume" },
    ),
    "consumer",
  );
  const sink = streamSink(world.system, producer);
  for (const number of upTo(12)) await world.run(sink.put(number));
  await world.run(sink.complete());
  assertEquals((await world.run(sink.outcome)).type, "completed");
  assertEquals(seen, upTo(12).filter((number) => number % 3 !== 0));
});

Deno.test("onEnd gets a failure, a producer that is gone, and a stream that is taken", async () => {
  await using world = new World();
  const end = Promise.withResolvers<string | undefined>();
  const ends: (string | undefined)[] = [];
  const consume = (producer: ActorRef<ProducerMessage<number>>, name: string) =>
    world.system.spawn(
      streamConsumer(producer, {
        onElement: () => {},
        onEnd: async (_context, error) => {
          await Promise.resolve();
          ends.push(error?.code);
          if (ends.length === 4) end.resolve(error?.code);
        },
      }),
      name,
    );
  const failing = world.producer({}, "failing");
  consume(failing, "first");
  await world.clock.advance(0);
  consume(failing, "second");
  await world.clock.advance(0);
  failing.tell({ type: "streamFail", error: new Error("no more") });
  await world.clock.advance(0);
  const stopping = world.producer({}, "stopping");
  consume(stopping, "third");
  await world.clock.advance(0);
  await world.run(world.system.stop(stopping));
  consume(stopping, "fourth");
  await world.run(end.promise);
  assertEquals(ends, ["streamTaken", "streamFailed", "streamClosed", "streamClosed"]);
  await world.assertAtRest("/first", "/second", "/third", "/fourth", "/failing");
});

Deno.test("an actor that is both ends passes elements on, with back-pressure through", async () => {
  await using world = new World();
  const input = world.producer({ bufferSize: 2 }, "input");
  const output = world.producer({ bufferSize: 2 }, "output");
  const sink = streamSink(world.system, output);
  world.system.spawn(
    streamConsumer(input, {
      onElement: (_context, element) => sink.put(element * 2),
      onEnd: (_context, error) => error === undefined ? sink.complete() : sink.fail(error),
    }),
    "doubling",
  );
  const source = streamSink(world.system, input);
  const puts = upTo(30).map((number) => source.put(number));
  const completed = source.complete();
  const read = await world.run(all(streamSource(world.system, output)));
  assertEquals(read, upTo(30).map((number) => number * 2));
  await world.run(Promise.all([...puts, completed]));
});

Deno.test("a demand out of range is refused by name", () => {
  const error = assertThrows(
    () => streamConsumer(null as never, { onElement: () => {}, demand: 0 }),
    OptionError,
  );
  assert(error.message.startsWith("demand: "));
});
