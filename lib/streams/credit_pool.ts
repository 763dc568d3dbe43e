/** Credits that one sink may hold without a request. */
const mostAhead = 32;

/**
 * The credit of one sink. All counts are totals since it connected, so repetitions are harmless.
 */
export class Account<S> {
  /** The sink. */
  readonly owner: S;
  /** Elements that have arrived. */
  accepted = 0;
  /** Elements that it may send. */
  granted = 0;
  /** Elements that it has requested to send. */
  wanted = 0;

  constructor(owner: S) {
    this.owner = owner;
  }

  /** Credits that are granted and not used. */
  get unused(): number {
    return this.granted - this.accepted;
  }

  /** Credits among them that it has not requested. */
  get ahead(): number {
    return Math.max(0, this.granted - Math.max(this.accepted, this.wanted));
  }
}

/**
 * Divides the places of a buffer among sinks. A place that was granted is kept free, so a sink that
 * has credit always finds room.
 *
 * Sinks that ask come first, in turns. Without being asked, a few credits are granted ahead, so that
 * a sink need not wait for each; never more than half of the buffer, so that sinks that hold credits
 * and are silent never keep others from sending.
 */
export class CreditPool<S> {
  readonly #size: number;
  readonly #accounts = new Set<Account<S>>();
  /** Accounts with ungranted requests; the one that has waited longest first. */
  readonly #waiting = new Set<Account<S>>();
  #unused = 0;
  #ahead = 0;

  /** `size`: places of the buffer. */
  constructor(size: number) {
    this.#size = size;
  }

  /** All that are open. */
  get accounts(): ReadonlySet<Account<S>> {
    return this.#accounts;
  }

  /** Credits that are granted and not used. */
  get unused(): number {
    return this.#unused;
  }

  /** Whether a sink waits for credit. */
  get waiting(): boolean {
    return this.#waiting.size > 0;
  }

  /** Places that are neither taken nor granted while `buffered` are taken. */
  free(buffered: number): number {
    return this.#size - buffered - this.#unused;
  }

  /** A sink connects. */
  open(owner: S): Account<S> {
    const account = new Account(owner);
    this.#accounts.add(account);
    return account;
  }

  /** A sink has left; its unused credit is free again. */
  close(account: Account<S>): void {
    if (!this.#accounts.delete(account)) return;
    this.#waiting.delete(account);
    this.#unused -= account.unused;
    this.#ahead -= account.ahead;
  }

  /** A sink asks to send up to `total` elements. */
  want(account: Account<S>, total: number): void {
    if (total <= account.wanted) return;
    this.#ahead -= account.ahead;
    account.wanted = total;
    this.#ahead += account.ahead;
    if (account.wanted > account.granted) this.#waiting.add(account);
  }

  /** An element has arrived; false if it had no credit. */
  spend(account: Account<S>): boolean {
    if (account.unused === 0) return false;
    this.#ahead -= account.ahead;
    account.accepted++;
    this.#ahead += account.ahead;
    this.#unused--;
    return true;
  }

  /**
   * Grants free credit to waiting accounts. Calls `emit` with each account whose total has grown.
   */
  distribute(buffered: number, emit: (account: Account<S>) => void): void {
    let free = this.free(buffered);
    while (free > 0 && this.#waiting.size > 0) {
      const account = this.#waiting.values().next().value!;
      const share = Math.max(1, Math.floor(free / this.#waiting.size));
      const count = Math.min(share, account.wanted - account.granted);
      this.#waiting.delete(account);
      this.#grant(account, count);
      if (account.wanted > account.granted) this.#waiting.add(account);
      free -= count;
      emit(account);
    }
  }

  /** Grants ahead to a sink that has just connected or sent. */
  topUp(account: Account<S>, buffered: number, emit: (account: Account<S>) => void): void {
    if (this.#waiting.size > 0) return;
    const half = this.#size >> 1;
    const target = Math.min(mostAhead, Math.floor(half / this.#accounts.size));
    const { ahead } = account;
    // Several at once: one message for half of what it may hold.
    if (ahead * 2 > target) return;
    const count = Math.min(target - ahead, half - this.#ahead, this.free(buffered));
    if (count <= 0) return;
    this.#grant(account, count);
    emit(account);
  }

  #grant(account: Account<S>, count: number): void {
    this.#ahead -= account.ahead;
    account.granted += count;
    this.#ahead += account.ahead;
    this.#unused += count;
  }
}
