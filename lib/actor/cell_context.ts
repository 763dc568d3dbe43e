import type { LogFields, LogLevel } from "../runtime/logger.ts";
import { checkActorName } from "./actor_name.ts";
import type { ActorSystem } from "./actor_system.ts";
import type { Behavior } from "./behavior.ts";
import { Cell } from "./cell.ts";
import type { ActorContext, ActorLog, ActorTimers } from "./context.ts";
import { ActorError } from "./errors.ts";
import { LocalRef } from "./local_ref.ts";
import type { ActorRef } from "./ref.ts";
import type { SpawnOptions } from "./spawn_options.ts";
import { TimerSet } from "./timers.ts";

/** What a cell lets its behaviour do. */
export class CellContext implements ActorContext<unknown> {
  readonly #cell: Cell;
  #log: ActorLog | undefined = undefined;

  /** Made by the cell, once. */
  constructor(cell: Cell) {
    this.#cell = cell;
  }

  get self(): ActorRef<unknown> {
    return this.#cell.ref;
  }

  get system(): ActorSystem {
    return this.#cell.host.system;
  }

  get log(): ActorLog {
    return this.#log ??= actorLog(this.#cell);
  }

  get timers(): ActorTimers<unknown> {
    const cell = this.#cell;
    return cell.parts.timers ??= new TimerSet(cell.host.runtime.clock, cell);
  }

  get children(): readonly ActorRef<never>[] {
    return Array.from(this.#cell.parts.children?.values() ?? [], ({ ref }) => ref);
  }

  spawn<C>(behavior: Behavior<C>, name?: string, options?: SpawnOptions): ActorRef<C> {
    const parent = this.#cell;
    if (parent.ended) {
      throw new ActorError("actorStopped", `${parent.path} has stopped and can have no children`);
    }
    const children = parent.parts.children ??= new Map();
    const chosen = name === undefined ? this.#freeName(children) : checkActorName(name);
    const path = `${parent.path}/${chosen}`;
    if (children.has(chosen)) throw duplicateName(path);
    const cell = new Cell(parent.host, parent, path, behavior, options);
    children.set(chosen, cell);
    return cell.ref;
  }

  stop(child: ActorRef<never>): void {
    if (!(child instanceof LocalRef) || child.cell.parent !== this.#cell) {
      throw new ActorError("notAChild", `${child.path} is not a child of ${this.#cell.path}`, {
        value: child.path,
        remedy: "send it a message that makes it stop",
      });
    }
    child.cell.stop();
  }

  watch(ref: ActorRef<never>): void {
    this.#cell.deathWatch.watch(ref);
  }

  unwatch(ref: ActorRef<never>): void {
    this.#cell.deathWatch.unwatch(ref);
  }

  pipeToSelf<T>(
    promise: PromiseLike<T>,
    onFulfilled: (value: T) => unknown,
    onRejected: (reason: unknown) => unknown,
  ): void {
    const tell = (make: () => unknown) => {
      try {
        this.#cell.enqueue(make());
      } catch (error) {
        this.log.error("pipeToSelf: the mapping of a result failed", { error });
      }
    };
    Promise.resolve(promise).then((value) => tell(() => onFulfilled(value)), (reason) => {
      tell(() => onRejected(reason));
    });
  }

  /** A user may have given a child a name that looks anonymous. */
  #freeName(children: ReadonlyMap<string, Cell>): string {
    const { parts } = this.#cell;
    let name: string;
    do name = `$${++parts.anonymous}`; while (children.has(name));
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

function actorLog(cell: Cell): ActorLog {
  const { logger } = cell.host.runtime;
  const at = (level: LogLevel) => (message: string, fields?: LogFields) =>
    logger.log(level, cell.path, message, fields);
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}
