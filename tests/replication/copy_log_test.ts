import { assertEquals } from "@std/assert";
import { memoryJournal } from "../../lib/persistence/memory_journal.ts";
import type { CopyableJournal } from "../../lib/persistence/copyable_journal.ts";
import { CopyLog } from "../../lib/replication/copy_log.ts";

Deno.test("records of how shards begin are stored one after another when several ask at once", async () => {
  const journal = memoryJournal() as CopyableJournal;
  const log = new CopyLog(journal, "carts", () => 1_790_000_000_000);
  const { store } = await log.load(2);
  const records = [1, 2, 3].map((count) => ({
    stores: Array.from({ length: count }, (_, n) => ({ address: `node-${n}:25520`, store: n + 1 })),
    closed: false,
  }));
  // Two shards and the type itself.
  await Promise.all([
    log.write(0, [{ type: "bootstrap", record: records[0]! }]),
    log.write(1, [{ type: "bootstrap", record: records[1]! }]),
    log.saveBootstrap(records[2]!),
  ]);
  const again = await new CopyLog(journal, "carts", () => 1_800_000_000_000).load(2);
  assertEquals([again.store, again.bootstrap], [store, records[2]!]);
});
