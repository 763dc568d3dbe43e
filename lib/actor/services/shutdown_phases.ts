import type { Clock } from "../../runtime/clock.ts";
import type { Logger } from "../../runtime/logger.ts";
import { ActorError } from "../errors.ts";
import {
  checkOptions,
  checkValue,
  optionsOf,
  resolveOptions,
} from "../../options/check_options.ts";
import { actorSystemTable, shutdownTaskTable } from "../../options/tables/actor_tables.ts";

/**
 * The phases of a shutdown, in their order, after the coordinated shutdown of Akka:
 *
 * - `beforeShutdown`: stop taking new work;
 * - `serviceStop`: end the work that was taken, such as open requests;
 * - `clusterLeave`: hand off and leave the cluster (Casty's own);
 * - `actorsStop`: stop the actors (Casty's own);
 * - `afterStop`: close what the actors have used: files, pools, connections.
 */
export const shutdownPhases = [
  "beforeShutdown",
  "serviceStop",
  "clusterLeave",
  "actorsStop",
  "afterStop",
] as const satisfies readonly ShutdownPhase[];

/** A phase of a shutdown; {@linkcode shutdownPhases} tells what each is for. */
export type ShutdownPhase =
  | "beforeShutdown"
  | "serviceStop"
  | "clusterLeave"
  | "actorsStop"
  | "afterStop";

/**
 * A task of a shutdown. Its signal is aborted when it is late; the shutdown goes on without it then.
 */
export type ShutdownTask = (signal: AbortSignal) => void | PromiseLike<void>;

/** A shutdown task that has thrown. */
export interface ShutdownTaskFailed {
  /** Which of the closed set this is. */
  readonly type: "failed";
  /** Phase of the task. */
  readonly phase: ShutdownPhase;
  /** Name of the task. */
  readonly name: string;
  /** What it has thrown: not always an `Error`. */
  readonly error: unknown;
}

/** A shutdown task that has not ended in time. */
export interface ShutdownTaskLate {
  /** Which of the closed set this is. */
  readonly type: "late";
  /** Phase of the task. */
  readonly phase: ShutdownPhase;
  /** Name of the task. */
  readonly name: string;
  /** How long it was waited for, milliseconds. */
  readonly waited: number;
}

/** How a shutdown went. */
export interface ShutdownReport {
  /** How long it took, milliseconds. */
  readonly duration: number;
  /** What did not go well, in the order in which it happened. */
  readonly problems: readonly (ShutdownTaskFailed | ShutdownTaskLate)[];
}

/** What the phases need. */
export interface ShutdownPhasesOptions {
  /** Time. */
  readonly clock: Clock;
  /** Gets an entry for each task that fails or is late. */
  readonly logger: Logger;
  /** Milliseconds for all phases together, 0 to 2 147 483 647. Default 25 000. */
  readonly shutdownBudget?: number;
  /** Milliseconds for a task that does not say otherwise, 0 to 2 147 483 647. Default 5 000. */
  readonly phaseTimeout?: number;
  /** How many tasks may be added, 1 or more. Default 10 000. */
  readonly maxShutdownTasks?: number;
}

interface Entry {
  readonly name: string;
  readonly task: ShutdownTask;
  /** Milliseconds. */
  readonly timeout: number;
}

/**
 * Shuts down in ordered phases within one budget. The tasks of a phase run side by side; the next
 * phase begins when all have ended or are late. When the budget is spent, the tasks that are left
 * are still called, but not waited for.
 */
export class ShutdownPhases {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #budget: number;
  readonly #phaseTimeout: number;
  readonly #maxTasks: number;
  readonly #waiting = new Map<string, Map<string, Entry>>(
    shutdownPhases.map((phase) => [phase, new Map()]),
  );
  #size = 0;
  #phase: ShutdownPhase | undefined;
  #running: Promise<ShutdownReport> | undefined;

  /**
   * Has nothing to do yet.
   *
   * @throws {OptionError}
   */
  constructor(options: ShutdownPhasesOptions) {
    const given = optionsOf(actorSystemTable, options);
    const { shutdownBudget, phaseTimeout, maxShutdownTasks } = resolveOptions(
      actorSystemTable,
      given,
    );
    this.#clock = options.clock;
    this.#logger = options.logger;
    this.#budget = shutdownBudget;
    this.#phaseTimeout = phaseTimeout;
    this.#maxTasks = maxShutdownTasks;
  }

  /** The last phase that has begun; undefined before the shutdown. */
  get phase(): ShutdownPhase | undefined {
    return this.#phase;
  }

  /**
   * Adds something to do in a phase that has not begun yet. `timeout` replaces `phaseTimeout`.
   * Returns how to take it back.
   *
   * @throws {ActorError} codes `badPhase`, `badTask`, `duplicateName`, `phaseBegun`,
   * `tooManyTasks`.
   * @throws {OptionError}
   */
  add(
    phase: ShutdownPhase,
    name: string,
    task: ShutdownTask,
    options: { readonly timeout?: number } = {},
  ): () => void {
    const tasks = this.#open(phase, name);
    if (typeof task !== "function") {
      throw new ActorError("badTask", `the shutdown task "${name}" is not a function`, {
        value: task,
        remedy: "give a function that does the work, not a promise",
      });
    }
    if (this.#size >= this.#maxTasks) {
      throw new ActorError("tooManyTasks", `"${name}" would be one more than maxShutdownTasks`, {
        value: this.#maxTasks,
        remedy: "take back what is no longer needed, or raise maxShutdownTasks",
      });
    }
    checkOptions(shutdownTaskTable, options);
    const { timeout = this.#phaseTimeout } = options;
    const entry: Entry = { name, task, timeout };
    tasks.set(name, entry);
    this.#size++;
    return () => {
      // The name may have been given to another in the meantime.
      if (tasks.get(name) !== entry) return;
      tasks.delete(name);
      this.#size--;
    };
  }

  /**
   * Runs the phases, within `budget` milliseconds (default: `shutdownBudget`). Never rejects; a
   * second call gives the same promise. A task that waits for this promise waits for itself, and
   * is late.
   *
   * @throws {OptionError}
   */
  run(budget: number = this.#budget): Promise<ShutdownReport> {
    checkValue("shutdownBudget", actorSystemTable.options.shutdownBudget.type, budget);
    if (this.#running !== undefined) return this.#running;
    // Before the first task is called, since that may call this again.
    const { promise, resolve } = Promise.withResolvers<ShutdownReport>();
    this.#running = promise;
    resolve(this.#runAll(budget));
    return promise;
  }

  async #runAll(budget: number): Promise<ShutdownReport> {
    const started = this.#clock.now();
    const problems: (ShutdownTaskFailed | ShutdownTaskLate)[] = [];
    for (const phase of shutdownPhases) {
      this.#phase = phase;
      const entries = [...this.#waiting.get(phase)!.values()];
      if (entries.length === 0) continue;
      const left = Math.max(0, started + budget - this.#clock.now());
      await Promise.all(entries.map(async (entry) => {
        const problem = await this.#runOne(phase, entry, Math.min(entry.timeout, left));
        if (problem !== undefined) problems.push(problem);
      }));
    }
    return { duration: this.#clock.now() - started, problems };
  }

  /** Resolves when the task has ended or is late, with what was wrong. */
  #runOne(
    phase: ShutdownPhase,
    { name, task }: Entry,
    limit: number,
  ): Promise<ShutdownTaskFailed | ShutdownTaskLate | undefined> {
    const { promise, resolve } = Promise.withResolvers<
      ShutdownTaskFailed | ShutdownTaskLate | undefined
    >();
    const controller = new AbortController();
    const timer = this.#clock.schedule(limit, () => {
      this.#logger.log("error", "shutdown", "a task is late; going on without it", {
        phase,
        name,
        waited: limit,
      });
      resolve({ type: "late", phase, name, waited: limit });
      controller.abort(
        new ActorError("shutdownTimeout", `"${name}" did not end within ${limit} ms`, {
          value: limit,
        }),
      );
    });
    const ended = call(task, controller.signal);
    ended.then(() => {
      timer.cancel();
      resolve(undefined);
    }, (error) => {
      timer.cancel();
      // The outcome of a late task is ignored.
      if (controller.signal.aborted) return;
      this.#logger.log("error", "shutdown", "a task failed", { phase, name, error });
      resolve({ type: "failed", phase, name, error });
    });
    return promise;
  }

  #open(phase: ShutdownPhase, name: string): Map<string, Entry> {
    const tasks = this.#waiting.get(phase);
    if (tasks === undefined) {
      throw new ActorError("badPhase", `${JSON.stringify(phase)} is not a phase of a shutdown`, {
        value: phase,
        remedy: `use one of ${shutdownPhases.join(", ")}`,
      });
    }
    if (this.#phase !== undefined && !isBefore(this.#phase, phase)) {
      throw new ActorError("phaseBegun", `${phase} has begun, "${name}" comes too late`, {
        value: phase,
        remedy: "add it before the shutdown, or to a later phase",
      });
    }
    if (tasks.has(name)) {
      throw new ActorError("duplicateName", `${phase} has a task "${name}" already`, {
        value: name,
        remedy: "choose another name, or take back the first",
      });
    }
    return tasks;
  }
}

function isBefore(phase: ShutdownPhase, other: ShutdownPhase): boolean {
  return shutdownPhases.indexOf(phase) < shutdownPhases.indexOf(other);
}

/** Calls at once; what is thrown becomes a rejection. */
async function call(task: ShutdownTask, signal: AbortSignal): Promise<void> {
  await task(signal);
}
