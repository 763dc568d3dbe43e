import { resolveOptions } from "../options/check_options.ts";
import { rehearsalTable } from "../options/tables/testkit_tables.ts";
import type { Behavior } from "../actor/behavior/behavior.ts";
import { sliceCount } from "../persistence/journal.ts";
import { definitionsMadeBy, type MadeDefinition } from "../persistence/made_definitions.ts";
import { systemClock } from "../runtime/system_clock.ts";
import { TestkitError } from "./errors.ts";
import { type LogProblem, type RehearsedJournal, replayLog } from "./rehearsed_log.ts";

export type { LogProblem, RehearsedJournal };

/** What is wrong with something that is stored. */
export interface RehearsalProblem extends LogProblem {
  /** Persistence id. */
  readonly id: string;
  /** Its kind: what stands before `|`. */
  readonly kind: string;
}

/** The behaviours of a program, by the kind of their persistence ids. */
export type RehearsedBehaviors = Readonly<Record<string, (name: string) => Behavior<never>>>;

/** How far a rehearsal is. */
export interface RehearsalProgress {
  /** The id that was replayed last. */
  readonly id: string;
  /** Ids that were replayed. */
  readonly ids: number;
  /** Events that were read. */
  readonly events: number;
  /** Problems so far. */
  readonly problems: number;
}

/** Options of {@linkcode rehearse}. */
export interface RehearsalOptions {
  /**
   * Persistence ids that are replayed. Default: all that have events in the store. An id whose events
   * are all deleted is only found by its name.
   */
  readonly ids?: readonly string[];
  /** Ids that are replayed, at most. Default: all. */
  readonly limit?: number;
  /** Problems that are kept; all are counted. Default 1 000. */
  readonly maxProblems?: number;
  /** Called after each id. */
  readonly onProgress?: (progress: RehearsalProgress) => void;
}

/** Counts of one kind. */
export interface RehearsedKind {
  /** Ids that were replayed. */
  readonly ids: number;
  /** Events that were read. */
  readonly events: number;
  /** Snapshots that were read. */
  readonly snapshots: number;
  /** Problems that were found. */
  readonly problems: number;
}

/** What a rehearsal has found. */
export interface Rehearsal {
  /** No problem was found, and every kind has a behaviour. */
  readonly ok: boolean;
  /** Counts by kind. */
  readonly kinds: Readonly<Record<string, RehearsedKind>>;
  /** Ids of kinds that no behaviour was given for, by kind. */
  readonly skipped: Readonly<Record<string, number>>;
  /** In the order in which they were found. */
  readonly problems: readonly RehearsalProblem[];
  /** How long it took, in milliseconds. */
  readonly duration: number;
  /** All of it as text, for the message of a test. */
  readonly summary: string;
}

/**
 * Replays real events and snapshots through the behaviours of a new version of a program, before that
 * is released: on a copy of the store, or on the store itself, since nothing is written and no id is
 * opened. For each id the events are read and applied from the first one on, and each snapshot is
 * compared with what the events before it make.
 *
 * @param behaviors by kind: the function that makes the behaviour of one name. Of
 * `persistenceId("account", "alice")` the kind is `account` and the name `alice`.
 * @throws {TestkitError} code `notDurable`, if a function makes no durable behaviour.
 * @throws {PersistenceError} code `storeUnavailable`.
 * @throws {OptionError}
 *
 * @example
 * ```ts
 * import { eventSourced, memoryJournal, persistenceId } from "@casty/casty/persistence";
 * import { rehearse } from "@casty/casty/testkit";
 *
 * const journal = memoryJournal(); // Of a user: a copy of the real store.
 * const account = (name: string) =>
 *   eventSourced<string, { amount: number }, number>({
 *     id: persistenceId("account", name),
 *     journal,
 *     initial: 0,
 *     onCommand: (_context, _balance, _command, effect) => effect.none(),
 *     onEvent: (balance, { amount }) => balance + amount,
 *   });
 *
 * const { ok, summary } = await rehearse(journal, { account });
 * console.assert(ok, summary);
 * ```
 */
export async function rehearse(
  journal: RehearsedJournal,
  behaviors: RehearsedBehaviors,
  options: RehearsalOptions = {},
): Promise<Rehearsal> {
  const { maxProblems } = resolveOptions(rehearsalTable, options);
  const { ids = idsIn(journal), limit = Infinity, onProgress } = options;
  const counts = new Counts(maxProblems);
  const start = systemClock.now();
  for await (const id of ids) {
    const { kind, name } = partsOf(id);
    if (!Object.hasOwn(behaviors, kind)) {
      counts.skip(kind);
      continue;
    }
    const made = definitionOf(behaviors[kind]!, kind, name);
    const replayed = await replayLog(journal, id, made);
    counts.add(id, kind, replayed.events, replayed.snapshots, replayed.problems);
    onProgress?.({ id, ids: counts.ids, events: counts.events, problems: counts.found });
    if (counts.ids >= limit) break;
  }
  return counts.result(systemClock.now() - start);
}

/** The ids that have events in a store. */
async function* idsIn(journal: RehearsedJournal): AsyncIterable<string> {
  for (let slice = 0; slice < sliceCount; slice++) {
    // All events of an id are in one slice.
    const seen = new Set<string>();
    let after: ReadonlyMap<number, bigint> = new Map();
    while (true) {
      const slices = { from: slice, to: slice };
      const { events, next } = await journal.readSlices({ slices, after, limit: pageSize });
      if (events.length === 0) break;
      for (const { id } of events) {
        if (seen.has(id)) continue;
        seen.add(id);
        yield id;
      }
      after = next;
    }
  }
}

const pageSize = 1_000;

function partsOf(id: string): { readonly kind: string; readonly name: string } {
  const at = id.indexOf("|");
  return at < 0 ? { kind: id, name: "" } : { kind: id.slice(0, at), name: id.slice(at + 1) };
}

function definitionOf(
  behavior: (name: string) => Behavior<never>,
  kind: string,
  name: string,
): MadeDefinition {
  const made = definitionsMadeBy(() => behavior(name)).at(-1);
  if (made !== undefined) return made;
  throw new TestkitError("notDurable", `what was given for ${kind} is no durable actor`, {
    value: kind,
    remedy:
      "give a function that returns what eventSourced or durableState makes, without a setup " +
      "around it",
  });
}

class Counts {
  ids = 0;
  events = 0;
  found = 0;
  readonly #maxProblems: number;
  readonly #problems: RehearsalProblem[] = [];
  readonly #kinds = new Map<string, { -readonly [K in keyof RehearsedKind]: number }>();
  readonly #skipped = new Map<string, number>();

  constructor(maxProblems: number) {
    this.#maxProblems = maxProblems;
  }

  skip(kind: string): void {
    this.#skipped.set(kind, (this.#skipped.get(kind) ?? 0) + 1);
  }

  add(
    id: string,
    kind: string,
    events: number,
    snapshots: number,
    problems: readonly LogProblem[],
  ): void {
    const counts = this.#kinds.get(kind) ?? { ids: 0, events: 0, snapshots: 0, problems: 0 };
    this.#kinds.set(kind, counts);
    counts.ids++;
    counts.events += events;
    counts.snapshots += snapshots;
    counts.problems += problems.length;
    this.ids++;
    this.events += events;
    this.found += problems.length;
    for (const problem of problems) {
      if (this.#problems.length < this.#maxProblems) this.#problems.push({ id, kind, ...problem });
    }
  }

  result(duration: number): Rehearsal {
    return {
      ok: this.found === 0 && this.#skipped.size === 0,
      kinds: Object.fromEntries(this.#kinds),
      skipped: Object.fromEntries(this.#skipped),
      problems: this.#problems,
      duration,
      summary: this.#summary(duration),
    };
  }

  #summary(duration: number): string {
    const kinds = [...this.#kinds].map(([kind, { ids, events, snapshots, problems }]) =>
      `${kind}: ${ids} ids, ${events} events, ${snapshots} snapshots, ${problems} problems`
    );
    const skipped = [...this.#skipped].map(([kind, ids]) => `${kind}: ${ids} ids, no behaviour`);
    const problems = this.#problems.map(({ what, error }) => {
      const { cause } = error;
      return `${what}: ${error.message}${cause instanceof Error ? ` (${cause.message})` : ""}`;
    });
    const more = this.found - this.#problems.length;
    if (more > 0) problems.push(`and ${more} more problems`);
    const all = `${this.ids} ids, ${this.events} events in ${Math.round(duration)} ms`;
    return [all, ...kinds, ...skipped, ...problems].join("\n");
  }
}
