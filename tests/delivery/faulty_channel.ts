import type { SeededRandom } from "../../lib/testkit/seeded_random.ts";

/** Carries messages with delays; while `isFaulty`, it loses, repeats and reorders them. Virtual time. */
export class FaultyChannel {
  readonly #random: SeededRandom;
  readonly #queue: { at: number; order: number; run: () => void }[] = [];
  #order = 0;
  #last = 0;
  isFaulty = true;
  now = 0;
  lost = 0;

  constructor(random: SeededRandom) {
    this.#random = random;
  }

  /** Sends: `deliver` runs later, perhaps never, perhaps twice. */
  send(deliver: () => void): void {
    const draw = this.isFaulty ? this.#random.next() : 1;
    if (draw < 0.1) {
      this.lost++;
      return;
    }
    const delay = draw < 0.2 ? 5 + this.#random.next() * 200 : 5;
    // In order, unless it is one of those that are delayed.
    const at = draw < 0.2 ? this.now + delay : this.#last = Math.max(this.#last, this.now + delay);
    this.after(at - this.now, deliver);
    if (draw > 0.2 && draw < 0.25) this.after(this.#random.next() * 500, deliver);
  }

  /** Runs something after `delay`. */
  after(delay: number, run: () => void): void {
    this.#queue.push({ at: this.now + delay, order: this.#order++, run });
  }

  /** Runs the next event. False: there is none. */
  step(): boolean {
    this.#queue.sort((a, b) => a.at - b.at || a.order - b.order);
    const next = this.#queue.shift();
    if (next === undefined) return false;
    this.now = next.at;
    next.run();
    return true;
  }
}
