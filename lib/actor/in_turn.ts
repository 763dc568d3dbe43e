/**
 * Runs tasks one after the other. Gives a promise only if one of them did; then the rest waits for
 * it. What a task throws goes to `onError`; if that throws, the rest is not run.
 */
export function inTurn(
  tasks: readonly (() => unknown)[],
  onError: (error: unknown) => void,
  first = 0,
): Promise<void> | undefined {
  for (let index = first; index < tasks.length; index++) {
    let result: unknown;
    try {
      result = tasks[index]!();
    } catch (error) {
      onError(error);
      continue;
    }
    if (isThenable(result)) {
      return Promise.resolve(result).then(undefined, onError).then(() =>
        inTurn(tasks, onError, index + 1)
      );
    }
  }
  return undefined;
}

/** Whether a value must be waited for. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as PromiseLike<unknown> | null | undefined)?.then === "function";
}
