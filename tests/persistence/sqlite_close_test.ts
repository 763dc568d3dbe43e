import { assertEquals, assertRejects } from "@std/assert";
import { crc32c } from "../../lib/persistence/crc32c.ts";
import { type Journal, PersistenceError } from "../../lib/persistence/mod.ts";
import {
  openSqliteJournal,
  type SqliteRuntime,
} from "../../lib/persistence/sqlite/sqlite_journal.ts";
import { platform } from "../../lib/runtime/platform.ts";
import { systemStorage } from "../../lib/runtime/system_storage.ts";
import type { ThreadPort } from "../../lib/runtime/platform_port.ts";
import { ManualClock } from "../../lib/testkit/manual_clock.ts";
import { HeldDisk } from "./held_disk.ts";

/** Threads that can hang: they take no message any more, as one whose disk does not answer. */
class HangingThreads implements ThreadPort {
  hang = false;
  /** Commits are carried out, and told to have failed. */
  failCommits = false;
  /** Answers to writes are not given, until they are released. */
  held: (() => void)[] | undefined;
  terminated = 0;

  async start(...[url, name, handlers]: Parameters<ThreadPort["start"]>) {
    const onMessage = (message: unknown) => {
      const failed = { type: "failed", code: "outcomeUnknown", message: "the commit has failed" };
      const give = () => handlers.onMessage(this.failCommits ? failed : message);
      const { value } = message as { readonly value?: unknown };
      const isWritten = typeof value === "object" && value !== null && "results" in value;
      if (isWritten && this.held !== undefined) this.held.push(give);
      else give();
    };
    const thread = await platform.threads.start(url, name, { ...handlers, onMessage });
    return {
      post: (message: unknown) => {
        if (!this.hang) thread.post(message);
      },
      terminate: () => {
        this.terminated++;
        thread.terminate();
      },
    };
  }

  parent(): never {
    throw new Error("not called here");
  }
}

async function withJournal(
  run: (journal: Journal, threads: HangingThreads, clock: ManualClock) => Promise<void>,
  storage: SqliteRuntime["storage"] = systemStorage,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  const threads = new HangingThreads();
  const clock = new ManualClock();
  try {
    const journal = await openSqliteJournal(`${folder}/journal.db`, {}, {
      threads,
      clock,
      storage,
      waitsInCommits: true,
    });
    await run(journal, threads, clock);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const payload = new TextEncoder().encode("event");
const event = { payload, version: 0, at: 1, checksum: crc32c(payload) };
const append = (journal: Journal, id: string) =>
  journal.append([{ id, expectedSeq: 0, epoch: 1, events: [event] }]);

/** What has become of a promise: "pending", "done" or the code of its error. */
function follow(promise: Promise<unknown>): () => string {
  let state = "pending";
  promise.then(() => state = "done", (error) => state = error.code);
  return () => state;
}

Deno.test("SQLite: a store whose thread hangs is closed after 5 s for each thread, and reads end", () =>
  withJournal(async (journal, threads, clock) => {
    threads.hang = true;
    const read = follow(journal.loadSnapshot("a"));
    const closed = follow(journal.close());
    await clock.advance(9_999);
    assertEquals([read(), closed(), threads.terminated], ["pending", "pending", 1]);
    await clock.advance(1);
    assertEquals([read(), closed(), threads.terminated], ["storeUnavailable", "done", 2]);
  }));

Deno.test("SQLite: a commit that hangs when the store is closed is unknown, and what waits is refused", () =>
  withJournal(async (journal, threads, clock) => {
    threads.hang = true;
    const first = follow(append(journal, "a"));
    await clock.advance(0);
    const second = follow(append(journal, "b"));
    const closed = follow(journal.close());
    const again = follow(journal.close());
    await clock.advance(59_999);
    assertEquals([first(), second(), closed()], ["pending", "pending", "pending"]);
    await clock.advance(1);
    assertEquals([first(), second(), closed()], ["outcomeUnknown", "storeUnavailable", "pending"]);
    await clock.advance(10_000);
    assertEquals([closed(), again(), threads.terminated], ["done", "done", 2]);
    await assertRejects(() => append(journal, "c"), PersistenceError, "was closed");
  }));

Deno.test("SQLite: a commit that has waited for the disk in vain ends the store", () =>
  withJournal(async (journal, threads) => {
    await append(journal, "a");
    threads.failCommits = true;
    const first = append(journal, "b");
    assertEquals((await assertRejects(() => first, PersistenceError)).code, "outcomeUnknown");
    threads.failCommits = false;
    const later = await assertRejects(() => append(journal, "c"), PersistenceError);
    assertEquals(later.code, "storeUnavailable");
    assertEquals(journal.failure?.includes("a wait for the disk has failed"), true);
    await assertRejects(() => journal.loadSnapshot("a"), PersistenceError, "has ended");
    await journal.close();
  }));

Deno.test("SQLite: a commit is unknown if a wait for the disk has failed while it was under way", () => {
  const disk = new HeldDisk();
  return withJournal(async (journal, threads) => {
    await append(journal, "a");
    threads.held = [];
    const written = append(journal, "b");
    disk.failOnce(new Error("the disk has failed"));
    await assertRejects(() => journal.loadSnapshot("a"), PersistenceError, "has failed");
    for (const give of threads.held.splice(0)) give();
    threads.held = undefined;
    assertEquals((await assertRejects(() => written, PersistenceError)).code, "outcomeUnknown");
    await journal.close();
  }, disk.storage);
});
