import { assert, assertEquals } from "@std/assert";
import {
  LiveStreams,
  type LiveView,
  maxStreams,
  maxStreamsPerIdentity,
} from "../../lib/dashboard/server/live_streams.ts";
import { ManualClock } from "../../lib/testkit/manual_clock.ts";

const view = (make: () => unknown, key = "view"): LiveView => ({ event: "view", key, make });

/** Reads all that there is. */
class Viewer {
  text = "";
  ended: "open" | "closed" | "cut" = "open";
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;

  constructor(stream: ReadableStream<Uint8Array> | undefined) {
    assert(stream !== undefined, "the stream was refused");
    this.#reader = stream.getReader();
    void this.#read();
  }

  async #read(): Promise<void> {
    try {
      for (;;) {
        const { done, value } = await this.#reader.read();
        if (done) return void (this.ended = "closed");
        this.text += new TextDecoder().decode(value);
      }
    } catch {
      this.ended = "cut";
    }
  }

  cancel(): Promise<void> {
    return this.#reader.cancel();
  }

  get views(): string[] {
    return [...this.text.matchAll(/^data: (.*)$/gm)].map(([, data]) => data!);
  }
}

Deno.test("a viewer gets a view at once, and again when it has changed", async () => {
  const clock = new ManualClock();
  const streams = new LiveStreams(clock);
  let value = 1;
  const viewer = new Viewer(streams.open("a", [view(() => ({ value }))]));
  await clock.advance(0);
  assertEquals(viewer.views, ['{"value":1}']);
  await clock.advance(5_000);
  assertEquals(viewer.views.length, 1);
  value = 2;
  await clock.advance(1_000);
  assertEquals(viewer.views, ['{"value":1}', '{"value":2}']);
  await clock.advance(20_000);
  assert(viewer.text.includes(": alive\n\n"));
  streams.close();
  await clock.advance(0);
  assertEquals(viewer.ended, "closed");
});

Deno.test("a view that fails says so, and one of several lines stays one event", async () => {
  const clock = new ManualClock();
  const streams = new LiveStreams(clock);
  const failing = new Viewer(streams.open("a", [view(() => {
    throw new Error("no\nluck");
  })]));
  await clock.advance(0);
  assertEquals(failing.views, ['{"failed":"no\\nluck"}']);
  streams.close();
});

Deno.test("viewers of one view share the work, and nothing is made when nobody looks", async () => {
  const clock = new ManualClock();
  const streams = new LiveStreams(clock);
  let made = 0;
  const make = () => ({ made: ++made });
  const viewers = [1, 2, 3].map(() => new Viewer(streams.open("a", [view(make)])));
  await clock.advance(0);
  assertEquals(made, 1);
  await clock.advance(2_000);
  assertEquals(made, 3);
  for (const viewer of viewers) await viewer.cancel();
  assertEquals(streams.size, 0);
  await clock.advance(60_000);
  assertEquals(made, 3);
});

Deno.test("one viewer, and all together, have only so many streams", async () => {
  const streams = new LiveStreams(new ManualClock());
  const open = (identity: string) => streams.open(identity, [view(() => 1)]);
  const own = Array.from({ length: maxStreamsPerIdentity }, () => new Viewer(open("a")));
  assertEquals(open("a"), undefined);
  let others = 0;
  while (open(`other ${Math.floor(others / 4)}`) !== undefined) others++;
  assertEquals(others, maxStreams - maxStreamsPerIdentity);
  await own[0]!.cancel();
  assert(open("a") !== undefined);
  streams.close();
});

Deno.test("a viewer that does not read is cut, and others are not", async () => {
  const clock = new ManualClock();
  const streams = new LiveStreams(clock);
  let turn = 0;
  const make = () => `${++turn}${"x".repeat(1024 * 1024)}`;
  const slow = streams.open("slow", [view(make)])!;
  const other = new Viewer(streams.open("other", [view(make)]));
  await clock.advance(10_000);
  assertEquals(streams.size, 1);
  assert(other.views.length > 8 && other.ended === "open");
  const reader = slow.getReader();
  const cut = await reader.read().then(() => false, () => true);
  assert(cut, "the backlog is kept");
  streams.close();
});
