import { ActorError } from "../errors.ts";
import { untraced } from "./cell_observer.ts";
import { estimateSize } from "./message_size.ts";
import type { MailboxOptions, Overflow } from "../behavior/spawn_options.ts";

/** The most messages that a mailbox can be bounded to: positions are compared by half a circle. */
const maxCapacity = 0x1fff_ffff;

/** A message together with its size, in a mailbox that counts bytes. */
class Sized {
  readonly message: unknown;
  readonly size: number;

  constructor(message: unknown, size: number) {
    this.message = message;
    this.size = size;
  }
}

/** Capacities whose bounds are kept for the next mailbox of the same kind. */
const maxShared = 100;
const shared = new Map<number, Partial<Record<Overflow, MailboxBounds>>>();

/**
 * The bounds of a new mailbox. Bounds that count messages only have no state: all mailboxes of
 * one capacity share them.
 *
 * @throws {ActorError} code `badMailbox`.
 */
export function boundsOf(options: MailboxOptions): MailboxBounds {
  const { capacity, maxBytes, overflow = "dropNew" } = options;
  checkOverflow(overflow);
  if (maxBytes !== undefined || capacity === undefined) return new MailboxBounds(options);
  const known = shared.get(capacity);
  if (known === undefined && shared.size === maxShared) return new MailboxBounds(options);
  if (known?.[overflow] !== undefined) return known[overflow];
  const bounds = new MailboxBounds(options);
  shared.set(capacity, { ...known, [overflow]: bounds });
  return bounds;
}

/** How much a mailbox takes, and how much of that is taken. */
export class MailboxBounds {
  readonly overflow: Overflow;
  /** Messages that may wait. */
  readonly capacity: number;
  /** Whether messages are measured. */
  readonly countsBytes: boolean;
  readonly #maxBytes: number;
  readonly #sizeOf: (message: never) => number;
  #bytes = 0;

  /** @throws {ActorError} code `badMailbox`. */
  constructor(options: MailboxOptions) {
    const { capacity, maxBytes, overflow = "dropNew", sizeOf = estimateSize } = options;
    if (capacity === undefined && maxBytes === undefined) {
      throw badMailbox("mailbox", options, "give capacity or maxBytes, or no mailbox option");
    }
    checkBound("mailbox.capacity", capacity, maxCapacity);
    checkBound("mailbox.maxBytes", maxBytes, Number.MAX_SAFE_INTEGER);
    if (typeof sizeOf !== "function") {
      throw badMailbox("mailbox.sizeOf", sizeOf, "use a function of the message");
    }
    this.overflow = overflow;
    // No more than that can wait anyway; small integers compare faster.
    this.capacity = capacity ?? maxCapacity;
    this.countsBytes = maxBytes !== undefined;
    this.#maxBytes = maxBytes ?? Infinity;
    this.#sizeOf = sizeOf;
  }

  /** Bytes of a message; 0 if bytes are not counted, all there are if it cannot be measured. */
  measure(message: unknown): number {
    if (this.#maxBytes === Infinity) return 0;
    try {
      const size = this.#sizeOf(untraced(message) as never);
      return size >= 0 ? size : Infinity;
    } catch {
      return Infinity;
    }
  }

  /** Whether a message of `size` bytes fits beside `count` others, or never will. */
  fits(count: number, size: number): boolean {
    return count < this.capacity && this.#bytes + size <= this.#maxBytes;
  }

  /** Whether it would fit into an empty mailbox. */
  canEverFit(size: number): boolean {
    return size <= this.#maxBytes;
  }

  /** What goes into the slot for a message that was taken in. */
  admit(message: unknown, size: number): unknown {
    if (this.#maxBytes === Infinity) return message;
    // One that was put back may not be measurable any more.
    const counted = Math.min(size, this.#maxBytes);
    this.#bytes += counted;
    return new Sized(message, counted);
  }

  /** The message of a slot that has left. */
  release(slot: unknown): unknown {
    if (!(slot instanceof Sized)) return slot;
    this.#bytes -= slot.size;
    return slot.message;
  }
}

function checkOverflow(overflow: Overflow): void {
  if (["dropNew", "dropOldest", "reject"].includes(overflow)) return;
  throw badMailbox("mailbox.overflow", overflow, 'use "dropNew", "dropOldest" or "reject"');
}

function checkBound(option: string, value: number | undefined, max: number): void {
  if (value === undefined || (Number.isInteger(value) && value >= 1 && value <= max)) return;
  throw badMailbox(option, value, "use a whole number of at least 1, or leave it out for no limit");
}

function badMailbox(option: string, value: unknown, remedy: string): ActorError {
  const shown = typeof value === "object" ? JSON.stringify(value) : String(value);
  return new ActorError("badMailbox", `${option}: ${shown} is not allowed`, { value, remedy });
}
