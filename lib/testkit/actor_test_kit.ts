import { ActorSystem } from "../actor/system/actor_system.ts";
import type { ActorSystemOptions } from "../actor/system/actor_system_options.ts";
import type { AskOptions, LiteralOf } from "../actor/behavior/ask_options.ts";
import type { ReplyOf } from "../actor/behavior/reply_of.ts";
import type { StatusValue } from "../actor/behavior/status_reply.ts";
import type { Behavior } from "../actor/behavior/behavior.ts";
import type { ActorRef } from "../actor/ref/ref.ts";
import type { SpawnOptions } from "../actor/behavior/spawn_options.ts";
import type { Logger } from "../runtime/logger.ts";
import { describe, describeAll } from "./describe.ts";
import { checkValue, resolveOptions } from "../options/check_options.ts";
import {
  actorTestKitTable,
  quietTable,
  virtualTime,
  waitTable,
} from "../options/tables/testkit_tables.ts";
import { TestkitError } from "./errors.ts";
import { checkLedger } from "./ledger_check.ts";
import { ManualClock } from "./manual_clock.ts";
import { type LogLine, type LogPattern, RecordedLog } from "./recorded_log.ts";
import { SeededRandom } from "./seeded_random.ts";
import { freeName, type QuietOptions, TestProbe, type WaitOptions } from "./test_probe.ts";
import { Notifier, waitUntil } from "./waiting.ts";

/** Virtual milliseconds that the end of a system may take: more than all of its limits together. */
const endLimit = 24 * 3_600_000;

/** Options of a testkit. */
export interface ActorTestKitOptions extends Omit<ActorSystemOptions, "runtime"> {
  /** Seed of all randomness in the system. Default 1. */
  readonly seed?: number | string;
  /** Also receives each log line. Default: lines are only recorded. */
  readonly logger?: Logger;
}

/**
 * A system for tests: on virtual time, with seeded randomness and a recorded log. No test waits in
 * real time, and every run is the same.
 *
 * On disposal (`await using`) the system is shut down, and its ledger must balance: no message may
 * be lost uncounted.
 *
 * Promises of actors settle whenever the testkit waits, except operations outside the process (a
 * socket, a file, a timer of the machine): await those otherwise, because virtual time passes
 * without them.
 *
 * @example
 * ```ts
 * import { type ActorRef, Behaviors } from "@casty/casty";
 * import { ActorTestKit } from "@casty/casty/testkit";
 *
 * const alarm = (listener: ActorRef<string>) =>
 *   Behaviors.setup<"ring">((context) => {
 *     context.timers.startSingle("alarm", "ring", 3_600_000);
 *     return Behaviors.receive(() => {
 *       context.log.info("ringing");
 *       listener.tell("wake up");
 *       return Behaviors.stopped();
 *     });
 *   });
 *
 * await using kit = ActorTestKit.create({ seed: 7 });
 * const probe = kit.createProbe<string>();
 * const ref = kit.spawn(alarm(probe.ref), "alarm");
 * await probe.expectNoMessage({ duration: 3_599_999 });
 * await probe.expectMessage("wake up", { timeout: 1 });
 * await probe.expectTerminated(ref);
 * await kit.expectLog({ level: "info", source: "/alarm", message: "ringing" });
 * ```
 */
export class ActorTestKit implements AsyncDisposable {
  /** The system. */
  readonly system: ActorSystem;
  /** Its time. */
  readonly clock: ManualClock;
  /** Its random source. */
  readonly random: SeededRandom;
  /** Its log. */
  readonly log: RecordedLog;
  readonly #changes = new Notifier();
  #ended: Promise<void> | undefined;

  private constructor(given: ActorTestKitOptions) {
    const { seed, logger, ...options } = resolveOptions(actorTestKitTable, given);
    this.clock = new ManualClock();
    this.random = new SeededRandom(seed);
    this.log = new RecordedLog({
      onLine: () => this.#changes.notify(),
      ...(logger !== undefined && { next: logger }),
    });
    this.system = new ActorSystem({
      ...options,
      runtime: { clock: this.clock, random: this.random, logger: this.log },
    });
  }

  /**
   * Creates a system for one test.
   *
   * @throws {OptionError}
   */
  static create(options: ActorTestKitOptions = {}): ActorTestKit {
    return new ActorTestKit(options);
  }

  /**
   * Starts an actor. Without a name it is called `"actor-1"` and so on.
   *
   * @throws {ActorError} as `ActorSystem.spawn`.
   */
  spawn<M>(behavior: Behavior<M>, name?: string, options?: SpawnOptions): ActorRef<M> {
    return this.system.spawn(behavior, name ?? freeName(this.system, "actor"), options);
  }

  /**
   * Starts a probe. Without a name it is called `"probe-1"` and so on.
   *
   * @throws {ActorError} codes `badName`, `duplicateName`, `systemStopped`.
   */
  createProbe<M>(name?: string): TestProbe<M> {
    return new TestProbe<M>(this.system, name === undefined ? {} : { name });
  }

  /** The same as {@linkcode ActorTestKit.createProbe}. */
  spawnProbe<M>(name?: string): TestProbe<M> {
    return this.createProbe<M>(name);
  }

  /**
   * Asks an actor, and moves time on until the reply is there.
   *
   * @throws {AskTimeoutError} if none arrives in time.
   * @throws {AskError} if the ask fails before its timeout.
   */
  ask<M, R, const Q extends LiteralOf<M> = LiteralOf<M>>(
    ref: ActorRef<M>,
    factory: (replyTo: ActorRef<R>) => Q,
    options?: AskOptions,
  ): Promise<ReplyOf<M, R, Q>> {
    return this.clock.resolve(this.system.ask(ref, factory, options), endLimit);
  }

  /**
   * The same of an actor that answers with a `StatusReply`: resolves with its value.
   *
   * @throws {AskError} as `ask`; code `askRejected` if the actor has answered with an error.
   */
  askStatus<M, R, const Q extends LiteralOf<M> = LiteralOf<M>>(
    ref: ActorRef<M>,
    factory: (replyTo: ActorRef<R>) => Q,
    options?: AskOptions,
  ): Promise<StatusValue<ReplyOf<M, R, Q>>> {
    return this.clock.resolve(this.system.askStatus(ref, factory, options), endLimit);
  }

  /** Stops an actor, and moves time on until it and its children have stopped. */
  stop(ref: ActorRef<never>): Promise<void> {
    return this.clock.resolve(this.system.stop(ref), endLimit);
  }

  /** Advances time by `duration` milliseconds, and runs everything that falls due. */
  advance(duration: number): Promise<void> {
    return this.clock.advance(checkValue("duration", virtualTime, duration));
  }

  /** Lets everything happen that needs no time. */
  settle(): Promise<void> {
    return this.clock.advance(0);
  }

  /**
   * Waits for a log line; returns it and removes it from the log, so that the next expectation
   * needs another one. A line that was written already counts.
   *
   * @throws {TestkitError} code `expectationFailed`.
   */
  async expectLog(pattern: LogPattern, options: WaitOptions = {}): Promise<LogLine> {
    const { timeout } = resolveOptions(waitTable, options);
    const deadline = this.clock.now() + timeout;
    const found = () => this.log.find(pattern) !== undefined;
    if (await waitUntil(this.clock, this.#changes, found, deadline)) return this.log.take(pattern)!;
    throw new TestkitError(
      "expectationFailed",
      `expected a log line ${describe(pattern)} within ${timeout} ms, but none came\n` +
        `in the log: ${describeAll(this.log.lines)}`,
    );
  }

  /**
   * Watches for `duration` milliseconds that no such log line is written. One that was written
   * already counts.
   *
   * @throws {TestkitError} code `expectationFailed`.
   */
  async expectNoLog(pattern: LogPattern = {}, options: QuietOptions = {}): Promise<void> {
    const { duration } = resolveOptions(quietTable, options);
    const deadline = this.clock.now() + duration;
    const found = () => this.log.find(pattern) !== undefined;
    if (!(await waitUntil(this.clock, this.#changes, found, deadline))) return;
    const line = this.log.find(pattern);
    throw new TestkitError(
      "expectationFailed",
      `expected no log line ${describe(pattern)} within ${duration} ms, but got ${describe(line)}`,
      { value: line },
    );
  }

  /**
   * Shuts the system down and checks its ledger. A second call returns the same promise.
   *
   * @throws {TestkitError} code `ledgerMismatch`.
   */
  [Symbol.asyncDispose](): Promise<void> {
    return this.#ended ??= this.#end();
  }

  async #end(): Promise<void> {
    await this.clock.resolve(this.system.shutdown(), endLimit);
    await this.settle();
    const snapshot = checkLedger(this.system);
    if (snapshot.inFlight === 0) return;
    throw new TestkitError(
      "ledgerMismatch",
      `${snapshot.inFlight} messages wait still in ${this.system.name}, which was shut down`,
      { value: snapshot },
    );
  }
}
