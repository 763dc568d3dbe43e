import type { AskOptions, LiteralOf } from "../actor/behavior/ask_options.ts";
import type { Behavior } from "../actor/behavior/behavior.ts";
import type { ActorContext, ActorLog, ActorTimers, Stash } from "../actor/behavior/context.ts";
import type { LocalSystem } from "../actor/behavior/local_system.ts";
import type { ReplyOf } from "../actor/behavior/reply_of.ts";
import type { SpawnOptions } from "../actor/behavior/spawn_options.ts";
import type { StatusValue } from "../actor/behavior/status_reply.ts";
import type { MessageSender } from "../actor/ref/message_sender.ts";
import type { MessageAtHand } from "../actor/ref/passed_on.ts";
import type { ActorRef } from "../actor/ref/ref.ts";
import type { SentMessage } from "../actor/ref/sent_message.ts";
import type { DurableReminders } from "./reminders/durable_reminders.ts";
import type { Reminders } from "./reminders/reminders.ts";

/** The operations of a durable actor: those of any actor, and its reminders. */
export interface DurableContext<in out M> extends ActorContext<M> {
  /** Messages to itself at times to come, which survive restarts, moves and outages. */
  readonly reminders: Reminders<M>;
}

/** The incarnation whose commands they are. */
export interface CommandHost<M> {
  /** Its reminders, made once. */
  remindersOf(commands: CommandContext<M>): DurableReminders;
}

/** The context of an actor, with what its incarnation adds. */
export class CommandContext<M> implements DurableContext<M>, MessageAtHand {
  readonly #context: ActorContext<M>;
  readonly #host: CommandHost<M>;
  /** Whether a command is being decided. */
  isDeciding = false;
  /** Made when there are reminders, or a command looks at them. */
  durableReminders: DurableReminders | undefined = undefined;

  constructor(context: ActorContext<M>, host: CommandHost<M>) {
    this.#context = context;
    this.#host = host;
  }

  get reminders(): Reminders<M> {
    return (this.durableReminders ??= this.#host.remindersOf(this)).commands;
  }

  get current(): SentMessage | undefined {
    return (this.#context as Partial<MessageAtHand>).current;
  }

  get self(): ActorRef<M> {
    return this.#context.self;
  }

  get system(): LocalSystem {
    return this.#context.system;
  }

  get entityId(): string {
    return this.#context.entityId;
  }

  get epoch(): number {
    return this.#context.epoch;
  }

  get sender(): MessageSender | undefined {
    return this.#context.sender;
  }

  get deadline(): number | undefined {
    return this.#context.deadline;
  }

  get log(): ActorLog {
    return this.#context.log;
  }

  get timers(): ActorTimers<M> {
    return this.#context.timers;
  }

  get stash(): Stash<M> {
    return this.#context.stash;
  }

  get children(): readonly ActorRef<never>[] {
    return this.#context.children;
  }

  spawn<C>(behavior: Behavior<C>, name?: string, options?: SpawnOptions): ActorRef<C> {
    return this.#context.spawn(behavior, name, options);
  }

  stop(child: ActorRef<never>): void {
    this.#context.stop(child);
  }

  watch(ref: ActorRef<never>): void {
    this.#context.watch(ref);
  }

  watchWith(ref: ActorRef<never>, message: M): void {
    this.#context.watchWith(ref, message);
  }

  unwatch(ref: ActorRef<never>): void {
    this.#context.unwatch(ref);
  }

  ask<T, R, const Q extends LiteralOf<T> = LiteralOf<T>>(
    ref: ActorRef<T>,
    factory: (replyTo: ActorRef<R>) => Q,
    options?: AskOptions,
  ): Promise<ReplyOf<T, R, Q>> {
    return this.#context.ask<T, R, Q>(ref, factory, options);
  }

  askStatus<T, R, const Q extends LiteralOf<T> = LiteralOf<T>>(
    ref: ActorRef<T>,
    factory: (replyTo: ActorRef<R>) => Q,
    options?: AskOptions,
  ): Promise<StatusValue<ReplyOf<T, R, Q>>> {
    return this.#context.askStatus<T, R, Q>(ref, factory, options);
  }

  pipeToSelf<T>(
    promise: PromiseLike<T>,
    onFulfilled?: (value: T) => M,
    onRejected?: (reason: unknown) => M,
  ): void {
    this.#context.pipeToSelf(promise, onFulfilled as (value: T) => M, onRejected);
  }

  messageAdapter<F>(map: (message: F) => M): ActorRef<F> {
    return this.#context.messageAdapter(map);
  }

  setReceiveTimeout(timeout: number, message: M): void {
    this.#context.setReceiveTimeout(timeout, message);
  }

  passivate(): void {
    this.#context.passivate();
  }

  cancelReceiveTimeout(): void {
    this.#context.cancelReceiveTimeout();
  }
}
