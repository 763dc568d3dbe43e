import { consoleLogger } from "../runtime/logger.ts";
import { systemClock } from "../runtime/system_clock.ts";
import { systemRandom } from "../runtime/system_random.ts";
import { checkActorName } from "./actor_name.ts";
import { type AskOptions, Asks } from "./ask.ts";
import type { Behavior } from "./behavior.ts";
import { Cell } from "./cell.ts";
import { duplicateName } from "./cell_context.ts";
import type { CellHost, LocalRuntime } from "./cell_host.ts";
import type { DeadLetterReason } from "./dead_letter.ts";
import { DeadLetterLog } from "./dead_letter_log.ts";
import { Dispatcher } from "./dispatcher.ts";
import { ActorError, AskError } from "./errors.ts";
import { EventStream } from "./event_stream.ts";
import { setInternals } from "./internals.ts";
import { LocalRef } from "./local_ref.ts";
import { LossLedger } from "./loss_ledger.ts";
import type { ActorRef, Ref } from "./ref.ts";
import type { SpawnOptions } from "./spawn_options.ts";

/** How a system is made. */
export interface ActorSystemOptions {
  /** Default `"casty-system"`. */
  readonly name?: string;
  /** Replaces clock, chance or log. Default: the machine's; log lines of `warn` and above. */
  readonly runtime?: Partial<LocalRuntime>;
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
  readonly #roots = new Map<string, Cell>();
  readonly #asks: Asks;
  readonly #host: CellHost;
  #nodeAddress = "";
  #stopping: Promise<void> | undefined;

  /** The system runs at once. */
  constructor(options: ActorSystemOptions = {}) {
    this.name = options.name ?? "casty-system";
    this.runtime = {
      clock: systemClock,
      random: systemRandom,
      logger: consoleLogger("warn"),
      ...options.runtime,
    };
    this.eventStream = new EventStream(this.runtime.logger);
    this.ledger = new LossLedger(() => this.#waiting());
    this.#asks = new Asks(this.runtime.clock, () => this.#nodeAddress);
    this.#host = this.#makeHost();
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
    if (this.#stopping !== undefined) return Promise.reject(this.#stopped());
    if (ref instanceof LocalRef && ref.cell.ended) {
      return Promise.reject(
        new AskError("askTargetDead", `${ref.path} has stopped and cannot reply`, {
          value: ref.path,
        }),
      );
    }
    return this.#asks.ask(ref, factory, options);
  }

  /** Stops an actor of this system and its children. Resolves when they have stopped. */
  stop(ref: ActorRef<never>): Promise<void> {
    if (!(ref instanceof LocalRef) || ref.cell.host !== this.#host) {
      throw new ActorError("notLocal", `${ref} is not an actor of this system`, {
        value: ref.path,
      });
    }
    return stopCell(ref.cell);
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
    if (this.#roots.has(name)) throw duplicateName(`/${name}`);
    const cell = new Cell(
      this.#host,
      undefined,
      `/${name}`,
      behavior,
      options,
    );
    this.#roots.set(name, cell);
    return cell.ref;
  }

  async #stopAll(): Promise<void> {
    const roots = [...this.#roots.values()].reverse();
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
    for (const cell of this.#cells.values()) waiting += cell.waiting;
    return waiting;
  }

  #stopped(): ActorError {
    return new ActorError("systemStopped", `the system ${this.name} was shut down`);
  }

  #find(path: string, uid: number): Ref<unknown> | undefined {
    if (path.startsWith("/_ask/")) return this.#asks.find(Number(path.slice(6)));
    const cell = this.#cells.get(path);
    return cell !== undefined && (uid === 0 || uid === cell.uid) ? cell.ref : undefined;
  }

  #makeHost(): CellHost {
    const { runtime, eventStream, ledger } = this;
    const log = new DeadLetterLog(runtime.clock, runtime.logger);
    const address = () => this.#nodeAddress;
    let lastUid = 0;
    return {
      system: this,
      runtime,
      dispatcher: new Dispatcher(runtime.clock),
      eventStream,
      ledger,
      get nodeAddress() {
        return address();
      },
      nextUid: () => ++lastUid,
      register: (cell) => void this.#cells.set(cell.path, cell),
      unregister: (cell) => {
        if (this.#cells.get(cell.path) === cell) this.#cells.delete(cell.path);
        if (cell.parent === undefined) this.#roots.delete(cell.path.slice(1));
      },
      deadLetter: (reason, target, message) => {
        log.add(reason, target);
        if (!eventStream.hears("deadLetter")) return;
        eventStream.publish({ type: "deadLetter", reason, target, message } as never);
      },
    };
  }

  #exposeInternals(): void {
    const address = (value?: string) => this.#nodeAddress = value ?? this.#nodeAddress;
    const deadLetter = (reason: DeadLetterReason, target: string, message: unknown) => {
      this.ledger.sent++;
      this.ledger.addDeadLetter(reason);
      this.#host.deadLetter(reason, target, message);
    };
    setInternals(this, {
      get nodeAddress() {
        return address();
      },
      set nodeAddress(value: string) {
        address(value);
      },
      spawnSystem: (behavior, name) => this.#spawnRoot(behavior, name),
      resolve: (path, uid) => this.#find(path, uid),
      deliver: (path, uid, message) => {
        const ref = this.#find(path, uid);
        if (ref === undefined) deadLetter("noSuchActor", path, message);
        else ref.tell(message);
      },
      deadLetter,
    });
  }
}

function stopCell(cell: Cell): Promise<void> {
  return new Promise((resolve) => {
    cell.whenStopped(resolve);
    cell.order("stop");
  });
}
