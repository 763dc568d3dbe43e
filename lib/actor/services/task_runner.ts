import type { Clock } from "../../runtime/clock.ts";
import type { Logger } from "../../runtime/logger.ts";
import { ActorError, anotherSystem } from "../errors.ts";
import { checkOptions, checkValue } from "../../options/check_options.ts";
import {
  actorSystemDefaults,
  actorSystemTable,
  taskTable,
  timerDelay,
} from "../../options/tables/actor_tables.ts";
import type { ActorRef } from "../ref/ref.ts";

/** A task has completed. */
export interface TaskCompleted<out T> {
  /** Names the outcome. */
  readonly type: "taskCompleted";
  /** The task's key. */
  readonly key: string;
  /** Its value. */
  readonly value: T;
}

/** A task has thrown. */
export interface TaskFailed {
  /** Names the outcome. */
  readonly type: "taskFailed";
  /** The task's key. */
  readonly key: string;
  /** The thrown value: not always an `Error`. */
  readonly error: unknown;
}

/** A task was cancelled, and has no value. */
export interface TaskCancelled {
  /** Names the outcome. */
  readonly type: "taskCancelled";
  /** The task's key. */
  readonly key: string;
}

/** How a task has ended. */
export type TaskResult<T> = TaskCompleted<T> | TaskFailed | TaskCancelled;

/** How a task is run. */
export interface RunOptions<T> {
  /** Names the task in results and log lines; need not be unique. Default `"task-<number>"`. */
  readonly key?: string;
  /** Gets the result of the task, exactly once. */
  readonly replyTo?: ActorRef<TaskResult<T>>;
}

/** Work that is under way. */
export interface Task<out T> {
  /** Its name. */
  readonly key: string;
  /**
   * The value of the work. Rejects with the error of the work, or with an `ActorError` of code
   * `taskCancelled`. Need not be awaited: it is never an unhandled rejection.
   */
  readonly result: Promise<T>;
  /**
   * Aborts the work's signal, with `reason` (default: an `AbortError`). The task is cancelled if
   * the work then throws, and completed if it comes to its end nevertheless. Does nothing when it
   * has ended.
   */
  cancel(reason?: unknown): void;
}

/** Dependencies of a task runner. */
export interface TaskRunnerOptions {
  /** Time. */
  readonly clock: Clock;
  /** Gets an entry for each failure without a `replyTo`. */
  readonly logger: Logger;
  /** How many tasks may run at once, 1 or more. Default 10 000. */
  readonly maxTasks?: number;
}

/** Any task: the runner does not use values. */
interface Ending {
  readonly key: string;
  abort(reason: unknown): void;
  abandon(): void;
}

/**
 * Runs work in the background and keeps track of it: a failure is reported, and the system's
 * shutdown cancels what still runs and waits for it, so no work outlives the system.
 * Tasks end after the actors: give a result to `pipeToSelf` instead of waiting for it in a handler.
 *
 * @example
 * ```ts
 * import { ActorSystem, Behaviors, type TaskResult } from "@casty/casty";
 *
 * const { promise, resolve } = Promise.withResolvers<TaskResult<number>>();
 * await using system = new ActorSystem();
 * const listener = system.spawn(
 *   Behaviors.receive<TaskResult<number>>((_ctx, result) => {
 *     resolve(result);
 *     return Behaviors.stopped();
 *   }),
 *   "listener",
 * );
 * const task = system.tasks.run(
 *   async (signal) => {
 *     await Promise.resolve();
 *     signal.throwIfAborted();
 *     return 42;
 *   },
 *   { key: "answer", replyTo: listener },
 * );
 * console.assert(await task.result === 42);
 * console.assert((await promise).type === "taskCompleted");
 * ```
 */
export class TaskRunner {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #maxTasks: number;
  readonly #tasks = new Set<Ending>();
  #lastNumber = 0;
  #closing: Promise<number> | undefined;
  #allEnded: (() => void) | undefined;

  /**
   * Created by the system.
   *
   * @throws {OptionError}
   */
  constructor(options: TaskRunnerOptions) {
    this.#clock = options.clock;
    this.#logger = options.logger;
    const { maxTasks = actorSystemDefaults.maxTasks } = options;
    this.#maxTasks = checkValue("maxTasks", actorSystemTable.options.maxTasks.type, maxTasks);
  }

  /** How many tasks run. One that was cancelled runs until its work has ended. */
  get size(): number {
    return this.#tasks.size;
  }

  /**
   * Calls `work` at once and tracks its promise. Long work should respect its signal. A failure
   * without a `replyTo` is logged as a warning.
   *
   * @throws {ActorError} codes `badTask`, `tooManyTasks`, `systemStopped`.
   */
  run<T>(
    work: (signal: AbortSignal) => PromiseLike<T> | T,
    options: RunOptions<T> = {},
  ): Task<T> {
    checkOptions(taskTable, options);
    const { key = `task-${++this.#lastNumber}`, replyTo } = options;
    this.#check(key, work);
    const task = new RunningTask<T>(key, replyTo, this.#logger);
    this.#tasks.add(task);
    task.start(work, () => {
      this.#tasks.delete(task);
      if (this.#tasks.size === 0) this.#allEnded?.();
    });
    return task;
  }

  /**
   * Accepts no more tasks, aborts running ones, and waits until their work has ended, `budget`
   * milliseconds at most. Resolves with the number of tasks that have not ended; they are logged,
   * and count as cancelled. Called by the shutdown of the system. A second call returns the same
   * promise.
   *
   * @throws {OptionError}
   */
  close(budget: number): Promise<number> {
    checkValue("budget", timerDelay, budget);
    if (this.#closing !== undefined) return this.#closing;
    const { promise, resolve } = Promise.withResolvers<number>();
    this.#closing = promise;
    const reason = new ActorError("systemStopped", "the system shuts down", {
      remedy: anotherSystem,
    });
    for (const task of [...this.#tasks]) task.abort(reason);
    if (this.#tasks.size === 0) {
      resolve(0);
      return promise;
    }
    const timer = this.#clock.schedule(budget, () => resolve(this.#abandonAll(budget)));
    this.#allEnded = () => {
      timer.cancel();
      resolve(0);
    };
    return promise;
  }

  #abandonAll(budget: number): number {
    this.#allEnded = undefined;
    const tasks = [...this.#tasks];
    this.#logger.log("warn", "tasks", "tasks did not end in time; the system stops without them", {
      tasks: tasks.length,
      // Enough to find the place in the code.
      keys: tasks.slice(0, 10).map(({ key }) => key).join(", "),
      budget,
    });
    for (const task of tasks) task.abandon();
    return tasks.length;
  }

  #check(key: string, work: unknown): void {
    if (this.#closing !== undefined) {
      throw new ActorError("systemStopped", `the system shuts down and runs no task "${key}"`, {
        value: key,
        remedy: anotherSystem,
      });
    }
    if (typeof work !== "function") {
      throw new ActorError("badTask", `the task "${key}" is not a function`, {
        value: work,
        remedy: "give run() a function that does the work, not a promise",
      });
    }
    if (this.#tasks.size >= this.#maxTasks) {
      throw new ActorError("tooManyTasks", `maxTasks: ${this.#maxTasks} tasks run already`, {
        value: this.#maxTasks,
        remedy: "wait for some to end, or raise maxTasks",
      });
    }
  }
}

/** One task, until both its work has ended and its result is known. */
class RunningTask<T> implements Task<T>, Ending {
  readonly key: string;
  readonly result: Promise<T>;
  readonly #replyTo: ActorRef<TaskResult<T>> | undefined;
  readonly #logger: Logger;
  readonly #controller = new AbortController();
  readonly #settle: PromiseWithResolvers<T>;
  #settled = false;

  constructor(key: string, replyTo: ActorRef<TaskResult<T>> | undefined, logger: Logger) {
    this.key = key;
    this.#replyTo = replyTo;
    this.#logger = logger;
    this.#settle = Promise.withResolvers<T>();
    this.result = this.#settle.promise;
    // A failure is sent to replyTo or logged, so it is never an unhandled rejection.
    this.result.catch(() => {});
  }

  cancel(reason?: unknown): void {
    this.abort(reason);
  }

  abort(reason: unknown): void {
    if (!this.#settled) this.#controller.abort(reason);
  }

  /** The shutdown does not wait for the work any longer. */
  abandon(): void {
    this.#cancelled(undefined);
  }

  start(work: (signal: AbortSignal) => PromiseLike<T> | T, ended: () => void): void {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    promise.then((value) => {
      this.#completed(value);
      ended();
    }, (error) => {
      if (this.#controller.signal.aborted) this.#cancelled(error);
      else this.#failed(error);
      ended();
    });
    try {
      resolve(work(this.#controller.signal));
    } catch (error) {
      reject(error);
    }
  }

  #completed(value: T): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#settle.resolve(value);
    this.#reply({ type: "taskCompleted", key: this.key, value });
  }

  #failed(error: unknown): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#settle.reject(error);
    if (this.#replyTo !== undefined) this.#reply({ type: "taskFailed", key: this.key, error });
    else this.#logger.log("warn", "tasks", "a task failed", { key: this.key, error });
  }

  #cancelled(cause: unknown): void {
    if (this.#settled) return;
    this.#settled = true;
    const { key } = this;
    this.#settle.reject(
      new ActorError("taskCancelled", `the task "${key}" was cancelled`, { value: key, cause }),
    );
    this.#reply({ type: "taskCancelled", key });
  }

  #reply(result: TaskResult<T>): void {
    try {
      this.#replyTo?.tell(result);
    } catch (error) {
      this.#logger.log("error", "tasks", "a replyTo threw instead of taking a result", {
        key: this.key,
        error,
      });
    }
  }
}
