import type { SequentialModel } from "./checker.ts";

/** Operations of a register. */
export type RegisterInput<T> =
  | { readonly type: "read" }
  | { readonly type: "write"; readonly value: T }
  | { readonly type: "compareAndSet"; readonly expected: T; readonly value: T };

/** Their outputs: the read value, nothing, or whether it was set. */
export type RegisterOutput<T> = T | boolean | undefined;

/**
 * A register with read, write and compare-and-set, for {@linkcode checkLinearizability}. Values are
 * compared with `===`: use texts, numbers, booleans or `null`.
 */
export function registerModel<T extends string | number | boolean | null>(
  initial: T,
): SequentialModel<T, RegisterInput<T>, RegisterOutput<T>> {
  return {
    initial,
    key: (state) => `${typeof state} ${state}`,
    step(state, input, output, completed) {
      switch (input.type) {
        case "read":
          return completed && output !== state ? "illegal" : { state };
        case "write":
          return { state: input.value };
        case "compareAndSet": {
          const sets = state === input.expected;
          if (completed && output !== sets) return "illegal";
          return { state: sets ? input.value : state };
        }
      }
    },
  };
}
