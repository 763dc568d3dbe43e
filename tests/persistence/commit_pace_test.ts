import { assert, assertEquals } from "@std/assert";
import { CommitPace } from "../../lib/persistence/sqlite/commit_pace.ts";

/** Sends all commits that may be sent while so many writes wait; returns their sizes. */
function send(pace: CommitPace, waiting: number, now: number): number[] {
  const sizes: number[] = [];
  for (;;) {
    const count = pace.next(waiting);
    if (count === 0) return sizes;
    waiting -= count;
    pace.begin(count, waiting, now);
    sizes.push(count);
  }
}

Deno.test("with a fast disk, writes that come together are divided between two commits", () => {
  const pace = new CommitPace();
  assertEquals(send(pace, 64, 0), [32, 32]);
  assertEquals(pace.next(100), 0);
  pace.end(0.3);
  assert(!pace.isIdle);
  assertEquals(send(pace, 32, 0.3), [32]);
});

Deno.test("half of the actors that have come back are not divided again", () => {
  const pace = new CommitPace();
  send(pace, 64, 0);
  // Both commits end before the actors of the first have gone on.
  pace.end(0.1);
  pace.end(0.2);
  assertEquals(send(pace, 32, 0.2), [32]);
  assertEquals(send(pace, 32, 0.2), [32]);
});

Deno.test("commits of different sizes become equal", () => {
  const pace = new CommitPace();
  let now = 0;
  const underWay = [50, 14];
  pace.begin(50, 14, now);
  pace.begin(14, 0, now);
  let waiting = 0;
  for (let n = 0; n < 4; n++) {
    pace.end(now += 0.1);
    // The actors of a commit write again at once.
    waiting += underWay.shift()!;
    for (const size of send(pace, waiting, now)) {
      underWay.push(size);
      waiting -= size;
    }
  }
  assertEquals(underWay, [32, 32]);
});

Deno.test("a commit that would be much smaller than the one under way waits for more", () => {
  const pace = new CommitPace();
  pace.begin(32, 0, 0);
  assertEquals(pace.next(1), 0);
  assertEquals(pace.next(15), 0);
  assertEquals(pace.next(16), 16);
  pace.end(0.1);
  assertEquals(pace.next(1), 1);
});

Deno.test("what one actor has written does not wait for what another one has", () => {
  const pace = new CommitPace();
  assertEquals(send(pace, 1, 0), [1]);
  assertEquals(send(pace, 1, 0), [1]);
});

Deno.test("few writes share a commit", () => {
  assertEquals(new CommitPace().next(15), 15);
});

Deno.test("when actors have become fewer, the writes of those are divided as well", () => {
  const pace = new CommitPace();
  let now = 0;
  send(pace, 1_000, now);
  pace.end(now);
  pace.end(now);
  assertEquals(pace.next(64), 64);
  for (let n = 0; n < 1_000; n++) {
    for (const _ of send(pace, 64, now)) pace.end(now += 0.1);
  }
  assertEquals(pace.next(64), 32);
});

Deno.test("with a slow disk, all writes share one commit; and it may become fast again", () => {
  const pace = new CommitPace();
  let now = 0;
  const commit = (duration: number) => {
    pace.begin(1, 0, now);
    now += duration;
    pace.end(now);
  };
  for (let n = 0; n < 20; n++) commit(5);
  assert(pace.isSlow);
  assertEquals(pace.next(1_000), 1_000);
  pace.begin(1_000, 0, now);
  assertEquals(pace.next(1_000), 0);
  pace.end(now += 5);
  assert(pace.isIdle);
  for (let n = 0; n < 20; n++) commit(0.2);
  assert(!pace.isSlow);
  assertEquals(pace.next(1_000), 500);
});

Deno.test("the duration of a commit does not contain that of the one before it", () => {
  const pace = new CommitPace();
  // Always two under way, each of which takes 0.8 ms.
  pace.begin(1, 0, 0);
  pace.begin(1, 0, 0);
  for (let now = 0.8; now < 40; now += 0.8) {
    pace.end(now);
    pace.begin(1, 0, now);
  }
  assert(!pace.isSlow);
});
