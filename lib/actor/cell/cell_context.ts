import { hashKey } from "../../runtime/hash_key.ts";
import { spawnDefaults } from "../../options/tables/actor_tables.ts";
import type { LogFields, LogLevel } from "../../runtime/logger.ts";
import type { LocalSystem } from "../behavior/local_system.ts";
import type { AskOptions, LiteralOf } from "../behavior/ask_options.ts";
import type { ReplyOf } from "../behavior/reply_of.ts";
import type { Behavior } from "../behavior/behavior.ts";
import type { ActorContext, ActorLog, ActorTimers, Stash } from "../behavior/context.ts";
import { deadlineOf } from "../ask/ask.ts";
import type { MessageSender } from "../ref/message_sender.ts";
import type { SpawnOptions } from "../behavior/spawn_options.ts";
import type { StatusValue } from "../behavior/status_reply.ts";
import { statusOf } from "../ask/status_value.ts";
import { ActorError } from "../errors.ts";
import { checkActorName, duplicateName } from "../ref/actor_name.ts";
import { LocalRef } from "../ref/local_ref.ts";
import type { MessageAtHand } from "../ref/passed_on.ts";
import type { SentMessage } from "../ref/sent_message.ts";
import type { ActorRef } from "../ref/ref.ts";
import type { ActorCell } from "./actor_cell.ts";
import { Adapters } from "./adapter_ref.ts";
import { asSignal, DeathWatch } from "./death_watch.ts";
import { pipeTo } from "./piped_promise.ts";
import { ReceiveTimeout } from "./receive_timeout.ts";
import { StashBuffer } from "./stash.ts";
import { TimerSet } from "./timers.ts";

/** The context that a cell gives its behaviour; one for each incarnation. */
export class CellContext implements ActorContext<unknown>, MessageAtHand {
  readonly #cell: ActorCell;
  #log: ActorLog | undefined = undefined;
  #closed = false;
  /** See `ActorCell.current`. */
  current: SentMessage | undefined = undefined;

  constructor(cell: ActorCell) {
    this.#cell = cell;
  }

  /** The incarnation ends: later calls of its pending handlers must not reach the next one. */
  close(): void {
    this.#closed = true;
    this.current = undefined;
  }

  /** The cell, if this is the context of its current incarnation. */
  #open(what: string): ActorCell {
    const cell = this.#cell;
    if (this.#closed) throw earlierIncarnation(cell, what);
    return cell;
  }

  /** The cell, if it takes messages as well. */
  #running(what: string): ActorCell {
    const cell = this.#open(what);
    if (cell.ended) throw hasStopped(cell, what);
    return cell;
  }

  get self(): ActorRef<unknown> {
    return this.#cell;
  }

  get system(): LocalSystem {
    return this.#cell.host.system;
  }

  get entityId(): string {
    const cell = this.#cell;
    return cell.parent?.existingParts?.entities?.idOf(cell) ?? "";
  }

  get epoch(): number {
    for (let cell = this.#cell; cell.parent !== undefined; cell = cell.parent) {
      const keeper = cell.parent.existingParts?.entities;
      if (keeper !== undefined) return keeper.epochOf(cell);
    }
    return 0;
  }

  get sender(): MessageSender | undefined {
    return this.current?.sender;
  }

  get deadline(): number | undefined {
    const { current } = this;
    return current && deadlineOf(current, this.#cell.host.runtime.clock);
  }

  passivate(): void {
    const cell = this.#open("passivate itself");
    const keeper = cell.parent?.existingParts?.entities;
    if (keeper !== undefined) return keeper.passivate(cell);
    throw new ActorError("noEntity", `${cell.path} is no sharded entity`, {
      value: cell.path,
      remedy: "an actor that is no entity stops with Behaviors.stopped()",
    });
  }

  get log(): ActorLog {
    return this.#log ??= actorLog(this.#cell);
  }

  get timers(): ActorTimers<unknown> {
    const cell = this.#open("set a timer");
    return cell.parts.timers ??= new TimerSet(cell.host.runtime.clock, cell);
  }

  get stash(): Stash<unknown> {
    const cell = this.#open("stash a message");
    const { parts } = cell;
    return parts.stash ??= new StashBuffer(
      cell,
      parts.stashCapacity ?? spawnDefaults.stashCapacity,
    );
  }

  get children(): readonly ActorRef<never>[] {
    return [...this.#cell.existingParts?.children?.values() ?? []];
  }

  spawn<C>(behavior: Behavior<C>, name?: string, options?: SpawnOptions): ActorRef<C> {
    const parent = this.#running("spawn a child");
    if (parent.isRestarting) {
      throw new ActorError(
        "actorStopped",
        `${parent.path} is restarting and cannot spawn a child`,
        {
          value: parent.path,
          remedy: "spawn it in the setup or in preStart of the next incarnation",
        },
      );
    }
    const children = parent.parts.children ??= new Map();
    const chosen = name === undefined ? this.#freeName(children) : checkActorName(name);
    const path = `${parent.path}/${chosen}`;
    if (children.has(hashKey(chosen))) throw duplicateName(path);
    const child = parent.spawnChild(path, parent.wrappers.inherit(behavior), options);
    children.set(hashKey(chosen), child);
    return child;
  }

  stop(child: ActorRef<never>): void {
    if (!(child instanceof LocalRef) || child.parent !== this.#cell) {
      throw new ActorError("notAChild", `${child.path} is not a child of ${this.#cell.path}`, {
        value: child.path,
        remedy: child === this.#cell
          ? "an actor stops itself with Behaviors.stopped()"
          : "send it a message that makes it stop",
      });
    }
    child.stop();
  }

  watch(ref: ActorRef<never>): void {
    this.#deathWatch.watch(ref, asSignal);
  }

  watchWith(ref: ActorRef<never>, message: unknown): void {
    this.#deathWatch.watch(ref, message);
  }

  get #deathWatch(): DeathWatch {
    const cell = this.#open("watch another");
    return cell.parts.watch ??= new DeathWatch(cell);
  }

  unwatch(ref: ActorRef<never>): void {
    this.#cell.existingParts?.watch?.unwatch(ref);
  }

  ask<T, R, const Q extends LiteralOf<T> = LiteralOf<T>>(
    ref: ActorRef<T>,
    factory: (replyTo: ActorRef<R>) => Q,
    options?: AskOptions,
  ): Promise<ReplyOf<T, R, Q>> {
    type Reply = ReplyOf<T, R, Q>;
    const make = factory as unknown as (replyTo: ActorRef<Reply>) => T;
    return this.#cell.host.ask(ref, make, options, this.#cell, this.current);
  }

  askStatus<T, R, const Q extends LiteralOf<T> = LiteralOf<T>>(
    ref: ActorRef<T>,
    factory: (replyTo: ActorRef<R>) => Q,
    options?: AskOptions,
  ): Promise<StatusValue<ReplyOf<T, R, Q>>> {
    const cell = this.#cell;
    const reply = this.ask<T, R, Q>(ref, factory, options);
    const status = statusOf(reply, ref);
    // The actor holds this promise, and may say of this one that it does not wait for it.
    const ask = cell.pendingAsks?.get(reply);
    if (ask !== undefined) {
      cell.addPendingAsk(status, ask);
      const forget = () => void cell.pendingAsks?.delete(status);
      status.then(forget, forget);
    }
    return status;
  }

  pipeToSelf<T>(
    promise: PromiseLike<T>,
    onFulfilled?: (value: T) => unknown,
    onRejected?: (reason: unknown) => unknown,
  ): void {
    const cell = this.#cell;
    // The actor does not wait for this reply.
    const ask = cell.pendingAsks?.get(promise as Promise<T>);
    if (ask !== undefined) ask.awaited = false;
    pipeTo(cell, promise, onFulfilled, onRejected);
  }

  messageAdapter<F>(map: (message: F) => unknown): ActorRef<F> {
    const cell = this.#running("have a message adapter");
    if (typeof map !== "function") {
      throw new ActorError("badBehavior", `${cell.path}: a message adapter needs a function`, {
        value: map,
        remedy: "give a function of the message",
      });
    }
    return (cell.parts.adapters ??= new Adapters(cell)).refFor(map);
  }

  setReceiveTimeout(timeout: number, message: unknown): void {
    const cell = this.#running("have a receive timeout");
    const { clock } = cell.host.runtime;
    cell.replaceReceiveTimeout(new ReceiveTimeout(cell, clock, timeout, message));
  }

  cancelReceiveTimeout(): void {
    this.#cell.replaceReceiveTimeout(undefined);
  }

  /** A user may have given a child a name that looks anonymous. */
  #freeName(children: ReadonlyMap<string, unknown>): string {
    let name: string;
    do name = `$${this.#cell.nextNumber()}`; while (children.has(name));
    return name;
  }
}

function hasStopped({ path }: ActorCell, what: string): ActorError {
  return new ActorError("actorStopped", `${path} has stopped and cannot ${what}`, { value: path });
}

function earlierIncarnation({ path }: ActorCell, what: string): ActorError {
  return new ActorError(
    "earlierIncarnation",
    `${path} cannot ${what} here: the context belongs to an earlier incarnation`,
    {
      value: path,
      remedy: "do not keep a context: use the one that the setup or the handler is given",
    },
  );
}

function actorLog(cell: ActorCell): ActorLog {
  const { logger } = cell.host.runtime;
  const at = (level: LogLevel) => (message: string, fields?: LogFields) =>
    logger.log(level, cell.path, message, fields);
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}
