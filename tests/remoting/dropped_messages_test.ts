import { assert, assertEquals } from "@std/assert";
import v8 from "node:v8";
import vm from "node:vm";
import { type DroppedMessage, DroppedMessages } from "../../lib/remoting/dropped_messages.ts";
import { ManualClock } from "../../lib/testkit/manual_clock.ts";
import type { LongRead } from "../../lib/transport/connection/read_turns.ts";

/** Messages that are named by their client. */
class Scene {
  readonly manual = new ManualClock();
  readonly #later: (() => void)[] = [];
  readonly clock = Object.assign(Object.create(this.manual) as ManualClock, {
    now: () => this.manual.now(),
    yield: (run: () => void) => void this.#later.push(run),
  });
  /** `"<turn> <to>"` */
  readonly read: string[] = [];
  readonly givenUp: string[] = [];
  turn = 0;
  readonly queue = new DroppedMessages({
    clock: this.clock,
    maxBytes: 1_000,
    read: ({ to }) => {
      const values = Number(to.split("*")[1] ?? 1);
      if (values <= 10_000) {
        this.read.push(`${this.turn} ${to}`);
        return values;
      }
      return this.#long(to, values);
    },
    giveUp: ({ to }) => void this.givenUp.push(to),
  });

  #long(to: string, values: number): LongRead {
    let left = values;
    const { read } = this;
    const turn = () => this.turn;
    return {
      get done() {
        return left <= 0;
      },
      step: () => {
        left -= 16_384;
        if (left <= 0) read.push(`${turn()} ${to}`);
        return 16_384;
      },
    };
  }

  add(to: string, size = 10): void {
    this.queue.add({ to, payload: new Uint8Array(size) });
  }

  nextTurn(): void {
    this.turn++;
    this.#later.shift()?.();
  }
}

Deno.test("few values of dropped messages are read at once, in order", () => {
  const it = new Scene();
  for (let i = 0; i < 50; i++) it.add(`m${i}`);
  assertEquals(it.read, Array.from({ length: 50 }, (_, i) => `0 m${i}`));
  assertEquals(it.queue.bytes, 0);
});

Deno.test("many values of dropped messages are read in turns, in order, and within bounds", async () => {
  const it = new Scene();
  for (const to of ["a*10000", "b*10000", "c*40000", "d", "e*10000"]) it.add(to);
  assertEquals(it.read, ["0 a*10000", "0 b*10000"]);
  // What waits is bounded; one message may be larger than the bound.
  it.add("large", 2_000);
  it.add("f", 900);
  it.add("g", 200);
  assertEquals([it.givenUp, it.queue.bytes], [["large", "g"], 930]);
  let isDone = false;
  const done = it.queue.done().then(() => isDone = true);
  for (let i = 0; i < 3; i++) it.nextTurn();
  await it.manual.advance(0);
  assertEquals(isDone, false);
  for (let i = 3; i < 8; i++) it.nextTurn();
  await done;
  assertEquals(it.read.map((line) => line.split(" ")[1]), [
    "a*10000",
    "b*10000",
    "c*40000",
    "d",
    "e*10000",
    "f",
  ]);
  const turns = it.read.map((line) => Number(line.split(" ")[0]));
  assert(turns[2]! > 1 && turns.at(-1)! > 3, it.read.join(", "));
  await it.manual.advance(10);
  it.add("larger", 2_000);
  assertEquals(it.read.at(-1), "8 larger");
});

Deno.test("a message that is dropped while another is reported lost is read after it", async () => {
  const clock = new ManualClock();
  const read: string[] = [];
  let steps = 0;
  const queue: DroppedMessages<DroppedMessage> = new DroppedMessages({
    clock,
    maxBytes: 1_000,
    read: ({ to }) => {
      let done = false;
      return {
        get done() {
          return done;
        },
        step: () => {
          assert(++steps < 10, "a step began within a step");
          // The report to the asker is dropped at once, since its queue is full.
          if (to === "a") queue.add({ to: "report", payload: new Uint8Array(10) });
          read.push(to);
          done = true;
          return 1;
        },
      };
    },
    giveUp: () => {},
  });
  queue.add({ to: "a", payload: new Uint8Array(10) });
  assertEquals([read, steps, queue.bytes], [["a", "report"], 2, 0]);
  await queue.done();
});

Deno.test("dropped messages that were read are not kept while others wait", async () => {
  v8.setFlagsFromString("--expose-gc");
  const gc = vm.runInNewContext("gc") as () => void;
  const it = new Scene();
  const read: WeakRef<Uint8Array>[] = [];
  const add = (to: string) => {
    const payload = new Uint8Array(100);
    read.push(new WeakRef(payload));
    it.queue.add({ to, payload });
  };
  for (let i = 0; i < 5; i++) add("m*10000");
  // One comes for each that is read, so that some wait always.
  while (it.read.length < 200) {
    const before = it.read.length;
    it.nextTurn();
    for (let i = before; i < it.read.length; i++) add("m*10000");
    assert(it.queue.bytes > 0);
  }
  // What was looked at stays alive until the turn of the event loop has ended.
  await new Promise((resolve) => setTimeout(resolve));
  gc();
  const kept = read.slice(0, it.read.length).filter((ref) => ref.deref() !== undefined);
  assertEquals(kept.length, 0);
});
