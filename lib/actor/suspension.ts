/** Whose promise a cell waits for. */
export type Suspended = "message" | "signal" | "setup";

/** What a suspension tells its cell. */
export interface Suspendable {
  fulfilled(kind: Suspended, message: unknown, next: unknown): void;
  rejected(error: unknown): void;
}

/**
 * Waits for the promise of a handler. One per cell for all its promises, because a cell waits for
 * one at a time: no closure is made per message.
 */
export class Suspension {
  readonly #cell: Suspendable;
  #kind: Suspended = "message";
  #message: unknown;
  #waiting = false;

  /** Waits for nothing yet. */
  constructor(cell: Suspendable) {
    this.#cell = cell;
  }

  /** Tells the cell what `promise` comes to. */
  wait(promise: PromiseLike<unknown>, kind: Suspended, message: unknown): void {
    this.#kind = kind;
    this.#message = message;
    this.#waiting = true;
    // A promise of this realm is taken as it is; what only looks like one may call back twice.
    Promise.resolve(promise).then(this.#fulfilled, this.#rejected);
  }

  /** Whatever the promise comes to is ignored. */
  abandon(): void {
    this.#waiting = false;
    this.#message = undefined;
  }

  readonly #fulfilled = (next: unknown): void => {
    if (!this.#waiting) return;
    const message = this.#message;
    this.abandon();
    this.#cell.fulfilled(this.#kind, message, next);
  };

  readonly #rejected = (error: unknown): void => {
    if (!this.#waiting) return;
    this.abandon();
    this.#cell.rejected(error);
  };
}
