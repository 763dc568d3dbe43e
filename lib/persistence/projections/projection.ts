import type { LocalSystem } from "../../actor/behavior/local_system.ts";
import { internalsOf } from "../../actor/system/system_internals.ts";
import { resolveOptions, withDefaults } from "../../options/check_options.ts";
import { OptionError } from "../../options/option_error.ts";
import {
  projectionBackoffTable,
  projectionTable,
} from "../../options/tables/persistence_tables.ts";
import { PersistenceError } from "../errors.ts";
import { type Journal, sliceCount } from "../journal.ts";
import { StoredForm } from "../schema.ts";
import type {
  CheckedProjection,
  ProjectionOptions,
  StartedProjection,
} from "./projection_options.ts";
import { projectionWorker } from "./projection_worker.ts";
import { RunningProjection } from "./running_projection.ts";
import { divideSlices } from "./slice_ranges.ts";
import type { WorkerMessage } from "./worker_messages.ts";

/**
 * A view that is made of events, and kept up to date: a table to query, a search index, a message to
 * another system. Each event of the journal is handled in the order of its id, and none is missed.
 *
 * If the store gives handlers a transaction (`sqliteProjectionStore`, `postgresProjectionStore`), what
 * they write with it and up to which event they are is committed together: each event counts exactly
 * once. Otherwise each is handled at least once, and `redelivered` tells which ones may come again.
 *
 * @throws {OptionError}
 *
 * @example
 * ```ts
 * import { type ActorRef, ActorSystem } from "@casty/casty";
 * import {
 *   eventSourced,
 *   memoryJournal,
 *   memoryProjectionStore,
 *   persistenceId,
 *   projection,
 * } from "@casty/casty/persistence";
 *
 * type Deposit = { amount: number; replyTo: ActorRef<number> };
 * const journal = memoryJournal();
 * const account = eventSourced<Deposit, { amount: number }, number>({
 *   id: persistenceId("account", "alice"),
 *   journal,
 *   initial: 0,
 *   onCommand: (_context, _balance, { amount, replyTo }, effect) =>
 *     effect.persist({ amount }).thenReply(replyTo, (balance) => balance),
 *   onEvent: (balance, { amount }) => balance + amount,
 * });
 *
 * let total = 0;
 * const totals = projection<{ amount: number }>({
 *   name: "totals",
 *   journal,
 *   source: { kind: "account" },
 *   store: memoryProjectionStore(),
 *   handle: ({ event }) => void (total += event.amount),
 * });
 *
 * await using system = new ActorSystem();
 * const running = totals.start(system);
 * const alice = system.spawn(account, "alice");
 * await system.ask(alice, (replyTo: ActorRef<number>) => ({ amount: 5, replyTo }));
 * while ((await running.status()).behind !== 0) {
 *   // It has not handled the event yet.
 * }
 * console.assert(total === 5);
 * ```
 */
export function projection<E, T = undefined>(options: ProjectionOptions<E, T>): Projection<E, T> {
  return new Projection(options);
}

/** A view that can be started. Made by {@linkcode projection}. */
export class Projection<E = unknown, T = unknown> {
  /** Its name. */
  readonly name: string;
  readonly #checked: CheckedProjection<E, T>;
  readonly #journal: Journal | undefined;

  /** @internal Use {@linkcode projection}. */
  constructor(options: ProjectionOptions<E, T>) {
    const resolved = resolveOptions(projectionTable, options);
    if ((options.handle === undefined) === (options.handleBatch === undefined)) {
      throw new OptionError("handle", "a projection has either handle or handleBatch", {
        value: options.handle,
        remedy: "give one of them",
      });
    }
    const source = options.source ?? {};
    const { from, to } = source.slices ?? { from: 0, to: sliceCount - 1 };
    if (from > to) {
      throw new OptionError("source.slices", `there are no slices from ${from} to ${to}`, {
        value: source.slices,
        remedy: "let from be at most to",
      });
    }
    const { backoff: given, journal, ...rest } = resolved;
    const backoff = withDefaults(projectionBackoffTable.defaults, given);
    if (backoff.min > backoff.max) {
      throw new OptionError("backoff", "min is more than max", {
        value: given,
        remedy: "let min be at most max",
      });
    }
    this.name = options.name;
    this.#journal = journal;
    this.#checked = { ...rest, source, backoff };
  }

  /**
   * Starts its workers. In a cluster every node starts it: each worker runs on one node at a time,
   * moves when nodes come and go, and is kept alive.
   *
   * @throws {ActorError} code `duplicateName` if the system runs it already.
   * @throws {PersistenceError} code `noJournal`.
   */
  start(system: LocalSystem): RunningProjection<T> {
    const started = this.#startedIn(system);
    const { name, workers, role, source: { slices = { from: 0, to: sliceCount - 1 } } } = started;
    const ranges = divideSlices(slices, workers);
    const refs = internalsOf(system).startWorkers<WorkerMessage>({
      // Another number of workers are others: what they share is what the store keeps.
      name: `projection-${name}-${ranges.length}`,
      count: ranges.length,
      behavior: (index) => projectionWorker(started, ranges[index]!),
      role,
    });
    return new RunningProjection(system, name, started.store, refs);
  }

  #startedIn(system: LocalSystem): StartedProjection<E, T> {
    const checked = this.#checked;
    const journal = this.#journal ?? internalsOf(system).persistence?.journal;
    if (journal === undefined) {
      throw new PersistenceError("noJournal", `projection ${checked.name} has no journal`, {
        value: checked.name,
        remedy: "give it one, or give one to the system (persistence: { journal })",
      });
    }
    // The option has checked it: the layers below know only a part of its type.
    return { ...checked, journal: journal as Journal, form: new StoredForm(checked.schema) };
  }
}
