/**
 * The metadata of a durable actor: what the library keeps for it besides its own state, such as the numbers
 * of messages that it has handled, and messages that are to be delivered. Its entries are stored with
 * the events of the command that has made them, in the same append: both are there, or neither. It is
 * replayed in recovery, and saved with snapshots.
 *
 * It has sections, one for each kind of entries. Entries and sections are plain data; their form
 * belongs to the section. Pure: no clock, no chance, no input.
 *
 * To add a kind: implement {@linkcode MetadataSection}, and add it to `sections` in `metadata_sections.ts`.
 *
 * @module
 */
import type { ActorRef } from "../actor/ref/ref.ts";
import type { Codec } from "../wire/codec.ts";
import { PersistenceError } from "./errors.ts";
import { readStored, writeStored } from "./stored_codec.ts";

/** The form of what this program writes. */
const version = 1;
/** Names it in errors. */
const theMetadata = "the messages, marks and reminders of an actor, or one of them,";

/** The name of a kind of entries in what is stored: never changed, and never given to another. */
export type MetadataKind = "inbox" | "outbox" | "reminders";

/** An entry: plain data, whose form the section knows. */
export interface MetadataEntry {
  /** The section that it belongs to. */
  readonly kind: MetadataKind;
  /** Plain data. */
  readonly entry: unknown;
}

/** The entries of one kind, applied. Pure. */
export interface MetadataSection {
  /**
   * Applies an entry: one that this incarnation makes, or one that is read in recovery.
   *
   * @throws if a stored entry has another form: it is taken for corrupt.
   */
  apply(entry: unknown): void;
  /** All of it as plain data, for a snapshot; undefined: nothing is in it. */
  save(): unknown;
  /** The opposite of {@linkcode MetadataSection.save}, on a new section. Throws as `apply` does. */
  load(saved: unknown): void;
  /**
   * When the actor has work by what is in it: milliseconds since 1970, 0 for at once; undefined: none.
   * Stored with the entries, so that an actor which does not run is started for it.
   */
  readonly wake: number | undefined;
}

/** How the sections of metadata are made. */
export type MetadataSections = Readonly<Record<MetadataKind, () => MetadataSection>>;

/** Where an entry will be stored. */
export interface EntryPlace {
  /** The number of the event that it comes with: no other command of this actor ever has it. */
  readonly seq: number;
  /** How many entries of the same kind precede it in the same command. */
  readonly position: number;
  /** Milliseconds since 1970. */
  readonly at: number;
  /** A number in [0, 1). */
  readonly random: () => number;
  /** The actor that writes it. */
  readonly owner: EntryOwner;
}

/** What a request for an entry can know of its actor. */
export interface EntryOwner {
  /** The persistence id. */
  readonly id: string;
  /** Messages that may wait in its outbox. */
  readonly maxMessages: number;
  /**
   * The address of a receiver as it is stored.
   *
   * @throws {PersistenceError} code `badReceiver`.
   */
  addressOf(ref: ActorRef<never>): string;
}

/** A request of a command for an entry: made into one when the command is stored. */
export interface EntryRequest<in S = never> {
  /** The section that it goes to. */
  readonly kind: MetadataKind;
  /**
   * Makes the entry. Changes nothing. What it throws fails the command, of which nothing is stored.
   *
   * @param section with all entries of earlier commands, and none of this one.
   * @param state of the actor, with the events of the command.
   */
  make(section: MetadataSection, place: EntryPlace, state: S): unknown;
}

/** See the module's text. One for each incarnation. */
export class Metadata {
  readonly #sections: MetadataSections;
  /** Made when they are first used: most actors have none. */
  #made: Map<MetadataKind, MetadataSection> | undefined = undefined;

  /** An empty metadata. */
  constructor(sections: MetadataSections) {
    this.#sections = sections;
  }

  /** A section; undefined if nothing has been written to it. */
  existing(kind: MetadataKind): MetadataSection | undefined {
    return this.#made?.get(kind);
  }

  /** A section, made if there is none. */
  section(kind: MetadataKind): MetadataSection {
    const made = this.#made ??= new Map();
    let section = made.get(kind);
    if (section === undefined) made.set(kind, section = this.#sections[kind]());
    return section;
  }

  /** Applies an entry. */
  apply({ kind, entry }: MetadataEntry): void {
    this.section(kind).apply(entry);
  }

  /** When the actor has work; null: it has none. */
  get wake(): number | null {
    let soonest: number | null = null;
    for (const { wake } of this.#made?.values() ?? []) {
      if (wake !== undefined && (soonest === null || wake < soonest)) soonest = wake;
    }
    return soonest;
  }

  /** Applies the entries that were stored with an event. */
  read(bytes: Uint8Array, codec: Codec): void {
    for (const { kind, entry } of entriesOf(bytes, codec)) {
      // The section of a program that knew more kinds.
      if (!Object.hasOwn(this.#sections, kind)) throw unknownKind(kind);
      this.section(kind).apply(entry);
    }
  }

  /** The whole metadata in bytes; undefined if nothing is in it. The bytes are not used again. */
  save(codec: Codec): Uint8Array | undefined {
    const parts: unknown[] = [version];
    for (const [kind, section] of this.#made ?? []) {
      const saved = section.save();
      if (saved !== undefined) parts.push(kind, saved);
    }
    return parts.length === 1 ? undefined : writeStored(codec, parts, theMetadata).slice();
  }

  /** Replaces all by what {@linkcode Metadata.save} has made. */
  load(bytes: Uint8Array, codec: Codec): void {
    const made = new Map<MetadataKind, MetadataSection>();
    for (const { kind, entry } of entriesOf(bytes, codec)) {
      if (!Object.hasOwn(this.#sections, kind)) throw unknownKind(kind);
      const section = this.#sections[kind]();
      section.load(entry);
      made.set(kind, section);
    }
    this.#made = made;
  }
}

/** Entries in bytes, to be stored with an event. The bytes are not used again. */
export function writeEntries(entries: readonly MetadataEntry[], codec: Codec): Uint8Array {
  const parts: unknown[] = [version];
  for (const { kind, entry } of entries) parts.push(kind, entry);
  return writeStored(codec, parts, theMetadata).slice();
}

/** The entries in bytes. */
export function entriesOf(bytes: Uint8Array, codec: Codec): MetadataEntry[] {
  const parts = readStored(codec, bytes);
  if (!Array.isArray(parts) || parts.length % 2 !== 1) throw new TypeError("this is no metadata");
  if (parts[0] !== version) {
    throw new PersistenceError(
      "futureVersion",
      `metadata of version ${parts[0]} is stored, and this program knows ${version}`,
      { value: parts[0], remedy: "run the program that wrote it, or a newer one" },
    );
  }
  const entries: MetadataEntry[] = [];
  for (let at = 1; at < parts.length; at += 2) {
    entries.push({ kind: parts[at] as MetadataKind, entry: parts[at + 1] });
  }
  return entries;
}

function unknownKind(kind: unknown): PersistenceError {
  return new PersistenceError(
    "futureVersion",
    `the stored metadata has entries of the kind ${
      JSON.stringify(kind)?.slice(0, 40)
    }, which this ` +
      `program does not know`,
    { value: kind, remedy: "run the program that wrote it, or a newer one" },
  );
}
