import { ActorError } from "./errors.ts";
import type { Overflow, SpawnOptions } from "./spawn_options.ts";

/** Marks "nothing was dropped", since any value can be a message. */
export const notDropped: unique symbol = Symbol("notDropped");

/** Slots of a mailbox that has just got its first message. */
const initialSlots = 8;
/** Slots that an empty mailbox keeps. */
const keptSlots = 1_024;

/** Messages that wait: a ring that is allocated with the first message and doubles when full. */
export class Mailbox {
  #slots: unknown[] | undefined;
  #head = 0;
  #size = 0;
  readonly #capacity: number;
  readonly #overflow: Overflow;

  /** Unbounded without options. */
  constructor(options: SpawnOptions["mailbox"]) {
    this.#capacity = options?.capacity ?? Infinity;
    this.#overflow = options?.overflow ?? "dropNew";
    if (options !== undefined && !(Number.isInteger(options.capacity) && options.capacity >= 1)) {
      throw new ActorError("badMailbox", `mailbox.capacity: ${options.capacity} is not allowed`, {
        value: options.capacity,
        remedy: "use a whole number of at least 1, or no mailbox option for an unbounded one",
      });
    }
  }

  /** How many messages wait. */
  get size(): number {
    return this.#size;
  }

  /** Adds a message; gives the message that was dropped for it, or `notDropped`. */
  push(message: unknown): unknown {
    if (this.#size >= this.#capacity) return this.#pushFull(message);
    this.#append(message);
    return notDropped;
  }

  /** Takes the oldest message. Only when `size` is above 0. */
  shift(): unknown {
    const slots = this.#slots!;
    const message = slots[this.#head];
    slots[this.#head] = undefined;
    this.#head = (this.#head + 1) & (slots.length - 1);
    if (--this.#size === 0 && slots.length > keptSlots) {
      this.#slots = undefined;
      this.#head = 0;
    }
    return message;
  }

  #append(message: unknown): void {
    let slots = this.#slots;
    if (slots === undefined) slots = this.#slots = new Array(initialSlots).fill(undefined);
    else if (this.#size === slots.length) slots = this.#grow(slots);
    slots[(this.#head + this.#size) & (slots.length - 1)] = message;
    this.#size++;
  }

  #grow(slots: unknown[]): unknown[] {
    const grown = slots.slice(this.#head).concat(slots.slice(0, this.#head));
    grown.length = slots.length * 2;
    grown.fill(undefined, slots.length);
    this.#head = 0;
    this.#slots = grown;
    return grown;
  }

  #pushFull(message: unknown): unknown {
    if (this.#overflow === "dropNew") return message;
    const oldest = this.shift();
    this.#append(message);
    return oldest;
  }
}
