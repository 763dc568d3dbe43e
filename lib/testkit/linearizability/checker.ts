import { resolveOptions } from "../../options/check_options.ts";
import { linearizabilityTable } from "../../options/tables/testkit_tables.ts";
import { TestkitError } from "../errors.ts";
import type { Operation } from "./history.ts";

/** The sequential specification of an object. */
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

/** The result of a check. */
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
 * An operation with an unknown outcome may take effect at any time after its call, or never. So it
 * is tried last, only where it changes what comes next, and a configuration is not examined where one
 * with the same completed operations, the same state and fewer of unknown outcome was: that can do
 * whatever this one can. Otherwise some dozens of unknown outcomes for one key would make the search
 * exponential.
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

/** A call or a return in the doubly linked list of operations without a linearization point. */
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
  /** Completed operations of the present order, as bits. */
  readonly #taken: Uint32Array;
  /** Those of unknown outcome. */
  readonly #optional: Uint32Array;
  readonly #order: { readonly entry: Entry; readonly before: State }[] = [];
  /**
   * Configurations that were examined: by the completed operations and the state after them, which
   * operations of unknown outcome had been taken.
   */
  readonly #seen = new Map<string, Uint32Array[]>();
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
    this.#optional = new Uint32Array(this.#taken.length);
    this.#open = operations.filter(({ returned }) => returned !== undefined).length;
    this.#head = linked(operations);
  }

  run(): "linearizable" | "violation" | "unknown" {
    let entry = this.#head.next;
    // First the completed operations are tried, then those of unknown outcome.
    let optional = false;
    while (this.#open > 0) {
      // Invariant: the list still has the return of an open operation, so there is an entry.
      if (entry!.isCall) {
        if (isOptional(entry!) === optional && this.#take(entry!)) {
          if (++this.configurations > this.#max) return "unknown";
          entry = this.#head.next;
          optional = false;
        } else entry = entry!.next;
        continue;
      }
      if (!optional) {
        optional = true;
        entry = this.#head.next;
        continue;
      }
      // Here an operation has returned: it, or one before it in the list, must have taken effect.
      this.#note();
      const last = this.#order.pop();
      if (last === undefined) return "violation";
      this.#undo(last.entry, last.before);
      optional = isOptional(last.entry);
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
    if (returned === undefined && this.#isInVain(input, before, key)) return false;
    this.#flip(entry);
    if (!this.#isNew(key)) {
      this.#flip(entry);
      return false;
    }
    this.#state = after.state;
    this.#order.push({ entry, before });
    unlink(entry);
    if (entry.match !== undefined) {
      unlink(entry.match);
      this.#open--;
    }
    return true;
  }

  /**
   * Whether an operation of unknown outcome need not be tried: it changes nothing, as if it never took
   * effect, or the one of unknown outcome before it made no difference to it, and need not have.
   */
  #isInVain(input: Input, before: State, after: string): boolean {
    if (after === this.#key(before)) return true;
    const last = this.#order.at(-1);
    if (last === undefined || !isOptional(last.entry)) return false;
    const without = this.#model.step(last.before, input, undefined, false);
    return without !== "illegal" && this.#key(without.state) === after;
  }

  /** Whether no configuration was examined that can do whatever the present one can. */
  #isNew(state: string): boolean {
    const key = `${this.#taken.join()}|${state}`;
    const examined = this.#seen.get(key);
    if (examined === undefined) {
      this.#seen.set(key, [this.#optional.slice()]);
      return true;
    }
    for (const optional of examined) if (isWithin(optional, this.#optional)) return false;
    examined.push(this.#optional.slice());
    return true;
  }

  #undo(entry: Entry, before: State): void {
    this.#flip(entry);
    this.#state = before;
    if (entry.match !== undefined) {
      relink(entry.match);
      this.#open++;
    }
    relink(entry);
  }

  #flip(entry: Entry): void {
    const bits = isOptional(entry) ? this.#optional : this.#taken;
    bits[entry.operation >>> 5]! ^= 1 << (entry.operation & 31);
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

/** Whether a call has no known outcome. */
function isOptional({ match }: Entry): boolean {
  return match === undefined;
}

/** Whether each bit of `part` is one of `whole`. */
function isWithin(part: Uint32Array, whole: Uint32Array): boolean {
  for (let at = 0; at < part.length; at++) if ((part[at]! & ~whole[at]!) !== 0) return false;
  return true;
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
