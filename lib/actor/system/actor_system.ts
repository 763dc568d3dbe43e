import { consoleLogger } from "../../runtime/logger.ts";
import { randomInt } from "../../runtime/random.ts";
import { systemClock } from "../../runtime/system_clock.ts";
import { systemRandom } from "../../runtime/system_random.ts";
import { systemStopSignals } from "../../runtime/system_stop_signals.ts";
import { checkActorName, checkSystemName } from "../ref/actor_name.ts";
import { ActorRegistry } from "./actor_registry.ts";
import type { ActorSystemOptions } from "./actor_system_options.ts";
import { type AskOptions, Asks, targetDead, type Written } from "../ask/ask.ts";
import type { Behavior } from "../behavior/behavior.ts";
import { Cell } from "../cell/cell.ts";
import { duplicateName } from "../cell/cell_context.ts";
import type { CellHost, LocalRuntime } from "../cell/cell_host.ts";
import { DeadLetters } from "./dead_letters.ts";
import { Dispatcher } from "../cell/dispatcher.ts";
import { ActorError, AskTimeoutError } from "../errors.ts";
import { EventStream } from "./event_stream.ts";
import { setInternals, type SystemInternals } from "./system_internals.ts";
import { LocalRef } from "../ref/local_ref.ts";
import { whenLocalStopped } from "./local_stop.ts";
import { LossLedger } from "./loss_ledger.ts";
import { MessageCheck } from "../cell/message_check.ts";
import { checkRange } from "../option_range.ts";
import { Receptionist } from "../services/receptionist.ts";
import type { ActorRef } from "../ref/ref.ts";
import { safeLogger } from "./safe_logger.ts";
import { Scheduler } from "../services/scheduler.ts";
import { type ShutdownPhase, ShutdownPhases, type ShutdownTask } from "./shutdown_phases.ts";
import type { SpawnOptions } from "../behavior/spawn_options.ts";
import { stopOnSignals } from "./stop_on_signals.ts";
import { TaskRunner } from "../services/task_runner.ts";
import { maxDelay } from "../cell/timers.ts";

/** Uids begin anywhere below: a reply to an earlier process of the same address finds nobody. */
const uidRange = 2 ** 30;
/** Milliseconds that background tasks have to end when the actors have stopped. */
const tasksTimeout = 5_000;

/**
 * A set of actors in one process.
 *
 * @example
 * ```ts
 * import { type ActorRef, ActorSystem, Behaviors } from "@casty/casty";
 *
 * const greeter = Behaviors.receive<{ name: string; replyTo: ActorRef<string> }>((_ctx, message) => {
 *   message.replyTo.tell(`hello ${message.name}`);
 *   return Behaviors.same();
 * });
 *
 * await using system = new ActorSystem({ name: "example" });
 * const ref = system.spawn(greeter, "greeter");
 * const answer = await system.ask(
 *   ref,
 *   (replyTo: ActorRef<string>) => ({ name: "world", replyTo }),
 * );
 * console.assert(answer === "hello world");
 * ```
 */
export class ActorSystem implements AsyncDisposable {
  /** Name of the system. */
  readonly name: string;
  /** Clock, chance and log. */
  readonly runtime: LocalRuntime;
  /** What happens in the system. */
  readonly eventStream: EventStream;
  /** Counts of messages sent, delivered and lost. */
  readonly ledger: LossLedger;
  /** Messages to anybody, later. */
  readonly scheduler: Scheduler;
  /** Work in the background that a shutdown ends. */
  readonly tasks: TaskRunner;
  /** Finds actors by the service that they offer. */
  readonly receptionist: Receptionist;
  readonly #registry = new ActorRegistry();
  readonly #host: CellHost;
  readonly #asks: Asks;
  readonly #deadLetters: DeadLetters;
  readonly #phases: ShutdownPhases;
  readonly #ignoreSignals: () => void;
  #onQuestionLost: SystemInternals["onQuestionLost"];

  /**
   * The system runs at once.
   *
   * @throws {ActorError} code `badOption`.
   */
  constructor(options: ActorSystemOptions = {}) {
    const { maxPendingAsks = 100_000, stopTimeout = 10_000 } = options;
    checkRange("maxPendingAsks", maxPendingAsks, 1, Infinity);
    checkRange("stopTimeout", stopTimeout, 0, maxDelay);
    this.name = options.name ?? "casty-system";
    this.runtime = makeRuntime(options.runtime);
    const { clock, logger, random } = this.runtime;
    this.eventStream = new EventStream(logger);
    this.ledger = new LossLedger(() => this.#registry.held);
    this.#deadLetters = this.#makeDeadLetters();
    this.#host = this.#makeHost(stopTimeout, options.checkMessages ?? false);
    this.#asks = new Asks(this.#host, maxPendingAsks, randomInt(random, uidRange));
    this.scheduler = new Scheduler({ ...options, clock, logger, whenStopped: whenLocalStopped });
    this.tasks = new TaskRunner({ ...options, clock, logger });
    this.#exposeInternals();
    this.receptionist = new Receptionist(this);
    this.#phases = new ShutdownPhases({ ...options, clock, logger });
    const quiet = options.suppressDeadLettersOnShutdown ?? false;
    this.#phases.add("actorsStop", "actors", (late) => this.#stopAll(quiet, late), {
      timeout: maxDelay,
    });
    const { stopOnSignals: signals = false } = options;
    this.#ignoreSignals = signals === false ? () => {} : stopOnSignals(
      signals === true ? systemStopSignals : signals,
      () => this.shutdown(),
      logger,
    );
  }

  /**
   * Starts an actor.
   *
   * @throws {ActorError} codes `badName`, `duplicateName`, `badBehavior`, `badMailbox`, `badOption`,
   * `systemStopped`.
   */
  spawn<M>(behavior: Behavior<M>, name: string, options?: SpawnOptions): ActorRef<M> {
    return this.#spawnRoot(behavior, checkActorName(name), options);
  }

  /**
   * Sends what `factory` makes, and resolves with the first message to the reference that it was
   * given.
   *
   * @throws {AskTimeoutError} if none comes in time.
   * @throws {AskError} if the actor has stopped, the question was lost or aborted, or an actor that
   * waits for the reply would wait for itself.
   */
  ask<M, R, const Q extends Written<M> = Written<M>>(
    ref: ActorRef<M>,
    factory: (replyTo: ActorRef<R>) => Q,
    options?: AskOptions,
  ): Promise<R> {
    return this.#host.ask(ref, factory as (replyTo: ActorRef<R>) => M, options, this.#host.running);
  }

  /**
   * The same as {@linkcode ActorSystem.ask}, but undefined when no reply comes in time.
   *
   * @throws {AskError} as `ask`.
   */
  async askOrUndefined<M, R, const Q extends Written<M> = Written<M>>(
    ref: ActorRef<M>,
    factory: (replyTo: ActorRef<R>) => Q,
    options?: AskOptions,
  ): Promise<R | undefined> {
    try {
      return await this.ask(ref, factory, options);
    } catch (error) {
      if (error instanceof AskTimeoutError) return undefined;
      throw error;
    }
  }

  /**
   * Stops an actor of this system and its children. Resolves when they have stopped.
   *
   * @throws {ActorError} code `notLocal`.
   */
  stop(ref: ActorRef<never>): Promise<void> {
    if (ref instanceof LocalRef && ref.cell.host === this.#host) return stopCell(ref.cell);
    return Promise.reject(
      new ActorError("notLocal", `${ref} is not an actor of this system`, { value: ref.path }),
    );
  }

  /** The actor at a path such as `"/parent/child"`, if there is one. */
  lookup<M = never>(path: string): ActorRef<M> | undefined {
    return this.#registry.get(path.startsWith("/") ? path : `/${path}`)?.ref;
  }

  /**
   * Adds something to do in a phase of the shutdown. The tasks of one phase run side by side; one
   * that throws or takes longer than `timeout` milliseconds (default: the option `phaseTimeout`) is
   * logged, and the next phase begins. Answers how to take it back.
   *
   * @throws {ActorError} codes `badPhase`, `badTask`, `duplicateName`, `phaseBegun`,
   * `tooManyTasks`, `badOption`.
   *
   * @example
   * ```ts
   * import { ActorSystem } from "@casty/casty";
   *
   * const steps: string[] = [];
   * const system = new ActorSystem();
   * system.onShutdown("afterStop", "close the pool", () => void steps.push("pool"));
   * system.onShutdown("beforeShutdown", "refuse requests", () => void steps.push("requests"));
   * await system.shutdown();
   * console.assert(steps.join() === "requests,pool");
   * ```
   */
  onShutdown(
    phase: ShutdownPhase,
    name: string,
    task: ShutdownTask,
    options?: { readonly timeout?: number },
  ): () => void {
    return this.#phases.add(phase, name, task, options);
  }

  /**
   * Runs the phases of the shutdown, in which all actors stop, the youngest first. Resolves when
   * that is done, or the option `shutdownBudget` is spent. What went wrong is logged.
   */
  async shutdown(): Promise<void> {
    await this.#phases.run();
    this.#ignoreSignals();
  }

  /** The same as {@linkcode ActorSystem.shutdown}. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.shutdown();
  }

  #spawnRoot<M>(behavior: Behavior<M>, name: string, options?: SpawnOptions): ActorRef<M> {
    if (this.#host.stopping) throw this.#stopped();
    const path = `/${name}`;
    if (this.#registry.get(path) !== undefined) throw duplicateName(path);
    return new Cell(this.#host, undefined, path, behavior, options).ref;
  }

  async #stopAll(quiet: boolean, late: AbortSignal): Promise<void> {
    this.#host.stopping = true;
    if (quiet) this.#deadLetters.beQuiet();
    const { roots } = this.#registry;
    late.addEventListener("abort", () => this.#abandon(roots));
    for (const cell of roots) if (!isOurs(cell)) await stopCell(cell);
    this.scheduler.close();
    await this.tasks.close(tasksTimeout);
    for (const cell of roots) if (isOurs(cell)) await stopCell(cell);
    this.#close();
  }

  /** The budget is spent: everybody is told to stop, and nobody is waited for. */
  #abandon(roots: readonly Cell[]): void {
    for (const cell of roots) cell.stop();
    this.scheduler.close();
    void this.tasks.close(0);
    this.#close();
  }

  #close(): void {
    this.#asks.rejectAll(this.#stopped());
    this.receptionist.close();
    this.eventStream.clear();
  }

  #stopped(): ActorError {
    return new ActorError("systemStopped", `the system ${this.name} was shut down`);
  }

  #makeDeadLetters(): DeadLetters {
    return new DeadLetters(
      this.runtime,
      this.ledger,
      this.eventStream,
      (message, target, reason) => {
        const elsewhere = this.#asks.lost(message, target, reason);
        if (elsewhere !== undefined) this.#onQuestionLost?.(elsewhere, target, reason);
      },
    );
  }

  #makeHost(stopTimeout: number, checkMessages: boolean): CellHost {
    const { runtime, eventStream, ledger } = this;
    let lastUid = randomInt(runtime.random, uidRange);
    return {
      system: this,
      runtime,
      dispatcher: new Dispatcher(runtime.clock),
      eventStream,
      ledger,
      messageCheck: checkMessages ? new MessageCheck(runtime.logger) : undefined,
      stopTimeout,
      nodeAddress: "",
      remoteWatch: undefined,
      stopping: false,
      step: 0,
      sweepQuestions: () => this.#asks.sweepLater(() => this.#stopped()),
      running: undefined,
      nextUid: () => ++lastUid,
      ask: (ref, factory, options, asker) => {
        if (this.#host.stopping) return Promise.reject(this.#stopped());
        if (ref instanceof LocalRef && ref.cell.ended) return Promise.reject(targetDead(ref.path));
        return this.#asks.ask(ref, factory, options, asker);
      },
      register: (cell) => this.#registry.register(cell),
      unregister: (cell) => this.#registry.unregister(cell),
      lose: (reason, target, message) => this.#deadLetters.add(reason, target, message),
    };
  }

  #exposeInternals(): void {
    const host = this.#host;
    const registry = this.#registry;
    const asks = this.#asks;
    const deadLetters = this.#deadLetters;
    const onQuestionLost = {
      get: () => this.#onQuestionLost,
      set: (value: SystemInternals["onQuestionLost"]) => this.#onQuestionLost = value,
    };
    setInternals(this, {
      get nodeAddress() {
        return host.nodeAddress;
      },
      set nodeAddress(value) {
        host.nodeAddress = value;
      },
      get onQuestionLost() {
        return onQuestionLost.get();
      },
      set onQuestionLost(value) {
        onQuestionLost.set(value);
      },
      get remoteWatch() {
        return host.remoteWatch;
      },
      set remoteWatch(value) {
        host.remoteWatch = value;
      },
      spawnSystem: (behavior, name) => this.#spawnRoot(behavior, checkSystemName(name)),
      resolve: (path, uid) => registry.find(path, uid, asks),
      deliver: (path, uid, message) => registry.deliver(path, uid, message, asks, deadLetters),
      failAsksTo: (node) => asks.lostAllOf(node),
      failAsksWhere: (isLost, reason) => asks.lostWhere(isLost, reason),
      failAsk: (path, uid, target, reason) => asks.lostElsewhere(path, uid, target, reason),
      deadLetter: (reason, target, message) => deadLetters.addUnsent(reason, target, message),
      terminated: (watcher, ref, reason) => {
        if (watcher instanceof LocalRef) watcher.cell.notice({ type: "terminated", ref, reason });
      },
    });
  }
}

function makeRuntime(given: Partial<LocalRuntime> = {}): LocalRuntime {
  const { clock = systemClock, random = systemRandom, logger = consoleLogger("warn") } = given;
  return { clock, random, logger: safeLogger(logger) };
}

/** Whether an actor is one of the system's own. */
function isOurs({ path }: Cell): boolean {
  return path.startsWith("/_");
}

function stopCell(cell: Cell): Promise<void> {
  return new Promise((resolve) => {
    cell.whenStopped(resolve);
    cell.stop();
  });
}
