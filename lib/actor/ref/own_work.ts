/**
 * Work that a behaviour has arranged for itself, as the message of a timer: it runs in the actor's turn,
 * and never reaches a handler, which could not know it, nor an interceptor, which could lose it.
 */
export class OwnWork {
  /** Returns the next behaviour. */
  readonly run: () => unknown;

  constructor(run: () => unknown) {
    this.run = run;
  }
}
