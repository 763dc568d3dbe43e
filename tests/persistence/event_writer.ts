import { crc32c } from "../../lib/persistence/crc32c.ts";
import type { Journal } from "../../lib/persistence/mod.ts";
import { StoredForm } from "../../lib/persistence/schema.ts";

const form = new StoredForm<unknown, never>();

/** Writes events of actors to a journal without the actors. */
export class EventWriter {
  readonly #journal: Journal;
  readonly #logs = new Map<string, { epoch: number; lastSeq: number }>();

  constructor(journal: Journal) {
    this.#journal = journal;
  }

  /** Appends events of one id, in one entry. */
  async write(id: string, events: readonly unknown[], tags?: readonly string[]): Promise<void> {
    let log = this.#logs.get(id);
    if (log === undefined) this.#logs.set(id, log = await this.#journal.open(id, undefined));
    const [result] = await this.#journal.append([{
      id,
      expectedSeq: log.lastSeq,
      epoch: log.epoch,
      events: events.map((event) => ({
        ...form.writeEvent(event, 1_000),
        ...(tags !== undefined && { tags }),
      })),
    }]);
    if (result?.outcome !== "appended") throw new Error(`${id}: ${result?.outcome}`);
    this.#logs.set(id, { ...log, lastSeq: result.lastSeq });
  }

  /** Appends an event that has only entries of the metadata. */
  async writeMetadata(id: string): Promise<void> {
    const log = this.#logs.get(id) ?? await this.#journal.open(id, undefined);
    const [payload, metadata] = [new Uint8Array(), new Uint8Array([1])];
    const checksum = crc32c(metadata, crc32c(payload));
    const events = [{ payload, metadata, checksum, version: 0, at: 1_000 }];
    const { epoch, lastSeq: expectedSeq } = log;
    const [result] = await this.#journal.append([{ id, expectedSeq, epoch, events }]);
    if (result?.outcome !== "appended") throw new Error(`${id}: ${result?.outcome}`);
    this.#logs.set(id, { epoch, lastSeq: result.lastSeq });
  }
}
