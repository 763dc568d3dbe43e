/**
 * Holds what an actor has to say until the events that it is based on are durable (the output gate of
 * Cloudflare's Durable Objects): the actor handles its next messages meanwhile, and nobody hears of a
 * state that could still be lost. Pure.
 *
 * Invariant: durable <= written; `#held` is in the order of numbers, and all of them are above
 * `durable`.
 *
 * @module
 */

interface Held<A> {
  readonly seq: number;
  readonly action: A;
}

/** No actor at rest holds anything: it should not cost an array. */
const none: readonly never[] = [];

/** Actions of one incarnation, in the order in which they were added. */
export class OutputGate<A> {
  #written: number;
  #durable: number;
  /** Undefined: nothing is held. */
  #held: Held<A>[] | undefined = undefined;
  #first = 0;

  /** `lastSeq`: the last stored event at the start. */
  constructor(lastSeq: number) {
    this.#written = lastSeq;
    this.#durable = lastSeq;
  }

  /** The number of the last event that was added, durable or not. */
  get written(): number {
    return this.#written;
  }

  /** The number of the last durable event. */
  get durable(): number {
    return this.#durable;
  }

  /** Actions that wait. */
  get size(): number {
    return (this.#held?.length ?? 0) - this.#first;
  }

  /** Events were applied to the state. */
  write(count: number): void {
    this.#written += count;
  }

  /** Adds an action that is based on all events so far. True: it may run now. */
  add(action: A): boolean {
    if (this.#written === this.#durable) return true;
    (this.#held ??= []).push({ seq: this.#written, action });
    return false;
  }

  /** Events up to `seq` are durable: takes the actions that may run now, in order. */
  open(seq: number): readonly A[] {
    this.#durable = seq;
    const held = this.#held;
    if (held === undefined) return none;
    let end = this.#first;
    while (end < held.length && held[end]!.seq <= seq) end++;
    const opened = held.slice(this.#first, end).map(({ action }) => action);
    this.#first = end;
    // A gate that is never empty must not keep what has gone through.
    if (end === held.length || end >= 64 && end * 2 >= held.length) {
      this.#held = end === held.length ? undefined : held.slice(end);
      this.#first = 0;
    }
    return opened;
  }

  /** Events were not stored: takes all that waits, and is to be used no more. */
  fail(): A[] {
    return this.#held?.splice(this.#first).map(({ action }) => action) ?? [];
  }
}
