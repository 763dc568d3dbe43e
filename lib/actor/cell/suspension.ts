/**
 * A cell whose handler has returned a promise: it takes no message until that is settled.
 *
 * @module
 */
import { checkCircles } from "../ask/ask_cycle.ts";
import { Behavior } from "../behavior/behavior.ts";
import type { Cell } from "./cell.ts";
import { become, type Becoming, fail, notABehavior } from "./cell_lifecycle.ts";
import { mustStop, restarting, stopping, waiting } from "./cell_status.ts";
import { isThenable, type TasksInTurn } from "./in_turn.ts";

/** Whose promise a cell waits for: that of a handler, or of one of several tasks. */
export type Suspended = "message" | "signal" | "setup" | "tasks";

/** The cell takes no message until the promise is settled. */
export function suspend(cell: Cell, promise: unknown, kind: Suspended, subject: unknown): void {
  if (!isThenable(promise)) return fail(cell, notABehavior(cell.path, promise));
  const { step } = cell;
  cell.status |= waiting;
  if ((cell.status & (mustStop | stopping | restarting)) !== 0) limitWait(cell);
  (cell.parts.suspension ??= new Suspension(cell)).wait(promise, kind, subject, step);
  if (cell.parts.questions !== undefined) checkCircles(cell);
}

/**
 * Runs tasks one after the other, and then `then`. One that does not end in time is left behind,
 * like a handler, and the next has its turn.
 */
export function inTurn(
  cell: Cell,
  tasks: readonly (() => unknown)[],
  onError: (error: unknown) => boolean,
  then: () => void,
): void {
  goOn(cell, { tasks, onError, then, next: 0 });
}

function goOn(cell: Cell, all: TasksInTurn): void {
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

/** A handler that never ends must not keep an actor from stopping or beginning again. */
export function limitWait(cell: Cell): void {
  const { host, parts } = cell;
  parts.stopTimer ??= host.runtime.clock.schedule(host.stopTimeout, () => {
    host.runtime.logger.log("error", cell.path, "a handler did not end; went on without it", {
      stopTimeout: host.stopTimeout,
    });
    const tasks = parts.suspension!.abandon();
    // Another: what was abandoned may still come to something.
    parts.suspension = undefined;
    endWait(cell);
    if (tasks !== undefined) goOn(cell, tasks);
    cell.wake();
  });
}

/**
 * Waits for the promise of a handler. One per cell for all its promises, because a cell waits for
 * one at a time: no closure is made per message.
 */
export class Suspension {
  readonly #cell: Cell;
  #kind: Suspended = "message";
  /** What is handled, how a setup came to be run, or the tasks. */
  #subject: unknown;
  #waiting = false;
  /** Which run of a handler it is. */
  step = 0;

  /** Waits for nothing yet. */
  constructor(cell: Cell) {
    this.#cell = cell;
  }

  /** Goes on with what `promise` comes to. */
  wait(promise: PromiseLike<unknown>, kind: Suspended, subject: unknown, step: number): void {
    this.step = step;
    this.#kind = kind;
    this.#subject = subject;
    this.#waiting = true;
    // A promise of this realm is taken as it is; what only looks like one may call back twice.
    Promise.resolve(promise).then(this.#fulfilled, this.#rejected);
  }

  /** Whatever the promise comes to is ignored. Gives the tasks of which it was one. */
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
    endWait(cell);
    if (kind === "tasks") goOn(cell, subject as TasksInTurn);
    else if (!(next instanceof Behavior)) fail(cell, notABehavior(cell.path, next));
    else if (kind === "setup") become(cell, next, subject as Becoming);
    else cell.apply(next, kind, subject);
    resume(cell);
  };

  readonly #rejected = (error: unknown): void => {
    if (!this.#waiting) return;
    const cell = this.#cell;
    const subject = this.#end();
    endWait(cell);
    if (this.#kind !== "tasks") fail(cell, error);
    else if ((subject as TasksInTurn).onError(error)) goOn(cell, subject as TasksInTurn);
    resume(cell);
  };
}

function endWait(cell: Cell): void {
  cell.status &= ~waiting;
  const { parts } = cell;
  parts.stopTimer?.cancel();
  parts.stopTimer = undefined;
  parts.receiveTimeout?.received();
  parts.timers?.handled();
}

function resume(cell: Cell): void {
  if (cell.status !== 0 || cell.size > 0) cell.wake();
}
