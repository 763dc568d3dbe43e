/**
 * What a limiter tells its successor when its shard is handed off in order.
 *
 * @module
 */
import { longestMemory } from "./limit_timing.ts";

/** Uses, open permits and slots that a state has at most, each: what it costs is bounded. */
export const maxStateEntries = 5_000;

/**
 * Spans instead of times, milliseconds on the clock of the sender: the receiver counts them from when it
 * reads them. So each permit counts for longer than it has to, by the time that the state was under way.
 */
export interface LimiterState {
  /** How long ago the oldest permit may have been used of which the sender does not know. */
  readonly known: number;
  /** How long ago permits were used, the oldest first. */
  readonly uses: readonly number[];
  /** Permits that may still be used, and how long. */
  readonly open: readonly (readonly [id: string, rest: number])[];
  /** Slots, and how long they last. */
  readonly slots: readonly (readonly [id: string, rest: number])[];
}

/** Whether what an unknown sender has sent is a state. */
export function isLimiterState(value: LimiterState | undefined): boolean {
  const { known, uses, open, slots } = value ?? {};
  return isSpan(known) && isList(uses) && uses.every(isSpan) && isList(open) &&
    open.every(isHeld) && isList(slots) && slots.every(isHeld);
}

function isList(value: unknown): value is readonly unknown[] {
  return Array.isArray(value) && value.length <= maxStateEntries;
}

function isHeld(value: unknown): boolean {
  return Array.isArray(value) && isPermitId(value[0]) && isSpan(value[1]);
}

/** Whether a value names a permit. */
export function isPermitId(value: unknown): boolean {
  return typeof value === "string" && value.length > 0 && value.length <= 64;
}

function isSpan(value: unknown): boolean {
  return typeof value === "number" && value >= 0 && value <= longestMemory;
}
