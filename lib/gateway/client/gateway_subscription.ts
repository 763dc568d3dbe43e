import type { GapReason } from "../protocol/frames.ts";
import type { GatewayError } from "../errors.ts";

/** What a subscription brings. */
export type GatewayTopicEvent<M> =
  /** A message of the topic. */
  | { readonly type: "message"; readonly message: M }
  /**
   * Messages are missing here, or may be: with a `reason` other than `overflow` they are those of the
   * last seconds. `missed`: how many are certainly missing. Load anew what the messages tell of.
   */
  | { readonly type: "gap"; readonly missed: number; readonly reason: GapReason };

type Waiting<M> = {
  readonly resolve: (result: IteratorResult<GatewayTopicEvent<M>>) => void;
  readonly reject: (error: unknown) => void;
};

/**
 * The messages of a topic for one reader: `for await (const event of client.topic("prices").subscribe())`.
 * A reader that is slower than the topic gets a gap in the place of what did not fit. Ends when the loop
 * is left or the client closed; throws when the gateway refuses it.
 */
export class GatewaySubscription<M> implements AsyncIterableIterator<GatewayTopicEvent<M>> {
  readonly #capacity: number;
  readonly #onEnd: () => void;
  #events: GatewayTopicEvent<M>[] = [];
  #waiting: Waiting<M>[] = [];
  #ended = false;
  #failure: GatewayError | undefined;

  /** @internal Made by `subscribe` of a topic. */
  constructor(capacity: number, onEnd: () => void) {
    this.#capacity = capacity;
    this.#onEnd = onEnd;
  }

  /** @internal Another event. */
  offer(event: GatewayTopicEvent<M>): void {
    if (this.#ended) return;
    const waiting = this.#waiting.shift();
    if (waiting !== undefined) return waiting.resolve({ done: false, value: event });
    const last = this.#events.at(-1);
    const missed = event.type === "gap" ? event.missed : 1;
    const isFull = this.#events.length >= this.#capacity;
    if (last?.type === "gap" && (isFull || event.type === "gap")) {
      // One gap says as much as two.
      this.#events[this.#events.length - 1] = { ...last, missed: last.missed + missed };
    } else if (isFull) this.#events.push({ type: "gap", missed, reason: "overflow" });
    else this.#events.push(event);
  }

  /** @internal The gateway has refused the subscription, or the client is closed. */
  fail(error: GatewayError | undefined): void {
    if (this.#ended) return;
    this.#ended = true;
    const [first, ...others] = this.#waiting;
    this.#waiting = [];
    if (first === undefined) this.#failure = error;
    else if (error === undefined) first.resolve({ done: true, value: undefined });
    else first.reject(error);
    for (const { resolve } of others) resolve({ done: true, value: undefined });
  }

  /** The next event, as soon as there is one. */
  next(): Promise<IteratorResult<GatewayTopicEvent<M>>> {
    const event = this.#events.shift();
    if (event !== undefined) return Promise.resolve({ done: false, value: event });
    if (this.#failure !== undefined) {
      const failure = this.#failure;
      this.#failure = undefined;
      return Promise.reject(failure);
    }
    if (this.#ended) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  /** Called when a loop is left: ends the subscription. */
  return(): Promise<IteratorResult<GatewayTopicEvent<M>>> {
    if (!this.#ended) this.#onEnd();
    this.fail(undefined);
    this.#events = [];
    this.#failure = undefined;
    return Promise.resolve({ done: true, value: undefined });
  }

  /** Itself. */
  [Symbol.asyncIterator](): this {
    return this;
  }
}
