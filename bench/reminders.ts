/**
 * Reminders in an SQLite file: how late they are, and what is in memory.
 * `deno run -A --v8-flags=--expose-gc bench/reminders.ts [reminders] [seconds]`
 *
 * All of them are due within an hour, evenly; the service looks for `seconds`. Each actor that it calls
 * is an append which ends its work. Exits with 1 if the 99th percentile is 1 s or more, or if 10 000 ids
 * were in memory at once.
 *
 * @module
 */
import { maxKept } from "../lib/persistence/due/due_ids.ts";
import { DueService } from "../lib/persistence/due/due_service.ts";
import { sliceShare } from "../lib/persistence/due/slice_share.ts";
import { crc32c } from "../lib/persistence/crc32c.ts";
import { type AppendEntry, sqliteJournal } from "../lib/persistence/mod.ts";
import { systemClock } from "../lib/runtime/system_clock.ts";
import { loadAverage, machine } from "./report.ts";

const count = Number(Deno.args[0] ?? 1_000_000);
const seconds = Number(Deno.args[1] ?? 30);
const span = 3_600_000;
/** Entries in one call. */
const batch = 5_000;

const payload = new TextEncoder().encode("reminder");
const checksum = crc32c(payload);
const gc = (globalThis as { gc?: () => void }).gc;

function entry(id: string, expectedSeq: number, wake: number | null): AppendEntry {
  const event = { payload, version: 0, at: Date.now(), checksum };
  return { id, expectedSeq, epoch: 1, events: [event], wake };
}

function heap(): number {
  gc?.();
  return Deno.memoryUsage().heapUsed;
}

const folder = await Deno.makeTempDir();
const journal = await sqliteJournal(`${folder}/reminders.db`, { maxWaiting: 100_000 });
const filled = performance.now();
const base = Date.now() + 60_000;
/** The time of each, known from its number. */
const wakeOf = (number: number) => base + Math.floor(number * span / count);
for (let from = 0; from < count; from += batch) {
  const entries: AppendEntry[] = [];
  for (let n = from; n < Math.min(from + batch, count); n++) {
    entries.push(entry(`timer|${n}`, 0, wakeOf(n)));
  }
  await journal.append(entries);
}
console.log(
  `${machine()}, load ${loadAverage()}: ${count} reminders stored in ` +
    `${((performance.now() - filled) / 1_000).toFixed(1)} s`,
);

// The clock of the bench begins when all are stored.
const offset = base - Date.now();
const clock = {
  now: () => systemClock.now(),
  wallTime: () => Date.now() + offset,
  schedule: systemClock.schedule.bind(systemClock),
  defer: systemClock.defer.bind(systemClock),
  yield: systemClock.yield.bind(systemClock),
};
const before = heap();
const late: number[] = [];
let [most, calls] = [0, 0];
const service = new DueService({
  clock,
  interval: 1_000,
  journal,
  share: () => sliceShare(["self"], "self"),
  wake: (ids) => {
    calls += ids.length;
    most = Math.max(most, service.size);
    for (const id of ids) {
      const wake = wakeOf(Number(id.slice("timer|".length)));
      journal.append([entry(id, 1, null)]).then(([result]) => {
        if (result!.outcome === "appended") late.push(clock.wallTime() - wake);
      });
    }
  },
  log: (message, fields) => console.log(message, fields),
});
await new Promise((resolve) => setTimeout(resolve, seconds * 1_000));
service.close();
await new Promise((resolve) => setTimeout(resolve, 500));
late.sort((a, b) => a - b);
const at = (share: number) => late[Math.floor(late.length * share)] ?? NaN;
const due = Math.floor(count * seconds * 1_000 / span);
console.log(
  `${late.length} of ${due} due reminders handled in ${seconds} s (${calls} calls): late by p50 ` +
    `${at(0.5)} ms, p99 ${at(0.99)} ms, max ${
      late.at(-1)
    } ms; at most ${most} ids in memory, heap ` +
    `${((heap() - before) / 1_048_576).toFixed(1)} MB more`,
);
await journal.close();
await Deno.remove(folder, { recursive: true });
const isRight = late.length >= due * 0.95 && at(0.99) < 1_000 && most < maxKept;
if (!isRight) {
  console.log("a target is missed");
  Deno.exit(1);
}
