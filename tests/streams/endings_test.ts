import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { Behaviors } from "../../lib/actor/behavior/behaviors.ts";
import type { DeadLetter } from "../../lib/actor/services/dead_letter.ts";
import { StreamError } from "../../lib/streams/errors.ts";
import type { ProducerMessage, PushReply, SinkMessage } from "../../lib/streams/protocol.ts";
import { streamProducer } from "../../lib/streams/stream_producer.ts";
import { streamSink } from "../../lib/streams/stream_sink.ts";
import { streamSource } from "../../lib/streams/stream_source.ts";
import { all, upTo, World } from "./world.ts";
import { OptionError } from "../../lib/options/option_error.ts";

/** What reading to the end throws. */
async function readError(world: World, source: AsyncIterable<unknown>): Promise<string> {
  const error = await assertRejects(() => world.run(all(source)), StreamError);
  return error.code;
}

Deno.test("to leave the loop cancels the stream: puts that wait and later ones are rejected", async () => {
  for (const how of ["break", "throw", "return"]) {
    await using world = new World();
    const producer = world.producer({ bufferSize: 4 });
    const sink = streamSink(world.system, producer);
    const puts = upTo(30).map((number) => sink.put(number));
    const states = puts.map((put) => world.state(put));
    const seen: number[] = [];
    const loop = async () => {
      for await (const number of streamSource(world.system, producer, { demand: 2 })) {
        seen.push(number);
        if (number < 3) continue;
        if (how === "break") break;
        if (how === "throw") throw new Error("enough");
        return;
      }
    };
    await world.run(loop().catch(({ message }) => assertEquals(message, "enough")));
    assertEquals(seen, [1, 2, 3]);
    await world.clock.advance(0);
    const outcomes = await Promise.all(puts.map((put) => world.state(put)));
    await Promise.all(states);
    assertEquals(new Set(outcomes), new Set(["fulfilled", "streamCancelled"]));
    assertEquals(await world.state(sink.put(31)), "streamCancelled");
    assertEquals(await world.state(sink.complete()), "streamCancelled");
    const outcome = await world.run(sink.outcome);
    assert(outcome.type === "cancelled" && outcome.undelivered > 0);
    await world.assertAtRest("/producer");
  }
});

Deno.test("a read that waits ends when the source is left", async () => {
  await using world = new World();
  const producer = world.producer();
  const elements = streamSource(world.system, producer)[Symbol.asyncIterator]();
  const reads = [elements.next(), elements.next()];
  await world.clock.advance(0);
  assertEquals(await elements.return!(), { done: true, value: undefined });
  for (const read of reads) assertEquals(await read, { done: true, value: undefined });
  assertEquals((await elements.next()).done, true);
  await assertRejects(() => elements.throw!(new TypeError("given back")), TypeError, "given back");
  await world.assertAtRest("/producer");
});

Deno.test("nothing for idleTimeout is an error, and different from the end", async () => {
  await using world = new World();
  const producer = world.producer();
  const sink = streamSink(world.system, producer);
  await world.run(sink.put(1));
  const source = streamSource(world.system, producer, { idleTimeout: 1_000 });
  const elements = source[Symbol.asyncIterator]();
  assertEquals((await world.run(elements.next())).value, 1);
  // Only the time that a read waits counts.
  await world.clock.advance(10_000);
  const second = elements.next();
  await world.clock.advance(999);
  await sink.put(2);
  assertEquals((await second).value, 2);
  const third = elements.next();
  third.catch(() => {});
  await world.clock.advance(999);
  assertEquals(await world.state(third), "waits");
  await world.clock.advance(1);
  assertEquals(await world.state(third), "streamIdle");
  assertEquals((await elements.next()).done, true);
  assertEquals((await world.run(sink.outcome)).type, "cancelled");
  await world.assertAtRest("/producer");
});

Deno.test("a producer that stops closes the stream for both sides", async () => {
  await using world = new World();
  const producer = world.producer({ bufferSize: 2 });
  const sink = streamSink(world.system, producer);
  const waiting = upTo(6).map((number) => sink.put(number));
  const states = Promise.all(waiting.map((put) => world.state(put)));
  const completed = world.state(sink.complete());
  const source = streamSource(world.system, producer, { demand: 1 });
  const elements = source[Symbol.asyncIterator]();
  assertEquals((await world.run(elements.next())).value, 1);
  await world.run(world.system.stop(producer));
  await states;
  const after = await Promise.all(waiting.map((put) => world.state(put)));
  assertEquals(after.at(-1), "streamClosed");
  await completed;
  assertEquals(await world.state(sink.put(7)), "streamClosed");
  assertEquals(await world.run(sink.outcome), { type: "closed" });
  const seen: number[] = [];
  const rest = (async () => {
    for await (const number of elements) seen.push(number);
  })();
  const { code } = await assertRejects(() => world.run(rest), StreamError);
  assertEquals([code, seen], ["streamClosed", [2]]);
  // A later participant finds no producer, and ends.
  assertEquals(await readError(world, streamSource(world.system, producer)), "streamClosed");
  const late = streamSink(world.system, producer);
  assertEquals(await world.state(late.put(1)), "streamClosed");
  assertEquals(await world.run(late.outcome), { type: "closed" });
  await world.assertAtRest();
});

Deno.test("a producer that restarts closes the stream for both sides, and serves others", async () => {
  await using world = new World();
  type Message = ProducerMessage<number> | "fail";
  const producer = world.system.spawn(
    Behaviors.supervise<Message>(
      Behaviors.intercept(streamProducer<number>() as never, {
        onMessage: (_context, message: Message, next) => {
          if (message === "fail") throw new Error("broken");
          return next(message);
        },
      }),
    ),
    "producer",
  );
  const sink = streamSink<number>(world.system, producer);
  await world.run(sink.put(1));
  const source = streamSource<number>(world.system, producer);
  const elements = source[Symbol.asyncIterator]();
  await world.run(elements.next());
  const read = elements.next();
  producer.tell("fail");
  const { code } = await assertRejects(() => world.run(read), StreamError);
  assertEquals(code, "streamClosed");
  assertEquals(await world.state(sink.put(2)), "streamClosed");
  const sending = (async () => {
    await using next = streamSink<number>(world.system, producer);
    await next.put(3);
    await next.complete();
  })();
  assertEquals(await world.run(all(streamSource<number>(world.system, producer))), [3]);
  await world.run(sending);
  await world.assertAtRest("/producer");
});

Deno.test("a shutdown leaves no put or read pending", async () => {
  const world = new World();
  const producer = world.producer({ bufferSize: 1 });
  const sink = streamSink(world.system, producer);
  const put = [sink.put(1), sink.put(2)][1]!;
  const completed = sink.complete();
  const other = streamSource(world.system, world.producer({}, "other"));
  const read = other[Symbol.asyncIterator]().next();
  const states = [put, completed, read].map((promise) => world.state(promise));
  await world[Symbol.asyncDispose]();
  await Promise.all(states);
  for (const promise of [put, completed, read]) {
    assertEquals(await world.state(promise), "streamClosed");
  }
  assertEquals(await sink.outcome, { type: "closed" });
  assertEquals(await readError(world, streamSource(world.system, producer)), "streamClosed");
});

Deno.test("a second consumer is refused, and the first continues", async () => {
  await using world = new World();
  const producer = world.producer();
  const source = streamSource(world.system, producer);
  const reading = all(source);
  await world.clock.advance(0);
  assertEquals(await readError(world, streamSource(world.system, producer)), "streamTaken");
  const again = assertThrows(() => source[Symbol.asyncIterator](), StreamError);
  assertEquals(again.code, "streamTaken");
  assertThrows(() => source.readable, StreamError);
  const sink = streamSink(world.system, producer);
  await world.run(sink.put(1));
  await world.run(sink.complete());
  assertEquals(await world.run(reading), [1]);
});

Deno.test("a source that is disposed of cancels, whether it was read or not", async () => {
  await using world = new World();
  const producer = world.producer();
  {
    await using _unread = streamSource(world.system, producer);
  }
  const sink = streamSink(world.system, producer);
  await world.run(sink.put(1));
  {
    await using source = streamSource(world.system, producer);
    for await (const _number of source) break;
  }
  assertEquals(await world.run(sink.outcome), { type: "cancelled", undelivered: 0 });
});

Deno.test("a raw push beyond the buffer is refused with a reason, and the producer keeps running", async () => {
  await using world = new World();
  const producer = world.producer({ bufferSize: 2 });
  const letters: DeadLetter[] = [];
  world.system.eventStream.subscribe("deadLetter", (letter) => void letters.push(letter));
  const { ref: replyTo, heard } = world.listener<PushReply>();
  for (const element of upTo(3)) producer.tell({ type: "streamPush", element, replyTo });
  producer.tell({ type: "streamPush", element: 4 });
  await world.clock.advance(0);
  assertEquals(heard.map((reply) => "reason" in reply ? reply.reason : "taken"), [
    "taken",
    "taken",
    "bufferFull",
  ]);
  assertEquals(letters.map(({ reason, target }) => [reason, target]), [[
    "bufferFull",
    "/producer",
  ]]);
  producer.tell({ type: "streamComplete" });
  producer.tell({ type: "streamPush", element: 5, replyTo });
  await world.clock.advance(0);
  assertEquals(heard.at(-1), { type: "streamPushRefused", reason: "completed" });
  assertEquals(await world.run(all(streamSource(world.system, producer))), [1, 2]);
});

Deno.test("nonsense does not hurt a producer", async () => {
  await using world = new World();
  const producer = world.producer();
  const { ref } = world.listener<SinkMessage>();
  const nonsense: unknown[] = [
    null,
    undefined,
    7,
    "streamPush",
    { type: "no such message" },
    { type: "streamSubscribe" },
    { type: "streamSubscribe", consumer: "me" },
    { type: "streamSubscribe", consumer: ref, demand: -1 },
    { type: "streamDemand", consumer: ref, total: NaN },
    { type: "streamPut", sink: ref, sequence: 1, element: 1 },
    { type: "streamEnd", sink: ref, sent: 3 },
    { type: "streamLeave", sink: ref, sent: 0, abandoned: true },
    { type: "streamCancel", consumer: ref },
    { type: "streamWant", sink: ref, total: Infinity, sent: 0, granted: 0 },
    { type: "streamWant", sink: ref, total: 1, sent: 0, granted: "x" },
  ];
  for (const message of nonsense) producer.tell(message as never);
  const sink = streamSink(world.system, producer);
  await world.run(sink.put(1));
  await world.run(sink.complete());
  assertEquals(await world.run(all(streamSource(world.system, producer))), [1]);
});

Deno.test("options out of range are refused by name", () => {
  const options: [() => unknown, string][] = [
    [() => streamProducer({ bufferSize: 0 }), "bufferSize"],
    [() => streamProducer({ bufferSize: 1.5 }), "bufferSize"],
    [() => streamProducer({ maxSinks: -1 }), "maxSinks"],
    [() => streamProducer({ onSinkLost: "shrug" as never }), "onSinkLost"],
    [() => streamSink(null as never, null as never, { maxPending: 0 }), "maxPending"],
    [() => streamSource(null as never, null as never, { demand: 0 }), "demand"],
    [() => streamSource(null as never, null as never, { idleTimeout: 0 }), "idleTimeout"],
  ];
  for (const [make, name] of options) {
    const error = assertThrows(make, OptionError);
    assertEquals(error.code, "badOption");
    assert(error.message.startsWith(`${name}: `), error.message);
  }
});
