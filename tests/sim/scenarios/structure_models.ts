/**
 * Sequential models of distributed structures for the linearizability checker, one for each kind.
 *
 * @module
 */
import type { SequentialModel } from "../../../lib/testkit/mod.ts";

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

/** A queue; an empty one answers with false. */
export const queueModel: Model<readonly number[]> = {
  initial: [],
  key: (state) => state.join(),
  step(state, input, output, completed) {
    if (input.type === "enqueue") {
      return next([...state, input.value], undefined, output, completed);
    }
    if (state.length === 0) return next(state, false, output, completed);
    return next(state.slice(1), state[0], output, completed);
  },
};

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
