import { assert, assertEquals } from "@std/assert";
import { crc32c } from "../../lib/persistence/crc32c.ts";
import type { AppendEntry } from "../../lib/persistence/journal.ts";
import { copyableMemoryJournal } from "../../lib/persistence/memory_journal.ts";
import { CopyContent } from "../../lib/replication/copy_content.ts";
import { maxHeads } from "../../lib/replication/journal_heads.ts";
import { decodeOperation } from "../../lib/replication/log_form.ts";
import { ShardJournal } from "../../lib/replication/shard_journal.ts";
import { ManualClock } from "../../lib/testkit/manual_clock.ts";

const epoch = 7;

/** A journal whose log has one copy: what is proposed is acknowledged and applied at once. */
class OneCopy {
  readonly clock = new ManualClock();
  readonly content = new CopyContent(copyableMemoryJournal());
  readonly journal: ShardJournal;
  /** While it is false nothing is in the content. */
  applies = true;
  #index = 0;
  #applied: Promise<void> = Promise.resolve();
  #unapplied: Uint8Array[] = [];

  constructor() {
    this.journal = new ShardJournal({
      name: "copy",
      clock: this.clock,
      content: () => this.content,
      holdsLease: () => true,
      propose: (payload) => {
        this.#unapplied.push(payload);
        return ++this.#index;
      },
      flush: () => {
        const index = this.#index;
        this.clock.defer(() => {
          this.journal.acknowledged(index);
          if (this.applies) this.apply();
        });
      },
      waitsFor: () => "",
      isInMotion: () => false,
    });
    this.journal.granted(epoch);
    this.journal.opened(epoch, 0);
  }

  apply(): void {
    const index = this.#index;
    const operations = this.#unapplied.map((payload) => decodeOperation(payload));
    this.#unapplied = [];
    this.#applied = this.#applied.then(() => this.content.apply(operations)).then(() => {
      this.journal.applied(index);
    });
  }
}

const entry = (id: string, expectedSeq: number, of = epoch): AppendEntry => {
  const payload = new Uint8Array([1]);
  return {
    id,
    expectedSeq,
    epoch: of,
    events: [{ payload, version: 0, at: 0, checksum: crc32c(payload) }],
  };
};

const appended = async ({ journal }: OneCopy, entries: readonly AppendEntry[]) =>
  (await journal.append(entries)).map((result) =>
    `${result.outcome} ${"lastSeq" in result ? result.lastSeq : ""}`
  );

Deno.test("the heads of cold ids are forgotten, and are known again when they are written", async () => {
  const copy = new OneCopy();
  const count = 3 * maxHeads;
  for (let at = 0; at < count; at++) {
    const { lastSeq } = await copy.journal.open(`id-${at}`, epoch);
    assertEquals(lastSeq, 0);
    assertEquals(await appended(copy, [entry(`id-${at}`, 0)]), ["appended 1"]);
  }
  assert(copy.journal.headsKept <= maxHeads + 1, `${copy.journal.headsKept} heads`);
  // Two writes of one turn, in order, to one that was forgotten, and one to another.
  const three = await Promise.all([
    appended(copy, [entry("id-0", 1)]),
    appended(copy, [entry("id-0", 2)]),
    appended(copy, [entry("id-1", 1)]),
  ]);
  assertEquals(three, [["appended 2"], ["appended 3"], ["appended 2"]]);
  assertEquals(await appended(copy, [entry("id-2", 0)]), ["conflict 1"]);
  // A writer of an earlier grant has to open the id first.
  assertEquals(await appended(copy, [entry("id-3", 1, epoch - 1)]), ["conflict 0"]);
  assertEquals((await copy.journal.open("id-4", epoch)).lastSeq, 1);
});

Deno.test("a head that the content does not have yet is not forgotten", async () => {
  const copy = new OneCopy();
  const ids = Array.from({ length: 2 * maxHeads }, (_, at) => `id-${at}`);
  for (const id of ids) await copy.journal.open(id, epoch);
  copy.applies = false;
  for (const id of ids) {
    copy.journal.applied(0);
    await copy.journal.append([entry(id, 0)]).catch(() => {});
  }
  const [early] = ids;
  assertEquals(await appended(copy, [entry(early!, 1)]), ["appended 2"]);
});

Deno.test("a content that cannot be read fails the writes that need it, and no others", async () => {
  const copy = new OneCopy();
  for (let at = 0; at < 2 * maxHeads + 10; at++) {
    await copy.journal.open(`id-${at}`, epoch);
    await appended(copy, [entry(`id-${at}`, 0)]);
  }
  const { head } = copy.content;
  copy.content.head = () => Promise.reject(new Error("torn"));
  const failed = await copy.journal.append([entry("id-0", 1)]).catch(({ code }) => code);
  assertEquals(failed, "storeUnavailable");
  assertEquals(await appended(copy, [entry(`id-${2 * maxHeads + 9}`, 1)]), ["appended 2"]);
  copy.content.head = head;
  assertEquals(await appended(copy, [entry("id-0", 1)]), ["appended 2"]);
});
