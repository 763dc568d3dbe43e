import { type Account, CreditPool } from "./credit_pool.ts";
import { ElementQueue } from "./element_queue.ts";
import type { PushRefusal, StreamEnding } from "./protocol.ts";

/** The outcome of an element that a sink has sent. */
export type PutResult = "accepted" | "gap" | "noCredit" | "closed";

/** Where the decisions of a {@linkcode StreamCore} go. */
export interface StreamOutput<T, S> {
  /** An element for the consumer; they are counted from 1. */
  readonly element: (sequence: number, element: T) => void;
  /** A sink may send up to `account.granted` elements in all. */
  readonly credit: (account: Account<S>) => void;
  /** No more elements are taken; those in the buffer are still delivered. */
  readonly closing: (ending: StreamEnding) => void;
  /** Every element has been sent to the consumer. */
  readonly drained: (ending: StreamEnding, delivered: number) => void;
}

/**
 * The decisions of a producer, without actors: a bounded buffer between sinks with credit and one
 * consumer with demand (the counting of both follows the Reactive Streams specification; totals
 * instead of increments are from Akka's reliable delivery).
 *
 * At any moment: buffered elements + granted credits <= buffer size, delivered <= demanded, and
 * an accepted element is delivered in order, is in the buffer, or was dropped by `cancel`, which
 * returns how many were.
 */
export class StreamCore<T, S> {
  readonly #queue = new ElementQueue<T>();
  readonly #pool: CreditPool<S>;
  readonly #output: StreamOutput<T, S>;
  #subscribed = false;
  #demanded = 0;
  #delivered = 0;
  #ending: StreamEnding | undefined;
  #over = false;

  constructor(bufferSize: number, output: StreamOutput<T, S>) {
    this.#pool = new CreditPool(bufferSize);
    this.#output = output;
  }

  /** The accounts of connected sinks. */
  get accounts(): ReadonlySet<Account<S>> {
    return this.#pool.accounts;
  }

  /** Elements that wait for demand. */
  get buffered(): number {
    return this.#queue.size;
  }

  /** Credits that are granted and not used. */
  get credits(): number {
    return this.#pool.unused;
  }

  /** Whether a sink waits for credit. */
  get sinksWait(): boolean {
    return this.#pool.waiting;
  }

  /** Elements sent to the consumer. */
  get delivered(): number {
    return this.#delivered;
  }

  /** How it ends, once that is known. */
  get ending(): StreamEnding | undefined {
    return this.#ending;
  }

  /** Whether the stream has ended: drained, or cancelled. */
  get over(): boolean {
    return this.#over;
  }

  /** A sink connects. */
  connect(owner: S): Account<S> {
    const account = this.#pool.open(owner);
    if (this.#ending === undefined) this.#topUp(account);
    return account;
  }

  /** A sink has left. */
  disconnect(account: Account<S>): void {
    this.#pool.close(account);
    this.#distribute();
  }

  /** A sink asks to send up to `total` elements in all. */
  want(account: Account<S>, total: number): void {
    this.#pool.want(account, total);
    this.#distribute();
  }

  /** A sink has sent its element number `sequence`, counted from 1. */
  put(account: Account<S>, sequence: number, element: T): PutResult {
    if (this.#ending !== undefined || this.#over) return "closed";
    if (sequence !== account.accepted + 1) return "gap";
    if (!this.#pool.spend(account)) return "noCredit";
    this.#queue.push(element);
    this.#drain();
    this.#topUp(account);
    return "accepted";
  }

  /** Offers an element without credit; returns the reason if it is rejected. */
  push(element: T): PushRefusal | undefined {
    if (this.#ending !== undefined) return this.#ending.type;
    if (this.#over) return "cancelled";
    if (this.#pool.free(this.#queue.size) <= 0) return "bufferFull";
    this.#queue.push(element);
    this.#drain();
    return undefined;
  }

  /** No more elements are taken. The first ending counts; false if there was one. */
  close(ending: StreamEnding): boolean {
    if (this.#ending !== undefined || this.#over) return false;
    this.#ending = ending;
    this.#output.closing(ending);
    this.#drain();
    return true;
  }

  /** The consumer subscribes with a demand of `demand` elements; false if there was one. */
  subscribe(demand: number): boolean {
    if (this.#subscribed || this.#over) return false;
    this.#subscribed = true;
    this.demand(demand);
    return true;
  }

  /** The consumer takes up to `total` elements in all. */
  demand(total: number): void {
    if (!this.#subscribed || this.#over) return;
    this.#demanded = Math.max(this.#demanded, total);
    this.#drain();
  }

  /** The consumer has left. Returns the number of undelivered elements. */
  cancel(): number {
    const undelivered = this.#queue.size;
    this.#queue.clear();
    this.#over = true;
    return undelivered;
  }

  /** The producer stops. Returns the undelivered elements. */
  discard(): T[] {
    const elements: T[] = [];
    while (this.#queue.size > 0) elements.push(this.#queue.shift());
    this.#over = true;
    return elements;
  }

  #drain(): void {
    const queue = this.#queue;
    if (!this.#subscribed) return;
    const before = queue.size;
    while (queue.size > 0 && this.#delivered < this.#demanded) {
      this.#output.element(++this.#delivered, queue.shift());
    }
    if (this.#ending !== undefined) {
      if (queue.size > 0 || this.#over) return;
      this.#over = true;
      this.#output.drained(this.#ending, this.#delivered);
    } else if (queue.size < before) this.#distribute();
  }

  #distribute(): void {
    if (this.#ending !== undefined || this.#over) return;
    this.#pool.distribute(this.#queue.size, this.#output.credit);
  }

  #topUp(account: Account<S>): void {
    if (this.#ending !== undefined || this.#over) return;
    this.#pool.topUp(account, this.#queue.size, this.#output.credit);
  }
}
