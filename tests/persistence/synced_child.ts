/**
 * Appends to SQLite, one event after the other, and prints `acknowledged N` when the store has
 * acknowledged it. Arguments: the file, the option `synchronous`, how many events, and whether commits wait
 * for the disk themselves.
 *
 * @module
 */
import { crc32c } from "../../lib/persistence/crc32c.ts";
import { openSqliteJournal } from "../../lib/persistence/sqlite/sqlite_journal.ts";
import { platform } from "../../lib/runtime/platform.ts";
import { systemClock } from "../../lib/runtime/system_clock.ts";
import { systemStorage } from "../../lib/runtime/system_storage.ts";

const [file, synchronous, count, inCommits] = Deno.args as [
  string,
  "FULL" | "NORMAL",
  string,
  string,
];
const encoder = new TextEncoder();
const payload = encoder.encode("event");
const event = { payload, version: 0, at: 1, checksum: crc32c(payload) };

const journal = await openSqliteJournal(file, { synchronous }, {
  threads: platform.threads,
  clock: systemClock,
  storage: systemStorage,
  waitsInCommits: inCommits === "true",
});
await journal.open("a", 1);
Deno.stdout.writeSync(encoder.encode("opened\n"));
for (let n = 0; n < Number(count); n++) {
  await journal.append([{ id: "a", expectedSeq: n, epoch: 1, events: [event] }]);
  Deno.stdout.writeSync(encoder.encode(`acknowledged ${n + 1}\n`));
}
await journal.close();
