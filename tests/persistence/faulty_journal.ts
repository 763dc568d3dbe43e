import type { AppendEntry, AppendResult, Journal } from "../../lib/persistence/mod.ts";

/** What happens to one append. */
export type AppendFault =
  /** Nothing is stored; the error is thrown. */
  | { readonly type: "before"; readonly error: Error }
  /** It is stored; the error is thrown nevertheless. */
  | { readonly type: "after"; readonly error: Error }
  /** The error is thrown at once; it is stored at the next `release`, as by a server that hung. */
  | { readonly type: "late"; readonly error: Error };

/** A journal whose appends wait until they are let through, or fail. */
export class HeldJournal {
  /** What was to be appended, in order. */
  readonly appends: AppendEntry[] = [];
  /** Whether appends wait for `release`. */
  holds = false;
  /** Takes part in the next append. */
  fault: AppendFault | undefined;
  /** Thrown by the next snapshots. */
  snapshotError: Error | undefined;
  /** What has become of an append that was stored late. */
  late: Promise<readonly AppendResult[]> | undefined;
  readonly journal: Journal;
  readonly #waiting: (() => void)[] = [];

  constructor(inner: Journal) {
    this.journal = new Proxy(inner, {
      get: (target, name) => {
        if (name === "append") return (entries: AppendEntry[]) => this.#append(target, entries);
        if (name === "saveSnapshot" && this.snapshotError !== undefined) {
          return () => Promise.reject(this.snapshotError);
        }
        const value = target[name as keyof Journal];
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
  }

  async #append(target: Journal, entries: readonly AppendEntry[]) {
    this.appends.push(...entries);
    if (this.holds) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    const { fault } = this;
    this.fault = undefined;
    if (fault?.type === "before") throw fault.error;
    if (fault?.type === "late") {
      this.#waiting.push(() => this.late = target.append(entries));
      throw fault.error;
    }
    const results = await target.append(entries);
    if (fault?.type === "after") throw fault.error;
    return results;
  }

  /** Lets the oldest append that waits through. */
  release(): void {
    this.#waiting.shift()!();
  }
}
