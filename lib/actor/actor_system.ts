import { consoleLogger } from "../runtime/logger.ts";
import { randomInt } from "../runtime/random.ts";
import { systemClock } from "../runtime/system_clock.ts";
import { systemRandom } from "../runtime/system_random.ts";
import { checkActorName } from "./actor_name.ts";
import { adapterMark } from "./adapter_ref.ts";
import { type AskOptions, askPath, Asks, targetDead } from "./ask.ts";
import type { Behavior } from "./behavior.ts";
import { Cell } from "./cell.ts";
import { duplicateName } from "./cell_context.ts";
import type { CellHost, LocalRuntime } from "./cell_host.ts";
import type { DeadLetter, DeadLetterReason } from "./dead_letter.ts";
import { DeadLetterLog } from "./dead_letter_log.ts";
import { Dispatcher } from "./dispatcher.ts";
import { ActorError } from "./errors.ts";
import { EventStream } from "./event_stream.ts";
import { setInternals, type SystemInternals } from "./internals.ts";
import { LocalRef } from "./local_ref.ts";
import { LossLedger } from "./loss_ledger.ts";
import type { ActorRef, Ref } from "./ref.ts";
import { safeLogger } from "./safe_logger.ts";
import type { SpawnOptions } from "./spawn_options.ts";
import { maxDelay } from "./timers.ts";

/** Uids begin anywhere below: a reply to an earlier process of the same address finds nobody. */
const uidRange = 2 ** 30;

/** How a system is made. */
export interface ActorSystemOptions {
  /** Default `"casty-system"`. */
  readonly name?: string;
  /** Replaces clock, chance or log. Default: the machine's; log lines of `warn` and above. */
  readonly runtime?: Partial<LocalRuntime>;
  /** Questions that may wait for a reply at once. Default 100 000. */
  readonly maxPendingAsks?: number;
  /**
   * Milliseconds that an actor, when it is stopped, may take to end the handler that runs, and
   * again to end its last signal; then it is stopped without. Default 10 000.
   */
  readonly stopTimeout?: number;
}

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
  readonly #cells = new Map<string, Cell>();
  readonly #host: CellHost;
  readonly #asks: Asks;
  readonly #deadLetterLog: DeadLetterLog;
  #onQuestionLost: SystemInternals["onQuestionLost"];
  #publishing = false;
  #stopping: Promise<void> | undefined;

  /**
   * The system runs at once.
   *
   * @throws {ActorError} code `badOption`.
   */
  constructor(options: ActorSystemOptions = {}) {
    const { maxPendingAsks = 100_000, stopTimeout = 10_000 } = options;
    checkOption("maxPendingAsks", maxPendingAsks, 1, Infinity);
    checkOption("stopTimeout", stopTimeout, 0, maxDelay);
    this.name = options.name ?? "casty-system";
    const { clock = systemClock, random = systemRandom, logger = consoleLogger("warn") } =
      options.runtime ?? {};
    this.runtime = { clock, random, logger: safeLogger(logger) };
    this.eventStream = new EventStream(this.runtime.logger);
    this.ledger = new LossLedger(() => this.#waiting());
    this.#deadLetterLog = new DeadLetterLog(clock, this.runtime.logger);
    this.#host = this.#makeHost(stopTimeout);
    this.#asks = new Asks(this.#host, maxPendingAsks, randomInt(random, uidRange));
    this.#exposeInternals();
  }

  /**
   * Starts an actor.
   *
   * @throws {ActorError} codes `badName`, `duplicateName`, `badBehavior`, `badMailbox`,
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
   * @throws {AskError} if the actor has stopped, or the question was aborted.
   */
  ask<M, R>(
    ref: ActorRef<M>,
    factory: (replyTo: ActorRef<R>) => M,
    options?: AskOptions,
  ): Promise<R> {
    return this.#host.ask(ref, factory, options, this.#host.running);
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
    const cell = this.#cells.get(path.startsWith("/") ? path : `/${path}`);
    return cell?.ref;
  }

  /** Stops all actors, the youngest first. Resolves when they have stopped. */
  shutdown(): Promise<void> {
    this.#stopping ??= this.#stopAll();
    return this.#stopping;
  }

  /** The same as {@linkcode ActorSystem.shutdown}. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.shutdown();
  }

  #spawnRoot<M>(behavior: Behavior<M>, name: string, options?: SpawnOptions): ActorRef<M> {
    if (this.#stopping !== undefined) throw this.#stopped();
    const path = `/${name}`;
    if (this.#cells.has(path)) throw duplicateName(path);
    return new Cell(this.#host, undefined, path, behavior, options).ref;
  }

  async #stopAll(): Promise<void> {
    const roots = [...this.#cells.values()].filter(({ parent }) => parent === undefined).reverse();
    for (const ours of [false, true]) {
      for (const cell of roots) {
        if (cell.path.startsWith("/_") === ours) await stopCell(cell);
      }
    }
    this.#asks.rejectAll(this.#stopped());
    this.eventStream.clear();
  }

  #waiting(): number {
    let waiting = 0;
    for (const { held } of this.#cells.values()) waiting += held;
    return waiting;
  }

  #stopped(): ActorError {
    return new ActorError("systemStopped", `the system ${this.name} was shut down`);
  }

  #find(path: string, uid: number): Ref<unknown> | undefined {
    const cell = this.#cells.get(path);
    if (cell !== undefined) return uid === 0 || uid === cell.uid ? cell.ref : undefined;
    if (path.startsWith(askPath)) return this.#asks.find(path, uid);
    const mark = path.indexOf(adapterMark);
    if (mark < 0) return undefined;
    const adapter = this.#cells.get(path.slice(0, mark))?.existingParts?.adapters?.find(path);
    return uid === 0 || uid === adapter?.uid ? adapter : undefined;
  }

  /** Gives the reason if nobody was there, or the mailbox rejects what does not fit. */
  #deliver(path: string, uid: number, message: unknown): DeadLetterReason | undefined {
    const ref = this.#find(path, uid);
    if (ref instanceof LocalRef) {
      return ref.cell.enqueue(message) || !ref.cell.rejects ? undefined : "mailboxFull";
    }
    if (ref !== undefined) return void ref.tell(message);
    const reason = path.startsWith(askPath) ? "expired" : "noSuchActor";
    this.ledger.sent++;
    this.#lose(reason, path, message);
    return reason;
  }

  #lose(reason: DeadLetterReason, target: string, message: unknown): void {
    this.ledger.addDeadLetter(reason);
    this.#deadLetterLog.add(reason, target);
    // In a shutdown all questions are answered with that.
    if (this.#stopping === undefined) {
      const elsewhere = this.#asks.lost(message, target, reason);
      if (elsewhere !== undefined) this.#onQuestionLost?.(elsewhere, target, reason);
    }
    // A listener that loses messages itself, such as a full actor, must not go round in circles.
    if (this.#publishing || !this.eventStream.hears("deadLetter")) return;
    this.#publishing = true;
    const letter: DeadLetter = { type: "deadLetter", reason, target, message };
    this.eventStream.publish(letter);
    this.#publishing = false;
  }

  #makeHost(stopTimeout: number): CellHost {
    const { runtime, eventStream, ledger } = this;
    let lastUid = randomInt(runtime.random, uidRange);
    return {
      system: this,
      runtime,
      dispatcher: new Dispatcher(runtime.clock),
      eventStream,
      ledger,
      stopTimeout,
      nodeAddress: "",
      remoteWatch: undefined,
      running: undefined,
      nextUid: () => ++lastUid,
      ask: (ref, factory, options, asker) => {
        if (this.#stopping !== undefined) return Promise.reject(this.#stopped());
        if (ref instanceof LocalRef && ref.cell.ended) return Promise.reject(targetDead(ref.path));
        return this.#asks.ask(ref, factory, options, asker);
      },
      register: (cell) => void this.#cells.set(cell.path, cell),
      unregister: (cell) => {
        if (this.#cells.get(cell.path) === cell) this.#cells.delete(cell.path);
      },
      lose: (reason, target, message) => this.#lose(reason, target, message),
    };
  }

  #exposeInternals(): void {
    const host = this.#host;
    const setOnQuestionLost = (value: SystemInternals["onQuestionLost"]) => {
      this.#onQuestionLost = value;
    };
    const onQuestionLost = () => this.#onQuestionLost;
    const deadLetter = (reason: DeadLetterReason, target: string, message: unknown) => {
      this.ledger.sent++;
      this.#lose(reason, target, message);
    };
    setInternals(this, {
      get nodeAddress() {
        return host.nodeAddress;
      },
      set nodeAddress(value) {
        host.nodeAddress = value;
      },
      get onQuestionLost() {
        return onQuestionLost();
      },
      set onQuestionLost(value) {
        setOnQuestionLost(value);
      },
      get remoteWatch() {
        return host.remoteWatch;
      },
      set remoteWatch(value) {
        host.remoteWatch = value;
      },
      spawnSystem: (behavior, name) => this.#spawnRoot(behavior, checkSystemName(name)),
      resolve: (path, uid) => this.#find(path, uid),
      deliver: (path, uid, message) => this.#deliver(path, uid, message),
      failAsk: (path, uid, target, reason) => this.#asks.lostElsewhere(path, uid, target, reason),
      deadLetter,
      terminated: (watcher, ref, reason) => {
        if (watcher instanceof LocalRef) watcher.cell.notice({ type: "terminated", ref, reason });
      },
    });
  }
}

function stopCell(cell: Cell): Promise<void> {
  return new Promise((resolve) => {
    cell.whenStopped(resolve);
    cell.stop();
  });
}

function checkSystemName(name: string): string {
  if (name.startsWith("_")) checkActorName(name.slice(1));
  else checkActorName(`_${name}`);
  return name;
}

function checkOption(option: string, value: number, min: number, max: number): void {
  if (value >= min && value <= max) return;
  throw new ActorError("badOption", `${option}: ${value} is not allowed`, {
    value,
    remedy: `use a number from ${min} to ${max}`,
  });
}
