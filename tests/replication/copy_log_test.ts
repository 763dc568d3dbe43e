import { assertEquals, assertRejects } from "@std/assert";
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

Deno.test("copies that are read again after a failed attempt have each entry once", async () => {
  const journal = memoryJournal() as CopyableJournal;
  const writer = new CopyLog(journal, "carts", () => 1_790_000_000_000);
  await writer.load(12);
  const entry = (index: number) => ({ epoch: 1, index, chain: index, payload: new Uint8Array(1) });
  for (const shard of [1, 11]) {
    await writer.write(shard, [{ type: "entries", entries: [entry(1), entry(2)] }]);
  }
  let failures = 1;
  const failing = new Proxy(journal, {
    get(target, name) {
      const value = target[name as keyof CopyableJournal] as unknown;
      if (typeof value !== "function") return value;
      return (id: string, ...rest: unknown[]) => {
        if (name === "loadSnapshot" && id.endsWith("/11") && failures-- > 0) {
          return Promise.reject(new Error("the disk"));
        }
        return value.call(target, id, ...rest);
      };
    },
  });
  const log = new CopyLog(failing, "carts", () => 1_800_000_000_000);
  await assertRejects(() => log.load(12), Error, "the disk");
  const { copies } = await log.load(12);
  assertEquals(
    copies.map(({ shard, record }) => [shard, record.entries.map(({ index }) => index)]),
    [[1, [1, 2]], [11, [1, 2]]],
  );
});
