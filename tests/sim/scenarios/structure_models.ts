/**
 * Sequential models of distributed structures for the linearizability checker, one for each kind.
 *
 * @module
 */
import type { Operation, SequentialModel } from "../../../lib/testkit/mod.ts";

/** An operation of any structure, as a client calls it. */
export type Input =
  | { readonly type: "add"; readonly amount: number }
  | { readonly type: "get" | "delete" | "insert" | "remove" | "contains" | "dequeue" }
  | { readonly type: "set"; readonly value: number }
  | { readonly type: "compareAndSet"; readonly expected?: number; readonly value: number }
  | { readonly type: "enqueue"; readonly value: number }
  | { readonly type: "acquire" };

/** Its result; of an acquisition its token as text. */
export type Output = number | boolean | string | undefined;

/** The model of one kind. */
export type Model<S> = SequentialModel<S, Input, Output>;

/** Whether an outcome can have been; one that is unknown can. */
function next<S>(state: S, expected: Output, output: Output, completed: boolean) {
  return completed && output !== expected ? "illegal" : { state };
}

/** A counter: additions answer with the sum. */
export const counterModel: Model<number> = {
  initial: 0,
  key: String,
  step(state, input, output, completed) {
    const after = state + (input.type === "add" ? input.amount : 0);
    return next(after, after, output, completed);
  },
};

/** One key of a map: writes answer with the value before. */
export const mapModel: Model<number | undefined> = {
  initial: undefined,
  key: String,
  step(state, input, output, completed) {
    switch (input.type) {
      case "get":
        return next(state, state, output, completed);
      case "set":
        return next(input.value, state, output, completed);
      case "delete":
        return next(undefined, state !== undefined, output, completed);
      case "compareAndSet": {
        const sets = state === input.expected;
        return next(sets ? input.value : state, sets, output, completed);
      }
      default:
        return "illegal";
    }
  },
};

/** One value of a set: changes answer whether they have changed anything. */
export const setModel: Model<boolean> = {
  initial: false,
  key: String,
  step(state, input, output, completed) {
    if (input.type === "contains") return next(state, state, output, completed);
    const adds = input.type === "insert";
    return next(adds, adds ? !state : state, output, completed);
  },
};

/** A queue: its values, the oldest first, and how many dequeues without an answer have taken one. */
interface QueueState {
  readonly values: readonly number[];
  readonly lost: number;
}

/** Stands for each value of a queue that no answer contains. */
const undelivered = -1;

/**
 * A queue whose values are positive and each enqueued once; an empty one answers with false.
 *
 * The order in which concurrent values were enqueued shows only when they are dequeued, so a search
 * that finds it out by trying is exponential in the length of the queue. `history` is what happened:
 * an order is refused at once that some later answer in it contradicts, and values that nobody was
 * given are told apart by nothing, so they count as one.
 */
export function queueModel(history: readonly Operation<Input, Output>[]): Model<QueueState> {
  const dequeued = new Map<number, { readonly called: number; readonly returned: number }>();
  /** When dequeues were called that have no answer. */
  const unanswered: number[] = [];
  for (const { input, output, called, returned } of history) {
    if (input.type !== "dequeue") continue;
    if (returned === undefined) unanswered.push(called);
    // Nothing explains two of one value; the search finds that out by itself.
    else if (typeof output === "number" && !dequeued.has(output)) {
      dequeued.set(output, { called, returned });
    }
  }
  /** Whether `value` can be behind these: what is before it has left the queue before it. */
  const canFollow = (value: number, { values, lost }: QueueState): boolean => {
    const own = dequeued.get(value);
    if (own === undefined) return true;
    // Values that nobody was given can leave only by dequeues without an answer.
    let left = unanswered.filter((called) => called < own.returned).length - lost;
    for (const other of values) {
      if (other === undelivered ? --left < 0 : own.returned < dequeued.get(other)!.called) {
        return false;
      }
    }
    return true;
  };
  return {
    initial: { values: [], lost: 0 },
    key: ({ values }) => values.join(),
    step(state, input, output, completed) {
      const { values, lost } = state;
      if (input.type === "enqueue") {
        if (!canFollow(input.value, state)) return "illegal";
        const value = dequeued.has(input.value) ? input.value : undelivered;
        return next({ values: [...values, value], lost }, undefined, output, completed);
      }
      const [first, ...others] = values;
      if (first === undefined) return next(state, false, output, completed);
      // One whose answer was lost has not taken what another one has returned.
      if (!completed && first !== undelivered) return "illegal";
      return next({ values: others, lost: completed ? lost : lost + 1 }, first, output, completed);
    },
  };
}

/** The fencing tokens of a lock or semaphore: each later one is higher. */
export const tokenModel: Model<string> = {
  initial: "0",
  key: (state) => state,
  step(state, _input, output, completed) {
    // An acquisition whose answer was lost may have taken any token above, which nobody has seen.
    if (!completed) return { state };
    return BigInt(output as string) > BigInt(state) ? { state: output as string } : "illegal";
  },
};
