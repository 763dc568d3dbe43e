import { assert, assertEquals, assertRejects } from "@std/assert";
import { StreamError } from "../../lib/streams/errors.ts";
import { streamSink } from "../../lib/streams/stream_sink.ts";
import { streamSource } from "../../lib/streams/stream_source.ts";
import { all, upTo, World } from "./world.ts";

Deno.test("a sink that is given up makes the stream fail, one that leaves does not", async () => {
  await using world = new World();
  const producer = world.producer();
  const other = streamSink(world.system, producer);
  {
    await using sink = streamSink(world.system, producer);
    await world.run(sink.put(1));
    await world.run(sink.leave());
    assertEquals(await world.state(sink.put(2)), "streamLeft");
    assertEquals(await sink.outcome, { type: "left" });
  }
  assertEquals(await world.state(other.put(2)), "fulfilled");
  {
    await using sink = streamSink(world.system, producer);
    await world.run(sink.put(3));
  }
  const seen: number[] = [];
  const reading = (async () => {
    for await (const number of streamSource(world.system, producer)) seen.push(number);
  })();
  const error = await assertRejects(() => world.run(reading), StreamError);
  assertEquals(error.code, "streamFailed");
  assertEquals((error.cause as StreamError).code, "streamBroken");
  assertEquals(seen, [1, 2, 3]);
  assertEquals(await world.state(other.put(4)), "streamFailed");
  await world.assertAtRest("/producer");
});

Deno.test("with onSinkLost ignore the others go on", async () => {
  await using world = new World();
  const producer = world.producer({ onSinkLost: "ignore", bufferSize: 4 });
  const other = streamSink(world.system, producer);
  {
    await using sink = streamSink(world.system, producer);
    await world.run(sink.put(1));
  }
  const puts = upTo(8).map((number) => other.put(number));
  const completed = other.complete();
  assertEquals(await world.run(all(streamSource(world.system, producer))), [1, ...upTo(8)]);
  await world.run(Promise.all([...puts, completed]));
});

Deno.test("leaving and completing wait for the puts before", async () => {
  await using world = new World();
  const producer = world.producer({ bufferSize: 1 });
  const first = streamSink(world.system, producer);
  const second = streamSink(world.system, producer);
  const puts = upTo(3).map((number) => first.put(number));
  const left = first.leave();
  assertEquals(await world.state(first.put(4)), "streamLeft");
  assertEquals(await world.state(left), "waits");
  const elements = streamSource(world.system, producer)[Symbol.asyncIterator]();
  assertEquals((await world.run(elements.next())).value, 1);
  await world.run(Promise.all([...puts, left]));
  const last = second.put(5);
  const completed = second.complete();
  assertEquals(second.complete(), completed);
  await world.run(Promise.all([last, completed]));
  assertEquals(await world.run(all(elements)), [2, 3, 5]);
});

Deno.test("an element that came after another sink has completed is reported", async () => {
  await using world = new World();
  const producer = world.producer();
  const first = streamSink(world.system, producer);
  const second = streamSink(world.system, producer);
  await world.run(first.put(1));
  await world.run(second.put(2));
  // Both have credit: this one's element is on its way when the stream is completed.
  const completed = second.complete();
  assertEquals(await world.state(first.put(3)), "fulfilled");
  await world.run(completed);
  assertEquals(await world.state(first.put(4)), "streamCompleted");
  const error = await assertRejects(() => world.run(first.complete()), StreamError);
  assertEquals([error.code, error.value], ["streamCompleted", 1]);
  assertEquals(await world.run(all(streamSource(world.system, producer))), [1, 2]);
  // It is in the ledger, too.
  assertEquals(world.system.ledger.snapshot().deadLetters.stopped, 1);
});

Deno.test("a sink whose elements all came may complete what another has completed", async () => {
  await using world = new World();
  const producer = world.producer();
  const [first, second] = [streamSink(world.system, producer), streamSink(world.system, producer)];
  await world.run(first.put(1));
  await world.run(Promise.all([first.complete(), second.complete()]));
  assertEquals(await world.state(first.fail(new Error("late"))), "streamCompleted");
  assertEquals(await world.run(all(streamSource(world.system, producer))), [1]);
  assertEquals((await world.run(first.outcome)).type, "completed");
  assertEquals((await world.run(second.outcome)).type, "completed");
});

Deno.test("failing does not wait: puts without room are rejected", async () => {
  await using world = new World();
  const producer = world.producer({ bufferSize: 2 });
  const sink = streamSink(world.system, producer);
  const puts = upTo(5).map((number) => sink.put(number));
  const states = Promise.all(puts.map((put) => world.state(put)));
  await world.clock.advance(0);
  await world.run(sink.fail(new Error("no")));
  await states;
  assertEquals(await Promise.all(puts.map((put) => world.state(put))), [
    "fulfilled",
    "fulfilled",
    "streamFailed",
    "streamFailed",
    "streamFailed",
  ]);
  await assertRejects(() => world.run(all(streamSource(world.system, producer))), StreamError);
});

Deno.test("too many puts and too many sinks are refused, with the name of the option", async () => {
  await using world = new World();
  const producer = world.producer({ bufferSize: 1, maxSinks: 2 });
  const sink = streamSink(world.system, producer, { maxPending: 3 });
  await world.run(sink.put(0));
  const waiting = upTo(3).map((number) => sink.put(number));
  const error = await assertRejects(() => sink.put(4), StreamError);
  assertEquals(error.code, "tooManyPuts");
  assert(error.message.includes("maxPending"));
  const second = streamSink(world.system, producer);
  const third = streamSink(world.system, producer);
  const refused = await assertRejects(() => world.run(third.put(1)), StreamError);
  assertEquals(refused.code, "streamRefused");
  assert(refused.message.includes("maxSinks"));
  // When one leaves there is room.
  await world.run(second.leave());
  const fourth = streamSink(world.system, producer);
  const put = fourth.put(9);
  const elements = streamSource(world.system, producer)[Symbol.asyncIterator]();
  for (const _ of upTo(5)) await world.run(elements.next());
  await world.run(Promise.all([...waiting, put]));
  await elements.return!();
});

Deno.test("a writable stream feels the back-pressure", async () => {
  await using world = new World();
  const producer = world.producer({ bufferSize: 1 });
  const sink = streamSink(world.system, producer);
  const writer = sink.writable.getWriter();
  assertEquals(sink.writable.locked, true);
  await world.run(writer.write(1));
  assertEquals(writer.desiredSize, 1);
  const second = writer.write(2);
  assertEquals(writer.desiredSize, 0);
  assertEquals(await world.state(second), "waits");
  assertEquals(await world.state(writer.ready), "waits");
  const reading = all(streamSource(world.system, producer));
  await world.run(writer.ready);
  await world.run(writer.close());
  assertEquals(await world.run(reading), [1, 2]);
});

Deno.test("web streams can be piped in and out", async () => {
  await using world = new World();
  const producer = world.producer({ bufferSize: 3 });
  const sink = streamSink(world.system, producer);
  const sending = ReadableStream.from(upTo(100)).pipeTo(sink.writable);
  const source = streamSource(world.system, producer);
  assertEquals(source.readable, source.readable);
  const seen: number[] = [];
  const receiving = source.readable.pipeTo(
    new WritableStream({ write: (number) => void seen.push(number) }),
  );
  await world.run(Promise.all([sending, receiving]));
  assertEquals(seen, upTo(100));
});

Deno.test("web streams carry failure and cancellation both ways", async () => {
  await using world = new World();
  const failing = world.producer({}, "failing");
  const cause = new Error("no more");
  await world.run(streamSink(world.system, failing).writable.abort(cause));
  const reader = streamSource(world.system, failing).readable.getReader();
  const error = await assertRejects(() => world.run(reader.read()), StreamError);
  assertEquals(error.cause, cause);

  const cancelled = world.producer({}, "cancelled");
  const writer = streamSink(world.system, cancelled).writable.getWriter();
  await world.run(writer.write(1));
  const readable = streamSource(world.system, cancelled).readable;
  const own = readable.getReader();
  assertEquals((await world.run(own.read())).value, 1);
  await world.run(own.cancel());
  assertEquals(await world.state(writer.closed), "streamCancelled");
  assertEquals(await world.state(writer.write(2)), "streamCancelled");
  await world.assertAtRest("/failing", "/cancelled");

  const gone = streamSink(world.system, cancelled);
  await world.run(gone.outcome);
  assertEquals(await world.state(gone.writable.getWriter().closed), "streamClosed");
});
