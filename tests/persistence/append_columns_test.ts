import { assertEquals } from "@std/assert";
import fc from "fast-check";
import {
  columnsIn,
  entryColumns,
  eventColumns,
  noMetadata,
  noWake,
  packedOf,
  sameWake,
} from "../../lib/persistence/append_columns.ts";
import type { AppendEntry } from "../../lib/persistence/mod.ts";

/** The entries that columns were made of. */
function entriesOf(packed: Uint8Array<ArrayBuffer>): AppendEntry[] {
  const { ids, entries, events, tags, bytes } = columnsIn(packed);
  let event = 0;
  let start = 0;
  return ids.map((id, n) => {
    const [expectedSeq, epoch, count, wake] = entries.subarray(
      entryColumns * n,
      entryColumns * (n + 1),
    );
    return {
      id,
      expectedSeq: expectedSeq!,
      epoch: epoch!,
      ...(wake !== sameWake && { wake: wake === noWake ? null : wake! }),
      events: Array.from({ length: count! }, () => {
        const [at, version, checksum, length, more] = events.subarray(
          eventColumns * event,
          eventColumns * (event + 1),
        );
        const payload = bytes.slice(start, start += length!);
        const metadata = more === noMetadata ? undefined : bytes.slice(start, start += more!);
        const own = tags?.[event];
        event++;
        return {
          at: at!,
          version: version!,
          checksum: checksum!,
          payload,
          ...(metadata && { metadata }),
          ...(typeof own === "string" && { tags: JSON.parse(own) }),
        };
      }),
    };
  });
}

const optional = { noNullPrototype: true, requiredKeys: ["at", "version", "checksum", "payload"] };
const number = fc.nat(Number.MAX_SAFE_INTEGER);
const event = fc.record({
  at: number,
  version: fc.nat(65_535),
  checksum: fc.nat(0xffff_ffff),
  payload: fc.uint8Array({ maxLength: 300 }),
  metadata: fc.uint8Array({ maxLength: 50 }),
  tags: fc.array(fc.string({ unit: "binary" })),
}, optional as never);
const entry = fc.record({
  id: fc.string({ unit: "binary" }),
  expectedSeq: number,
  epoch: number,
  events: fc.array(event, { minLength: 1, maxLength: 5 }),
  wake: fc.option(number),
}, { noNullPrototype: true, requiredKeys: ["id", "expectedSeq", "epoch", "events"] } as never);

Deno.test("entries are the same after they were packed", () => {
  fc.assert(fc.property(fc.array(entry, { minLength: 1, maxLength: 20 }), (entries) => {
    assertEquals(entriesOf(packedOf(entries as never)), entries as never);
  }));
});
