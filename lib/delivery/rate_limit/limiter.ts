/**
 * Decides whether work under one key may start. Pure.
 *
 * A permit that was granted at `g` is used at some time from `g` to `g + permitTime`, or, once the holder
 * says that it has used it, before that was heard. So each permit has a latest time of use. A new one is
 * granted at `t` if fewer than the limit have a latest time of use after `t - window`. Then no window has
 * more uses than the limit: of those in one window, let the last be granted at `t`; the others were granted
 * before, and used after `t - window`.
 *
 * An entity that starts does not know what its predecessor has granted, up to the moment at which this node
 * got the shard. It grants nothing until those permits cannot be used any more, plus one window; and no slot
 * until theirs have ended. Meanwhile holders renew their slots, which are taken over. A predecessor that was
 * stopped in order sends what it knows, and then nothing is waited for: see {@linkcode Limiter.inherit}.
 *
 * A sliding log, as the rate limiters of Kong and Cloudflare describe it, with intervals in the place of
 * times.
 *
 * @module
 */
import { rules } from "../../runtime/rules.ts";
import {
  agedAtLimiter,
  atLimiter,
  longestMemory,
  permitTime,
  slotTime,
  startsOf,
  windowOf,
} from "./limit_timing.ts";
import { type LimiterState, maxStateEntries } from "./limiter_state.ts";
import type { LimitReason, LimitValues } from "./protocol.ts";

/** Times and slots that are kept: as much as the highest limits need. */
const maxUses = 100_000;
const maxSlots = 10_000;
/** Milliseconds after which a holder looks again whether a slot is free, or a predecessor has told its state. */
const usualWait = 100;
/** Milliseconds for which the state of a predecessor is waited for, before holders are told to wait. */
const stateWait = 1_000;

/** Whether a permit is granted. */
export type LimitDecision =
  | { readonly type: "granted" }
  | { readonly type: "refused"; readonly reason: LimitReason; readonly retryAfter: number };

const granted: LimitDecision = Object.freeze({ type: "granted" });

function refused(reason: LimitReason, wait: number): LimitDecision {
  return { type: "refused", reason, retryAfter: Math.max(1, Math.ceil(wait)) };
}

/** See the module's text. Times are milliseconds of a clock that does not jump. */
export class Limiter {
  /** Before it, others may have granted permits. */
  #since: number;
  /** The predecessor has told its state, which counts once. */
  #isTold = false;
  /** Until when a predecessor may soon tell what it knows. */
  readonly #expectedUntil: number;
  /** Latest times of use of permits that were used, ascending, none after now. */
  #uses: number[] = [];
  /** How many of them are forgotten. */
  #skipped = 0;
  /** Latest times of use of the other permits, by id, ascending, all after now when it is settled. */
  readonly #open = new Map<string, number>();
  /** When slots end, by id. */
  readonly #slots = new Map<string, number>();

  /** Permits before `since` are not known. `expected`: a predecessor may tell them. */
  constructor(since: number, expected = false) {
    this.#since = since;
    this.#expectedUntil = expected ? since + stateWait : -Infinity;
  }

  /** A holder asks. */
  acquire(id: string, { perSecond, concurrency }: LimitValues, now: number): LimitDecision {
    // A request that was repeated on its way.
    if (this.#open.has(id) || this.#slots.has(id)) return granted;
    const refusal = (concurrency !== undefined && this.#slotRefusal(concurrency, now)) ||
      (perSecond !== undefined && this.#rateRefusal(perSecond, now));
    if (refusal) return refusal;
    if (perSecond !== undefined) this.#open.set(id, now + atLimiter(permitTime));
    if (concurrency !== undefined) this.#slots.set(id, now + atLimiter(slotTime));
    return granted;
  }

  /** A holder has used its permit. */
  started(id: string, now: number): void {
    if (!this.#open.delete(id)) return;
    this.#uses.push(now);
    this.#forget();
  }

  /** A holder still works. False: its slot has ended. */
  renew(id: string, now: number): boolean {
    const until = this.#slots.get(id);
    const isHeld = until !== undefined && until > now;
    const isTakenOver = until === undefined && now < this.#since + atLimiter(slotTime) &&
      this.#slots.size < maxSlots;
    if (!isHeld && !isTakenOver) return false;
    this.#slots.set(id, now + atLimiter(slotTime));
    return true;
  }

  /** A holder has ended, and has `used` its permit or not. */
  end(id: string, used: boolean, now: number): void {
    this.#slots.delete(id);
    if (used) this.started(id, now);
    else this.#open.delete(id);
  }

  /** What a successor has to know; undefined: it is too much. */
  state(now: number): LimiterState | undefined {
    this.#settleExpired(now);
    for (const [id, until] of this.#slots) if (until <= now) this.#slots.delete(id);
    if (this.#open.size > maxStateEntries || this.#slots.size > maxStateEntries) return undefined;
    const first = Math.max(
      this.#skipped,
      this.#firstAfter(now - longestMemory),
      this.#uses.length - maxStateEntries,
    );
    // What is left out is not known to the successor either.
    const since = first > 0 ? Math.max(this.#since, this.#uses[first - 1]!) : this.#since;
    const rest = ([id, until]: [string, number]) => [id, until - now] as const;
    return {
      known: Math.min(longestMemory, Math.max(0, now - since)),
      uses: this.#uses.slice(first).map((at) => now - at),
      open: [...this.#open].map(rest),
      slots: [...this.#slots].map(rest),
    };
  }

  /** The predecessor, which grants no more, says what it knew. Nobody else may have granted since then. */
  inherit({ known, uses, open, slots }: LimiterState, now: number): void {
    if (this.#isTold) return;
    this.#isTold = true;
    this.#since = Math.min(this.#since, now - agedAtLimiter(known));
    const inherited = uses.map((age) => now - agedAtLimiter(age));
    this.#uses = [...this.#uses.slice(this.#skipped), ...inherited].sort((a, b) => a - b);
    this.#skipped = 0;
    this.#forget();
    for (const [id, rest] of open) {
      this.#open.set(id, Math.max(this.#open.get(id) ?? 0, now + atLimiter(rest)));
    }
    const latest = [...this.#open].sort(([, a], [, b]) => a - b);
    this.#open.clear();
    for (const [id, until] of latest) this.#open.set(id, until);
    for (const [id, rest] of slots) {
      this.#slots.set(id, Math.max(this.#slots.get(id) ?? 0, now + atLimiter(rest)));
    }
  }

  /** Nothing is granted before the predecessor's permits have ended, unless it tells them. */
  #takeoverRefusal(wait: number, now: number): LimitDecision {
    return refused("takeover", now < this.#expectedUntil ? Math.min(wait, usualWait) : wait);
  }

  #rateRefusal(perSecond: number, now: number): LimitDecision | undefined {
    const window = windowOf(perSecond);
    const takeover = this.#since + atLimiter(permitTime) + window - now;
    if (takeover > 0 && rules.limitersWaitAfterTakeover) {
      return this.#takeoverRefusal(takeover, now);
    }
    this.#settleExpired(now);
    const starts = startsOf(perSecond);
    const first = this.#firstAfter(now - window);
    const used = this.#uses.length - first;
    const open = rules.permitsCountUntilUsed ? this.#open.size : 0;
    const excess = used + open - starts;
    if (excess < 0) return undefined;
    // There is room again when so many are out of the window; those that are open are the latest.
    const latest = excess < used
      ? this.#uses[first + excess]!
      : [...this.#open.values()][excess - used]!;
    return refused("rate", latest + window - now);
  }

  /** Index of the first use after a time. */
  #firstAfter(time: number): number {
    let low = this.#skipped;
    let high = this.#uses.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#uses[middle]! <= time) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #slotRefusal(concurrency: number, now: number): LimitDecision | undefined {
    const takeover = this.#since + atLimiter(slotTime) - now;
    if (takeover > 0 && rules.limitersWaitAfterTakeover) {
      return this.#takeoverRefusal(takeover, now);
    }
    for (const [id, until] of this.#slots) if (until <= now) this.#slots.delete(id);
    if (this.#slots.size < Math.min(concurrency, maxSlots)) return undefined;
    // Most work ends before its lease does.
    return refused("concurrency", usualWait);
  }

  /** Permits whose holders have said nothing count as used when they could last be. */
  #settleExpired(now: number): void {
    for (const [id, latest] of this.#open) {
      if (latest > now) return;
      this.#open.delete(id);
      let at = this.#uses.length;
      while (at > this.#skipped && this.#uses[at - 1]! > latest) at--;
      this.#uses.splice(at, 0, latest);
    }
  }

  /** Keeps as many uses as a limit can count. */
  #forget(): void {
    this.#skipped = Math.max(0, this.#uses.length - maxUses);
    if (this.#skipped < maxUses) return;
    this.#uses = this.#uses.slice(this.#skipped);
    this.#skipped = 0;
  }
}
