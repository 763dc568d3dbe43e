import type { LocalSystem } from "../../actor/behavior/local_system.ts";
import type { ActorRef } from "../../actor/ref/ref.ts";
import { checkOptions, resolveOptions } from "../../options/check_options.ts";
import { projectionControlTable } from "../../options/tables/persistence_tables.ts";
import type { ProjectionStore } from "./projection_store.ts";
import type { WorkerMessage } from "./worker_messages.ts";
import type { WorkerStatus } from "./worker_status.ts";

/** How far a projection is. */
export interface ProjectionStatus {
  /** Its name. */
  readonly name: string;
  /**
   * That of the workers which differs most from normal: `stopped`, `retrying`, `paused`, `opening`,
   * `running`, and `waiting` if all are.
   */
  readonly state: WorkerStatus["state"];
  /** Events that its workers have handled since they have started. */
  readonly handled: number;
  /** Events that they have skipped since then. */
  readonly skipped: number;
  /** About how many events are not handled yet: the sum of its workers. 0: none. */
  readonly behind: number | undefined;
  /** The largest lag of a worker, in milliseconds; see {@linkcode WorkerStatus}. */
  readonly lag: number;
  /** One for each worker, in the order of slices. */
  readonly workers: readonly WorkerStatus[];
}

const states = ["stopped", "retrying", "paused", "opening", "running", "waiting"] as const;

/** How long a control of a projection may take. */
export interface ProjectionControlOptions {
  /** Milliseconds that each worker has for its answer. Default 30 000. */
  readonly timeout?: number;
}

/**
 * A projection that runs, in this process or on the nodes of a cluster: any node controls all of its
 * workers. Made by `start` of a `Projection`.
 */
export class RunningProjection<T = unknown> {
  readonly #system: LocalSystem;
  readonly #name: string;
  readonly #store: ProjectionStore<T>;
  readonly #workers: readonly ActorRef<WorkerMessage>[];

  /** @internal */
  constructor(
    system: LocalSystem,
    name: string,
    store: ProjectionStore<T>,
    workers: readonly ActorRef<WorkerMessage>[],
  ) {
    this.#system = system;
    this.#name = name;
    this.#store = store;
    this.#workers = workers;
  }

  /**
   * How far it is.
   *
   * @throws {AskError} or AskTimeoutError if a worker cannot be reached.
   */
  async status(options: ProjectionControlOptions = {}): Promise<ProjectionStatus> {
    const workers = await this.#all<WorkerStatus>(
      (replyTo) => ({ type: "status", replyTo }),
      options,
    );
    const sum = (of: (worker: WorkerStatus) => number) =>
      workers.reduce((total, worker) => total + of(worker), 0);
    const counts = workers.every(({ behind }) => behind !== undefined);
    return {
      name: this.#name,
      state: states.find((state) => workers.some((worker) => worker.state === state))!,
      handled: sum(({ handled }) => handled),
      skipped: sum(({ skipped }) => skipped),
      behind: counts ? sum(({ behind }) => behind!) : undefined,
      lag: Math.max(...workers.map(({ lag }) => lag)),
      workers,
    };
  }

  /**
   * Lets all workers rest, until `resume`; kept over restarts. Resolves when no handler runs any more.
   *
   * @throws {PersistenceError} of the store.
   * @throws {AskError} or AskTimeoutError if a worker cannot be reached: it rests once it is started again,
   * or has lost its slices. Repeat it.
   */
  async pause(options: ProjectionControlOptions = {}): Promise<void> {
    checkOptions(projectionControlTable, options);
    await this.#store.setPaused(this.#name, true);
    await this.#changed(options);
  }

  /**
   * Goes on after `pause`, and lets workers that have stopped at an event try it again.
   *
   * @throws as `pause`.
   */
  async resume(options: ProjectionControlOptions = {}): Promise<void> {
    checkOptions(projectionControlTable, options);
    await this.#store.setPaused(this.#name, false);
    await this.#changed(options);
  }

  /**
   * Begins with the first event again. All workers rest first; then `clear` removes what was made so
   * far, in one transaction with the offsets if the store has transactions; then they go on.
   *
   * @throws as `pause`. If it fails the projection may be paused: repeat it.
   */
  async rebuild(
    clear?: (transaction: T) => void | Promise<void>,
    options: ProjectionControlOptions = {},
  ): Promise<void> {
    await this.pause(options);
    await this.#store.reset(this.#name, clear);
    await this.resume(options);
  }

  async #changed(options: ProjectionControlOptions): Promise<void> {
    await this.#all<"seen">((replyTo) => ({ type: "changed", replyTo }), options);
  }

  #all<R>(
    message: (replyTo: ActorRef<R>) => WorkerMessage,
    options: ProjectionControlOptions,
  ): Promise<R[]> {
    const { timeout } = resolveOptions(projectionControlTable, options);
    return Promise.all(
      this.#workers.map((worker) =>
        this.#system.ask<WorkerMessage, R>(worker, message as never, { timeout }) as Promise<R>
      ),
    );
  }
}
