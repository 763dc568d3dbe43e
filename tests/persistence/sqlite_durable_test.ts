import { DatabaseSync } from "node:sqlite";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { crc32c } from "../../lib/persistence/crc32c.ts";
import {
  type Journal,
  PersistenceError,
  sliceCount,
  sqliteJournal,
} from "../../lib/persistence/mod.ts";
import { ManualClock } from "../../lib/testkit/manual_clock.ts";
import { HeldDisk } from "./held_disk.ts";

const payload = new TextEncoder().encode("event");
const event = { payload, version: 0, at: 1, checksum: crc32c(payload) };

const append = (journal: Journal, id: string, expectedSeq: number) =>
  journal.append([{ id, expectedSeq, epoch: 1, events: [event] }]);

/** What has become of a call: "pending", its value, or the code of its error. */
function follow<T>(promise: Promise<T>): { state: "pending" | T | string } {
  const followed: { state: "pending" | T | string } = { state: "pending" };
  promise.then((value) => followed.state = value, (error) => followed.state = error.code);
  return followed;
}

const lastSeqOf = async (journal: Journal, id: string) => {
  let last = 0;
  for await (const { seq } of journal.read(id)) last = seq;
  return last;
};

const slices = { from: 0, to: sliceCount - 1 };
const countOf = async (journal: Journal) =>
  (await journal.readSlices({ slices, after: new Map() })).events.length;

async function withFolder(run: (path: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await run(`${folder}/journal.db`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Until another connection finds so many events in the file: they are committed. */
async function untilCommitted(path: string, count: number): Promise<void> {
  const database = new DatabaseSync(path, { readOnly: true });
  const rows = database.prepare("select count(*) as n from casty_events");
  while ((rows.get() as { n: number }).n < count) await new Promise((go) => setTimeout(go, 1));
  database.close();
}

/** Several turns of the event loop and answers of both threads. */
async function settle(journal: Journal): Promise<void> {
  const pending = follow(journal.loadSnapshot("nobody"));
  for (let n = 0; n < 20 && pending.state === "pending"; n++) {
    await new Promise((go) => setTimeout(go, 2));
  }
}

Deno.test("SQLite: while the disk is waited for the next commits are carried out, and not acknowledged", () =>
  withFolder(async (path) => {
    const disk = new HeldDisk();
    const journal = await disk.journal(path);
    await journal.open("a", 1);
    const before = disk.begun;
    disk.hold();
    const first = follow(append(journal, "a", 0));
    await untilCommitted(path, 1);
    const others = ["b", "c"].map((id) => follow(append(journal, id, 0)));
    await untilCommitted(path, 3);
    await settle(journal);
    assertEquals([first, ...others].map(({ state }) => state), Array(3).fill("pending"));
    assertEquals(disk.begun - before, 1);
    disk.release();
    await append(journal, "a", 1);
    for (const { state } of [first, ...others]) {
      assertEquals(state, [{ outcome: "appended", lastSeq: 1 }]);
    }
    await journal.close();
  }));

Deno.test("SQLite: no answer rests on what the disk has not: reads, refusals and conflicts wait for it", () =>
  withFolder(async (path) => {
    const disk = new HeldDisk();
    const journal = await disk.journal(path);
    await journal.open("a", 1);
    await append(journal, "a", 0);
    assertEquals([await lastSeqOf(journal, "a"), await countOf(journal)], [1, 1]);
    // The disk has all that they see: they do not wait.
    disk.hold();
    assertEquals([await lastSeqOf(journal, "a"), await countOf(journal)], [1, 1]);
    const written = follow(append(journal, "a", 1));
    await untilCommitted(path, 2);
    const answers: Record<string, { state: unknown }> = {
      events: follow(lastSeqOf(journal, "a")),
      slices: follow(countOf(journal)),
      conflict: follow(append(journal, "a", 0)),
      opened: follow(journal.open("a", 1)),
      due: follow(journal.readDue({ slices, before: 0, limit: 1 })),
    };
    await settle(journal);
    for (const [name, { state }] of Object.entries({ written, ...answers })) {
      assertEquals(state, "pending", name);
    }
    disk.release();
    await append(journal, "z", 0);
    await lastSeqOf(journal, "z");
    assertEquals(answers.events!.state, 2);
    assertEquals(answers.slices!.state, 2);
    assertEquals(answers.conflict!.state, [{ outcome: "conflict", lastSeq: 2 }]);
    assertEquals(answers.opened!.state, { epoch: 1, lastSeq: 2 });
    await journal.close();
  }));

Deno.test("SQLite: a store waits for the disk before it shows what another process has committed", () =>
  withFolder(async (path) => {
    const disks = [new HeldDisk(), new HeldDisk()];
    const [one, other] = [await disks[0]!.journal(path), await disks[1]!.journal(path)];
    await one.open("a", 1);
    await append(one, "a", 0);
    assertEquals(await lastSeqOf(other, "a"), 1);
    for (const disk of disks) disk.hold();
    const written = follow(append(one, "a", 1));
    await untilCommitted(path, 2);
    const read = follow(lastSeqOf(other, "a"));
    const conflict = follow(append(other, "a", 1));
    await settle(other);
    assertEquals([written.state, read.state, conflict.state], Array(3).fill("pending"));
    // Its own wait is enough: the log is the same file.
    disks[1]!.release();
    await append(other, "b", 0);
    await lastSeqOf(other, "b");
    assertEquals([read.state, conflict.state], [2, [{ outcome: "conflict", lastSeq: 2 }]]);
    disks[0]!.release();
    await one.close();
    await other.close();
  }));

Deno.test("SQLite: a commit that waits for the disk itself, and has nothing to write, waits for what it has seen", () =>
  withFolder(async (path) => {
    const disks = [new HeldDisk(), new HeldDisk()];
    const one = await disks[0]!.journal(path);
    const other = await disks[1]!.journal(path, undefined, { waitsInCommits: true });
    await other.open("a", 1);
    await append(other, "a", 0);
    for (const disk of disks) disk.hold();
    const written = follow(append(one, "a", 1));
    await untilCommitted(path, 2);
    const conflict = follow(append(other, "a", 1));
    const opened = follow(other.open("a", 1));
    await settle(other);
    const states = [written.state, conflict.state, opened.state];
    assertEquals(states, Array(3).fill("pending"));
    disks[1]!.release();
    // It has something to write: SQLite waits for the disk.
    await append(other, "b", 0);
    await other.open("a", 1);
    assertEquals(conflict.state, [{ outcome: "conflict", lastSeq: 2 }]);
    assertEquals(opened.state, { epoch: 1, lastSeq: 2 });
    disks[0]!.release();
    await one.close();
    await other.close();
  }));

Deno.test("SQLite: a failed wait for the disk ends the store, is not repeated, and all that wait are unknown", () =>
  withFolder(async (path) => {
    const disk = new HeldDisk();
    const journal = await disk.journal(path);
    await journal.open("a", 1);
    await append(journal, "a", 0);
    disk.hold();
    const writes = [follow(append(journal, "a", 1))];
    await untilCommitted(path, 2);
    writes.push(follow(append(journal, "b", 0)));
    await untilCommitted(path, 3);
    const read = follow(lastSeqOf(journal, "a"));
    await settle(journal);
    const { begun } = disk;
    disk.failOnce(new Error("input/output error"));
    disk.release();
    const refusal = await assertRejects(async () => {
      for (;;) await append(journal, "c", 0);
    }, PersistenceError) as PersistenceError;
    assert(refusal.code === "outcomeUnknown" || refusal.code === "storeUnavailable", refusal.code);
    assertEquals(writes.map(({ state }) => state), ["outcomeUnknown", "outcomeUnknown"]);
    assertEquals(read.state, "storeUnavailable");
    assert(journal.failure!.includes("wait for the disk has failed"), journal.failure);
    for (
      const call of [
        () => append(journal, "d", 0),
        () => journal.open("a", undefined),
        () => lastSeqOf(journal, "a"),
        () => countOf(journal),
      ]
    ) {
      const error = await assertRejects(call, PersistenceError) as PersistenceError;
      assertEquals(error.code, "storeUnavailable");
    }
    assertEquals(disk.begun, begun, "the failed wait was not repeated");
    await journal.close();
    // A store that is opened anew finds what is there, has it written again, and goes on.
    const again = await sqliteJournal(path);
    assertEquals((await again.open("a", 1)).lastSeq, 2);
    await append(again, "a", 2);
    await again.close();
  }));

Deno.test("SQLite: a wait for the disk that takes longer than 60 s leaves a write unknown", () =>
  withFolder(async (path) => {
    const disk = new HeldDisk();
    const clock = new ManualClock();
    const journal = await disk.journal(path, clock);
    disk.hold();
    const begun = Promise.withResolvers<void>();
    disk.onBegin = begun.resolve;
    const written = follow(append(journal, "a", 0));
    await clock.advance(0);
    await begun.promise;
    await clock.advance(59_999);
    assertEquals(written.state, "pending");
    await clock.advance(1);
    assertEquals(written.state, "outcomeUnknown");
    disk.release();
    await journal.close();
  }));

Deno.test("SQLite: close waits for the disk", () =>
  withFolder(async (path) => {
    const disk = new HeldDisk();
    const journal = await disk.journal(path);
    disk.hold();
    const begun = Promise.withResolvers<void>();
    disk.onBegin = begun.resolve;
    const written = follow(append(journal, "a", 0));
    await begun.promise;
    const closed = follow(journal.close());
    for (let n = 0; n < 20; n++) await new Promise((go) => setTimeout(go));
    assertEquals([written.state, closed.state], ["pending", "pending"]);
    disk.release();
    await journal.close();
    assertEquals(written.state, [{ outcome: "appended", lastSeq: 1 }]);
  }));

Deno.test("SQLite: the log of the file that a link names is waited for, and its folder", () =>
  withFolder(async (path) => {
    const folder = path.slice(0, path.lastIndexOf("/"));
    await Deno.mkdir(`${folder}/real`);
    await Deno.writeFile(`${folder}/real/bank.db`, new Uint8Array());
    await Deno.symlink(`${folder}/real/bank.db`, path);
    const disk = new HeldDisk();
    const journal = await disk.journal(path);
    await append(journal, "a", 0);
    const real = await Deno.realPath(`${folder}/real`);
    assertEquals([disk.opened, disk.folders], [[`${real}/bank.db-wal`], [real]]);
    assertEquals(disk.begun, 2, "once at the start, and once for the commit");
    await journal.close();
  }));

Deno.test("SQLite: at its start a store writes anew what the log has, and waits for the disk", () =>
  withFolder(async (path) => {
    const before = new HeldDisk();
    const journal = await before.journal(path);
    before.hold();
    append(journal, "a", 0).catch(() => {});
    await untilCommitted(path, 1);
    // As after a kill: committed, and nobody has waited for the disk.
    const copy = `${path}.copy`;
    await Deno.copyFile(path, copy);
    await Deno.copyFile(`${path}-wal`, `${copy}-wal`);
    const disk = new HeldDisk();
    const found = await disk.journal(copy);
    assertEquals(disk.begun, 1);
    // Not only in the log.
    await Deno.copyFile(copy, `${copy}.alone`);
    const alone = new DatabaseSync(`${copy}.alone`);
    assertEquals({ ...alone.prepare("select count(*) as n from casty_events").get() }, { n: 1 });
    alone.close();
    assertEquals(await lastSeqOf(found, "a"), 1);
    await found.close();
    before.release();
    await journal.close();
  }));
