import { noWake, sameWake } from "../append_columns.ts";
import { type AppendEntry, sliceOf } from "../journal.ts";
import { bytesArray, int4Array, int8Array, textArray } from "./binary_arrays.ts";

/** The values of the statement `append`. `entries` are in the order of their ids. */
export function appendValues(entries: readonly AppendEntry[]): unknown[] {
  const ids: string[] = [];
  const [expected, epochs, counts, wakes]: number[][] = [[], [], [], []];
  const [owners, seqs, times, versions, checksums]: number[][] = [[], [], [], [], []];
  const payloads: Uint8Array[] = [];
  const metadataValues: (Uint8Array | null)[] = [];
  const allTags: (string | null)[] = [];
  let [hasMetadata, hasTags] = [false, false];
  for (let n = 0; n < entries.length; n++) {
    const { id, expectedSeq, epoch, events, wake } = entries[n]!;
    ids.push(id);
    expected!.push(expectedSeq);
    epochs!.push(epoch);
    counts!.push(events.length);
    wakes!.push(wake === undefined ? sameWake : wake === null ? noWake : Math.floor(wake));
    let seq = expectedSeq;
    for (const { at, version, checksum, payload, metadata, tags } of events) {
      owners!.push(n + 1);
      seqs!.push(++seq);
      times!.push(at);
      versions!.push(version);
      checksums!.push(checksum);
      payloads.push(payload);
      metadataValues.push(metadata ?? null);
      allTags.push(tags === undefined ? null : JSON.stringify(tags));
      hasMetadata ||= metadata !== undefined;
      hasTags ||= tags !== undefined;
    }
  }
  return [
    textArray(ids),
    int8Array(expected!),
    int8Array(epochs!),
    int4Array(counts!),
    int8Array(wakes!),
    int4Array(owners!),
    int8Array(seqs!),
    int8Array(times!),
    int4Array(versions!),
    int8Array(checksums!),
    bytesArray(payloads),
    // `unnest` fills what is shorter with nulls.
    bytesArray(hasMetadata ? metadataValues : []),
    textArray(hasTags ? allTags : []),
  ];
}

/** The values of the statement `makeHeads`. */
export function headValues(ids: readonly string[]): unknown[] {
  const sorted = [...ids].sort();
  return [textArray(sorted), int4Array(sorted.map(sliceOf))];
}
