import { resolveOptions } from "../options/check_options.ts";
import { topicSubscriptionTable } from "../options/tables/topic_tables.ts";
import { TopicError } from "./errors.ts";

/** Options of a subscription that is read with `for await`. */
export interface TopicSubscriptionOptions {
  /** Messages that wait for a slow reader, 1 to 1 000 000. Default 256. */
  readonly buffer?: number;
  /**
   * What happens when as many wait and another comes. Publishers are never slowed down.
   *
   * - `"dropOldest"`: the message that has waited longest is dropped.
   * - `"dropNewest"`: the new message is dropped.
   * - `"fail"`: what waits is read, then the loop throws {@linkcode TopicError} with the code
   *   `subscriptionOverflow`, and the subscription has ended.
   *
   * A message that is dropped is a dead letter with the reason `bufferFull`. Default `"dropOldest"`.
   */
  readonly overflow?: "dropOldest" | "dropNewest" | "fail";
}

type Waiting<M> = {
  readonly resolve: (result: IteratorResult<M>) => void;
  readonly reject: (error: unknown) => void;
};

/**
 * The messages of a topic for one reader, in a bounded buffer. Ends when the loop is left, when its node
 * or client ends, or with its policy `"fail"`.
 */
export class TopicSubscription<M> implements AsyncIterableIterator<M>, AsyncDisposable {
  readonly #topic: string;
  readonly #capacity: number;
  readonly #overflow: NonNullable<TopicSubscriptionOptions["overflow"]>;
  readonly #onEnd: () => void;
  readonly #onDropped: (message: M) => void;
  /** A ring: it never has more than `#capacity` messages. */
  #buffer: (M | undefined)[] = [];
  #head = 0;
  #size = 0;
  #waiting: Waiting<M>[] = [];
  #ended = false;
  #failure: TopicError | undefined;
  #dropped = 0;

  /** @internal Made by {@linkcode TopicHandle.subscribe}. */
  constructor(
    topic: string,
    options: TopicSubscriptionOptions | undefined,
    { onEnd, onDropped }: {
      readonly onEnd: () => void;
      readonly onDropped: (message: M) => void;
    },
  ) {
    const { buffer, overflow } = resolveOptions(topicSubscriptionTable, options);
    this.#topic = topic;
    this.#capacity = buffer;
    this.#overflow = overflow as NonNullable<TopicSubscriptionOptions["overflow"]>;
    this.#onEnd = onEnd;
    this.#onDropped = onDropped;
  }

  /** Messages that were dropped because the reader was too slow. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Messages that wait for the reader. */
  get buffered(): number {
    return this.#size;
  }

  /** @internal Another message. */
  offer(message: M): void {
    if (this.#ended) return;
    const waiting = this.#waiting.shift();
    if (waiting !== undefined) return waiting.resolve({ done: false, value: message });
    if (this.#size < this.#capacity) return this.#push(message);
    if (this.#overflow === "dropOldest") {
      const oldest = this.#shift();
      this.#push(message);
      return this.#drop(oldest);
    }
    if (this.#overflow === "fail") this.#fail();
    this.#drop(message);
  }

  /** Ends the subscription: what waits can still be read, and then the loop is done. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#onEnd();
    for (const { resolve } of this.#waiting) resolve({ done: true, value: undefined });
    this.#waiting = [];
  }

  /** The next message, as soon as there is one. */
  next(): Promise<IteratorResult<M>> {
    if (this.#size > 0) return Promise.resolve({ done: false, value: this.#shift() });
    if (this.#failure !== undefined) {
      const failure = this.#failure;
      this.#failure = undefined;
      return Promise.reject(failure);
    }
    if (this.#ended) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  /** Called when a loop is left: what waits is forgotten. */
  return(): Promise<IteratorResult<M>> {
    this.end();
    this.#buffer = [];
    this.#head = 0;
    this.#size = 0;
    return Promise.resolve({ done: true, value: undefined });
  }

  /** Itself. */
  [Symbol.asyncIterator](): this {
    return this;
  }

  /** The same as {@linkcode TopicSubscription.return}. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  #push(message: M): void {
    this.#buffer[(this.#head + this.#size) % this.#capacity] = message;
    this.#size++;
  }

  #shift(): M {
    const message = this.#buffer[this.#head] as M;
    this.#buffer[this.#head] = undefined;
    this.#head = (this.#head + 1) % this.#capacity;
    this.#size--;
    return message;
  }

  #drop(message: M): void {
    this.#dropped++;
    this.#onDropped(message);
  }

  #fail(): void {
    const capacity = this.#capacity;
    this.#failure = new TopicError(
      "subscriptionOverflow",
      `a reader of the topic "${this.#topic}" has ${capacity} messages waiting, and another came`,
      { value: capacity, remedy: "read faster, or use a larger buffer or another overflow" },
    );
    this.end();
  }
}
