/** Tasks that are run one after the other, each when the one before has ended. */
export interface TasksInTurn {
  readonly tasks: readonly (() => unknown)[];
  /** What a task throws. Answers whether the next is run. */
  readonly onError: (error: unknown) => boolean;
  /** Called when all have ended, and not when `onError` has ended it. */
  readonly then: () => void;
  /** The task whose turn is next. */
  next: number;
}

/** Whether a value must be waited for. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  try {
    return typeof (value as PromiseLike<unknown> | null | undefined)?.then === "function";
  } catch {
    // What cannot even be looked at is nobody's promise.
    return false;
  }
}
