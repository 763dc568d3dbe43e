import { assert, assertEquals } from "@std/assert";
import { mergeBootstrap, noBootstrap } from "../../lib/replication/bootstrap_record.ts";
import { applyStoreOperation, noCopy } from "../../lib/replication/copy_record.ts";
import {
  blocksReads,
  isReadSet,
  isWriteSet,
  type ReplicaConfig,
  type StoreId,
} from "../../lib/replication/replica_config.ts";
import { ShardLog } from "../../lib/replication/shard_log.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

function logOf(...epochs: number[]): ShardLog {
  const log = new ShardLog();
  for (const epoch of epochs) log.append(log.next(epoch, bytes(`${log.last.index}`)));
  return log;
}

Deno.test("a log numbers its entries across epochs, and chains them", () => {
  const log = logOf(1, 1, 4);
  assertEquals(log.after(0, 9, 999).map(({ epoch, index }) => [epoch, index]), [
    [1, 1],
    [1, 2],
    [4, 3],
  ]);
  const other = logOf(1, 2, 4);
  assertEquals(other.at(1)!.chain, log.at(1)!.chain);
  assert(other.at(2)!.chain !== log.at(2)!.chain, "the epoch is in the chain");
  assert(other.at(3)!.chain !== log.at(3)!.chain, "and all before is");
});

Deno.test("a log is trimmed at the front and cut at the end, and keeps its positions", () => {
  const log = logOf(1, 1, 4, 4, 4);
  const chains = [1, 2, 3, 4, 5].map((index) => log.at(index)!.chain);
  log.trimTo(2);
  log.cutAfter(4);
  assertEquals([log.base.index, log.base.epoch, log.base.chain], [2, 1, chains[1]]);
  assertEquals([log.last.index, log.last.chain], [4, chains[3]]);
  assertEquals(log.at(1), undefined);
  assertEquals(log.bytes, 2);
  log.trimTo(9);
  assertEquals([log.base.index, log.last.index, log.bytes], [4, 4, 0]);
});

Deno.test("a log that is trimmed again and again stays what it is", () => {
  const log = new ShardLog();
  const whole = new ShardLog();
  for (let index = 1; index <= 500; index++) {
    const entry = log.next(1 + Math.floor(index / 50), bytes(`${index}`));
    log.append(entry);
    whole.append(entry);
    if (index % 3 === 0) log.trimTo(index - 20);
    if (index % 7 !== 0) continue;
    log.cutAfter(index - 5);
    whole.cutAfter(index - 5);
    for (let i = index - 4; i <= index; i++) {
      const again = log.next(1 + Math.floor(index / 50), bytes(`again ${i}`));
      log.append(again);
      whole.append(again);
    }
    assertEquals(log.last, whole.last);
    const from = log.base.index;
    const kept = whole.after(from, 99, 9_999);
    assertEquals(log.after(from, 99, 9_999), kept);
    assertEquals(log.bytes, kept.reduce((sum, { payload }) => sum + payload.length, 0));
    assertEquals(log.at(from)?.chain, whole.at(from)?.chain);
  }
});

Deno.test("the last entry that two logs may share is found by epochs", () => {
  const log = logOf(1, 1, 4, 4, 7);
  assertEquals(log.lastUpTo(9, 5)!.index, 4);
  assertEquals(log.lastUpTo(3, 3)!.index, 2);
  assertEquals(log.lastUpTo(3, 0)!.index, 0);
  log.trimTo(3);
  assertEquals(log.lastUpTo(2, 7), undefined, "it was cut off");
});

Deno.test("a batch has at least one entry, and no more bytes than it may", () => {
  const log = new ShardLog();
  for (const size of [10, 10, 10]) log.append(log.next(1, new Uint8Array(size)));
  assertEquals(log.after(0, 9, 5).length, 1);
  assertEquals(log.after(0, 9, 25).length, 2);
  assertEquals(log.after(0, 1, 25).length, 1);
  assertEquals(log.after(3, 9, 25).length, 0);
});

const store = (address: string): StoreId => ({ address, store: 1 });

/** All subsets of some stores, as predicates. */
function subsets(stores: readonly StoreId[]): ((id: StoreId) => boolean)[] {
  return Array.from(
    { length: 2 ** stores.length },
    (_, bits) => (id: StoreId) =>
      (bits >> stores.findIndex(({ address }) => address === id.address) & 1) === 1,
  );
}

Deno.test("each read set shares a copy with each write set, for every size and while sets change", () => {
  const all = ["a", "b", "c", "d", "e"].map(store);
  let pairs = 0;
  for (let size = 1; size <= 4; size++) {
    for (let minAcks = 0; minAcks < size; minAcks++) {
      const old = { inSync: all.slice(0, size), minAcks };
      const configs: ReplicaConfig[] = [
        { ...old, version: [1, 0] },
        { inSync: all.slice(1, 5), minAcks: 2, version: [1, 1], previous: [old] },
      ];
      for (const config of configs) {
        const writes = subsets(all).filter((has) => isWriteSet(config, has));
        const reads = subsets(all).filter((has) => isReadSet(config, has));
        assert(reads.length > 0);
        for (const written of writes) {
          for (const read of reads) {
            pairs++;
            assert(all.some((id) => written(id) && read(id)));
            // A reader of the set before learns of the change.
            if (config.previous !== undefined) {
              assert(old.inSync.some((id) => written(id) && read(id)));
            }
          }
        }
      }
    }
  }
  assert(pairs > 500);
});

Deno.test("stores that block reads share one with each read set of those that are left", () => {
  const all = ["a", "b", "c", "d"].map(store);
  for (let minAcks = 0; minAcks < 4; minAcks++) {
    const config = { inSync: all, minAcks, version: [1, 0] as const };
    for (const isGone of subsets(all)) {
      for (const has of subsets(all)) {
        const reads = subsets(all).filter((read) =>
          isReadSet(config, read) && !all.some((id) => read(id) && isGone(id))
        );
        const meets = reads.every((read) => all.some((id) => read(id) && has(id)));
        const blocks = blocksReads(config, isGone, has);
        if (blocks) assert(meets);
        // Of gone stores alone nobody can tell.
        if (meets && reads.length > 0) assert(blocks);
      }
    }
  }
});

Deno.test("bootstrap records grow, and end when they are closed", () => {
  const one = mergeBootstrap(noBootstrap, { stores: [store("b")], closed: false });
  const two = mergeBootstrap(one, { stores: [store("a"), store("b")], closed: false });
  assertEquals(two.stores.map(({ address }) => address), ["a", "b"]);
  assert(mergeBootstrap(two, one) === two, "nothing new");
  const closed = mergeBootstrap(two, { stores: [], closed: true });
  assertEquals(closed, { stores: [], closed: true });
  assert(mergeBootstrap(closed, two) === closed);
});

Deno.test("what a store has follows from its operations, in order", () => {
  const log = logOf(1, 1, 4);
  const entries = log.after(0, 9, 999);
  let record = applyStoreOperation(noCopy, { type: "entries", entries });
  record = applyStoreOperation(record, { type: "cut", after: 2 });
  record = applyStoreOperation(record, { type: "trim", upTo: 1 });
  assertEquals(record.base.index, 1);
  assertEquals(record.entries.map(({ index }) => index), [2]);
  const at = { epoch: 4, index: 3, chain: 5 };
  record = applyStoreOperation(record, { type: "reset", at });
  record = applyStoreOperation(record, { type: "chunk", bytes: bytes("x"), cursor: "k" });
  assertEquals(record.filling, { at, cursor: "k" });
  assertEquals([record.generation, record.entries.length, record.acked], [1, 0, 0]);
  record = applyStoreOperation(record, { type: "filled" });
  assertEquals([record.filling, record.acked, record.base.index], [undefined, 3, 3]);
});
