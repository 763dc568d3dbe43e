import { checkValue, resolveOptions } from "../options/check_options.ts";
import { behaviorTestKitTable, virtualTime } from "../options/tables/testkit_tables.ts";
import { ActorSystem } from "../actor/system/actor_system.ts";
import type { Behavior } from "../actor/behavior/behavior.ts";
import type { ActorRef } from "../actor/ref/ref.ts";
import type { Signal } from "../actor/behavior/signal.ts";
import { askFailed } from "../actor/ask/ask_failure.ts";
import type { DueReminder } from "../persistence/reminders/reminders.ts";
import type { Serializer } from "../wire/serializer.ts";
import { BehaviorRun } from "./behavior_run.ts";
import { DurableRun } from "./durable_run.ts";
import { describe, describeAll } from "./describe.ts";
import type { Effect, EffectOfType, EffectPattern } from "./effect.ts";
import { TestkitError } from "./errors.ts";
import { ManualClock, settled } from "./manual_clock.ts";
import { RecordedLog } from "./recorded_log.ts";
import { sameValue } from "./same_value.ts";
import { SeededRandom } from "./seeded_random.ts";
import { checkFirst, TestContext } from "./test_context.ts";
import { TestInbox } from "./test_inbox.ts";

/** How a behaviour is tested. */
export interface BehaviorTestKitOptions {
  /** Name of the actor that the behaviour believes to be. Default `"test"`. */
  readonly name?: string;
  /** Messages that its stash may hold, at least 1. Default 1 000. */
  readonly stashCapacity?: number;
  /** `context.entityId`, for the behaviour of an entity. Default `""`: it is none. */
  readonly entityId?: string;
  /** `context.epoch`, an integer from 0. Default 0. */
  readonly grantEpoch?: number;
  /**
   * `context.deadline`, milliseconds on the clock of the kit's system. Default: none, the messages are
   * of no ask.
   */
  readonly deadline?: number;
  /**
   * Events of a durable actor that are stored before it starts, oldest first; of `durableState`, states.
   * Default: none.
   */
  readonly storedEvents?: readonly unknown[];
  /** The version of their schema, from 0. Default 0. */
  readonly storedVersion?: number;
  /**
   * Whether a durable actor is checked after each step: events, states and messages are the same behind
   * the codec, a replay of the stored events gives the same state, and `onCommand` and `onEvent` change
   * nothing that they are given. Default true.
   */
  readonly verify?: boolean;
  /**
   * How values of your classes in messages of a durable actor cross the wire. What it stores takes the
   * serializers of its schema. Default: none.
   */
  readonly serializers?: readonly Serializer[];
  /**
   * The wall time when it starts, in milliseconds since 1970, for reminders. Default
   * 1 700 000 000 000.
   */
  readonly wallTime?: number;
}

/**
 * Runs one behaviour synchronously, without an actor, and records its effects (Pekko's
 * `BehaviorTestKit`). Children do not run, timers fire when the test says so, asks are answered by
 * the test. Errors of handlers propagate to the test: supervision is recorded and not applied.
 *
 * @example
 * ```ts
 * import { type ActorRef, type Behavior, Behaviors } from "@casty/casty";
 * import { BehaviorTestKit, TestInbox } from "@casty/casty/testkit";
 *
 * type Message = { type: "work"; job: string } | { type: "count"; replyTo: ActorRef<number> };
 * const worker = Behaviors.ignore();
 * const boss = (count: number): Behavior<Message> =>
 *   Behaviors.receive((context, message) => {
 *     if (message.type === "count") {
 *       message.replyTo.tell(count);
 *       return Behaviors.same();
 *     }
 *     context.spawn(worker, message.job).tell(message.job);
 *     return boss(count + 1);
 *   });
 *
 * const kit = BehaviorTestKit.create(boss(0));
 * kit.run({ type: "work", job: "dig" });
 * kit.expectEffect({ type: "spawned", name: "dig", behavior: worker });
 * kit.childInbox<string>("dig").expectMessage("dig");
 *
 * const inbox = new TestInbox<number>();
 * kit.run({ type: "count", replyTo: inbox.ref });
 * inbox.expectMessage(1);
 * ```
 *
 * A durable actor runs without its store: its events are stored at once, and what it says and does after
 * them happens in the same `run`. `retrieveEvents` and `state` show what has become of a command, `ask`
 * gives its reply, and the signal `preRestart` replays the events.
 *
 * @example
 * ```ts
 * import { type ActorRef, AskError, Behaviors } from "@casty/casty";
 * import { BehaviorTestKit } from "@casty/casty/testkit";
 *
 * type Command = { type: "deposit" | "withdraw"; amount: number; replyTo: ActorRef<number> };
 * type Event = { type: "changed"; by: number };
 * const account = Behaviors.eventSourced<Command, Event, number>({
 *   initial: 0,
 *   onCommand(_context, balance, { type, amount, replyTo }, effect) {
 *     const by = type === "deposit" ? amount : -amount;
 *     return balance + by < 0
 *       ? effect.refuse("not enough money")
 *       : effect.persist({ type: "changed", by }).thenReply(replyTo, (after) => after);
 *   },
 *   onEvent: (balance, { by }) => balance + by,
 * });
 *
 * const kit = BehaviorTestKit.create(account, {
 *   entityId: "alice",
 *   storedEvents: [{ type: "changed", by: 100 }],
 * });
 * const withdraw = (amount: number) => (replyTo: ActorRef<number>) =>
 *   ({ type: "withdraw", amount, replyTo }) as const;
 * console.assert(kit.ask(withdraw(30)) === 70);
 * kit.expectEvents({ type: "changed", by: -30 });
 * try {
 *   kit.ask(withdraw(1_000));
 * } catch (error) {
 *   console.assert(error instanceof AskError && error.rejection?.message === "not enough money");
 * }
 * kit.expectEvents();
 * console.assert(kit.state === 70);
 * ```
 */
export class BehaviorTestKit<M> {
  /** Messages to the actor itself: of the behaviour, its adapters and its promises. */
  readonly selfInbox: TestInbox<M>;
  /** Its log. */
  readonly log: RecordedLog = new RecordedLog();
  readonly #context: TestContext;
  readonly #run: BehaviorRun;
  readonly #durable: DurableRun;
  readonly #clock: ManualClock;
  #system: ActorSystem | undefined;
  #effects: Effect[] = [];

  private constructor(
    behavior: Behavior<M>,
    options: BehaviorTestKitOptions,
  ) {
    const resolved = resolveOptions(behaviorTestKitTable, options);
    this.#clock = new ManualClock({ epoch: resolved.wallTime });
    const { name, stashCapacity, entityId, grantEpoch: epoch } = resolved;
    const record = (effect: Effect) => void this.#effects.push(effect);
    const ended = () => this.#run.ended;
    const system = () => this.system;
    this.#context = new TestContext({
      name,
      stashCapacity,
      entityId,
      epoch,
      deadline: options.deadline,
      log: this.log,
      record,
      get ended() {
        return ended();
      },
      get system() {
        return system();
      },
      unstash: (messages) => this.#run.unstash(messages),
    });
    this.selfInbox = this.#context.inbox as unknown as TestInbox<M>;
    checkFirst(this.#context.self.path, behavior);
    this.#run = new BehaviorRun({ context: this.#context, record }, behavior);
    const { verify, serializers = [], storedEvents = [], storedVersion } = resolved;
    this.#durable = new DurableRun({
      context: this.#context,
      record,
      verify,
      serializers,
      storedEvents,
      storedVersion,
    });
  }

  /**
   * Starts a behaviour: runs its setup and the hook `preStart`.
   *
   * @throws {ActorError} codes `badBehavior`, `badName`.
   * @throws {OptionError}
   * @throws {TestkitError} code `asyncHandler`: use {@linkcode BehaviorTestKit.createAsync}.
   */
  static create<M>(
    behavior: Behavior<M>,
    options: BehaviorTestKitOptions = {},
  ): BehaviorTestKit<M> {
    const kit = new BehaviorTestKit(behavior, options);
    kit.#runSync(kit.#run.begin());
    return kit;
  }

  /** The same for behaviours whose setup or `preStart` returns a promise. */
  static async createAsync<M>(
    behavior: Behavior<M>,
    options: BehaviorTestKitOptions = {},
  ): Promise<BehaviorTestKit<M>> {
    const kit = new BehaviorTestKit(behavior, options);
    await kit.#runAsync(kit.#run.begin());
    return kit;
  }

  /** The reference `context.self` of the behaviour. */
  get ref(): ActorRef<M> {
    return this.selfInbox.ref;
  }

  /** Whether it has not stopped. */
  get isAlive(): boolean {
    return !this.#run.ended;
  }

  /** The behaviour that would handle the next message, without its wrappers. */
  get currentBehavior(): Behavior<M> {
    return this.#run.current as Behavior<M>;
  }

  /** The children that were spawned and not stopped. */
  get children(): readonly ActorRef<never>[] {
    return this.#context.children;
  }

  /** Keys of the timers that would fire. */
  get activeTimers(): readonly string[] {
    return this.#context.timers.active;
  }

  /**
   * The system of the behaviour: a real one on virtual time, created on first access. Only actors
   * that the behaviour spawns in it run there.
   */
  get system(): ActorSystem {
    return this.#system ??= new ActorSystem({
      name: "behavior-test-kit",
      runtime: { clock: this.#clock, random: new SeededRandom(1), logger: this.log },
    });
  }

  /** Effects that were not taken out yet, the oldest first. */
  get effects(): readonly Effect[] {
    return this.#effects;
  }

  /** Takes out all effects, the oldest first. */
  retrieveEffects(): Effect[] {
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }

  /**
   * Takes out and returns the oldest effect, which must have the type and all given fields.
   *
   * @throws {TestkitError} code `expectationFailed`.
   *
   * @example
   * ```ts
   * import { Behaviors } from "@casty/casty";
   * import { BehaviorTestKit } from "@casty/casty/testkit";
   *
   * const kit = BehaviorTestKit.create(Behaviors.setup<"tick">((context) => {
   *   context.timers.startFixedDelay("clock", "tick", 1_000);
   *   return Behaviors.ignore();
   * }));
   * const { delay } = kit.expectEffect({ type: "timerStarted", key: "clock" });
   * console.assert(delay === 1_000);
   * kit.expectNoEffects();
   * ```
   */
  expectEffect<T extends Effect["type"]>(expected: EffectPattern<T>): EffectOfType<T> {
    const effect = this.#effects[0];
    if (effect !== undefined && fits(effect, expected)) {
      return this.#effects.shift() as EffectOfType<T>;
    }
    const came = effect === undefined ? "but there was none" : `but got ${describe(effect)}`;
    throw this.#failure(`the effect ${describe(expected)}, ${came}`, effect);
  }

  /**
   * Nothing was done that was not taken out.
   *
   * @throws {TestkitError} code `expectationFailed`.
   */
  expectNoEffects(): void {
    if (this.#effects.length > 0) throw this.#failure("no effect", this.#effects[0]);
  }

  /**
   * Messages to a child, by name or reference. Of several that had one name, the last.
   *
   * @throws {TestkitError} code `noSuchChild`.
   */
  childInbox<C>(child: string | ActorRef<C>): TestInbox<C> {
    const name = typeof child === "string" ? child : child.path.slice(this.ref.path.length + 1);
    const inbox = this.#context.inboxes.get(name);
    if (inbox !== undefined && (typeof child === "string" || inbox.ref === child)) {
      return inbox as unknown as TestInbox<C>;
    }
    const names = [...this.#context.inboxes.keys()].join(", ") || "none";
    throw new TestkitError(
      "noSuchChild",
      `${this.ref.path} has spawned no child ${describe(child)}; it has spawned: ${names}`,
      { value: child },
    );
  }

  /**
   * Handles a message, and the messages that it unstashes.
   *
   * @throws {TestkitError} codes `asyncHandler`, `behaviorStopped`, `stillRunning`; of a durable actor
   * also `codecMismatch`, `replayMismatch`, `stateChanged`; and whatever the handler throws.
   */
  run(message: M): void {
    this.#runSync(this.#run.message(message));
  }

  /**
   * The same for a handler that may return a promise; it runs synchronously up to its first
   * `await`.
   */
  runAsync(message: M): Promise<void> {
    return this.#runAsync(this.#run.message(message));
  }

  /**
   * Takes the oldest message out of `selfInbox`, handles and returns it.
   *
   * @throws {TestkitError} code `inboxEmpty`, and as {@linkcode BehaviorTestKit.run}.
   */
  runOne(): M {
    const message = this.selfInbox.receiveMessage();
    this.run(message);
    return message;
  }

  /**
   * Handles a signal as an actor would: `postStop` stops it, with hooks; `preRestart` restarts it;
   * `terminated` of an actor that is watched with a message is that message.
   *
   * @throws {TestkitError} code `notWatched` for `terminated` of an actor that it does not watch,
   * and as {@linkcode BehaviorTestKit.run}.
   */
  signal(signal: Signal): void {
    this.#runSync(this.#run.signal(signal));
  }

  /** The same for handlers and hooks that may return promises. */
  signalAsync(signal: Signal): Promise<void> {
    return this.#runAsync(this.#run.signal(signal));
  }

  /** Stops it from outside: the signal `postStop`, then the hooks. */
  stop(): void {
    this.signal({ type: "postStop" });
  }

  /**
   * Fires a timer: handles its message. A single timer is then removed.
   *
   * @throws {TestkitError} code `noSuchTimer`, and as {@linkcode BehaviorTestKit.run}.
   */
  fireTimer(key: string): void {
    this.run(this.#context.timers.fire(key) as M);
  }

  /** The same for a handler that may return a promise. */
  async fireTimerAsync(key: string): Promise<void> {
    await this.runAsync(this.#context.timers.fire(key) as M);
  }

  /**
   * Moves the clock on. The reminders of a durable actor that become due are handled at their times, each
   * as {@linkcode BehaviorTestKit.run} does a message; it returns them. One whose handler throws is still
   * due, and is tried again after a pause, as by an actor. Timers fire with
   * {@linkcode BehaviorTestKit.fireTimer} only.
   *
   * @param duration milliseconds, from 0.
   * @throws {OptionError}
   * @throws as {@linkcode BehaviorTestKit.run}.
   *
   * @example
   * ```ts
   * import { Behaviors } from "@casty/casty";
   * import { BehaviorTestKit } from "@casty/casty/testkit";
   *
   * const order = Behaviors.eventSourced<"place" | "expire", string, string>({
   *   initial: "new",
   *   onCommand({ reminders }, _state, command, effect) {
   *     if (command === "place") reminders.once("expiry", 30 * 60_000, "expire");
   *     return effect.persist(command);
   *   },
   *   onEvent: (_state, event) => event,
   * });
   *
   * const kit = BehaviorTestKit.create(order);
   * kit.run("place");
   * console.assert(kit.advance(29 * 60_000).length === 0);
   * const [fired] = kit.advance(60_000);
   * console.assert(fired!.key === "expiry" && kit.state === "expire");
   * ```
   */
  advance(duration: number): readonly DueReminder[] {
    const end = this.#endOf(duration);
    const handled: DueReminder[] = [];
    do {
      for (let fired = this.#takeFired(); fired !== undefined; fired = this.#takeFired()) {
        handled.push(fired.reminder);
        this.#runSync(this.#run.work(fired.run));
      }
    } while (this.#clock.runNextNow(end));
    return handled;
  }

  /** The same for a handler that may return a promise. */
  async advanceAsync(duration: number): Promise<readonly DueReminder[]> {
    const end = this.#endOf(duration);
    const handled: DueReminder[] = [];
    do {
      for (let fired = this.#takeFired(); fired !== undefined; fired = this.#takeFired()) {
        handled.push(fired.reminder);
        await this.#runAsync(this.#run.work(fired.run));
      }
      await settled();
    } while (this.#clock.runNextNow(end));
    return handled;
  }

  /**
   * Fires the receive timeout: handles its message.
   *
   * @throws {TestkitError} code `noSuchTimer`, and as {@linkcode BehaviorTestKit.run}.
   */
  fireReceiveTimeout(): void {
    const { receiveTimeout } = this.#context;
    if (receiveTimeout.length === 0) {
      throw new TestkitError("noSuchTimer", `${this.ref.path} has set no receive timeout`);
    }
    this.run(receiveTimeout[0] as M);
  }

  /**
   * Handles the message of an ask, and returns the first message to its reply reference.
   *
   * @throws {TestkitError} code `noReply` if there is none, and as {@linkcode BehaviorTestKit.run}.
   * @throws {AskError} code `askRejected` if a durable actor has refused it.
   */
  ask<R>(factory: (replyTo: ActorRef<R>) => M): R {
    const inbox = new TestInbox<R>("asker");
    this.run(factory(inbox.ref));
    return this.#replyIn(inbox);
  }

  /** The same for a handler that may return a promise. */
  async askAsync<R>(factory: (replyTo: ActorRef<R>) => M): Promise<R> {
    const inbox = new TestInbox<R>("asker");
    await this.runAsync(factory(inbox.ref));
    return this.#replyIn(inbox);
  }

  /**
   * The state of a durable actor, with all events.
   *
   * @throws {TestkitError} code `notDurable`.
   */
  get state(): unknown {
    return this.#started.state;
  }

  /**
   * The persistence id of a durable actor; that of an entity without one of its own is its id.
   *
   * @throws {TestkitError} code `notDurable`.
   */
  get persistenceId(): string {
    return this.#started.id;
  }

  /**
   * All that a durable actor has stored, as it will be read, oldest first: events, or states of
   * `durableState`.
   *
   * @throws {TestkitError} code `notDurable`.
   */
  get storedEvents(): readonly unknown[] {
    return this.#started.stored;
  }

  /**
   * The events that a durable actor has stored and that were not taken out yet, oldest first.
   *
   * @throws {TestkitError} code `notDurable`.
   */
  retrieveEvents<E = unknown>(): E[] {
    return this.#started.takeEvents() as E[];
  }

  /**
   * A durable actor has stored these events, in this order, and no others that were not taken out before.
   *
   * @throws {TestkitError} codes `expectationFailed`, `notDurable`.
   */
  expectEvents<E = unknown>(...expected: readonly E[]): void {
    const events = this.retrieveEvents();
    if (sameValue(events, expected)) return;
    throw new TestkitError(
      "expectationFailed",
      `${this.ref.path} expected the events ${describeAll(expected)}\n` +
        `and has stored ${describeAll(events)}`,
      { value: events },
    );
  }

  /** Waits until promises have settled, so that piped messages are in `selfInbox`. */
  async settle(): Promise<void> {
    await new ManualClock().advance(0);
  }

  #runSync(steps: Parameters<BehaviorRun["runSync"]>[0]): void {
    try {
      this.#run.runSync(steps);
    } catch (error) {
      this.#durable.throwFault();
      throw error;
    }
    this.#durable.check();
  }

  async #runAsync(steps: Parameters<BehaviorRun["runAsync"]>[0]): Promise<void> {
    try {
      await this.#run.runAsync(steps);
    } catch (error) {
      this.#durable.throwFault();
      throw error;
    }
    this.#durable.check();
  }

  #endOf(duration: number): number {
    checkValue("duration", virtualTime, duration);
    return this.#clock.now() + duration;
  }

  /** A reminder that is due; of an actor that has stopped, none is. */
  #takeFired(): ReturnType<DurableRun["takeFired"]> {
    return this.#run.ended ? undefined : this.#durable.takeFired();
  }

  get #started(): DurableRun {
    if (this.#durable.isDurable) return this.#durable;
    throw new TestkitError("notDurable", `${this.ref.path} is no durable actor`, {
      remedy: "make its behaviour with Behaviors.eventSourced or Behaviors.durableState",
    });
  }

  #replyIn<R>(inbox: TestInbox<R>): R {
    const { path } = this.ref;
    const refusal = this.#durable.takeRefusal();
    if (inbox.hasMessages) return inbox.receiveMessage();
    if (refusal !== undefined) {
      const { message } = refusal;
      throw askFailed(path, { reason: "rejected", details: message, rejection: refusal }, refusal);
    }
    throw new TestkitError("noReply", `${path} has not replied`, { value: path });
  }

  #failure(wanted: string, value: unknown): TestkitError {
    return new TestkitError(
      "expectationFailed",
      `${this.ref.path} expected ${wanted}\neffects: ${describeAll(this.#effects)}`,
      { value },
    );
  }
}

function fits(effect: Effect, expected: object): boolean {
  return Object.entries(expected).every(([field, value]) =>
    sameValue((effect as unknown as Record<string, unknown>)[field], value)
  );
}
