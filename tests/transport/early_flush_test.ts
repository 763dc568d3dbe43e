import { assert, assertEquals } from "@std/assert";
import { EarlyFlush } from "../../lib/transport/connection/early_flush.ts";

/** Queues `messages` of 100 bytes in one turn; returns how many each write takes, as if all end at once. */
function turn(early: EarlyFlush, messages: number): number[] {
  const writes: number[] = [];
  let queued = 0;
  for (let i = 0; i < messages; i++) {
    queued++;
    if (!early.isDue(queued, queued * 100)) continue;
    early.took(queued);
    writes.push(queued);
    queued = 0;
  }
  early.endTurn(queued);
  return queued > 0 ? [...writes, queued] : writes;
}

Deno.test("early flush: a short turn is one write", () => {
  const early = new EarlyFlush();
  for (let i = 0; i < 10; i++) assertEquals(turn(early, 31), [31]);
});

Deno.test("early flush: equal turns are halved from the second on", () => {
  const early = new EarlyFlush();
  assertEquals(turn(early, 256), [32, 224]);
  for (let i = 0; i < 10; i++) assertEquals(turn(early, 256), [128, 128]);
});

Deno.test("early flush: a small turn among large ones does not make their halves small", () => {
  const early = new EarlyFlush();
  turn(early, 256);
  for (let i = 0; i < 10; i++) {
    assertEquals(turn(early, 32), [32]);
    assertEquals(turn(early, 256).length, 2);
    const [first] = turn(early, 256);
    assertEquals(first, 128);
  }
});

Deno.test("early flush: turns that have become smaller are halved again after a while", () => {
  const early = new EarlyFlush();
  turn(early, 1_000);
  let turns = 1;
  while (turns < 100 && turn(early, 64).length < 2) turns++;
  assert(turns > 10 && turns < 50, `${turns} turns`);
});

Deno.test("early flush: a turn has at most one, however much it queues", () => {
  const early = new EarlyFlush();
  turn(early, 32);
  assertEquals(turn(early, 100_000), [32, 99_968]);
  // Half a segment of the queue is reached before half of as many messages.
  assertEquals(turn(early, 100_000), [1_352, 98_648]);
});
