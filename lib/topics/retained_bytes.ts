import { Tally } from "../transport/base/tally.ts";

/** Limits of what a node retains, bytes by estimate. */
export interface RetainedLimits {
  /** Of all topics. */
  readonly maxBytes: number;
  /** Of one topic. */
  readonly maxBytesPerTopic: number;
  /** Of the messages that clients with one certificate have published. */
  readonly maxBytesPerIdentity: number;
}

/** Counts what is retained at a node. Invariant: both are sums of what was added and not removed. */
export class RetainedBytes {
  readonly limits: RetainedLimits;
  readonly #ofAccount = new Tally();
  #total = 0;

  /** Nothing is retained yet. */
  constructor(limits: RetainedLimits) {
    this.limits = limits;
  }

  /** Bytes of all topics. */
  get total(): number {
    return this.#total;
  }

  /** Whether the node retains more than it may. */
  get isOver(): boolean {
    return this.#total > this.limits.maxBytes;
  }

  /** Whether more of an account is retained than may be. Messages of nodes have no account. */
  isAccountOver(account: string | undefined): boolean {
    return account !== undefined && this.#ofAccount.of(account) > this.limits.maxBytesPerIdentity;
  }

  /** Adds, or with a negative number removes. */
  add(account: string | undefined, bytes: number): void {
    this.#total += bytes;
    if (account !== undefined) this.#ofAccount.add(account, bytes);
  }
}
