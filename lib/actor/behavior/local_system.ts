import type { Runtime } from "../../runtime/runtime.ts";
import type { ActorRef } from "../ref/ref.ts";
import type { EventStream } from "../services/event_stream.ts";
import type { LossLedger } from "../services/loss_ledger.ts";
import type { Receptionist } from "../services/receptionist.ts";
import type { Scheduler } from "../services/scheduler.ts";
import type { ShutdownPhase, ShutdownTask } from "../services/shutdown_phases.ts";
import type { TaskRunner } from "../services/task_runner.ts";
import type { AskOptions, LiteralOf } from "./ask_options.ts";
import type { ReplyOf } from "./reply_of.ts";
import type { Behavior } from "./behavior.ts";
import type { SpawnOptions } from "./spawn_options.ts";
import type { StatusValue } from "./status_reply.ts";

/** The part of a runtime that a system without network needs. */
export type LocalRuntime = Pick<Runtime, "clock" | "random" | "logger" | "telemetry">;

/**
 * A set of actors in one process. `ActorSystem` makes one.
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
export interface LocalSystem extends AsyncDisposable {
  /** Name of the system. */
  readonly name: string;
  /** Clock, randomness and log. */
  readonly runtime: LocalRuntime;
  /** Events of the system. */
  readonly eventStream: EventStream;
  /** Counts of messages sent, delivered and lost. */
  readonly ledger: LossLedger;
  /** Sends messages later. */
  readonly scheduler: Scheduler;
  /** Work in the background that a shutdown ends. */
  readonly tasks: TaskRunner;
  /** Finds actors by the service that they offer. */
  readonly receptionist: Receptionist;
  /**
   * Starts an actor.
   *
   * @throws {ActorError} codes `badName`, `duplicateName`, `badBehavior`, `systemStopped`.
   * @throws {OptionError}
   */
  spawn<M>(behavior: Behavior<M>, name: string, options?: SpawnOptions): ActorRef<M>;
  /**
   * Sends the message of `factory`, and resolves with the first message to its reply reference.
   *
   * @throws {AskTimeoutError} if none arrives in time.
   * @throws {AskError} if the actor has stopped, the message was lost or the ask aborted, or an actor
   * that waits for the reply would wait for itself.
   */
  ask<M, R, const Q extends LiteralOf<M> = LiteralOf<M>>(
    ref: ActorRef<M>,
    factory: (replyTo: ActorRef<R>) => Q,
    options?: AskOptions,
  ): Promise<ReplyOf<M, R, Q>>;
  /**
   * The same as {@linkcode LocalSystem.ask}, but undefined when no reply arrives in time.
   *
   * @throws {AskError} as `ask`.
   */
  askOrUndefined<M, R, const Q extends LiteralOf<M> = LiteralOf<M>>(
    ref: ActorRef<M>,
    factory: (replyTo: ActorRef<R>) => Q,
    options?: AskOptions,
  ): Promise<ReplyOf<M, R, Q> | undefined>;
  /**
   * The same as {@linkcode LocalSystem.ask}, of an actor that answers with a `StatusReply`: resolves
   * with its value.
   *
   * @throws {AskError} as `ask`; code `askRejected` if the actor has answered with an error, which
   * is its `rejection`.
   */
  askStatus<M, R, const Q extends LiteralOf<M> = LiteralOf<M>>(
    ref: ActorRef<M>,
    factory: (replyTo: ActorRef<R>) => Q,
    options?: AskOptions,
  ): Promise<StatusValue<ReplyOf<M, R, Q>>>;
  /**
   * Stops an actor of this system and its children. Resolves when they have stopped.
   *
   * @throws {ActorError} code `notLocal`.
   */
  stop(ref: ActorRef<never>): Promise<void>;
  /** The actor at a path such as `"/parent/child"`, if there is one. */
  lookup<M = never>(path: string): ActorRef<M> | undefined;
  /**
   * Adds a task to a phase of the shutdown. The tasks of one phase run side by side; one that
   * throws or takes longer than `timeout` milliseconds (default: the option `phaseTimeout`) is
   * logged, and the next phase begins. Returns a function that removes it.
   *
   * @throws {ActorError} codes `badPhase`, `badTask`, `duplicateName`, `phaseBegun`,
   * `tooManyTasks`.
   * @throws {OptionError}
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
  ): () => void;
  /**
   * Runs the phases of the shutdown, in which all actors stop, the youngest first. Resolves when
   * that is done, or the option `shutdownBudget` is spent. Failures are logged.
   */
  shutdown(): Promise<void>;
  /** The same as {@linkcode LocalSystem.shutdown}. */
  [Symbol.asyncDispose](): Promise<void>;
}
