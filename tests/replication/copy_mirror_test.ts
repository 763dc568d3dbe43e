import { assertEquals } from "@std/assert";
import {
  applyStoreOperation,
  type CopyRecord,
  noCopy,
  type StoreOperation,
} from "../../lib/replication/copy_record.ts";
import { CopyMirror } from "../../lib/replication/copy_mirror.ts";
import type { LogEntry } from "../../lib/replication/shard_log.ts";
import { SeededRandom } from "../../lib/testkit/seeded_random.ts";

const entry = (index: number): LogEntry => ({
  epoch: 1,
  index,
  chain: index,
  payload: new Uint8Array([index]),
});

Deno.test("the mirror of a copy is what its operations make, whatever their order", () => {
  for (let seed = 1; seed <= 50; seed++) {
    const random = new SeededRandom(seed);
    const below = (count: number) => Math.floor(random.next() * count);
    let record: CopyRecord = noCopy;
    const mirror = new CopyMirror(record);
    for (let step = 0; step < 200; step++) {
      const { base, entries } = record;
      const last = (entries.at(-1) ?? base).index;
      const some = base.index + below(last - base.index + 1);
      const operations: StoreOperation[] = [
        {
          type: "entries",
          entries: Array.from({ length: below(8) }, (_, n) => entry(last + n + 1)),
        },
        { type: "trim", upTo: some },
        { type: "applied", upTo: some },
        { type: "promise", epoch: step },
      ];
      if (some > record.acked) operations.push({ type: "cut", after: some });
      if (record.filling === undefined && below(10) === 0) {
        const { epoch, index, chain } = entry(last + below(20));
        operations.push({ type: "reset", at: { epoch, index, chain } });
      } else if (record.filling !== undefined) {
        operations.push({ type: "chunk", bytes: new Uint8Array(), cursor: `${step}` });
        operations.push({ type: "filled" });
      }
      const operation = operations[below(operations.length)]!;
      record = applyStoreOperation(record, operation);
      mirror.apply(operation);
      assertEquals(mirror.record, record, `seed ${seed}, ${operation.type}`);
      if (below(20) === 0) mirror.restore(record);
    }
  }
});
