import type { ActorRef } from "../ref/ref.ts";

/**
 * The listings of a service, one after each change, the present one first. A slow reader gets the
 * newest only. Ends when its client or node ends, or the loop is left.
 */
export class ListingSubscription<M>
  implements AsyncIterableIterator<readonly ActorRef<M>[]>, AsyncDisposable {
  readonly #onEnd: () => void;
  #newest: readonly ActorRef<M>[] | undefined;
  #ended = false;
  #waiting: ((result: IteratorResult<readonly ActorRef<M>[]>) => void)[] = [];

  /** @internal Made by a client or node. */
  constructor(onEnd: () => void) {
    this.#onEnd = onEnd;
  }

  /** @internal There is a new listing. */
  offer(refs: readonly ActorRef<M>[]): void {
    if (this.#ended) return;
    const next = this.#waiting.shift();
    if (next === undefined) this.#newest = refs;
    else next({ done: false, value: refs });
  }

  /** Ends the subscription: pending reads are done. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#onEnd();
    for (const waiting of this.#waiting) waiting({ done: true, value: undefined });
    this.#waiting = [];
  }

  /** The next listing, as soon as there is one. */
  next(): Promise<IteratorResult<readonly ActorRef<M>[]>> {
    const newest = this.#newest;
    this.#newest = undefined;
    if (newest !== undefined) return Promise.resolve({ done: false, value: newest });
    if (this.#ended) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Called when a loop is left. */
  return(): Promise<IteratorResult<readonly ActorRef<M>[]>> {
    this.end();
    return Promise.resolve({ done: true, value: undefined });
  }

  /** Itself. */
  [Symbol.asyncIterator](): this {
    return this;
  }

  /** The same as {@linkcode ListingSubscription.end}. */
  [Symbol.asyncDispose](): Promise<void> {
    this.end();
    return Promise.resolve();
  }
}
