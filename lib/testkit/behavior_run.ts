import { Behavior } from "../actor/behavior/behavior.ts";
import { noNextBehavior, notABehavior } from "../actor/behavior/behavior.ts";
import { isThenable } from "../actor/cell/suspension.ts";
import type { Terminated } from "../actor/ref/terminated.ts";
import type { Signal } from "../actor/behavior/signal.ts";
import { type Wrapper, wrapperOf, Wrappers } from "../actor/behavior/wrapper.ts";
import type { Effect } from "./effect.ts";
import { TestkitError } from "./errors.ts";
import type { TestContext } from "./test_context.ts";

/** Largest number of unstashed messages that one `run` handles. */
const maxUnstashed = 100_000;

/** Yields each promise to wait for, and receives its value. */
type Steps<T = void> = Generator<PromiseLike<unknown>, T, unknown>;

/** Dependencies of a run on its kit. */
export interface BehaviorRunOwner {
  readonly context: TestContext;
  record(effect: Effect): void;
}

/**
 * Runs one behaviour like a cell, but synchronously in the caller. The steps are written once and
 * driven in two ways: synchronously, where a promise is an error, and asynchronously.
 */
export class BehaviorRun {
  /** Whether it has stopped, or is about to. */
  ended = false;
  /** The behaviour that was returned last. */
  current: Behavior<never>;
  readonly #owner: BehaviorRunOwner;
  readonly #initial: Behavior<never>;
  #wrappers = Wrappers.none;
  /** The same as `current`, seen through interceptors and spies. */
  #handling: Behavior<never>;
  #unstashed: unknown[] = [];
  #running = false;

  constructor(owner: BehaviorRunOwner, initial: Behavior<never>) {
    this.#owner = owner;
    this.#initial = initial;
    this.current = initial;
    this.#handling = initial;
  }

  /** Runs setups and hooks. */
  *begin(): Steps {
    this.#wrappers = Wrappers.none;
    this.current = this.#initial;
    this.#handling = this.#initial;
    yield* this.#become(this.#initial, "first");
  }

  /** Handles a message, and messages unstashed meanwhile. */
  *message(message: unknown): Steps {
    this.#checkAlive();
    yield* this.#handle(message);
    yield* this.#handleUnstashed();
  }

  /** The behaviour does something of its own in a turn, which ends like that of a message. */
  *work(run: () => unknown): Steps {
    this.#checkAlive();
    yield* this.#apply(yield* wait(run()));
    yield* this.#handleUnstashed();
  }

  /** Handles a signal as if the system had sent it. */
  *signal(signal: Signal): Steps {
    this.#checkAlive();
    switch (signal.type) {
      case "postStop":
        return yield* this.#stop();
      case "preRestart":
        yield* this.#restart(signal.cause);
        break;
      case "terminated":
        yield* this.#terminated(signal);
        break;
      default:
        yield* this.#onSignal(signal);
    }
    yield* this.#handleUnstashed();
  }

  /** These are handled before anything else. */
  unstash(messages: readonly unknown[]): void {
    this.#unstashed.unshift(...messages);
  }

  /**
   * Takes all steps at once.
   *
   * @throws {TestkitError} code `asyncHandler`, `stillRunning`, and whatever a handler throws.
   */
  runSync(steps: Steps): void {
    this.#enter();
    try {
      const { done, value } = steps.next();
      if (done) return;
      // Not awaited: its rejection must not end the process.
      Promise.resolve(value).catch(() => {});
      steps.return();
    } finally {
      this.#running = false;
    }
    throw new TestkitError(
      "asyncHandler",
      `${this.#owner.context.self.path} has given a promise where it is run synchronously`,
      { remedy: "use createAsync, runAsync, signalAsync or fireTimerAsync, and await it" },
    );
  }

  /** Takes the first steps at once, and the others when the promises before them are settled. */
  async runAsync(steps: Steps): Promise<void> {
    this.#enter();
    try {
      let step = steps.next();
      while (!step.done) step = await resume(steps, step.value);
    } finally {
      this.#running = false;
    }
  }

  *#become(first: unknown, how: "first" | "later"): Steps {
    const { context } = this.#owner;
    const later: Wrapper[] = [];
    let next = first;
    for (;;) {
      next = isThenable(next) ? yield next : next;
      if (!(next instanceof Behavior)) throw noNextBehavior(context.self.path, next, "setup");
      if (next.kind === "setup") next = next.onSetup!(context as never);
      else if (next.kind === "wrapped") {
        yield* this.#unwrap(wrapperOf(next), how, later);
        next = next.inner;
      } else break;
    }
    if (next.kind === "stopped") return yield* this.#stop();
    if (next.kind !== "receive") throw notABehavior(context.self.path, next);
    if (later.length > 0) this.#wrappers = this.#wrappers.withLater(later);
    this.#settle(next);
  }

  *#unwrap(wrapper: Wrapper, how: "first" | "later", later: Wrapper[]): Steps {
    const known = this.#wrappers.all.some(({ key }) => key === wrapper.key);
    if (wrapper.kind === "supervise" && !known) {
      this.#owner.record({ type: "supervised", strategy: wrapper.key });
    }
    if (how === "later") {
      later.push(wrapper);
      return;
    }
    const before = this.#wrappers;
    this.#wrappers = before.with(wrapper);
    if (this.#wrappers === before || wrapper.kind !== "lifecycle") return;
    yield* wait(wrapper.key.preStart?.(this.#owner.context as never));
  }

  #settle(behavior: Behavior<never>): void {
    this.current = behavior;
    this.#handling = this.#wrappers.around(behavior);
  }

  *#handle(message: unknown): Steps {
    const next = this.#handling.onMessage!(this.#owner.context as never, message as never);
    yield* this.#apply(yield* wait(next), message);
  }

  *#onSignal(signal: Signal): Steps {
    const { onSignal } = this.#handling;
    if (onSignal === undefined) return;
    yield* this.#apply(yield* wait(onSignal(this.#owner.context as never, signal)));
  }

  *#apply(next: unknown, ...message: unknown[]): Steps {
    if (!(next instanceof Behavior)) {
      throw noNextBehavior(this.#owner.context.self.path, next, "handler");
    }
    switch (next.kind) {
      case "same":
        return;
      case "receive":
        return this.#settle(next);
      case "setup":
      case "wrapped":
        return yield* this.#become(next, "later");
      case "stopped":
        return yield* this.#stop();
      case "restart":
        return yield* this.#restart(undefined);
      case "unhandled":
        if (message.length > 0) this.#owner.record({ type: "unhandled", message: message[0] });
    }
  }

  *#handleUnstashed(): Steps {
    for (let count = 0; this.#unstashed.length > 0 && !this.ended; count++) {
      if (count === maxUnstashed) {
        throw new TestkitError(
          "tooManyMessages",
          `${this.#owner.context.self.path} stashes and unstashes without an end`,
          { value: maxUnstashed, remedy: "unstash only what it can handle now" },
        );
      }
      yield* this.#handle(this.#unstashed.shift());
    }
  }

  *#terminated(signal: Terminated): Steps {
    const watch = this.#owner.context.takeWatch(signal.ref);
    if (watch === undefined) {
      throw new TestkitError(
        "notWatched",
        `${this.#owner.context.self.path} does not watch ${signal.ref}, and would not get this signal`,
        { value: signal.ref.path, remedy: "watch it in the behaviour" },
      );
    }
    if (watch.message.length > 0) yield* this.#handle(watch.message[0]);
    else yield* this.#onSignal(signal);
  }

  *#stop(): Steps {
    const { context } = this.#owner;
    this.ended = true;
    context.dismantle("stop");
    this.#unstashed = [];
    yield* wait(this.#handling.onSignal?.(context as never, { type: "postStop" }));
    for (const hooks of this.#wrappers.hooks.reverse()) {
      yield* wait(hooks.postStop?.(context as never));
    }
  }

  *#restart(cause: unknown): Steps {
    const { context } = this.#owner;
    this.#owner.record({ type: "restarted", cause });
    yield* wait(this.#handling.onSignal?.(context as never, { type: "preRestart", cause }));
    for (const hooks of this.#wrappers.hooks.reverse()) {
      yield* wait(hooks.preRestart?.(context as never, cause));
    }
    context.dismantle("restart");
    yield* this.begin();
    for (const hooks of this.#wrappers.hooks) {
      if (!this.ended) yield* wait(hooks.postRestart?.(context as never));
    }
  }

  #checkAlive(): void {
    if (!this.ended) return;
    const { path } = this.#owner.context.self;
    throw new TestkitError("behaviorStopped", `${path} has stopped and takes nothing more`, {
      value: path,
      remedy: "look at isAlive first, or make another kit",
    });
  }

  #enter(): void {
    if (this.#running) {
      throw new TestkitError(
        "stillRunning",
        `${this.#owner.context.self.path} handles something still`,
        { remedy: "await runAsync before the next" },
      );
    }
    this.#running = true;
  }
}

/** Waits for a promise; returns its value, or another value unchanged. */
function* wait(result: unknown): Steps<unknown> {
  return isThenable(result) ? yield result : result;
}

async function resume(
  steps: Steps,
  promise: PromiseLike<unknown>,
): Promise<IteratorResult<PromiseLike<unknown>, void>> {
  let value: unknown;
  try {
    value = await promise;
  } catch (error) {
    return steps.throw(error);
  }
  return steps.next(value);
}
