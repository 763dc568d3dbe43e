import type { Stash } from "../behavior/context.ts";
import { ActorError } from "../errors.ts";

/** Dependencies of a stash on its cell. */
export interface StashOwner {
  readonly path: string;
  /** Whether it takes no more messages. */
  readonly ended: boolean;
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
    this.#messages.push(this.#owner.attribute(message));
    this.#owner.onStashed();
  }

  unstashAll(): void {
    if (this.#messages.length > 0) this.#owner.unstash(this.takeAll());
  }

  /** Empties it. */
  takeAll(): unknown[] {
    const messages = this.#messages;
    this.#messages = [];
    return messages;
  }
}
