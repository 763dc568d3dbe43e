import { DatabaseSync } from "node:sqlite";
import { assert, assertEquals } from "@std/assert";
import { crc32c } from "../../lib/persistence/crc32c.ts";
import { SeededRandom } from "../../lib/testkit/seeded_random.ts";
import { HeldDisk } from "./held_disk.ts";

const sector = 512;
const ids = Array.from({ length: 12 }, (_, n) => `p|${n}`);

const eventOf = (id: string, seq: number) => {
  const payload = new TextEncoder().encode(`${id} ${seq} ${"x".repeat(200)}`);
  return { payload, version: 0, at: 1, checksum: crc32c(payload) };
};

/**
 * What a disk may have of a log after the power has failed: the sectors of the last successful wait, and of
 * what was written since any, others as they were, or nothing that makes sense.
 *
 * The first sector is the new one: SQLite waits for it itself before it writes on a log from its beginning.
 */
function afterPowerLoss(durable: Uint8Array, now: Uint8Array, random: SeededRandom): Uint8Array {
  const bytes = now.slice(0, random.next() < 0.3 ? Math.max(durable.length, sector) : now.length);
  for (let at = sector; at < bytes.length; at += sector) {
    const end = Math.min(at + sector, bytes.length);
    const isChanged = end > durable.length ||
      !bytes.subarray(at, end).every((byte, n) => byte === durable[at + n]);
    if (!isChanged || random.next() < 0.5) continue;
    if (end <= durable.length) bytes.set(durable.subarray(at, end), at);
    else bytes.fill(Math.floor(256 * random.next()), at, end);
  }
  return bytes;
}

Deno.test("SQLite: when the power fails, every acknowledged event is there, and none twice", async () => {
  const folder = await Deno.makeTempDir();
  const random = new SeededRandom(7);
  const disk = new HeldDisk();
  const file = `${folder}/journal.db`;
  const journal = await disk.journal(file);
  // The bytes of the log when a wait began are durable when it has succeeded.
  let atBegin = new Uint8Array();
  let durable = await Deno.readFile(`${file}-wal`);
  disk.onBegin = () => atBegin = Deno.readFileSync(`${file}-wal`);
  disk.onEnd = () => durable = atBegin;
  for (const id of ids) await journal.open(id, 1);

  const acknowledged = new Map(ids.map((id) => [id, 0]));
  let isEnding = false;
  const writers = ids.map(async (id) => {
    for (let last = 0; !isEnding; last++) {
      const events = [eventOf(id, last + 1)];
      await journal.append([{ id, expectedSeq: last, epoch: 1, events }]);
      acknowledged.set(id, last + 1);
    }
  });
  let lost = 0;
  try {
    for (let crash = 0; crash < 40; crash++) {
      const before = Math.max(...acknowledged.values());
      while (Math.max(...acknowledged.values()) < before + 3) {
        await new Promise((go) => setTimeout(go));
      }
      if (crash % 3 === 2) {
        // The log begins anew with the next commit. SQLite waits for it before it copies it to the file.
        const lock = new DatabaseSync(file, { timeout: 10_000 });
        lock.exec("begin immediate");
        durable = atBegin = Deno.readFileSync(`${file}-wal`);
        const other = new DatabaseSync(file, { timeout: 10_000 });
        other.exec("pragma wal_checkpoint(passive)");
        other.close();
        lock.close();
      }
      // No acknowledgement comes in between: all of this is one turn.
      const promised = new Map(acknowledged);
      const copy = `${folder}/crash-${crash}.db`;
      Deno.copyFileSync(file, copy);
      const now = Deno.readFileSync(`${file}-wal`);
      if (now.length !== durable.length || !now.every((byte, n) => byte === durable[n])) lost++;
      Deno.writeFileSync(`${copy}-wal`, afterPowerLoss(durable, now, random));
      const database = new DatabaseSync(copy);
      assertEquals({ ...database.prepare("pragma integrity_check").get() }, {
        integrity_check: "ok",
      });
      for (const [id, last] of promised) {
        const found = database.prepare(
          "select e.seq, e.payload from casty_events e join casty_logs l on l.log = e.log " +
            "where l.id = ? order by e.position",
        ).all(id) as { seq: number; payload: Uint8Array }[];
        for (const [index, { seq, payload }] of found.entries()) {
          assertEquals([seq, payload], [index + 1, eventOf(id, seq).payload]);
        }
        const { length } = found;
        assert(length >= last, `crash ${crash}, ${id}: ${length} of ${last} acknowledged events`);
      }
      database.close();
      assert(now.length < 4_000 * 4_096, "SQLite has not copied the log by itself");
      for (const name of [copy, `${copy}-wal`, `${copy}-shm`]) {
        await Deno.remove(name).catch(() => {});
      }
    }
  } finally {
    isEnding = true;
    await Promise.allSettled(writers);
    await journal.close();
    await Deno.remove(folder, { recursive: true });
  }
  assert(lost > 5, `the log had more than the disk at ${lost} of 40 crashes`);
});
