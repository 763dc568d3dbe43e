import type { Random } from "../lib/runtime/random.ts";
import { SeededRandom } from "../lib/testkit/seeded_random.ts";
import {
  messageCopies,
  type MessageOdds,
  OrderedLanes,
} from "../lib/testkit/simulation/message_copies.ts";
import { VirtualClock } from "../lib/testkit/virtual_clock.ts";

/**
 * State machines without actors on virtual time, with messages between them. Runs synchronously;
 * everything follows from the seed.
 */
export class MachineWorld {
  readonly clock = new VirtualClock();
  readonly random: SeededRandom;
  readonly #lanes = new OrderedLanes();

  constructor(seed: number) {
    this.random = new SeededRandom(seed);
  }

  get now(): number {
    return this.clock.now();
  }

  /** Runs for so many milliseconds. */
  run(duration: number): void {
    this.clock.run(duration);
  }

  /** Runs until the condition holds; answers how long that took, undefined after `limit`. */
  runUntil(condition: () => boolean, limit: number): number | undefined {
    return this.clock.runUntil(condition, limit);
  }

  later(delay: number, task: () => void): void {
    this.clock.scheduleAt(this.now + delay, task);
  }

  /** How often the next message arrives. */
  protected copies(odds: MessageOdds): number {
    return messageCopies(this.random, odds);
  }

  /** Delivers a message after `delay`; not before those that went along the same lane. */
  protected carry(delay: number, lane: string | undefined, deliver: () => void): void {
    const time = this.now + delay;
    this.clock.scheduleAt(lane === undefined ? time : this.#lanes.arrival(lane, time), deliver);
  }
}

/** An even number of milliseconds. */
export function draw(random: Random, { min, max }: { min: number; max: number }): number {
  return min + random.next() * (max - min);
}
