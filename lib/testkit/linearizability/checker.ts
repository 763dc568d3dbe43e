import { resolveOptions } from "../../options/check_options.ts";
import { linearizabilityTable } from "../../options/tables/testkit_tables.ts";
import { TestkitError } from "../errors.ts";
import type { Operation } from "./history.ts";

/** How an object behaves when its operations come one after another. */
export interface SequentialModel<State, Input, Output> {
  /** The state before the first operation. */
  readonly initial: State;
  /**
   * The state after an operation, or `"illegal"` if it cannot have returned `output` in this state.
   * `completed` is false for an operation whose outcome is unknown: any output is then possible.
   */
  step(state: State, input: Input, output: Output | undefined, completed: boolean):
    | { readonly state: State }
    | "illegal";
  /** A text that is equal for equal states. Default: `JSON.stringify`. */
  key?(state: State): string;
}

/** Bounds of a check. */
export interface LinearizabilityOptions {
  /** Configurations that are examined for one key before the check gives up. Default 2 000 000. */
  readonly maxConfigurations?: number;
}

/** What a check has found. */
export interface LinearizabilityReport<Input, Output> {
  /**
   * - `linearizable`: for each key there is an order that explains every output.
   * - `violation`: for `key` there is none.
   * - `unknown`: `maxConfigurations` were examined for `key` without an answer.
   */
  readonly verdict: "linearizable" | "violation" | "unknown";
  /** The key of the violation, or for which the check gave up. */
  readonly key?: string;
  /**
   * An order that explains every output, key by key; of a violation the longest order that was found
   * for `key`.
   */
  readonly explained: readonly Operation<Input, Output>[];
  /** Operations of which one should have taken effect next, and none can have. */
  readonly stuck: readonly Operation<Input, Output>[];
  /** Configurations that were examined, of all keys. */
  readonly configurations: number;
}

/**
 * Whether concurrent operations on shared objects look as if each took effect at one instant
 * between its call and its return (Herlihy and Wing, 1990). Searches as Wing and Gong (1993) do, with
 * the memory of examined configurations that Lowe (2017) adds, for each key on its own.
 *
 * An operation with an unknown outcome may take effect at any time after its call, or never.
 *
 * @throws {TestkitError} code `badHistory` when an operation returns before it was called.
 * @throws {OptionError}
 */
export function checkLinearizability<State, Input, Output>(
  history: readonly Operation<Input, Output>[],
  model: SequentialModel<State, Input, Output>,
  options: LinearizabilityOptions = {},
): LinearizabilityReport<Input, Output> {
  const { maxConfigurations } = resolveOptions(linearizabilityTable, options);
  const byKey = new Map<string, Operation<Input, Output>[]>();
  for (const operation of history) {
    if (operation.returned !== undefined && !(operation.returned >= operation.called)) {
      throw new TestkitError("badHistory", "an operation returned before it was called", {
        value: operation,
      });
    }
    const operations = byKey.get(operation.key);
    if (operations === undefined) byKey.set(operation.key, [operation]);
    else operations.push(operation);
  }
  let configurations = 0;
  const all: Operation<Input, Output>[] = [];
  for (const [key, operations] of byKey) {
    const search = new Search(operations, model, maxConfigurations);
    const verdict = search.run();
    configurations += search.configurations;
    const { explained, stuck } = search;
    if (verdict === "linearizable") {
      all.push(...explained);
      continue;
    }
    return { verdict, key, explained, stuck, configurations };
  }
  return { verdict: "linearizable", explained: all, stuck: [], configurations };
}

/** A call or a return in the doubly linked list of what is not explained yet. */
interface Entry {
  readonly operation: number;
  readonly isCall: boolean;
  /** The return of a call, if it has one. */
  match: Entry | undefined;
  previous: Entry | undefined;
  next: Entry | undefined;
}

/** The search for one key. */
class Search<State, Input, Output> {
  readonly #operations: readonly Operation<Input, Output>[];
  readonly #model: SequentialModel<State, Input, Output>;
  readonly #max: number;
  readonly #head: Entry;
  /** Operations of the present order, as bits. */
  readonly #taken: Uint32Array;
  readonly #order: { readonly entry: Entry; readonly before: State }[] = [];
  /** Configurations that lead nowhere: which operations were taken, and the state after them. */
  readonly #seen = new Set<string>();
  #state: State;
  /** Completed operations that are not explained. */
  #open: number;
  configurations = 0;
  explained: readonly Operation<Input, Output>[] = [];
  stuck: readonly Operation<Input, Output>[] = [];

  constructor(
    operations: readonly Operation<Input, Output>[],
    model: SequentialModel<State, Input, Output>,
    max: number,
  ) {
    this.#operations = operations;
    this.#model = model;
    this.#max = max;
    this.#state = model.initial;
    this.#taken = new Uint32Array(Math.ceil(operations.length / 32));
    this.#open = operations.filter(({ returned }) => returned !== undefined).length;
    this.#head = linked(operations);
  }

  run(): "linearizable" | "violation" | "unknown" {
    let entry = this.#head.next;
    while (this.#open > 0) {
      // Invariant: the list still has the return of an open operation, so there is an entry.
      if (entry!.isCall) {
        if (this.#take(entry!)) {
          if (++this.configurations > this.#max) return "unknown";
          entry = this.#head.next;
        } else entry = entry!.next;
        continue;
      }
      // Here an operation has returned: it, or one before it in the list, must have taken effect.
      this.#note();
      const last = this.#order.pop();
      if (last === undefined) return "violation";
      this.#undo(last.entry, last.before);
      entry = last.entry.next;
    }
    this.explained = this.#order.map(({ entry }) => this.#operations[entry.operation]!);
    this.stuck = [];
    return "linearizable";
  }

  /** Lets an operation take effect next, unless it cannot, or that was tried. */
  #take(entry: Entry): boolean {
    const { input, output, returned } = this.#operations[entry.operation]!;
    const before = this.#state;
    const after = this.#model.step(before, input, output, returned !== undefined);
    if (after === "illegal") return false;
    const key = this.#key(after.state);
    // That an operation never took effect explains as much as that it changed nothing.
    if (returned === undefined && key === this.#key(before)) return false;
    this.#flip(entry.operation);
    const seen = `${this.#taken.join()}|${key}`;
    if (this.#seen.has(seen)) {
      this.#flip(entry.operation);
      return false;
    }
    this.#seen.add(seen);
    this.#state = after.state;
    this.#order.push({ entry, before });
    unlink(entry);
    if (entry.match !== undefined) {
      unlink(entry.match);
      this.#open--;
    }
    return true;
  }

  #undo(entry: Entry, before: State): void {
    this.#flip(entry.operation);
    this.#state = before;
    if (entry.match !== undefined) {
      relink(entry.match);
      this.#open++;
    }
    relink(entry);
  }

  #flip(operation: number): void {
    this.#taken[operation >>> 5]! ^= 1 << (operation & 31);
  }

  #key(state: State): string {
    return this.#model.key?.(state) ?? JSON.stringify(state) ?? "undefined";
  }

  /** Keeps the longest order for the report. */
  #note(): void {
    if (this.#order.length < this.explained.length) return;
    if (this.#order.length === this.explained.length && this.stuck.length > 0) return;
    this.explained = this.#order.map(({ entry }) => this.#operations[entry.operation]!);
    const stuck: Operation<Input, Output>[] = [];
    for (let entry = this.#head.next; entry?.isCall; entry = entry.next) {
      stuck.push(this.#operations[entry.operation]!);
    }
    this.stuck = stuck;
  }
}

/** Calls and returns in the order of time; at one instant calls come first: they may overlap. */
function linked(operations: readonly Operation[]): Entry {
  const entries: { readonly at: number; readonly entry: Entry }[] = [];
  operations.forEach(({ called, returned }, operation) => {
    const ends = returned === undefined ? undefined : entryOf(operation, false);
    const calls = entryOf(operation, true);
    calls.match = ends;
    entries.push({ at: called, entry: calls });
    if (ends !== undefined) entries.push({ at: returned!, entry: ends });
  });
  entries.sort((a, b) => a.at - b.at || Number(b.entry.isCall) - Number(a.entry.isCall));
  const head = entryOf(-1, true);
  let last = head;
  for (const { entry } of entries) {
    entry.previous = last;
    last.next = entry;
    last = entry;
  }
  return head;
}

function entryOf(operation: number, isCall: boolean): Entry {
  return { operation, isCall, match: undefined, previous: undefined, next: undefined };
}

function unlink(entry: Entry): void {
  entry.previous!.next = entry.next;
  if (entry.next !== undefined) entry.next.previous = entry.previous;
}

/** Entries are linked again in the reverse order in which they were unlinked. */
function relink(entry: Entry): void {
  entry.previous!.next = entry;
  if (entry.next !== undefined) entry.next.previous = entry;
}
