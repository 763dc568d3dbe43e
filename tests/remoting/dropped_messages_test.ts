import { assert, assertEquals } from "@std/assert";
import { DroppedMessages } from "../../lib/remoting/dropped_messages.ts";
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
