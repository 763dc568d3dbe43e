/**
 * The messages of other durable actors that one has handled: of each sender the highest number. Messages
 * of one sender are handled in the order of their numbers, so all up to that one were handled.
 *
 * Marks are bounded. When there are too many, the oldest go, and the floor rises to the newest message
 * that one of them stood for. Argument: the times of a sender's messages never fall as their numbers
 * grow. A message that was handled and has lost its mark is therefore not above the floor; so a message
 * above it, of a sender without a mark, was never handled. One that is not above it may have been: it is
 * refused, and its sender parks it. No clock of the receiver is part of this.
 *
 * A message from the future is not let in: one bad node could raise the floor of an actor to the end of
 * all time with some thousand messages, after which the actor would take none from a sender that is new.
 *
 * @module
 */
import { rules } from "../../runtime/rules.ts";
import type { MetadataSection } from "../metadata.ts";

/** Senders whose marks are kept, at most. */
export const maxMarks = 10_000;
/** Marks that go at once when there are too many: so that finding the oldest is rare. */
const evicted = 1_000;

/**
 * Milliseconds by which the clock of a sender may be ahead of the receiver's. So far the floor can be
 * raised above the times of honest messages: theirs are parked until then.
 */
export const maxAheadOfClock = 3_600_000;

/** What was handled of one sender. */
interface Mark {
  /** The highest number. */
  readonly number: number;
  /** When that message was stored, by its sender: milliseconds since 1970. */
  readonly at: number;
}

/** What identifies a message from a durable actor. */
export interface DeliveryNumber {
  /** The stream of its sender: never the same for two actors. */
  readonly from: string;
  /** Grows with each message of the stream; with gaps. */
  readonly number: number;
  /** The number of the message to this receiver before it that is not acknowledged; 0: there is none. */
  readonly after: number;
  /** When it was stored, by its sender: milliseconds since 1970. Never falls within a stream. */
  readonly at: number;
}

/**
 * What to do with a message:
 *
 * - `next`: handle it.
 * - `handled`: acknowledge it only.
 * - `early`: one before it has not arrived; it will be sent again, behind that one.
 * - `expired`: whether it was handled is not known any more.
 * - `fromFuture`: the clock of its sender is wrong, or the sender is bad: it is not handled.
 */
export type InboxVerdict = "next" | "handled" | "early" | "expired" | "fromFuture";

/** See the module's text. */
export class Inbox implements MetadataSection {
  #marks = new Map<string, Mark>();
  #floor = 0;
  readonly #max: number;

  /** `max`: how many marks are kept. */
  constructor(max: number = maxMarks) {
    this.#max = max;
  }

  /** How many senders have a mark. */
  get size(): number {
    return this.#marks.size;
  }

  /** Judges a message at the time `now`: milliseconds since 1970. */
  judge({ from, number, after, at }: DeliveryNumber, now: number): InboxVerdict {
    if (at > now + maxAheadOfClock) return "fromFuture";
    const mark = this.#marks.get(from);
    if (mark === undefined) {
      if (at <= this.#floor) return "expired";
      return after === 0 || !rules.deliveriesKeepTheirOrder ? "next" : "early";
    }
    if (number <= mark.number) return "handled";
    return after <= mark.number || !rules.deliveriesKeepTheirOrder ? "next" : "early";
  }

  /** The highest number of a sender that was handled; 0: none that is known. */
  handledOf(from: string): number {
    return this.#marks.get(from)?.number ?? 0;
  }

  /** An entry: `[from, number, at]`. */
  apply(entry: unknown): void {
    const [from, number, at] = checkedMark(entry);
    // The one that was written last is the last of the map.
    this.#marks.delete(from);
    this.#marks.set(from, { number, at });
    if (this.#marks.size > this.#max) this.#evict();
  }

  save(): unknown {
    if (this.#marks.size === 0 && this.#floor === 0) return undefined;
    const marks = Array.from(this.#marks, ([from, { number, at }]) => [from, number, at]);
    return [this.#floor, ...marks];
  }

  load(saved: unknown): void {
    if (!Array.isArray(saved) || typeof saved[0] !== "number") throw noInbox();
    this.#floor = saved[0];
    for (const mark of saved.slice(1)) {
      const [from, number, at] = checkedMark(mark);
      this.#marks.set(from, { number, at });
    }
  }

  get wake(): undefined {
    return undefined;
  }

  /** Removes the oldest marks. */
  #evict(): void {
    const count = Math.min(evicted, Math.ceil(this.#max / 10));
    const oldest = [...this.#marks].sort(([, a], [, b]) => a.at - b.at).slice(0, count);
    for (const [from, { at }] of oldest) {
      this.#marks.delete(from);
      this.#floor = Math.max(this.#floor, at);
    }
  }
}

/** The entry that records that a message was handled. */
export function inboxEntry({ from, number, at }: DeliveryNumber): unknown {
  return [from, number, at];
}

function checkedMark(entry: unknown): [from: string, number: number, at: number] {
  if (!Array.isArray(entry) || entry.length !== 3) throw noInbox();
  const [from, number, at] = entry;
  if (typeof from !== "string" || !Number.isSafeInteger(number) || typeof at !== "number") {
    throw noInbox();
  }
  return [from, number, at];
}

function noInbox(): TypeError {
  return new TypeError("this is no inbox");
}
