/**
 * Replays what is stored of one id through a definition, as recovery does, and compares the ways that
 * lead to the same state.
 *
 * @module
 */
import { Metadata } from "../persistence/metadata.ts";
import { metadataSections } from "../persistence/metadata_sections.ts";
import { PersistenceError } from "../persistence/errors.ts";
import type { Journal, StoredEvent, StoredSnapshot } from "../persistence/journal.ts";
import type { MadeDefinition } from "../persistence/made_definitions.ts";
import { Recovery } from "../persistence/recovery.ts";
import { StoredForm } from "../persistence/schema.ts";
import { describe } from "./describe.ts";
import { sameValue } from "./same_value.ts";

/** The part of a store that a rehearsal uses: nothing of it writes. */
export type RehearsedJournal = Pick<Journal, "read" | "loadSnapshot" | "readSlices">;

/** What is wrong with something that is stored. */
export interface LogProblem {
  /**
   * - `event`: an event is missing, corrupt, or cannot be read or applied.
   * - `snapshot`: a snapshot is corrupt or cannot be read: recovery would do without it.
   * - `state`: two ways to the same state lead to different ones, or the state cannot be stored.
   */
  readonly what: "event" | "snapshot" | "state";
  /** Number of the event, or of the last event in the snapshot or state. */
  readonly seq: number;
  /** What happened; its cause is what the program has thrown. */
  readonly error: PersistenceError;
}

/** What was found. */
export interface ReplayedLog {
  readonly events: number;
  readonly snapshots: number;
  readonly problems: readonly LogProblem[];
}

/** Replays one id. */
export async function replayLog(
  journal: RehearsedJournal,
  id: string,
  made: MadeDefinition,
): Promise<ReplayedLog> {
  const log = new RehearsedLog(id, made);
  if (made.needed === "last") {
    // Recovery reads the last state only.
    let last: StoredEvent | undefined;
    for await (const event of journal.read(id)) last = log.count(event);
    if (last !== undefined) log.replayLast(last);
    return log;
  }
  for (const snapshot of await snapshotsOf(journal, id)) log.addSnapshot(snapshot);
  for await (const event of journal.read(id)) log.replay(log.count(event));
  log.end();
  return log;
}

/** The oldest first. */
async function snapshotsOf(journal: RehearsedJournal, id: string): Promise<StoredSnapshot[]> {
  const found: StoredSnapshot[] = [];
  let next = await journal.loadSnapshot(id);
  while (next !== undefined) {
    found.push(next);
    next = await journal.loadSnapshot(id, next.seq - 1);
  }
  return found.reverse();
}

class RehearsedLog implements ReplayedLog {
  events = 0;
  snapshots = 0;
  readonly problems: LogProblem[] = [];
  readonly #id: string;
  readonly #made: MadeDefinition;
  readonly #form: StoredForm<unknown, unknown>;
  /** From the first event that is there. */
  readonly #whole: Recovery<unknown, unknown>;
  /** From the newest snapshot that can be read. */
  #tail: Recovery<unknown, unknown> | undefined;
  /** States of snapshots that can be read, by number; a Recovery goes on, so they are kept apart. */
  readonly #states = new Map<
    number,
    { readonly snapshot: StoredSnapshot; readonly state: unknown }
  >();
  #isBroken = false;
  #isDifferent = false;

  constructor(id: string, made: MadeDefinition) {
    this.#id = id;
    this.#made = made;
    this.#form = new StoredForm(made.definition.schema);
    this.#whole = this.#recovery();
  }

  #recovery(): Recovery<unknown, unknown> {
    const { initial, onEvent } = this.#made.definition;
    let metadata = new Metadata(metadataSections);
    const loadMetadata = (bytes: Uint8Array | undefined): void => {
      metadata = new Metadata(metadataSections);
      if (bytes !== undefined) metadata.load(bytes, this.#form.codec);
    };
    const reader = {
      readEvent: (payload: Uint8Array, version: number) => this.#form.readEvent(payload, version),
      readState: (payload: Uint8Array, version: number) => this.#form.readState(payload, version),
      apply: onEvent as (state: unknown, event: unknown) => unknown,
      readMetadata: (bytes: Uint8Array): void => {
        if (this.#made.needed === "last") loadMetadata(bytes);
        else metadata.read(bytes, this.#form.codec);
      },
      loadMetadata,
    };
    return new Recovery(this.#id, initial, reader);
  }

  count(event: StoredEvent): StoredEvent {
    this.events++;
    return event;
  }

  addSnapshot(snapshot: StoredSnapshot): void {
    this.snapshots++;
    const recovery = this.#recovery();
    const refused = recovery.useSnapshot(snapshot);
    if (refused !== undefined) return this.#add("snapshot", snapshot.seq, refused);
    this.#states.set(snapshot.seq, { snapshot, state: recovery.state });
    this.#tail = recovery;
  }

  replayLast(event: StoredEvent): void {
    this.#whole.startAt(event.seq);
    this.#next(this.#whole, event);
  }

  /** Takes the next event. */
  replay(event: StoredEvent): void {
    if (this.#isBroken) return this.#readOnly(event);
    if (this.#whole.seq === 0 && event.seq > 1) this.#startWithin(event.seq);
    // Events that a snapshot has made superfluous, and that are there all the same.
    if (event.seq <= this.#whole.seq) return;
    if (!this.#next(this.#whole, event)) return;
    const same = this.#states.get(event.seq);
    if (same !== undefined) this.#compare(same.state, `the snapshot at ${event.seq}`);
    const tail = this.#tail;
    if (tail !== undefined && event.seq === tail.seq + 1) this.#next(tail, event);
  }

  /** The first events are deleted: a snapshot stands for them. */
  #startWithin(seq: number): void {
    const at = [...this.#states.keys()].find((number) => number >= seq - 1);
    // Without one the gap is a problem, which the next event tells.
    if (at !== undefined) this.#whole.useSnapshot(this.#states.get(at)!.snapshot);
  }

  /** Both ways to the last state. */
  end(): void {
    const tail = this.#tail;
    if (this.#isBroken || this.#isDifferent || tail === undefined) return;
    if (tail.seq === this.#whole.seq && !this.#states.has(tail.seq)) {
      this.#compare(tail.state, "the newest snapshot and the events after it");
    }
  }

  #next(recovery: Recovery<unknown, unknown>, event: StoredEvent): boolean {
    try {
      recovery.next(event);
      return true;
    } catch (error) {
      this.#isBroken = true;
      this.#add("event", event.seq, asPersistenceError(error, this.#id, event.seq));
      return false;
    }
  }

  /** After a failure there is no state to apply events to; whether they can be read is known. */
  #readOnly({ seq, version, payload }: StoredEvent): void {
    try {
      if (payload.length > 0) this.#form.readEvent(payload, version);
    } catch (error) {
      this.#add("event", seq, asPersistenceError(error, this.#id, seq));
    }
  }

  /** Compares with the state of all events, as that would come out of a store. */
  #compare(state: unknown, what: string): void {
    const { seq } = this.#whole;
    let replayed: unknown;
    try {
      const { payload, version } = this.#form.writeState(this.#whole.state, 0);
      replayed = this.#form.readState(payload, version);
    } catch (cause) {
      this.#isDifferent = true;
      const error = new PersistenceError(
        "eventFailed",
        `${this.#id}: the state after event ${seq} cannot be stored`,
        { value: seq, place: { id: this.#id, seq }, cause },
      );
      return this.#add("state", seq, error);
    }
    if (sameValue(state, replayed)) return;
    this.#isDifferent = true;
    const error = new PersistenceError(
      "eventFailed",
      `${this.#id}: after event ${seq}, all events make ${describe(replayed)}, and ${what} ${
        describe(state)
      }`,
      {
        value: seq,
        place: { id: this.#id, seq },
        remedy: "give the state a higher schema version and upcastState, or let onEvent make of " +
          "old events what it made of them before",
      },
    );
    this.#add("state", seq, error);
  }

  #add(what: LogProblem["what"], seq: number, error: PersistenceError): void {
    this.problems.push({ what, seq, error });
  }
}

function asPersistenceError(error: unknown, id: string, seq: number): PersistenceError {
  if (error instanceof PersistenceError) return error;
  return new PersistenceError("corruptEvent", `${id}: event ${seq} cannot be read`, {
    value: seq,
    place: { id, seq },
    cause: error,
  });
}
