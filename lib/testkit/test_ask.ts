import { AskError } from "../actor/errors.ts";
import type { ActorRef } from "../actor/ref/ref.ts";
import type { AskedEffect } from "./effect.ts";
import { TestkitError } from "./errors.ts";
import { InboxRef } from "./test_inbox.ts";

type Outcome = { readonly value: unknown } | { readonly error: unknown };

/** An ask of a behaviour under test. */
export class TestAsk<T> implements AskedEffect {
  readonly type = "asked";
  readonly target: ActorRef<T>;
  readonly message: T;
  readonly timeout: number;
  readonly #promise: Promise<unknown>;
  readonly #resolve: (value: unknown) => void;
  readonly #reject: (error: unknown) => void;
  readonly #listeners: ((outcome: Outcome) => void)[] = [];
  readonly #accept: (reply: unknown) => unknown;
  #outcome: Outcome | undefined;

  /** Creates the message without sending it. `accept` turns a reply into the outcome, or throws. */
  constructor(
    target: ActorRef<T>,
    factory: (replyTo: ActorRef<unknown>) => T,
    timeout: number,
    signal: AbortSignal | undefined,
    accept: (reply: unknown) => unknown = (reply) => reply,
  ) {
    this.#accept = accept;
    this.target = target;
    this.timeout = timeout;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    this.#promise = promise;
    this.#resolve = resolve;
    this.#reject = reject;
    // Replies after the first are lost, as in a system.
    this.message = factory(new InboxRef("/_ask/1", (value) => this.#settle({ value })));
    if (signal !== undefined) this.#heed(signal);
  }

  /** The promise of the behaviour. */
  get promise(): Promise<unknown> {
    return this.#promise;
  }

  get answered(): boolean {
    return this.#outcome !== undefined;
  }

  reply(value: unknown): void {
    this.#answer({ value });
  }

  fail(error: unknown): void {
    this.#answer({ error });
  }

  /** Calls one of the two within the call that answers; at once if it is answered already. */
  whenAnswered(onValue: (value: unknown) => void, onError: (error: unknown) => void): void {
    // The listener handles the failure.
    this.#promise.catch(() => {});
    const listener = (outcome: Outcome) =>
      "value" in outcome ? onValue(outcome.value) : onError(outcome.error);
    if (this.#outcome === undefined) this.#listeners.push(listener);
    else listener(this.#outcome);
  }

  #answer(outcome: Outcome): void {
    if (this.#settle(outcome)) return;
    throw new TestkitError("alreadyAnswered", `the ask of ${this.target} has its reply`, {
      value: this.target.path,
    });
  }

  #settle(given: Outcome): boolean {
    if (this.#outcome !== undefined) return false;
    const outcome = this.#outcome = "value" in given ? this.#outcomeOf(given.value) : given;
    if ("value" in outcome) this.#resolve(outcome.value);
    else this.#reject(outcome.error);
    for (const listener of this.#listeners.splice(0)) listener(outcome);
    return true;
  }

  #outcomeOf(reply: unknown): Outcome {
    try {
      return { value: this.#accept(reply) };
    } catch (error) {
      return { error };
    }
  }

  #heed(signal: AbortSignal): void {
    const abort = () => {
      this.#settle({
        error: new AskError("askAborted", `the ask of ${this.target} was aborted`, {
          reason: "aborted",
          value: this.target.path,
          cause: signal.reason,
        }),
      });
    };
    if (signal.aborted) return abort();
    signal.addEventListener("abort", abort);
    this.whenAnswered(
      () => signal.removeEventListener("abort", abort),
      () => signal.removeEventListener("abort", abort),
    );
  }
}
