/** Whose promise a cell waits for: a handler's, or that of hooks with something to do after them. */
export type Suspended = "message" | "signal" | "setup" | "hooks";

/** What a suspension tells its cell. */
export interface Suspendable {
  fulfilled(kind: Suspended, subject: unknown, next: unknown): void;
  rejected(error: unknown): void;
}

/**
 * Waits for the promise of a handler. One per cell for all its promises, because a cell waits for
 * one at a time: no closure is made per message.
 */
export class Suspension {
  readonly #cell: Suspendable;
  #kind: Suspended = "message";
  #subject: unknown;
  #waiting = false;

  /** Waits for nothing yet. */
  constructor(cell: Suspendable) {
    this.#cell = cell;
  }

  /** Tells the cell what `promise` comes to. */
  wait(promise: PromiseLike<unknown>, kind: Suspended, subject: unknown): void {
    this.#kind = kind;
    this.#subject = subject;
    this.#waiting = true;
    // A promise of this realm is taken as it is; what only looks like one may call back twice.
    Promise.resolve(promise).then(this.#fulfilled, this.#rejected);
  }

  /** Whatever the promise comes to is ignored. Gives what was to be done after hooks. */
  abandon(): (() => void) | undefined {
    const subject = this.#end();
    return this.#kind === "hooks" ? subject as () => void : undefined;
  }

  #end(): unknown {
    const subject = this.#subject;
    this.#waiting = false;
    this.#subject = undefined;
    return subject;
  }

  readonly #fulfilled = (next: unknown): void => {
    if (!this.#waiting) return;
    const subject = this.#end();
    this.#cell.fulfilled(this.#kind, subject, next);
  };

  readonly #rejected = (error: unknown): void => {
    if (!this.#waiting) return;
    this.#end();
    this.#cell.rejected(error);
  };
}
