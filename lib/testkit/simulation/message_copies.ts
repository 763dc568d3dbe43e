import type { Random } from "../../runtime/random.ts";

/** Odds that messages are lost or duplicated. */
export interface MessageOdds {
  /** Part of the messages that are lost, 0 to 1. */
  readonly loss?: number | undefined;
  /** Part of the other messages that arrive twice, 0 to 1. */
  readonly duplication?: number | undefined;
}

/** How often a message arrives: 0 (lost), 1 or 2 times. Draws a number for each of the odds given. */
export function messageCopies(random: Random, { loss, duplication }: MessageOdds): 0 | 1 | 2 {
  if (loss !== undefined && random.next() < loss) return 0;
  return duplication !== undefined && random.next() < duplication ? 2 : 1;
}

/** Moments of arrival along lanes that keep order, such as connections. */
export class OrderedLanes {
  readonly #last = new Map<string, number>();

  /** When a message arrives: at `time`, but not before earlier ones of the lane. */
  arrival(lane: string, time: number): number {
    const at = Math.max(time, this.#last.get(lane) ?? 0);
    this.#last.set(lane, at);
    return at;
  }
}
