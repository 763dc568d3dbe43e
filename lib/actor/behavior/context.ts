import type { LogFields } from "../../runtime/logger.ts";
import type { LocalSystem } from "./local_system.ts";
import type { AskOptions, LiteralOf } from "./ask_options.ts";
import type { ReplyOf } from "./reply_of.ts";
import type { Behavior } from "./behavior.ts";
import type { ActorRef } from "../ref/ref.ts";
import type { MessageSender } from "../ref/message_sender.ts";
import type { SpawnOptions } from "./spawn_options.ts";
import type { StatusValue } from "./status_reply.ts";

/** Writes log lines under the actor's path. */
export interface ActorLog {
  /** For developers. */
  debug(message: string, fields?: LogFields): void;
  /** Normal operation. */
  info(message: string, fields?: LogFields): void;
  /** A value to inspect. */
  warn(message: string, fields?: LogFields): void;
  /** Something has failed. */
  error(message: string, fields?: LogFields): void;
}

/** Messages that an actor sends to itself later. All are cancelled when it stops. */
export interface ActorTimers<M> {
  /** Sends `message` once, after `delay` milliseconds. Replaces a timer of the same key. */
  startSingle(key: string, message: M, delay: number): void;
  /** Sends `message` again and again, `interval` milliseconds apart. Replaces the same key. */
  startFixedDelay(key: string, message: M, interval: number): void;
  /** Cancels a timer: its message does not arrive, even if it is in the mailbox already. */
  cancel(key: string): void;
}

/**
 * Messages that an actor keeps for later. Bounded by the spawn option `stashCapacity`. When the
 * actor restarts, its stashed messages return to the mailbox; when it stops, they become dead
 * letters.
 */
export interface Stash<M> {
  /** How many messages it holds. */
  readonly size: number;
  /** How many it can hold. */
  readonly capacity: number;
  /**
   * Keeps the message that is being handled.
   *
   * @throws {ActorError} code `stashFull`.
   */
  add(message: M): void;
  /** Unstashes all, in order and before the messages in the mailbox. */
  unstashAll(): void;
}

/**
 * The operations of an actor besides sending. Valid only within its own handlers, for one
 * incarnation.
 */
export interface ActorContext<in out M> {
  /** The actor itself. */
  readonly self: ActorRef<M>;
  /** Its system. */
  readonly system: LocalSystem;
  /** The id of the sharded entity that the actor is; empty for an actor that is none. */
  readonly entityId: string;
  /**
   * A fencing token (Lamport; Kleppmann, 2016), for actors that are sharded entities or belong to one:
   * the epoch of the grant by which their shard runs here, an integer from 1. Each grant of a shard has
   * a higher epoch than all before it, wherever it runs; it can also grow while the entity runs. A
   * store that rejects lower epochs than it has seen is never written by an entity that was replaced
   * while its process stood still. 0 for all other actors.
   *
   * @example
   * ```ts
   * import { type ActorRef, Behaviors, ClusteredActorSystem } from "@casty/casty";
   *
   * type Token = { replyTo: ActorRef<number> };
   * const entity = Behaviors.receive<Token>((context, { replyTo }) => {
   *   replyTo.tell(context.epoch);
   *   return Behaviors.same();
   * });
   *
   * await using system = await ClusteredActorSystem.start({
   *   name: "example",
   *   host: "127.0.0.1",
   *   port: 0,
   * });
   * const tokens = system.spawn(Behaviors.sharded(() => entity, { numShards: 10 }), "tokens");
   * const epoch = await tokens.entity("a").ask((replyTo) => ({ replyTo }));
   * console.assert(epoch > 0);
   * ```
   */
  readonly epoch: number;
  /**
   * The client that has sent the message at hand to this node, with the identity in its certificate;
   * undefined for messages of this node and of other members, for timers and for signals. Valid
   * until the handler, or the promise that it returns, has ended. A message that one actor passes on
   * to another has no sender any more: the actor that passes it on decides.
   *
   * @example
   * ```ts
   * import { type ActorRef, Behaviors, ClusteredActorSystem, entityType } from "@casty/casty";
   * import { ClusterClient } from "@casty/casty/client";
   *
   * type Account = { type: "close"; replyTo: ActorRef<string> };
   * const Accounts = entityType<Account>("accounts", { numShards: 10 });
   * // Members may close each account, a client only its own.
   * const account = (id: string) =>
   *   Behaviors.receive<Account>(({ sender }, { replyTo }) => {
   *     const identity = sender?.identity;
   *     const isOwner = identity?.kind === "client" && identity.name === id;
   *     replyTo.tell(sender === undefined || isOwner ? "closed" : `refused: ${identity!.kind}`);
   *     return Behaviors.same();
   *   });
   * await using node = await ClusteredActorSystem.start({ name: "bank", host: "127.0.0.1", port: 0 });
   * node.spawn(Behaviors.sharded(Accounts, account));
   *
   * const close = (replyTo: ActorRef<string>) => ({ type: "close", replyTo }) as const;
   * console.assert(await node.entity(Accounts, "alice").ask(close) === "closed");
   * // Without TLS a client proves no name.
   * await using client = await ClusterClient.connect({
   *   contactPoints: [node.address],
   *   systemName: "bank",
   * });
   * console.assert(await client.entity(Accounts, "alice").ask(close) === "refused: plain");
   * ```
   */
  readonly sender: MessageSender | undefined;
  /**
   * When the asker of the message at hand gives up, on the clock of the system: milliseconds, to be
   * compared with `system.runtime.clock.now()`, and in the past if it has given up already. Undefined
   * for a message of no ask, and once it was answered. Valid until the handler, or the promise that
   * it returns, has ended. Asks of `ask` have it as well: none lasts longer.
   *
   * A message of another node or client was under way for a time that its deadline does not count:
   * it is that much later here.
   *
   * @example
   * ```ts
   * import { type ActorRef, ActorSystem, Behaviors } from "@casty/casty";
   *
   * type Query = { replyTo: ActorRef<string> };
   * const server = Behaviors.receive<Query>(({ deadline, system }, { replyTo }) => {
   *   const left = deadline === undefined ? Infinity : deadline - system.runtime.clock.now();
   *   replyTo.tell(left < 500 ? "cached" : "computed");
   *   return Behaviors.same();
   * });
   * await using system = new ActorSystem();
   * const ref = system.spawn(server, "server");
   * const query = (replyTo: ActorRef<string>) => ({ replyTo });
   * console.assert(await system.ask(ref, query) === "computed");
   * console.assert(await system.ask(ref, query, { timeout: 400 }) === "cached");
   * ```
   */
  readonly deadline: number | undefined;
  /** Log lines under the actor's path. */
  readonly log: ActorLog;
  /** Messages to itself, later. */
  readonly timers: ActorTimers<M>;
  /** Messages for later. */
  readonly stash: Stash<M>;
  /** Its children. */
  readonly children: readonly ActorRef<never>[];
  /**
   * Starts a child. Without a name it gets one. Children stop before their parent, and before it
   * restarts. A name is free again when the child has stopped.
   *
   * @throws {ActorError} codes `badName`, `duplicateName`, `badBehavior`, `actorStopped`.
   */
  spawn<C>(behavior: Behavior<C>, name?: string, options?: SpawnOptions): ActorRef<C>;
  /** Stops a child, after the message that it handles now. */
  stop(child: ActorRef<never>): void;
  /**
   * Asks for the signal `terminated` when the other has stopped; at once if it has already. Works
   * for actors of this system and, in a cluster, of other nodes. A second call changes nothing,
   * unless the first was `watchWith`, which it replaces.
   *
   * @throws {ActorError} code `cannotWatch` for an actor elsewhere, if there is no cluster.
   */
  watch(ref: ActorRef<never>): void;
  /** The same, but the actor is sent `message` instead of the signal. */
  watchWith(ref: ActorRef<never>, message: M): void;
  /** Takes back `watch` and `watchWith`. No signal or message arrives, even if it is queued already. */
  unwatch(ref: ActorRef<never>): void;
  /**
   * Sends the message of `factory`, and resolves with the first reply. While an async handler
   * awaits it, the actor handles nothing else; with `pipeToSelf` it does.
   *
   * Two actors that wait for each other would wait for ever: the one that closes the circle gets an
   * {@linkcode AskError} with code `askCycle` that names the path. Circles are found within one
   * system, and a waiting actor is assumed to wait for the target of its ask.
   *
   * @throws {AskTimeoutError} if no reply arrives in time.
   * @throws {AskError} if the actor has stopped, the message was lost, the ask was aborted, or it
   * closes a circle.
   *
   * While the message of another ask is handled, it ends with that one's deadline at the latest (see
   * `deadline`). An error for that reason which leaves the handler is no failure of the actor. An ask
   * of `context.system` has its own timeout only: use that for work which has to go on.
   */
  ask<T, R, const Q extends LiteralOf<T> = LiteralOf<T>>(
    ref: ActorRef<T>,
    factory: (replyTo: ActorRef<R>) => Q,
    options?: AskOptions,
  ): Promise<ReplyOf<T, R, Q>>;
  /**
   * The same as {@linkcode ActorContext.ask}, of an actor that answers with a `StatusReply`: resolves
   * with its value.
   *
   * @throws {AskError} as `ask`; code `askRejected` if the actor has answered with an error.
   */
  askStatus<T, R, const Q extends LiteralOf<T> = LiteralOf<T>>(
    ref: ActorRef<T>,
    factory: (replyTo: ActorRef<R>) => Q,
    options?: AskOptions,
  ): Promise<StatusValue<ReplyOf<T, R, Q>>>;
  /** Sends itself the value of a promise. A rejection is logged. */
  pipeToSelf(promise: PromiseLike<M>): void;
  /**
   * Sends itself the message made from a promise's value or rejection. The functions run in the
   * actor's turn, as a handler does. Without `onRejected` a rejection is logged. An `onFulfilled` that
   * throws counts as a rejection with that error, if there is an `onRejected`; otherwise, and when
   * `onRejected` throws, it is a failure of this actor.
   */
  pipeToSelf<T>(
    promise: PromiseLike<T>,
    onFulfilled: (value: T) => M,
    onRejected?: (reason: unknown) => M,
  ): void;
  /**
   * A reference for actors with another protocol: a message to it arrives at this actor as `map`
   * makes it, in this actor's turn. Valid until the actor stops or restarts; the same function gives
   * the same reference. A `map` that throws is a failure of this actor, as if a handler had thrown.
   */
  messageAdapter<F>(map: (message: F) => M): ActorRef<F>;
  /**
   * Sends itself `message` when it has handled no message for `timeout` milliseconds, and again
   * after each such time, until it is cancelled, stops or restarts. Replaces an earlier one.
   */
  setReceiveTimeout(timeout: number, message: M): void;
  /**
   * Of a sharded entity: stops it, after the messages that it has already received. Messages that it
   * has not handled then, and later ones, start it again: none is lost in between.
   *
   * @throws {ActorError} code `noEntity`.
   */
  passivate(): void;
  /** Takes back `setReceiveTimeout`. */
  cancelReceiveTimeout(): void;
}
