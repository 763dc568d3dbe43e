import type { ActorSystem } from "../actor/system/actor_system.ts";
import { Behaviors } from "../actor/behavior/behaviors.ts";
import type { LocalRef } from "../actor/ref/local_ref.ts";
import type { ActorRef } from "../actor/ref/ref.ts";
import type { Terminated } from "../actor/ref/terminated.ts";
import type { Signal } from "../actor/behavior/signal.ts";
import { describe, describeAll } from "./describe.ts";
import { checkValue, resolveOptions } from "../options/check_options.ts";
import {
  messageCount,
  quietTable,
  testProbeTable,
  waitTable,
} from "../options/tables/testkit_tables.ts";
import { TestkitError } from "./errors.ts";
import type { FishingOutcome } from "./fishing.ts";
import { sameValue } from "./same_value.ts";
import { News, waitUntil } from "./waiting.ts";

/** How long a probe waits for something. */
export interface WaitOptions {
  /** Milliseconds on the system's clock. Default 3 000, as in Pekko. */
  readonly timeout?: number;
}

/** How long a probe watches that nothing comes. */
export interface QuietOptions {
  /** Milliseconds on the system's clock. Default 100, as in Pekko. */
  readonly duration?: number;
}

/** How a probe is made. */
export interface TestProbeOptions {
  /** Name of its actor. Default `"probe-1"` and so on. */
  readonly name?: string;
  /** Messages that it keeps for the test. Default 100 000. */
  readonly capacity?: number;
}

/** The values that the field `type` of a message can have. */
export type MessageType<M> = M extends { readonly type: infer T extends string } ? T : never;

/** The messages of a protocol with one `type`. */
export type MessageOfType<M, T> = Extract<M, { readonly type: T }>;

/**
 * An actor that keeps every message, so that a test can expect it (Pekko's `TestProbe`).
 * Messages are expected one by one, in the order in which they came.
 *
 * Works on any clock. On a `ManualClock` the probe itself moves time on while it waits, at most by
 * the timeout and never further than needed: no real time goes by. On the machine's clock it waits
 * for what comes.
 *
 * @example
 * ```ts
 * import { type ActorRef, Behaviors } from "@casty/casty";
 * import { ActorTestKit } from "@casty/casty/testkit";
 *
 * type Ping = { type: "ping"; replyTo: ActorRef<{ type: "pong" }> };
 * const ponger = Behaviors.receive<Ping>((_context, { replyTo }) => {
 *   replyTo.tell({ type: "pong" });
 *   return Behaviors.same();
 * });
 *
 * await using kit = ActorTestKit.create();
 * const probe = kit.createProbe<{ type: "pong" }>();
 * kit.spawn(ponger).tell({ type: "ping", replyTo: probe.ref });
 * await probe.expectMessage({ type: "pong" });
 * await probe.expectNoMessage();
 * ```
 */
export class TestProbe<M> {
  /** What to give to the actors under test. */
  readonly ref: ActorRef<M>;
  readonly #system: ActorSystem;
  readonly #capacity: number;
  readonly #messages: M[] = [];
  readonly #signals: Signal[] = [];
  readonly #news = new News();
  #dropped = 0;

  /**
   * Starts the probe's actor in a system.
   *
   * @throws {ActorError} codes `badName`, `duplicateName`, `systemStopped`.
   * @throws {OptionError}
   */
  constructor(system: ActorSystem, options: TestProbeOptions = {}) {
    this.#system = system;
    const { name = freeName(system, "probe"), capacity } = resolveOptions(testProbeTable, options);
    this.#capacity = capacity;
    const behavior = Behaviors.receive<M>((_context, message) => {
      this.#keep(this.#messages, message);
      return Behaviors.same();
    }, (_context, signal) => {
      this.#keep(this.#signals, signal);
      return Behaviors.same();
    });
    this.ref = system.spawn(behavior, name);
  }

  /** Whether a message has come that was not expected yet. */
  get hasMessage(): boolean {
    return this.#messages.length > 0;
  }

  /**
   * Waits for the next message, whatever it is.
   *
   * @throws {TestkitError} code `expectationFailed`.
   */
  async receive(options: WaitOptions = {}): Promise<M> {
    const { timeout } = resolveOptions(waitTable, options);
    return await this.#next(this.#deadline(timeout), () => `a message within ${timeout} ms`);
  }

  /**
   * Waits for the next message, which must be equal to `expected` in all its parts. References are
   * equal if they point to the same actor.
   *
   * @throws {TestkitError} code `expectationFailed`.
   */
  async expectMessage<T extends M>(expected: T, options: WaitOptions = {}): Promise<T> {
    const { timeout } = resolveOptions(waitTable, options);
    const wanted = () => `${describe(expected)} within ${timeout} ms`;
    const message = await this.#next(this.#deadline(timeout), wanted);
    if (!sameValue(message, expected)) throw this.#unexpected(describe(expected), message);
    return message as T;
  }

  /**
   * Waits for the next message, which must have this `type`; gives it as that type.
   *
   * @throws {TestkitError} code `expectationFailed`.
   *
   * @example
   * ```ts
   * import { ActorTestKit } from "@casty/casty/testkit";
   *
   * await using kit = ActorTestKit.create();
   * const probe = kit.createProbe<{ type: "sum"; value: number } | { type: "failed" }>();
   * probe.ref.tell({ type: "sum", value: 42 });
   * const { value } = await probe.expectMessageType("sum");
   * console.assert(value === 42);
   * ```
   */
  async expectMessageType<T extends MessageType<M>>(
    type: T,
    options: WaitOptions = {},
  ): Promise<MessageOfType<M, T>> {
    const { timeout } = resolveOptions(waitTable, options);
    const wanted = () => `a message of type ${describe(type)} within ${timeout} ms`;
    const message = await this.#next(this.#deadline(timeout), wanted);
    if ((message as { type?: unknown } | null | undefined)?.type !== type) {
      throw this.#unexpected(`a message of type ${describe(type)}`, message);
    }
    return message as MessageOfType<M, T>;
  }

  /**
   * Waits for `count` messages, all within the timeout.
   *
   * @throws {TestkitError} code `expectationFailed`.
   * @throws {OptionError}
   */
  async receiveMessages(count: number, options: WaitOptions = {}): Promise<M[]> {
    const { timeout } = resolveOptions(waitTable, options);
    checkValue("count", messageCount, count);
    const deadline = this.#deadline(timeout);
    const received: M[] = [];
    while (received.length < count) {
      received.push(
        await this.#next(
          deadline,
          () =>
            `${count} messages within ${timeout} ms (${received.length} came: ` +
            `${describeAll(received)})`,
        ),
      );
    }
    return received;
  }

  /**
   * Watches for `duration` milliseconds that no message comes. One that has come already counts.
   *
   * @throws {TestkitError} code `expectationFailed`, as soon as one comes.
   */
  async expectNoMessage(options: QuietOptions = {}): Promise<void> {
    const { duration } = resolveOptions(quietTable, options);
    const { clock } = this.#system.runtime;
    const deadline = clock.now() + duration;
    if (!(await waitUntil(clock, this.#news, () => this.hasMessage, deadline))) return;
    this.#checkOverflow();
    throw this.#unexpected(`no message within ${duration} ms`, this.#messages.shift());
  }

  /**
   * Takes messages until one is found for which `predicate` gives `true` or `"complete"`. Gives
   * that one as the last of a list; the ones before it were passed over, except where
   * `predicate` gave `"ignore"`.
   *
   * @throws {TestkitError} code `expectationFailed`: none was found in time, or `predicate` gave
   * `"fail"`.
   *
   * @example
   * ```ts
   * import { ActorTestKit } from "@casty/casty/testkit";
   *
   * await using kit = ActorTestKit.create();
   * const probe = kit.createProbe<number>();
   * for (const n of [1, 2, 3, 10, 11]) probe.ref.tell(n);
   * const fished = await probe.fishFor((n) => n >= 10);
   * console.assert(fished.join() === "1,2,3,10");
   * ```
   */
  async fishFor(
    predicate: (message: M) => FishingOutcome,
    options: WaitOptions = {},
  ): Promise<M[]> {
    const { timeout } = resolveOptions(waitTable, options);
    const deadline = this.#deadline(timeout);
    const fished: M[] = [];
    for (;;) {
      const message = await this.#next(
        deadline,
        () =>
          `a message that is fished for within ${timeout} ms (passed over: ${describeAll(fished)})`,
      );
      const outcome = predicate(message);
      if (outcome === "fail") throw this.#unexpected("none such while fishing", message);
      if (outcome !== "ignore") fished.push(message);
      if (outcome === true || outcome === "complete") return fished;
    }
  }

  /**
   * From now on the probe is notified when the other has stopped.
   *
   * @throws {ActorError} code `cannotWatch`.
   */
  watch(ref: ActorRef<never>): void {
    (this.ref as LocalRef<M>).watch(ref);
  }

  /**
   * Waits until the other has stopped; gives the signal, which tells why. Watches it, if the probe
   * does not do so yet.
   *
   * @throws {TestkitError} code `expectationFailed`.
   * @throws {ActorError} code `cannotWatch`.
   */
  async expectTerminated(ref: ActorRef<never>, options: WaitOptions = {}): Promise<Terminated> {
    const { timeout } = resolveOptions(waitTable, options);
    const deadline = this.#deadline(timeout);
    const indexOf = () =>
      this.#signals.findIndex((signal) =>
        signal.type === "terminated" && sameValue(signal.ref, ref)
      );
    if (indexOf() < 0) this.watch(ref);
    const { clock } = this.#system.runtime;
    if (!(await waitUntil(clock, this.#news, () => indexOf() >= 0, deadline))) {
      throw this.#failure(`${ref} to stop within ${timeout} ms`, "but it has not", undefined);
    }
    return this.#signals.splice(indexOf(), 1)[0] as Terminated;
  }

  /**
   * Waits for the next signal, which must have this `type`. Signals are kept apart from messages.
   *
   * @throws {TestkitError} code `expectationFailed`.
   */
  async expectSignal<T extends Signal["type"]>(
    type: T,
    options: WaitOptions = {},
  ): Promise<Extract<Signal, { readonly type: T }>> {
    const { timeout } = resolveOptions(waitTable, options);
    const deadline = this.#deadline(timeout);
    const { clock } = this.#system.runtime;
    if (!(await waitUntil(clock, this.#news, () => this.#signals.length > 0, deadline))) {
      throw this.#failure(`the signal ${type} within ${timeout} ms`, "but none came", undefined);
    }
    const signal = this.#signals.shift()!;
    if (signal.type !== type) throw this.#unexpected(`the signal ${type}`, signal);
    return signal as Extract<Signal, { readonly type: T }>;
  }

  /** Stops the probe's actor. Resolves when it has stopped. What it has received can be expected still. */
  stop(): Promise<void> {
    return this.#system.stop(this.ref);
  }

  #keep<T>(queue: T[], item: T): void {
    if (queue.length >= this.#capacity) this.#dropped++;
    else queue.push(item);
    this.#news.tell();
  }

  #deadline(timeout: number): number {
    return this.#system.runtime.clock.now() + timeout;
  }

  async #next(deadline: number, wanted: () => string): Promise<M> {
    const { clock } = this.#system.runtime;
    this.#checkOverflow();
    // Another expectation of the same probe may be faster.
    while (this.#messages.length === 0) {
      if (!(await waitUntil(clock, this.#news, () => this.#messages.length > 0, deadline))) {
        throw this.#failure(wanted(), "but none came", undefined);
      }
    }
    return this.#messages.shift()!;
  }

  #checkOverflow(): void {
    if (this.#dropped === 0) return;
    throw new TestkitError(
      "probeOverflow",
      `${this.ref.path} keeps ${this.#capacity} messages for the test; ${this.#dropped} more came`,
      { value: this.#capacity, remedy: "expect them earlier, or raise capacity of the probe" },
    );
  }

  #unexpected(wanted: string, value: unknown): TestkitError {
    return this.#failure(wanted, `but got ${describe(value)}`, value);
  }

  #failure(wanted: string, came: string, value: unknown): TestkitError {
    const parts = [
      `${this.ref.path} expected ${wanted}, ${came}`,
      `waiting in its queue: ${describeAll(this.#messages)}`,
    ];
    if (this.#signals.length > 0) parts.push(`signals: ${describeAll(this.#signals)}`);
    return new TestkitError("expectationFailed", parts.join("\n"), { value });
  }
}

/**
 * Starts a probe in a system on any clock; the same as `new TestProbe(system)`.
 *
 * @example On the machine's clock
 * ```ts
 * import { ActorSystem } from "@casty/casty";
 * import { spawnProbe } from "@casty/casty/testkit";
 *
 * await using system = new ActorSystem();
 * const probe = spawnProbe<string>(system);
 * probe.ref.tell("hello");
 * await probe.expectMessage("hello", { timeout: 1_000 });
 * ```
 */
export function spawnProbe<M>(system: ActorSystem, options?: TestProbeOptions): TestProbe<M> {
  return new TestProbe<M>(system, options);
}

/** A name that no actor of a system has. */
export function freeName(system: ActorSystem, prefix: string): string {
  let number = (lastNumbers.get(system) ?? 0) + 1;
  while (system.lookup(`/${prefix}-${number}`) !== undefined) number++;
  lastNumbers.set(system, number);
  return `${prefix}-${number}`;
}

const lastNumbers = new WeakMap<ActorSystem, number>();
