/**
 * Waits for the disk, shared by all who ask for one while another one is under way.
 *
 * A wait that has begun before a write proves nothing about it: who asks gets the next one. A failed wait
 * is final. The system may have dropped what it could not write, and marked it as written: a second wait
 * would succeed, and prove nothing.
 */
export class GroupSync {
  readonly #sync: () => Promise<void>;
  readonly #onFailed: (error: unknown) => void;
  #isSyncing = false;
  /** They wait for the next one. */
  #next: PromiseWithResolvers<void> | undefined;
  #failure: { readonly error: unknown } | undefined;

  /**
   * @param sync one wait for the disk. Calls do not overlap.
   * @param onFailed called once, before those that wait are told.
   */
  constructor(sync: () => Promise<void>, onFailed: (error: unknown) => void) {
    this.#sync = sync;
    this.#onFailed = onFailed;
  }

  /** Resolves when a wait that has begun after this call has succeeded; rejects for good after a failure. */
  wait(): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure.error);
    const { promise } = this.#next ??= Promise.withResolvers<void>();
    if (!this.#isSyncing) this.#start();
    return promise;
  }

  #start(): void {
    const group = this.#next!;
    this.#next = undefined;
    this.#isSyncing = true;
    this.#sync().then(() => {
      this.#isSyncing = false;
      // The disk first: those that are told now may take their time.
      if (this.#next !== undefined && this.#failure === undefined) this.#start();
      group.resolve();
    }, (error) => {
      this.fail(error);
      group.reject(this.#failure!.error);
    });
  }

  /** Rejects all that wait and will. Only the first reason counts. */
  fail(error: unknown): void {
    if (this.#failure !== undefined) return;
    this.#failure = { error };
    this.#onFailed(error);
    this.#next?.reject(error);
    this.#next = undefined;
  }
}
