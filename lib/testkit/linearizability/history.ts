/** An operation as its client saw it. */
export interface Operation<Input = unknown, Output = unknown> {
  /** The client that called it; a client calls one operation at a time. */
  readonly client: string;
  /** The object that it concerns; objects are checked one by one (linearizability is local). */
  readonly key: string;
  /** The input of the operation. */
  readonly input: Input;
  /** When it was called, in the clock of the whole history. */
  readonly called: number;
  /** When it returned; `undefined`: its outcome is unknown, it may take effect later or never. */
  readonly returned: number | undefined;
  /** Its output; meaningless while `returned` is `undefined`. */
  readonly output: Output | undefined;
}

/** An operation in progress. */
export interface Invocation<Output> {
  /** It returned. */
  ok(output: Output): void;
  /** It certainly had and will have no effect; it is no part of the history. */
  failed(): void;
  /** Unknown whether it had an effect (a timeout, for example); the same as saying nothing. */
  unknown(): void;
}

/**
 * Records the operations of concurrent clients for {@linkcode checkLinearizability}. The order of
 * calls and returns is the order in which they are recorded; `now` is kept for reports.
 *
 * @example
 * ```ts
 * import {
 *   checkLinearizability,
 *   History,
 *   type RegisterInput,
 *   registerModel,
 *   type RegisterOutput,
 * } from "@casty/casty/testkit";
 *
 * const history = new History<RegisterInput<number>, RegisterOutput<number>>();
 * history.call("alice", "x", { type: "write", value: 1 }).ok(undefined);
 * history.call("bob", "x", { type: "read" }).ok(1);
 * const { verdict } = checkLinearizability(history.operations(), registerModel(0));
 * console.assert(verdict === "linearizable");
 * ```
 */
export class History<Input = unknown, Output = unknown> {
  readonly #operations: (Operation<Input, Output> | undefined)[] = [];
  #clock = 0;

  /** Begins an operation of `client` on `key`. */
  call(client: string, key: string, input: Input): Invocation<Output> {
    const index = this.#operations.length;
    const called = this.#clock++;
    this.#operations.push({ client, key, input, called, returned: undefined, output: undefined });
    let settled = false;
    const settle = (operation: Operation<Input, Output> | undefined): void => {
      if (settled) return;
      settled = true;
      this.#operations[index] = operation;
    };
    return {
      ok: (output) => {
        settle({ client, key, input, called, returned: this.#clock++, output });
      },
      failed: () => settle(undefined),
      unknown: () => {
        settled = true;
      },
    };
  }

  /** The recorded operations, in the order of calls. */
  operations(): Operation<Input, Output>[] {
    return this.#operations.filter((operation) => operation !== undefined);
  }
}
