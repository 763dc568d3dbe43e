import { LocalRef } from "../ref/local_ref.ts";
import { boundsOf, type MailboxBounds } from "./mailbox_bounds.ts";
import type { MailboxOptions } from "../behavior/spawn_options.ts";

/** Initial slots, allocated with the first message; a power of two. */
const initialSlots = 4;
/** Capacity that an empty mailbox keeps. */
const keptSlots = 1_024;
/** Positions wrap around to 0 after this one: small integers stay fast. */
const lastPosition = 0x3fff_ffff;

/**
 * Messages that wait: a ring that is made for the first message and doubles when it is full. Every
 * message has a position, so that what is not a message can be put in order with messages.
 *
 * A base class of the cell and not a part of it: an idle actor then is one object less. (That it is
 * a reference as well is the cell's matter.)
 */
export abstract class Mailbox extends LocalRef<unknown> {
  #slots: unknown[] | undefined;
  /** Position of the oldest message. */
  #head = 0;
  /** Position of the next message. */
  #tail = 0;
  readonly #bounds: MailboxBounds | undefined;

  /** Unbounded without options, which are checked already. */
  constructor(options: MailboxOptions | undefined) {
    super();
    this.#bounds = options === undefined ? undefined : boundsOf(options);
  }

  /** Whether messages that do not fit are rejected instead of dropped. */
  get rejects(): boolean {
    return this.#bounds?.overflow === "reject";
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

  /** Bytes that the stash may hold. */
  get maxStashedBytes(): number {
    return this.#bounds?.maxBytes ?? Infinity;
  }

  /** Bytes of a message; 0 if they are not counted. */
  measure(message: unknown): number {
    return this.#bounds?.measure(message) ?? 0;
  }

  /** A message does not fit, or had to make room for one that does. */
  protected abstract drop(message: unknown): void;

  /** Stashed messages: they may return, and count against the capacity. */
  abstract get stashed(): number;

  /** Adds a message, if it fits. False if it was dropped. */
  protected push(message: unknown): boolean {
    const bounds = this.#bounds;
    const tail = this.#tail;
    if (
      bounds !== undefined &&
      (bounds.countsBytes && !(bounds.trustsFirst && tail === this.#head) ||
        this.size + this.stashed >= bounds.capacity)
    ) return this.pushBounded(bounds, message);
    const slots = this.#slots;
    // Written out for the usual case: this is the hottest line of all.
    if (slots !== undefined && ((tail - this.#head) & lastPosition) < slots.length) {
      slots[tail & (slots.length - 1)] = message;
      this.#tail = (tail + 1) & lastPosition;
    } else this.append(message);
    return true;
  }

  /** Puts a message before all others, whether it fits or not: it has been here before. */
  protected unshift(message: unknown): void {
    const bounds = this.#bounds;
    const slot = bounds === undefined ? message : bounds.admit(message, bounds.measure(message));
    const slots = this.room();
    this.#head = (this.#head - 1) & lastPosition;
    slots[this.#head & (slots.length - 1)] = slot;
  }

  /** Takes the oldest message. Only when `size` is above 0. */
  protected shift(): unknown {
    const slots = this.#slots!;
    const index = this.#head & (slots.length - 1);
    const message = slots[index];
    slots[index] = undefined;
    this.#head = (this.#head + 1) & lastPosition;
    if (slots.length > keptSlots && this.#head === this.#tail) this.#slots = undefined;
    const bounds = this.#bounds;
    return bounds === undefined || !bounds.countsBytes ? message : bounds.release(message);
  }

  /** The oldest message, without taking it. Only when `size` is above 0. */
  protected peek(): unknown {
    const slots = this.#slots!;
    const slot = slots[this.#head & (slots.length - 1)];
    return this.#bounds?.contentOf(slot) ?? slot;
  }

  /** Visits all messages that wait, oldest first. */
  protected forEachWaiting(visit: (message: unknown) => void): void {
    const slots = this.#slots;
    for (let i = 0; i < this.size; i++) {
      const slot = slots![(this.#head + i) & (slots!.length - 1)];
      visit(this.#bounds?.contentOf(slot) ?? slot);
    }
  }

  /** Releases the ring. Only when the mailbox is empty. */
  protected release(): void {
    this.#slots = undefined;
  }

  private append(slot: unknown): void {
    const slots = this.room();
    slots[this.#tail & (slots.length - 1)] = slot;
    this.#tail = (this.#tail + 1) & lastPosition;
  }

  /** The ring, with a free slot. */
  private room(): unknown[] {
    const slots = this.#slots;
    const { size } = this;
    if (slots !== undefined && size < slots.length) return slots;
    const grown = new Array(size === 0 ? initialSlots : size * 2).fill(undefined);
    for (let i = 0; i < size; i++) {
      const position = this.#head + i;
      grown[position & (grown.length - 1)] = slots![position & (size - 1)];
    }
    return this.#slots = grown;
  }

  private pushBounded(bounds: MailboxBounds, message: unknown): boolean {
    const size = bounds.measure(message);
    const makesRoom = bounds.overflow === "dropOldest" && bounds.canEverFit(size);
    while (!bounds.fits(this.size + this.stashed, size)) {
      if (!makesRoom || this.size === 0) {
        this.drop(message);
        return false;
      }
      this.drop(this.shift());
    }
    this.append(bounds.admit(message, size));
    return true;
  }
}
