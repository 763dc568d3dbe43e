import { assert, assertEquals } from "@std/assert";
import { CommitPace } from "../../lib/persistence/sqlite/commit_pace.ts";

/** Sends all commits that may be sent; returns their sizes. */
function send(pace: CommitPace): number[] {
  const sizes: number[] = [];
  for (let count = pace.next(); count > 0; count = pace.next()) {
    pace.begin(count);
    sizes.push(count);
  }
  return sizes;
}

/**
 * Actors that write again as soon as their write is durable, beside a thread that needs 0.1 ms for a
 * commit and 0.001 ms for a write of it; the actors need 0.002 ms each. `first`: how many begin at a time,
 * 0.03 ms after each other. Returns the sizes of the last commits.
 */
function closedLoop(first: readonly number[], duration = 100): number[] {
  const pace = new CommitPace();
  const sizes: number[] = [];
  const due: { readonly at: number; readonly run: (now: number) => void }[] = [];
  let threadFree = 0;
  let actorsFree = 0;
  const at = (time: number, run: (now: number) => void) => {
    due.push({ at: time, run });
    due.sort((a, b) => a.at - b.at);
  };
  const sendMore = (now: number) => {
    for (const count of send(pace)) {
      sizes.push(count);
      const ms = 0.1 + 0.001 * count;
      threadFree = Math.max(threadFree, now + 0.02) + ms;
      at(threadFree + 0.02, (now) => onEnd(count, ms, now));
    }
  };
  const onEnd = (count: number, ms: number, now: number) => {
    pace.end(ms);
    actorsFree = Math.max(actorsFree, now) + 0.002 * count;
    at(actorsFree, (now) => {
      pace.add(count);
      sendMore(now);
    });
    if (pace.isDivided) sendMore(now);
    else at(actorsFree, sendMore);
  };
  first.forEach((count, n) =>
    at(0.03 * n, (now) => {
      pace.add(count);
      sendMore(now);
    })
  );
  for (let next = due.shift(); next !== undefined && next.at < duration; next = due.shift()) {
    next.run(next.at);
  }
  return sizes.slice(-10);
}

const times = (count: number, value: number) => Array<number>(count).fill(value);

Deno.test("with a fast disk, writes that come together are divided between two commits", () => {
  const pace = new CommitPace();
  pace.add(64);
  assertEquals(send(pace), [32, 32]);
  pace.add(100);
  assertEquals(pace.next(), 0);
  pace.end(0.3);
  assert(!pace.isIdle);
});

Deno.test("half of the actors that have come back are not divided again", () => {
  const pace = new CommitPace();
  pace.add(64);
  send(pace);
  // Both commits end before the actors of the first have gone on.
  pace.end(0.1);
  pace.end(0.2);
  pace.add(32);
  assertEquals(send(pace), [32]);
  pace.add(32);
  assertEquals(send(pace), [32]);
});

for (const first of [[64], [22, 22, 20], [60, 4], times(64, 1), times(8, 8)]) {
  Deno.test(`64 actors come to two equal commits: ${first.slice(0, 4)}${first.length > 4 ? ",..." : ""}`, () =>
    assertEquals(closedLoop(first), times(10, 32)));
}

for (const first of [[20], [7, 7, 6], [18, 2], times(20, 1)]) {
  Deno.test(`20 actors come to one commit: ${first.slice(0, 4)}${first.length > 4 ? ",..." : ""}`, () =>
    assertEquals(closedLoop(first), times(10, 20)));
}

Deno.test("a commit that would be much smaller than the one under way waits for more", () => {
  const pace = new CommitPace();
  pace.add(64);
  pace.begin(pace.next());
  pace.begin(pace.next());
  pace.end(0.1);
  pace.add(23);
  assertEquals(pace.next(), 0);
  pace.add(1);
  assertEquals(pace.next(), 24);
  pace.end(0.2);
  assertEquals(send(pace), [24]);
});

Deno.test("few writes share a commit; a write is sent at once if none is under way", () => {
  const pace = new CommitPace();
  pace.add(1);
  assertEquals(send(pace), [1]);
  pace.add(1);
  pace.add(2);
  assertEquals(send(pace), []);
  pace.end(0.1);
  assertEquals(send(pace), [3]);
});

Deno.test("when actors have become fewer, the writes of those are divided as well", () => {
  const pace = new CommitPace();
  pace.add(1_000);
  assertEquals(send(pace), [500, 500]);
  for (let n = 0; n < 1_000; n++) {
    pace.end(0.1);
    pace.add(32);
    send(pace);
  }
  while (!pace.isIdle) pace.end(0.1);
  pace.add(64);
  assertEquals(send(pace), [32, 32]);
});

Deno.test("with a slow disk, all writes share one commit; and it may become fast again", () => {
  const pace = new CommitPace();
  const commit = (ms: number | undefined) => {
    pace.add(1);
    pace.begin(1);
    pace.end(ms);
  };
  for (let n = 0; n < 20; n++) commit(5);
  pace.add(1_000);
  assert(!pace.isDivided);
  assertEquals(send(pace), [1_000]);
  pace.add(1_000);
  assertEquals(pace.next(), 0);
  pace.end(5);
  assert(pace.isIdle);
  assertEquals(send(pace), [1_000]);
  pace.end(5);
  // Those that fail tell nothing of the disk.
  for (let n = 0; n < 20; n++) commit(undefined);
  assert(!pace.isDivided);
  for (let n = 0; n < 20; n++) commit(0.2);
  pace.add(1_000);
  assert(pace.isDivided);
});

/** Commits of one write, `disk` ms each with a wait for the disk; returns which of them wait for it. */
function waits(pace: CommitPace, count: number, disk: number): boolean[] {
  return Array.from({ length: count }, () => {
    pace.add(1);
    const { isDurable } = pace;
    pace.begin(pace.next(), isDurable);
    pace.end(isDurable ? disk : 0.1);
    return isDurable;
  });
}

Deno.test("a fast disk is waited for within the commit, also when one copies the log", () => {
  const pace = new CommitPace();
  assert(waits(pace, 1_000, 0.2).every((isDurable) => isDurable));
  assertEquals(waits(pace, 1, 30), [true]);
  assert(waits(pace, 100, 0.2).every((isDurable) => isDurable));
});

Deno.test("a slow disk is waited for beside the next commit, and one commit in 17 tells of it", () => {
  const pace = new CommitPace();
  assertEquals(waits(pace, 10, 5).lastIndexOf(true), 2);
  const later = waits(pace, 170, 5);
  assertEquals(later.filter((isDurable) => isDurable).length, 10);
  // Its own commits stay divided: only what the thread does counts for them.
  pace.add(64);
  assertEquals(pace.next(), 32);
});

Deno.test("a disk that has become fast is waited for within the commit again", () => {
  const pace = new CommitPace();
  waits(pace, 1_000, 5);
  waits(pace, 500, 0.2);
  assert(waits(pace, 100, 0.2).every((isDurable) => isDurable));
});
