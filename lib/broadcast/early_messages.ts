/**
 * Messages for broadcast actors that a node has not spawned yet: others see it as up a moment before its
 * program goes on. Bounded by names, messages and time. Pure: times are parameters.
 *
 * @module
 */

/** Names that messages are kept for. */
const maxNames = 64;
/** Messages that are kept for one name. */
const maxMessages = 64;
/** Milliseconds after the node is up in which messages are kept. */
export const earlyTime = 5_000;

/** See the module's text. */
export class EarlyMessages<T> {
  readonly #waiting = new Map<string, T[]>();
  /** When messages are kept no more; undefined: the node is not up yet. */
  #until: number | undefined;

  /** The node is up. */
  onUp(now: number): void {
    this.#until ??= now + earlyTime;
  }

  /** Whether the message is kept. */
  keep(name: string, message: T, now: number): boolean {
    if (this.#until !== undefined && now >= this.#until) return false;
    let kept = this.#waiting.get(name);
    if (kept === undefined) {
      if (this.#waiting.size >= maxNames) return false;
      this.#waiting.set(name, kept = []);
    }
    if (kept.length >= maxMessages) return false;
    kept.push(message);
    return true;
  }

  /** The actor is there: returns what has waited for it, the oldest first. */
  take(name: string): readonly T[] {
    const kept = this.#waiting.get(name) ?? [];
    this.#waiting.delete(name);
    return kept;
  }

  /** Returns what has waited in vain, by name. */
  expire(now: number): readonly (readonly [string, readonly T[]])[] {
    if (this.#until === undefined || now < this.#until) return [];
    return this.clear();
  }

  /** Returns everything that waits, and forgets it. */
  clear(): readonly (readonly [string, readonly T[]])[] {
    const all = [...this.#waiting];
    this.#waiting.clear();
    return all;
  }
}
