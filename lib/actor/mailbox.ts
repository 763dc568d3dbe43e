import { ActorError } from "./errors.ts";
import type { MailboxOptions } from "./spawn_options.ts";

/** Marks "nothing was dropped", since any value can be a message. */
export const notDropped: unique symbol = Symbol("notDropped");

/** Slots that the first message makes; a power of two. */
const initialSlots = 4;
/** Slots that an empty mailbox keeps. */
const keptSlots = 1_024;
/** Positions count up to here and begin again at 0: small integers stay fast for ever. */
const lastPosition = 0x3fff_ffff;

/**
 * Messages that wait: a ring that is made for the first message and doubles when it is full. Every
 * message has a position, so that what is not a message can be put in order with messages.
 *
 * A base class and not a part of the cell: an idle actor then is one object less.
 */
export abstract class Mailbox {
  #slots: unknown[] | undefined;
  /** Position of the oldest message. */
  #head = 0;
  /** Position of the next message to come. */
  #tail = 0;
  readonly #bounds: MailboxOptions | undefined;

  /** Unbounded without options. */
  constructor(bounds: MailboxOptions | undefined) {
    this.#bounds = bounds;
    if (bounds !== undefined) checkBounds(bounds);
  }

  /** How many messages wait. */
  get size(): number {
    return (this.#tail - this.#head) & lastPosition;
  }

  /** The position that the next message will have. */
  get nextPosition(): number {
    return this.#tail;
  }

  /** Whether all messages before `position` have left. */
  hasPassed(position: number): boolean {
    return ((this.#head - position) & lastPosition) <= lastPosition >> 1;
  }

  /** Adds a message; gives the message that was dropped for it, or `notDropped`. */
  protected push(message: unknown): unknown {
    const size = (this.#tail - this.#head) & lastPosition;
    if (this.#bounds !== undefined && size >= this.#bounds.capacity) return this.#pushFull(message);
    const slots = this.#slots;
    if (slots === undefined || size === slots.length) this.#append(message, size);
    else {
      slots[this.#tail & (slots.length - 1)] = message;
      this.#tail = (this.#tail + 1) & lastPosition;
    }
    return notDropped;
  }

  /** Takes the oldest message. Only when `size` is above 0. */
  protected shift(): unknown {
    const slots = this.#slots!;
    const index = this.#head & (slots.length - 1);
    const message = slots[index];
    slots[index] = undefined;
    this.#head = (this.#head + 1) & lastPosition;
    if (this.#head === this.#tail && slots.length > keptSlots) this.#slots = undefined;
    return message;
  }

  /** Gives the ring back. Only when nothing waits. */
  protected release(): void {
    this.#slots = undefined;
  }

  /** Adds to a ring that is not there or is full. */
  #append(message: unknown, size: number): void {
    const grown = new Array(size === 0 ? initialSlots : size * 2).fill(undefined);
    for (let i = 0; i < size; i++) {
      const position = this.#head + i;
      grown[position & (grown.length - 1)] = this.#slots![position & (size - 1)];
    }
    this.#slots = grown;
    grown[this.#tail & (grown.length - 1)] = message;
    this.#tail = (this.#tail + 1) & lastPosition;
  }

  #pushFull(message: unknown): unknown {
    if (this.#bounds!.overflow !== "dropOldest") return message;
    const oldest = this.shift();
    this.push(message);
    return oldest;
  }
}

function checkBounds({ capacity, overflow = "dropNew" }: MailboxOptions): void {
  if (!Number.isInteger(capacity) || capacity < 1 || capacity > lastPosition >> 1) {
    throw new ActorError("badMailbox", `mailbox.capacity: ${capacity} is not allowed`, {
      value: capacity,
      remedy: "use a whole number of at least 1, or no mailbox option for an unbounded one",
    });
  }
  if (!["dropNew", "dropOldest", "reject"].includes(overflow)) {
    throw new ActorError("badMailbox", `mailbox.overflow: ${overflow} is not known`, {
      value: overflow,
      remedy: 'use "dropNew", "dropOldest" or "reject"',
    });
  }
}
