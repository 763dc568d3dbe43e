/**
 * A cell whose handler has returned a promise: it takes no message until that is settled.
 *
 * @module
 */
import { rules } from "../../runtime/rules.ts";
import type { Timer } from "../../runtime/clock.ts";
import { checkCircles } from "../ask/ask_cycle.ts";
import type { LimitedLog } from "../../runtime/limited_log.ts";
import type { LocalRuntime } from "../behavior/local_system.ts";
import type { ActorError } from "../errors.ts";
import { Behavior, noNextBehavior } from "../behavior/behavior.ts";
import type { Asker } from "../ref/asker.ts";
import type { BehaviorTransition } from "../behavior/wrapper.ts";

/** Whose promise a cell waits for: that of a handler, or of one of several tasks. */
export type SuspendedWork = "message" | "signal" | "setup" | "tasks";

/** Parts of a cell that have to do with its waiting. */
export interface SuspensionParts {
  suspension: Suspension | undefined;
  /** Limits how long a stop waits for a handler. */
  stopTimer: Timer | undefined;
  readonly receiveTimeout: { received(): void } | undefined;
  readonly timers: { handled(): void } | undefined;
}

/** Dependencies of a suspension on its cell. */
export interface SuspendableCell extends Asker {
  readonly host: {
    readonly runtime: LocalRuntime;
    readonly limitedLog: LimitedLog;
    readonly stopTimeout: number;
  };
  readonly parts: SuspensionParts;
  /** Whether it stops or restarts, and so must not wait for ever for a handler. */
  readonly isEnding: boolean;
  /** Whether another node runs its entity, so that it must not wait for a handler at all. */
  readonly isReplaced: boolean;
  /** Whether it takes messages. */
  setWaiting(waits: boolean): void;
  /** Asks for a turn, if there is anything to do. */
  wakeIfBusy(): void;
  wake(): void;
  /** Its handler has thrown, on this message if it was given one. */
  fail(error: unknown, message?: unknown): void;
  become(behavior: Behavior<never>, transition: BehaviorTransition): void;
  apply(next: unknown, kind: SuspendedWork, subject: unknown): void;
}

/** Tasks that are run one after the other, each when the one before has ended. */
interface TasksInTurn {
  readonly tasks: readonly (() => unknown)[];
  /** Receives the error of a task. Returns whether the next task runs. */
  readonly onError: (error: unknown) => boolean;
  /** Called when all have ended, and not when `onError` has ended it. */
  readonly then: () => void;
  /** The task whose turn is next. */
  next: number;
}

/** Whether a value must be waited for. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  try {
    return typeof (value as PromiseLike<unknown> | null | undefined)?.then === "function";
  } catch {
    // A value that throws when it is read is no promise.
    return false;
  }
}

function errorOf(cell: SuspendableCell, returned: unknown, kind: SuspendedWork): ActorError {
  return noNextBehavior(cell.path, returned, kind === "setup" ? "setup" : "handler");
}

/** The cell takes no message until the promise is settled. */
export function suspend(
  cell: SuspendableCell,
  promise: unknown,
  kind: SuspendedWork,
  subject: unknown,
): void {
  if (!isThenable(promise)) {
    return cell.fail(errorOf(cell, promise, kind), kind === "message" ? subject : undefined);
  }
  const { step } = cell;
  cell.setWaiting(true);
  (cell.parts.suspension ??= new Suspension(cell)).wait(promise, kind, subject, step);
  if (cell.isEnding) limitWait(cell);
  if (cell.pendingAsks !== undefined) checkCircles(cell);
}

/**
 * Runs tasks one after the other, and then `then`. One that does not end in time is abandoned,
 * like a handler, and the next has its turn.
 */
export function inTurn(
  cell: SuspendableCell,
  tasks: readonly (() => unknown)[],
  onError: (error: unknown) => boolean,
  then: () => void,
): void {
  runNext(cell, { tasks, onError, then, next: 0 });
}

function runNext(cell: SuspendableCell, all: TasksInTurn): void {
  while (all.next < all.tasks.length) {
    let result: unknown;
    try {
      result = all.tasks[all.next++]!();
    } catch (error) {
      if (!all.onError(error)) return;
      continue;
    }
    if (isThenable(result)) return suspend(cell, result, "tasks", all);
  }
  all.then();
}

/** A handler that never ends must not keep an actor from stopping or restarting. */
export function limitWait(cell: SuspendableCell): void {
  const { host, parts } = cell;
  // Only its last signals are waited for: handlers of the next owner may run already.
  if (cell.isReplaced && rules.replacedHandlersEnd && !parts.suspension!.isOfTasks) {
    host.limitedLog.add(
      "warn",
      cell.path,
      "gave up a handler: this node does not own its entity any more",
    );
    return giveUp(cell);
  }
  parts.stopTimer ??= host.runtime.clock.schedule(host.stopTimeout, () => {
    host.limitedLog.add("error", cell.path, "a handler did not end; went on without it", {
      stopTimeout: host.stopTimeout,
    });
    giveUp(cell);
  });
}

/** Goes on without the promise that the cell waits for. */
function giveUp(cell: SuspendableCell): void {
  const { parts } = cell;
  const tasks = parts.suspension!.abandon();
  // The next wait gets a new one: the promise that was abandoned may still be settled.
  parts.suspension = undefined;
  endWait(cell);
  if (tasks !== undefined) runNext(cell, tasks);
  cell.wake();
}

/**
 * Waits for the promise of a handler. One per cell for all its promises, because a cell waits for
 * one at a time: no closure is made per message.
 */
export class Suspension {
  readonly #cell: SuspendableCell;
  #kind: SuspendedWork = "message";
  /** The suspended step: a handler, a transition with a setup, or tasks. */
  #subject: unknown;
  #waiting = false;
  /** The handler run that returned the promise. */
  step = 0;

  constructor(cell: SuspendableCell) {
    this.#cell = cell;
  }

  /** Whether it waits for one of several tasks: the last signals of an actor. */
  get isOfTasks(): boolean {
    return this.#kind === "tasks";
  }

  /** Continues with the outcome of `promise`. */
  wait(promise: PromiseLike<unknown>, kind: SuspendedWork, subject: unknown, step: number): void {
    this.step = step;
    this.#kind = kind;
    this.#subject = subject;
    this.#waiting = true;
    // A native promise is used directly; another thenable may call back twice.
    Promise.resolve(promise).then(this.#fulfilled, this.#rejected);
  }

  /** Ignores the outcome of the promise. Returns its tasks, if it belongs to some. */
  abandon(): TasksInTurn | undefined {
    const subject = this.#end();
    return this.#kind === "tasks" ? subject as TasksInTurn : undefined;
  }

  #end(): unknown {
    const subject = this.#subject;
    this.#waiting = false;
    this.#subject = undefined;
    return subject;
  }

  readonly #fulfilled = (next: unknown): void => {
    if (!this.#waiting) return;
    const cell = this.#cell;
    const kind = this.#kind;
    const subject = this.#end();
    // A setup comes once: an actor that waits for nothing else need not keep this.
    if (kind === "setup") cell.parts.suspension = undefined;
    endWait(cell);
    if (kind === "tasks") runNext(cell, subject as TasksInTurn);
    else if (!(next instanceof Behavior)) {
      cell.fail(errorOf(cell, next, kind), kind === "message" ? subject : undefined);
    } else if (kind === "setup") cell.become(next, subject as BehaviorTransition);
    else cell.apply(next, kind, subject);
    cell.wakeIfBusy();
  };

  readonly #rejected = (error: unknown): void => {
    if (!this.#waiting) return;
    const cell = this.#cell;
    const subject = this.#end();
    endWait(cell);
    if (this.#kind === "message") cell.fail(error, subject);
    else if (this.#kind !== "tasks") cell.fail(error);
    else if ((subject as TasksInTurn).onError(error)) runNext(cell, subject as TasksInTurn);
    cell.wakeIfBusy();
  };
}

function endWait(cell: SuspendableCell): void {
  cell.setWaiting(false);
  const { parts } = cell;
  parts.stopTimer?.cancel();
  parts.stopTimer = undefined;
  parts.receiveTimeout?.received();
  parts.timers?.handled();
}
