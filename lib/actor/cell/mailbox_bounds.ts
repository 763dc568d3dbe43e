import { checkOptions } from "../../options/check_options.ts";
import { refusedOption } from "../../options/explain.ts";
import {
  mailboxDefaults,
  maxMailboxCapacity,
  spawnTable,
} from "../../options/tables/actor_tables.ts";
import { isChecked } from "../behavior/checked_options.ts";
import { isAdapted, messageOf } from "../ref/sent_message.ts";
import { untraced } from "../ref/traced_message.ts";
import { estimateSize } from "./message_size.ts";
import type { MailboxOptions, Overflow, SpawnOptions } from "../behavior/spawn_options.ts";

/** A message together with its size, in a mailbox that counts bytes. */
class Sized {
  readonly message: unknown;
  readonly size: number;

  constructor(message: unknown, size: number) {
    this.message = message;
    this.size = size;
  }
}

/** Largest number of capacities with cached bounds. */
const maxShared = 100;
const shared = new Map<number, Partial<Record<Overflow, MailboxBounds>>>();

/**
 * The options of a new actor, if they can be used.
 *
 * @throws {OptionError}
 */
export function checkSpawnOptions(options: SpawnOptions | undefined): SpawnOptions | undefined {
  if (options === undefined || isUsual(options) || isChecked(options)) return options;
  checkOptions(spawnTable, options);
  const { mailbox } = options;
  if (mailbox === undefined || (mailbox.capacity ?? mailbox.maxBytes) !== undefined) return options;
  throw refusedOption("mailbox", mailbox, "give capacity or maxBytes, or no mailbox option");
}

/** Fast path: whether the only option is a mailbox with bounds that were checked before. */
function isUsual(options: SpawnOptions): boolean {
  if (typeof options !== "object" || options === null) return false;
  const { mailbox } = options;
  for (const name in options) if (name !== "mailbox") return false;
  if (typeof mailbox !== "object" || mailbox === null) return false;
  for (const name in mailbox) if (name !== "capacity" && name !== "overflow") return false;
  const { capacity, overflow = mailboxDefaults.overflow } = mailbox;
  return capacity !== undefined && shared.get(capacity)?.[overflow] !== undefined;
}

/**
 * The bounds of a new mailbox, from validated options. Bounds without a limit in bytes have no
 * state: all mailboxes of one capacity share them.
 */
export function boundsOf(options: MailboxOptions): MailboxBounds {
  const { capacity, maxBytes, overflow = mailboxDefaults.overflow } = options;
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
  /** Whether a message for an empty mailbox is taken without being measured. */
  readonly trustsFirst: boolean;
  /** Bytes that may wait, and as many again in the stash. */
  readonly maxBytes: number;
  readonly #sizeOf: (message: never) => number;
  #bytes = 0;

  constructor(options: MailboxOptions) {
    const { capacity, maxBytes, overflow = mailboxDefaults.overflow } = options;
    const { sizeOf = estimateSize } = options;
    this.overflow = overflow;
    // No more than that can wait anyway; small integers compare faster.
    this.capacity = capacity ?? maxMailboxCapacity;
    this.countsBytes = maxBytes !== undefined;
    this.trustsFirst = isChecked(options);
    this.maxBytes = maxBytes ?? Infinity;
    this.#sizeOf = sizeOf;
  }

  /** Bytes of a message; 0 if bytes are not counted, all there are if it cannot be measured. */
  measure(message: unknown): number {
    if (this.maxBytes === Infinity) return 0;
    try {
      const kept = untraced(message);
      // The user's function knows the actor's messages only.
      const sizeOf = isAdapted(kept) ? estimateSize : this.#sizeOf;
      const size = sizeOf(messageOf(kept) as never);
      return size >= 0 ? size : Infinity;
    } catch {
      return Infinity;
    }
  }

  /** Whether a message of `size` bytes fits beside `count` others, or never will. */
  fits(count: number, size: number): boolean {
    return count < this.capacity && this.#bytes + size <= this.maxBytes;
  }

  /** Whether it would fit into an empty mailbox. */
  canEverFit(size: number): boolean {
    return size <= this.maxBytes;
  }

  /** The slot content of an accepted message. */
  admit(message: unknown, size: number): unknown {
    if (this.maxBytes === Infinity) return message;
    // An unstashed message may no longer be measurable.
    const counted = Math.min(size, this.maxBytes);
    this.#bytes += counted;
    return new Sized(message, counted);
  }

  /** The message of a slot. */
  contentOf(slot: unknown): unknown {
    return slot instanceof Sized ? slot.message : slot;
  }

  /** The message of a slot that has left. */
  release(slot: unknown): unknown {
    if (!(slot instanceof Sized)) return slot;
    this.#bytes -= slot.size;
    return slot.message;
  }
}
