import type { Stash } from "../behavior/context.ts";
import { ActorError } from "../errors.ts";

/** Dependencies of a stash on its cell. */
export interface StashOwner {
  readonly path: string;
  /** Whether it takes no more messages. */
  readonly ended: boolean;
  /** Bytes that all messages may have together. Default: no limit. */
  readonly maxStashedBytes?: number;
  /** Bytes of a message. Default: not counted. */
  measure?(message: unknown): number;
  /** What is kept of the message at hand. */
  attribute(message: unknown): unknown;
  /** The message at hand was stashed: it does not count as delivered. */
  onStashed(): void;
  /** Puts messages before all that wait in the mailbox. */
  unstash(messages: readonly unknown[]): void;
}

/** Messages that an actor could not handle yet, in order. */
export class StashBuffer implements Stash<unknown> {
  readonly capacity: number;
  readonly #owner: StashOwner;
  #messages: unknown[] = [];
  #bytes = 0;

  constructor(owner: StashOwner, capacity: number) {
    this.#owner = owner;
    this.capacity = capacity;
  }

  get size(): number {
    return this.#messages.length;
  }

  add(message: unknown): void {
    const { path, ended } = this.#owner;
    if (ended) throw new ActorError("actorStopped", `${path} has stopped and stashes nothing`);
    if (this.size >= this.capacity) {
      throw new ActorError("stashFull", `${path} has stashed ${this.capacity} messages already`, {
        value: this.capacity,
        remedy: "unstash some, or raise stashCapacity where the actor is spawned",
      });
    }
    const size = this.#owner.measure?.(message) ?? 0;
    const { maxStashedBytes = Infinity } = this.#owner;
    // One message of any size may be stashed: the mailbox has taken it.
    if (this.size > 0 && this.#bytes + size > maxStashedBytes) {
      throw new ActorError("stashFull", `${path} has stashed ${this.#bytes} bytes already`, {
        value: maxStashedBytes,
        remedy: "unstash some, or raise maxBytes of the mailbox where the actor is spawned",
      });
    }
    this.#bytes += size;
    this.#messages.push(this.#owner.attribute(message));
    this.#owner.onStashed();
  }

  unstashAll(): void {
    if (this.#messages.length > 0) this.#owner.unstash(this.takeAll());
  }

  /** Visits what it keeps of each message, the oldest first. */
  forEach(visit: (kept: unknown) => void): void {
    this.#messages.forEach(visit);
  }

  /** Empties it. */
  takeAll(): unknown[] {
    const messages = this.#messages;
    this.#messages = [];
    this.#bytes = 0;
    return messages;
  }
}
