/**
 * The messages that a durable actor has stored to be delivered, in the order of their numbers, by
 * receiver. One leaves it when the receiver has acknowledged it, or by hand.
 *
 * @module
 */
import type { ActorRef } from "../../actor/ref/ref.ts";
import type { EntryOwner, EntryPlace, EntryRequest, MetadataSection } from "../metadata.ts";
import { PersistenceError } from "../errors.ts";

/** A message of the outbox. */
export interface StoredMessage {
  /** Grows with each message of the actor; see {@linkcode messageNumber}. */
  readonly number: number;
  /** When it was stored: milliseconds since 1970. Never falls as numbers grow. */
  readonly at: number;
  /** Plain data. */
  readonly message: unknown;
}

/** The messages for one receiver. */
export interface OutboxQueue {
  /** Not empty, in the order of their numbers. */
  readonly messages: readonly StoredMessage[];
  /** See {@linkcode wakeOf}. */
  readonly postponed?: number;
  /** Why they are not sent, until somebody retries; undefined: they are. */
  readonly parked?: ParkedReason;
}

/**
 * Why messages are parked:
 *
 * - `notAcknowledged`: the receiver has not acknowledged the first of them in `maxTries` tries.
 * - `expired`: the receiver does not know any more whether it has handled the first of them.
 */
export type ParkedReason = "notAcknowledged" | "expired";

/** Messages of one command, at most. */
export const maxPerCommand = 4_096;
/** Milliseconds after which an actor that does not run is started for a message. */
export const wakeDelay = 10_000;

/**
 * The number of a message: no other of the same log ever has it, also after a deletion, since numbers
 * of events are not given again.
 */
export function messageNumber({ seq, position }: Pick<EntryPlace, "seq" | "position">): number {
  return seq * maxPerCommand + position;
}

/** The number of the event that a message was stored with. */
export function seqOf(number: number): number {
  return Math.floor(number / maxPerCommand);
}

/** The forms of entries: numbers are stored, and never changed. */
const form = {
  added: 0,
  acknowledged: 1,
  parked: 2,
  retried: 3,
  discarded: 4,
  postponed: 5,
} as const;

/** The messages for one receiver. */
interface Queue {
  messages: StoredMessage[];
  parked?: ParkedReason;
  /** The actor is not started for them before that time: milliseconds since 1970. */
  postponed?: number;
}

/** See the module's text. */
export class Outbox implements MetadataSection {
  /** By the stored address of the receiver. */
  readonly #queues = new Map<string, Queue>();
  #size = 0;
  #lastAt = 0;
  #stream = "";

  /** How many messages wait, the parked ones included. */
  get size(): number {
    return this.#size;
  }

  /** Tells the messages of this log from those of others; empty before the first message. */
  get stream(): string {
    return this.#stream;
  }

  /** When the last message was stored. */
  get lastAt(): number {
    return this.#lastAt;
  }

  /** The messages by receiver. */
  get queues(): ReadonlyMap<string, OutboxQueue> {
    return this.#queues;
  }

  apply(entry: unknown): void {
    if (!Array.isArray(entry)) throw noOutbox();
    const [what, to] = entry;
    if (typeof to !== "string") throw noOutbox();
    switch (what) {
      case form.added:
        return this.#add(entry);
      case form.acknowledged: {
        const through = finite(entry[2]);
        return this.#remove(to, (messages) => {
          const left = messages.findIndex(({ number }) => number > through);
          return messages.splice(0, left < 0 ? messages.length : left).length;
        });
      }
      case form.discarded: {
        const which = finite(entry[2]);
        return this.#remove(to, (messages) => {
          const at = messages.findIndex(({ number }) => number === which);
          return at < 0 ? 0 : messages.splice(at, 1).length;
        });
      }
      case form.parked: {
        const queue = this.#queues.get(to);
        if (queue !== undefined) queue.parked = reasonOf(entry[2]);
        return;
      }
      case form.postponed: {
        const queue = this.#queues.get(to);
        if (queue !== undefined) queue.postponed = finite(entry[2]);
        return;
      }
      case form.retried:
        return this.#retry(to, finite(entry[2]));
      default:
        throw noOutbox();
    }
  }

  save(): unknown {
    if (this.#lastAt === 0) return undefined;
    const queues = Array.from(this.#queues, ([to, { messages, parked = null }]) => [
      to,
      parked,
      ...messages.map(({ number, at, message }) => [number, at, message]),
    ]);
    return [this.#stream, this.#lastAt, ...queues];
  }

  load(saved: unknown): void {
    if (!Array.isArray(saved)) throw noOutbox();
    const [stream, lastAt, ...queues] = saved;
    if (typeof stream !== "string" || typeof lastAt !== "number") throw noOutbox();
    this.#stream = stream;
    this.#lastAt = lastAt;
    for (const queue of queues) {
      if (!Array.isArray(queue) || typeof queue[0] !== "string") throw noOutbox();
      const [to, parked, ...stored] = queue;
      const messages = stored.map((each) => {
        if (!Array.isArray(each)) throw noOutbox();
        return { number: finite(each[0]), at: finite(each[1]), message: each[2] };
      });
      this.#queues.set(to, { messages, ...(parked !== null && { parked: reasonOf(parked) }) });
      this.#size += messages.length;
    }
  }

  /** The actor that does not run is started to deliver what is not parked. */
  get wake(): number | undefined {
    let first: number | undefined;
    for (const queue of this.#queues.values()) {
      const wake = queue.parked === undefined ? wakeOf(queue) : Infinity;
      if (wake < (first ?? Infinity)) first = wake;
    }
    return first;
  }

  #add([, to, number, at, message, stream]: unknown[]): void {
    const stored = { number: finite(number), at: finite(at), message };
    if (stream !== undefined) this.#stream = String(stream);
    this.#lastAt = Math.max(this.#lastAt, stored.at);
    const queue = this.#queues.get(to as string);
    if (queue === undefined) this.#queues.set(to as string, { messages: [stored] });
    else queue.messages.push(stored);
    this.#size++;
  }

  /**
   * What the receiver has refused as too old is as new as `at` from now on: to retry is to decide
   * that it was not handled.
   */
  #retry(to: string, at: number): void {
    const queue = this.#queues.get(to);
    if (queue === undefined) return;
    if (queue.parked === "expired") {
      queue.messages = queue.messages.map((each) => ({ ...each, at: Math.max(each.at, at) }));
      this.#lastAt = Math.max(this.#lastAt, at);
    }
    delete queue.parked;
  }

  /** `take` removes messages, and returns how many. */
  #remove(to: string, take: (messages: StoredMessage[]) => number): void {
    const queue = this.#queues.get(to);
    if (queue === undefined) return;
    this.#size -= take(queue.messages);
    // It has answered.
    delete queue.postponed;
    if (queue.messages.length === 0) this.#queues.delete(to);
  }
}

/**
 * Requests that a message is stored, and delivered once it is durable.
 *
 * @param message the message, or a function of the state after the events.
 */
export function sendRequest<M, S>(
  ref: ActorRef<M>,
  message: M | ((state: S) => M),
): EntryRequest<S> {
  return {
    kind: "outbox",
    make(section, place, state) {
      const outbox = section as Outbox;
      const { position, random, owner } = place;
      checkRoom(outbox.size + position, position, owner);
      const to = owner.addressOf(ref);
      const content = typeof message === "function" ? (message as (state: S) => M)(state) : message;
      if (content === undefined) throw noMessage(owner.id);
      const at = Math.max(place.at, outbox.lastAt);
      const added = [form.added, to, messageNumber(place), at, content];
      // 52 bits: not a secret, but a name that no two logs share.
      const isFirst = outbox.stream === "" && position === 0;
      return isFirst ? [...added, Math.floor(random() * 2 ** 52).toString(36)] : added;
    },
  };
}

/** The message that an entry adds, and its receiver; undefined: it adds none. */
export function sentOf(
  entry: unknown,
): { readonly to: string; readonly message: unknown } | undefined {
  const [kind, to, , , message] = entry as readonly unknown[];
  return kind === form.added ? { to: to as string, message } : undefined;
}

/** All messages to a receiver up to a number were handled. */
export function acknowledgedEntry(to: string, through: number): unknown {
  return [form.acknowledged, to, through];
}

/** The messages to a receiver are not sent any more. */
export function parkedEntry(to: string, reason: ParkedReason): unknown {
  return [form.parked, to, reason];
}

/** They are sent again. `at`: milliseconds since 1970. */
export function retriedEntry(to: string, at: number): unknown {
  return [form.retried, to, at];
}

/** The actor is not started for the messages to a receiver before a time. */
export function postponedEntry(to: string, until: number): unknown {
  return [form.postponed, to, until];
}

/** When the actor, if it does not run, is started for the messages to one receiver. */
export function wakeOf({ messages, postponed = 0 }: OutboxQueue): number {
  return Math.max(messages[0]!.at + wakeDelay, postponed);
}

/** One message to a receiver is given up, or was handled by one that keeps no marks. */
export function discardedEntry(to: string, number: number): unknown {
  return [form.discarded, to, number];
}

function checkRoom(size: number, position: number, { id, maxMessages }: EntryOwner): void {
  if (size < maxMessages && position < maxPerCommand) return;
  const limit = size >= maxMessages ? maxMessages : maxPerCommand;
  const where = size >= maxMessages ? "" : " of one command";
  throw new PersistenceError("outboxFull", `${id}: ${limit} messages${where} wait for delivery`, {
    value: limit,
    place: { id },
    remedy: "let receivers catch up, discard parked messages, or raise outbox.maxMessages",
  });
}

function noMessage(id: string): PersistenceError {
  return new PersistenceError("badReceiver", `${id}: a message to be delivered is undefined`, {
    place: { id },
    remedy: "give thenSend a message, or a function that returns one",
  });
}

function finite(value: unknown): number {
  if (!Number.isFinite(value)) throw noOutbox();
  return value as number;
}

function reasonOf(value: unknown): ParkedReason {
  return value === "expired" ? "expired" : "notAcknowledged";
}

function noOutbox(): TypeError {
  return new TypeError("this is no outbox");
}
