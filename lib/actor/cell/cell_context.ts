import type { LogFields, LogLevel } from "../../runtime/logger.ts";
import { checkActorName } from "../ref/actor_name.ts";
import { Adapters } from "../ref/adapter_ref.ts";
import type { ActorSystem } from "../system/actor_system.ts";
import type { AskOptions, Written } from "../ask/ask.ts";
import type { Behavior } from "../behavior/behavior.ts";
import { Cell } from "./cell.ts";
import { restarting, timed } from "./cell_status.ts";
import type { ActorContext, ActorLog, ActorTimers, Stash } from "../behavior/context.ts";
import { theSignal } from "./death_watch.ts";
import { ActorError } from "../errors.ts";
import { LocalRef } from "../ref/local_ref.ts";
import { ReceiveTimeout } from "./receive_timeout.ts";
import type { ActorRef } from "../ref/ref.ts";
import type { SpawnOptions } from "../behavior/spawn_options.ts";
import { StashBuffer } from "./stash.ts";
import { TimerSet } from "./timers.ts";

/** What a cell lets its behaviour do. */
export class CellContext implements ActorContext<unknown> {
  readonly #cell: Cell;
  #log: ActorLog | undefined = undefined;
  #closed = false;

  /** Made by the cell, once for each incarnation. */
  constructor(cell: Cell) {
    this.#cell = cell;
  }

  /** The actor begins again: what its handlers of before still begin would reach the next ones. */
  close(): void {
    this.#closed = true;
  }

  /** The cell, if it is open for what a handler begins. */
  #open(what: string): Cell {
    const cell = this.#cell;
    if (this.#closed) throw ended(cell, `${what}: it has begun again since`);
    return cell;
  }

  get self(): ActorRef<unknown> {
    return this.#cell.ref;
  }

  get system(): ActorSystem {
    return this.#cell.host.system;
  }

  get entityId(): string {
    const cell = this.#cell;
    return cell.parent?.existingParts?.entities?.idOf(cell) ?? "";
  }

  passivate(): void {
    const cell = this.#open("cannot be passivated");
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
    const cell = this.#open("can set no timer");
    return cell.parts.timers ??= new TimerSet(cell.host.runtime.clock, cell);
  }

  get stash(): Stash<unknown> {
    const cell = this.#open("stashes nothing");
    const { parts } = cell;
    return parts.stash ??= new StashBuffer(cell, parts.stashCapacity ?? 1_000);
  }

  get children(): readonly ActorRef<never>[] {
    return Array.from(this.#cell.existingParts?.children?.values() ?? [], ({ ref }) => ref);
  }

  spawn<C>(behavior: Behavior<C>, name?: string, options?: SpawnOptions): ActorRef<C> {
    const parent = this.#open("can have no children");
    if (parent.ended) throw ended(parent, "can have no children");
    if ((parent.status & restarting) !== 0) {
      throw new ActorError("actorStopped", `${parent.path} begins again: no children until then`, {
        value: parent.path,
      });
    }
    const children = parent.parts.children ??= new Map();
    const chosen = name === undefined ? this.#freeName(children) : checkActorName(name);
    const path = `${parent.path}/${chosen}`;
    if (children.has(chosen)) throw duplicateName(path);
    const inherited = parent.wrappers.inherit(behavior);
    const cell = new Cell(parent.host, parent, path, inherited, options);
    children.set(chosen, cell);
    return cell.ref;
  }

  stop(child: ActorRef<never>): void {
    if (!(child instanceof LocalRef) || child.cell.parent !== this.#cell) {
      throw new ActorError("notAChild", `${child.path} is not a child of ${this.#cell.path}`, {
        value: child.path,
        remedy: child === this.#cell.ref
          ? "an actor stops itself with Behaviors.stopped()"
          : "send it a message that makes it stop",
      });
    }
    child.cell.stop();
  }

  watch(ref: ActorRef<never>): void {
    this.#open("watches nobody").deathWatch.watch(ref, theSignal);
  }

  watchWith(ref: ActorRef<never>, message: unknown): void {
    this.#open("watches nobody").deathWatch.watch(ref, message);
  }

  unwatch(ref: ActorRef<never>): void {
    this.#cell.deathWatch.unwatch(ref);
  }

  ask<T, R, const Q extends Written<T> = Written<T>>(
    ref: ActorRef<T>,
    factory: (replyTo: ActorRef<R>) => Q,
    options?: AskOptions,
  ): Promise<R> {
    const make = factory as (replyTo: ActorRef<R>) => T;
    return this.#cell.host.ask(ref, make, options, this.#cell);
  }

  pipeToSelf<T>(
    promise: PromiseLike<T>,
    onFulfilled?: (value: T) => unknown,
    onRejected?: (reason: unknown) => unknown,
  ): void {
    const cell = this.#cell;
    // The actor goes on: it does not wait for this reply.
    const question = cell.existingParts?.questions?.get(promise as Promise<T>);
    if (question !== undefined) question.awaited = false;
    const failed = (error: unknown) => this.log.warn("pipeToSelf failed", { error });
    const tell = <V>(value: V, make: (value: V) => unknown) => {
      let message: unknown;
      try {
        message = make(value);
      } catch (error) {
        return failed(error);
      }
      cell.enqueue(message);
    };
    Promise.resolve(promise).then(
      (value) => tell(value, onFulfilled ?? ((message) => message)),
      (reason) => onRejected === undefined ? failed(reason) : tell(reason, onRejected),
    );
  }

  messageAdapter<F>(map: (message: F) => unknown): ActorRef<F> {
    const cell = this.#open("can have no message adapter");
    if (cell.ended) throw ended(cell, "can have no message adapter");
    if (typeof map !== "function") {
      throw new ActorError("badBehavior", `${cell.path}: a message adapter needs a function`, {
        value: map,
        remedy: "give a function of the message",
      });
    }
    return (cell.parts.adapters ??= new Adapters(cell)).refFor(map);
  }

  setReceiveTimeout(timeout: number, message: unknown): void {
    const cell = this.#open("can have no receive timeout");
    if (cell.ended) throw ended(cell, "can have no receive timeout");
    const { clock } = cell.host.runtime;
    const next = new ReceiveTimeout(cell, clock, timeout, message);
    this.cancelReceiveTimeout();
    cell.parts.receiveTimeout = next;
    cell.status |= timed;
  }

  cancelReceiveTimeout(): void {
    const cell = this.#cell;
    cell.existingParts?.receiveTimeout?.cancel();
    if (cell.existingParts !== undefined) cell.existingParts.receiveTimeout = undefined;
    cell.status &= ~timed;
  }

  /** A user may have given a child a name that looks anonymous. */
  #freeName(children: ReadonlyMap<string, Cell>): string {
    const { parts } = this.#cell;
    let name: string;
    do name = `$${++parts.numbered}`; while (children.has(name));
    return name;
  }
}

/** The error for a name that is taken. */
export function duplicateName(path: string): ActorError {
  return new ActorError("duplicateName", `there is an actor at ${path} already`, {
    value: path,
    remedy: "choose another name, or wait until it has stopped",
  });
}

function ended({ path }: Cell, what: string): ActorError {
  return new ActorError("actorStopped", `${path} has stopped and ${what}`, { value: path });
}

function actorLog(cell: Cell): ActorLog {
  const { logger } = cell.host.runtime;
  const at = (level: LogLevel) => (message: string, fields?: LogFields) =>
    logger.log(level, cell.path, message, fields);
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}
