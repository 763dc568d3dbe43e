import { assert, assertEquals } from "@std/assert";
import { CommitPace } from "../../lib/persistence/sqlite/commit_pace.ts";

Deno.test("with a fast disk, writes that come together are divided between two commits", () => {
  const pace = new CommitPace();
  assertEquals(pace.next(64), 32);
  pace.begin(0);
  assert(pace.maySend);
  assertEquals(pace.next(32), 32);
  pace.begin(0);
  assert(!pace.maySend);
  pace.end(0.3);
  assert(pace.maySend && !pace.isIdle);
  // One is under way: what waits now goes together.
  assertEquals(pace.next(40), 40);
});

Deno.test("few writes share a commit", () => {
  assertEquals(new CommitPace().next(15), 15);
});

Deno.test("with a slow disk, all writes share one commit; and it may become fast again", () => {
  const pace = new CommitPace();
  let now = 0;
  const commit = (duration: number) => {
    pace.begin(now);
    now += duration;
    pace.end(now);
  };
  for (let n = 0; n < 20; n++) commit(5);
  assert(pace.isSlow);
  assertEquals(pace.next(1_000), 1_000);
  pace.begin(now);
  assert(!pace.maySend);
  pace.end(now += 5);
  assert(pace.isIdle);
  for (let n = 0; n < 20; n++) commit(0.2);
  assert(!pace.isSlow);
  assertEquals(pace.next(1_000), 500);
});

Deno.test("the duration of a commit does not contain that of the one before it", () => {
  const pace = new CommitPace();
  // Always two under way, each of which takes 0.8 ms.
  pace.begin(0);
  pace.begin(0);
  for (let now = 0.8; now < 40; now += 0.8) {
    pace.end(now);
    pace.begin(now);
  }
  assert(!pace.isSlow);
});
