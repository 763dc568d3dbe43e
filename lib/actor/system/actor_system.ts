import { consoleLogger } from "../../runtime/logger.ts";
import { randomInt } from "../../runtime/random.ts";
import { systemClock } from "../../runtime/system_clock.ts";
import { systemRandom } from "../../runtime/system_random.ts";
import { systemStopSignals } from "../../runtime/system_stop_signals.ts";
import { safeTelemetry } from "../../runtime/safe_telemetry.ts";
import { noTelemetry } from "../../runtime/telemetry.ts";
import { Asks } from "../ask/ask.ts";
import { askFailed } from "../ask/ask_failure.ts";
import { statusOf } from "../ask/status_value.ts";
import type { LocalRuntime, LocalSystem } from "../behavior/local_system.ts";
import type { AskOptions, LiteralOf } from "../behavior/ask_options.ts";
import type { ReplyOf } from "../behavior/reply_of.ts";
import { Behavior, notABehavior } from "../behavior/behavior.ts";
import type { SpawnOptions } from "../behavior/spawn_options.ts";
import type { StatusValue } from "../behavior/status_reply.ts";
import { Cell } from "../cell/cell.ts";
import type { CellHost } from "../cell/cell_host.ts";
import { AttachedObservers } from "../cell/attached_observers.ts";
import { CellTelemetry } from "../cell/cell_observer.ts";
import { Dispatcher } from "../cell/dispatcher.ts";
import { TurnGate } from "../cell/turn_gate.ts";
import { MessageCheck } from "../cell/message_check.ts";
import { SlowHandlers } from "../cell/slow_handlers.ts";
import { ActorError, anotherSystem, AskTimeoutError } from "../errors.ts";
import { checkActorName, checkSystemName, duplicateName } from "../ref/actor_name.ts";
import { LocalRef, whenLocalStopped } from "../ref/local_ref.ts";
import type { ActorRef } from "../ref/ref.ts";
import type { AskObserver } from "../services/ask_observer.ts";
import { EventStream } from "../services/event_stream.ts";
import { LossLedger } from "../services/loss_ledger.ts";
import { Receptionist } from "../services/receptionist.ts";
import { Scheduler } from "../services/scheduler.ts";
import {
  type ShutdownPhase,
  ShutdownPhases,
  type ShutdownTask,
} from "../services/shutdown_phases.ts";
import { TaskRunner } from "../services/task_runner.ts";
import { ActorRegistry } from "./actor_registry.ts";
import type { ActorSystemOptions } from "./actor_system_options.ts";
import { DeadLetters } from "./dead_letters.ts";
import { resolveOptions } from "../../options/check_options.ts";
import { maxDelay } from "../../runtime/clock.ts";
import { actorSystemTable } from "../../options/tables/actor_tables.ts";
import { safeLogger } from "./safe_logger.ts";
import { stopOnSignals } from "./stop_on_signals.ts";
import { SystemTelemetry } from "./system_telemetry.ts";
import { startLocalWorkers } from "./local_workers.ts";
import { setInternals, type SystemInternals } from "./system_internals.ts";
import type { PersistenceOptions } from "../../runtime/durable_store.ts";
import { LimitedLog } from "../../runtime/limited_log.ts";

/** Uids start anywhere below: a reply to an earlier process of the same address is not delivered. */
const uidRange = 2 ** 30;
/** Milliseconds that background tasks have to end when the actors have stopped. */
const tasksTimeout = 5_000;

/** See {@linkcode LocalSystem}. */
class LocalActorSystem implements LocalSystem {
  readonly name: string;
  readonly runtime: LocalRuntime;
  readonly eventStream: EventStream;
  readonly ledger: LossLedger;
  readonly scheduler: Scheduler;
  readonly tasks: TaskRunner;
  readonly receptionist: Receptionist;
  #ending: SystemInternals["ending"];
  readonly #registry = new ActorRegistry();
  readonly #host: CellHost;
  readonly #asks: Asks;
  readonly #limitedLog: LimitedLog;
  readonly #deadLetters: DeadLetters;
  readonly #slowHandlers: SlowHandlers | undefined;
  readonly #phases: ShutdownPhases;
  readonly #ignoreSignals: () => void;
  /** Undefined if telemetry is disabled. */
  readonly #telemetry: SystemTelemetry | undefined;
  #askObserver: AskObserver | undefined;
  #onForeignAskLost: SystemInternals["onForeignAskLost"];
  #onReturnedAskLost: SystemInternals["onReturnedAskLost"];

  /** The system runs at once. */
  constructor(options: ActorSystemOptions = {}) {
    const resolved = resolveOptions(actorSystemTable, options);
    this.name = resolved.name;
    this.#ending = { what: `the system ${this.name} was shut down`, remedy: anotherSystem };
    this.runtime = makeRuntime(options.runtime);
    const { clock, logger, random } = this.runtime;
    this.#limitedLog = new LimitedLog(clock, logger);
    this.eventStream = new EventStream(logger);
    this.ledger = new LossLedger(() => this.#registry.held);
    this.#deadLetters = this.#makeDeadLetters();
    const { slowHandler } = resolved;
    // On virtual time no handler takes any.
    this.#slowHandlers = clock.isReal === true && slowHandler !== Infinity
      ? new SlowHandlers({
        threshold: slowHandler,
        log: this.#limitedLog,
        eventStream: this.eventStream,
      })
      : undefined;
    this.#host = this.#makeHost(resolved.stopTimeout, resolved.checkMessages);
    this.#asks = new Asks(this.#host, resolved.maxPendingAsks, randomInt(random, uidRange));
    this.scheduler = new Scheduler({ ...options, clock, logger, whenStopped: whenLocalStopped });
    this.tasks = new TaskRunner({ ...options, clock, logger });
    this.#telemetry = SystemTelemetry.of(this.runtime, {
      ledger: this.ledger,
      eventStream: this.eventStream,
      actors: () => this.#registry.size,
      pendingAsks: () => this.#asks.pending,
    });
    this.#exposeInternals(options.persistence);
    this.receptionist = new Receptionist(this.#host, logger);
    this.#phases = new ShutdownPhases({ ...options, clock, logger });
    const quiet = resolved.suppressDeadLettersOnShutdown;
    this.#phases.add("actorsStop", "actors", (late) => this.#stopAll(quiet, late), {
      timeout: maxDelay,
    });
    const { stopOnSignals: signals } = resolved;
    this.#ignoreSignals = signals === false ? () => {} : stopOnSignals(
      signals === true ? systemStopSignals : signals,
      () => this.shutdown(),
      logger,
    );
  }

  spawn<M>(behavior: Behavior<M>, name: string, options?: SpawnOptions): ActorRef<M> {
    // Such as rateLimiters(), which needs no name: what is wrong is the behaviour.
    if (name === undefined && !(behavior instanceof Behavior)) {
      throw notABehavior("spawn", behavior);
    }
    return this.#spawnRoot(behavior, checkActorName(name), options);
  }

  ask<M, R, const Q extends LiteralOf<M> = LiteralOf<M>>(
    ref: ActorRef<M>,
    factory: (replyTo: ActorRef<R>) => Q,
    options?: AskOptions,
  ): Promise<ReplyOf<M, R, Q>> {
    const make = factory as unknown as (replyTo: ActorRef<ReplyOf<M, R, Q>>) => M;
    return this.#host.ask(ref, make, options, this.#host.running);
  }

  async askOrUndefined<M, R, const Q extends LiteralOf<M> = LiteralOf<M>>(
    ref: ActorRef<M>,
    factory: (replyTo: ActorRef<R>) => Q,
    options?: AskOptions,
  ): Promise<ReplyOf<M, R, Q> | undefined> {
    try {
      return await this.ask<M, R, Q>(ref, factory, options);
    } catch (error) {
      if (error instanceof AskTimeoutError) return undefined;
      throw error;
    }
  }

  askStatus<M, R, const Q extends LiteralOf<M> = LiteralOf<M>>(
    ref: ActorRef<M>,
    factory: (replyTo: ActorRef<R>) => Q,
    options?: AskOptions,
  ): Promise<StatusValue<ReplyOf<M, R, Q>>> {
    return statusOf(this.ask<M, R, Q>(ref, factory, options), ref);
  }

  stop(ref: ActorRef<never>): Promise<void> {
    if (ref instanceof LocalRef && ref.host === this.#host) return stopActor(ref);
    return Promise.reject(
      new ActorError("notLocal", `${ref} is not an actor of this system`, { value: ref.path }),
    );
  }

  lookup<M = never>(path: string): ActorRef<M> | undefined {
    return this.#registry.get(path.startsWith("/") ? path : `/${path}`);
  }

  onShutdown(
    phase: ShutdownPhase,
    name: string,
    task: ShutdownTask,
    options?: { readonly timeout?: number },
  ): () => void {
    return this.#phases.add(phase, name, task, options);
  }

  async shutdown(): Promise<void> {
    await this.#phases.run();
    this.#ignoreSignals();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.shutdown();
  }

  #spawnRoot<M>(behavior: Behavior<M>, name: string, options?: SpawnOptions): ActorRef<M> {
    if (this.#host.stopping) throw this.#stopped();
    const path = `/${name}`;
    if (this.#registry.get(path) !== undefined) throw duplicateName(path);
    return new Cell(this.#host, undefined, path, behavior, options);
  }

  async #stopAll(quiet: boolean, late: AbortSignal): Promise<void> {
    this.#host.stopping = true;
    this.#deadLetters.expect();
    if (quiet) this.#deadLetters.suppress();
    const { roots } = this.#registry;
    late.addEventListener("abort", () => this.#abandon(roots));
    for (const root of roots) if (!isInternal(root)) await stopActor(root);
    this.scheduler.close();
    await this.tasks.close(tasksTimeout);
    for (const root of roots) if (isInternal(root)) await stopActor(root);
    this.#close();
  }

  /** The budget is spent: stops all actors without waiting. */
  #abandon(roots: readonly LocalRef<unknown>[]): void {
    for (const root of roots) root.stop();
    this.scheduler.close();
    void this.tasks.close(0);
    this.#close();
  }

  #close(): void {
    this.#asks.rejectAll(this.#stopped());
    this.#host.dispatcher.gate?.end();
    this.receptionist.close();
    this.#telemetry?.close();
    this.#host.observer?.close?.();
    this.#limitedLog.close();
    this.eventStream.clear();
  }

  #stopped(): ActorError {
    const { what, remedy } = this.#ending;
    return new ActorError("systemStopped", what, { remedy });
  }

  #makeDeadLetters(): DeadLetters {
    return new DeadLetters(
      this.#limitedLog,
      this.ledger,
      this.eventStream,
      (message, target, failure) => {
        const elsewhere = this.#asks.lost(message, target, failure);
        if (elsewhere !== undefined) this.#onForeignAskLost?.(elsewhere, target, failure);
      },
    );
  }

  #makeHost(stopTimeout: number, checkMessages: boolean): CellHost {
    const { runtime, eventStream, ledger } = this;
    const { telemetry, clock } = runtime;
    const observer = telemetry?.enabled ? new CellTelemetry(telemetry, clock) : undefined;
    let lastUid = randomInt(runtime.random, uidRange);
    return {
      system: this,
      runtime,
      limitedLog: this.#limitedLog,
      dispatcher: new Dispatcher(runtime.clock, this.#slowHandlers, untracedDrains(runtime)),
      eventStream,
      ledger,
      observer,
      turns: observer?.turns,
      tracer: observer?.traces ? observer : undefined,
      messageCheck: checkMessages ? new MessageCheck(runtime.logger) : undefined,
      stopTimeout,
      nodeAddress: "",
      remoteWatch: undefined,
      stopping: false,
      step: 0,
      sweepAsks: () => this.#asks.sweepLater(() => this.#stopped()),
      running: undefined,
      askAtHand: undefined,
      onAskAborted: undefined,
      abortedAsks: 0,
      returnedAskLost: (replyTo, failure) => this.#onReturnedAskLost?.(replyTo, failure) ?? false,
      failAsk: (cell, message, failure) => {
        const elsewhere = this.#asks.unanswered(cell, message, failure);
        if (elsewhere !== undefined) this.#onForeignAskLost?.(elsewhere, cell.path, failure);
      },
      nextUid: () => ++lastUid,
      ask: (ref, factory, options, asker, within) => {
        if (this.#host.stopping) return Promise.reject(this.#stopped());
        if (ref instanceof LocalRef && ref.ended) {
          const { cause } = ref.terminated;
          return Promise.reject(askFailed(ref.path, { reason: "stopped", cause }));
        }
        const telemetry = this.#telemetry;
        const observer = this.#askObserver;
        // Without a closure if nobody observes.
        const asks = this.#asks;
        const isMeasured = telemetry !== undefined && !telemetry.skipsAsk();
        if (!isMeasured && observer === undefined) {
          return asks.ask(ref, factory, options, asker, within);
        }
        const send = () => asks.ask(ref, factory, options, asker, within);
        const { path } = ref;
        const promise = isMeasured ? telemetry.ask(path, send) : send();
        if (observer !== undefined) showAsk(observer, path, promise);
        return promise;
      },
      register: (cell) => this.#registry.register(cell),
      unregister: (cell) => this.#registry.unregister(cell),
      lose: (reason, target, message) => this.#deadLetters.add(reason, target, message),
      loseTold: ({ reason, ...why }, target, message) =>
        this.#deadLetters.add(reason, target, message, why),
    };
  }

  #exposeInternals(persistence: PersistenceOptions | undefined): void {
    const host = this.#host;
    const registry = this.#registry;
    const asks = this.#asks;
    const deadLetters = this.#deadLetters;
    const observers = new AttachedObservers(host, host.runtime.clock);
    const onForeignAskLost = {
      get: () => this.#onForeignAskLost,
      set: (value: SystemInternals["onForeignAskLost"]) => this.#onForeignAskLost = value,
    };
    const onReturnedAskLost = {
      get: () => this.#onReturnedAskLost,
      set: (value: SystemInternals["onReturnedAskLost"]) => this.#onReturnedAskLost = value,
    };
    const ending = { set: (value: SystemInternals["ending"]) => this.#ending = value };
    setInternals(this, {
      set ending(value: SystemInternals["ending"]) {
        ending.set(value);
      },
      get nodeAddress() {
        return host.nodeAddress;
      },
      set nodeAddress(value) {
        host.nodeAddress = value;
      },
      get onForeignAskLost() {
        return onForeignAskLost.get();
      },
      set onForeignAskLost(value) {
        onForeignAskLost.set(value);
      },
      get onReturnedAskLost() {
        return onReturnedAskLost.get();
      },
      set onReturnedAskLost(value) {
        onReturnedAskLost.set(value);
      },
      get remoteWatch() {
        return host.remoteWatch;
      },
      set remoteWatch(value) {
        host.remoteWatch = value;
      },
      get askAtHand() {
        return host.askAtHand;
      },
      set askAtHand(value) {
        host.askAtHand = value;
      },
      replicates: undefined,
      get onAskAborted() {
        return host.onAskAborted;
      },
      set onAskAborted(value) {
        host.onAskAborted = value;
      },
      get abortedAsks() {
        return host.abortedAsks;
      },
      set abortedAsks(value) {
        host.abortedAsks = value;
      },
      rejectAsks: () => asks.rejectAll(this.#stopped()),
      persistence,
      limitedLog: this.#limitedLog,
      lastSlowRun: () => this.#slowHandlers?.last,
      get turnGate() {
        return host.dispatcher.gate ??= new TurnGate(host.runtime.clock);
      },
      get existingTurnGate() {
        return host.dispatcher.gate;
      },
      reportHandlers: (reports) => observers.report(reports),
      traceHandlers: (trace) => observers.trace(trace),
      sampleHandlers: (samples) => observers.sample(samples),
      observeAsks: (observer) => this.#askObserver = observer,
      spawnSystem: (behavior, name) => this.#spawnRoot(behavior, checkSystemName(name)),
      spawnUnconfigured: (behavior, name) => this.#spawnRoot(behavior, checkActorName(name)),
      startWorkers: (workers) =>
        startLocalWorkers(workers, (behavior, name) => this.spawn(behavior, name)),
      resolve: (path, uid) => registry.find(path, uid, asks),
      refTo: ({ path, uid }) => registry.find(path, uid, asks),
      deliver: (path, uid, message) =>
        registry.deliver(path, uid, message, asks, deadLetters, host),
      failAsksTo: (node, inOrder) => asks.lostAllOf(node, inOrder),
      failAsksRoutedTo: (node, isMeant) => asks.lostOwner(node, isMeant),
      failForeignAsksRoutedTo: undefined,
      failAsksWhere: (isLost, reason) => asks.lostWhere(isLost, reason),
      failAsk: (path, uid, target, failure) => asks.lostElsewhere(path, uid, target, failure),
      deadLetter: (reason, target, message, why) =>
        deadLetters.addUnsent(reason, target, message, why),
      terminated: (watcher, ref, reason) => {
        if (watcher instanceof LocalRef) watcher.onTerminated({ type: "terminated", ref, reason });
      },
    });
  }
}

/** A set of actors in one process; see {@linkcode LocalSystem}. */
export type ActorSystem = LocalSystem;
/** A system of actors in one process, without a configuration. */
export const ActorSystem: new (options?: ActorSystemOptions) => LocalSystem = LocalActorSystem;

function makeRuntime(given: Partial<LocalRuntime> = {}): LocalRuntime {
  const {
    clock = systemClock,
    random = systemRandom,
    logger = consoleLogger("warn"),
    telemetry = noTelemetry,
  } = given;
  const safe = safeLogger(logger);
  return { clock, random, logger: safe, telemetry: safeTelemetry(telemetry, safe) };
}

/**
 * An async context is that of the code that has filled an empty run queue: what it does not concern must
 * not run in it.
 */
function untracedDrains(
  { telemetry }: LocalRuntime,
): ((drain: () => void) => void) | undefined {
  if (!telemetry?.enabled || telemetry.traces === false) return undefined;
  return (drain) => telemetry.with(undefined, drain);
}

/** The promise itself is given to the asker: an actor that awaits it must be recognised by it. */
function showAsk(observer: AskObserver, path: string, promise: Promise<unknown>): void {
  const end = observer.onAsk(path);
  promise.then(() => end(), end);
}

/** Whether an actor is one of the system's own. */
function isInternal({ path }: LocalRef<unknown>): boolean {
  return path.startsWith("/_");
}

function stopActor(actor: LocalRef<never>): Promise<void> {
  return new Promise((resolve) => {
    actor.whenStopped(resolve);
    actor.stop();
  });
}
