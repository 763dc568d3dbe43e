import type { AskObserver } from "../../actor/services/ask_observer.ts";
import type { Clock } from "../../runtime/clock.ts";
import { Ring } from "../ring.ts";

/** An ask that has ended. */
export interface AskSample {
  /** When it ended, milliseconds since the Unix epoch. */
  readonly at: number;
  readonly target: string;
  /** Milliseconds. */
  readonly ms: number;
  /** The code of the error; absent: it was answered. */
  readonly outcome?: string;
  /** The message of the error. */
  readonly error?: string;
}

/** The asks of a node. */
export interface AskFacts {
  /** Since the dashboard was opened. */
  readonly ended: number;
  readonly failed: number;
  /** Asks that wait for a reply now. */
  readonly pending: number;
  /** The slowest of the last ten minutes, the slowest first. */
  readonly slowest: readonly AskSample[];
  /** The last that failed, the newest first. */
  readonly failing: readonly AskSample[];
}

const keptSlow = 40;
const keptFailing = 60;
/** Milliseconds that a slow one is kept. */
const slowTime = 600_000;
const maxTarget = 300;

/** Keeps the slowest and the failed asks of a node. An ask that is neither costs a comparison. */
export class AskSamples implements AskObserver {
  readonly #clock: Clock;
  readonly #failing = new Ring<AskSample>(keptFailing);
  #slowest: AskSample[] = [];
  #ended = 0;
  #failed = 0;
  #pending = 0;

  /** `clock` says how long they take. */
  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** See {@linkcode AskObserver}. */
  onAsk(path: string): (error?: unknown) => void {
    const since = this.#clock.now();
    this.#pending++;
    return (error) => this.#onEnd(path, this.#clock.now() - since, error);
  }

  /** See {@linkcode AskFacts}. */
  facts(): AskFacts {
    const oldest = this.#clock.wallTime() - slowTime;
    this.#slowest = this.#slowest.filter(({ at }) => at >= oldest);
    return {
      ended: this.#ended,
      failed: this.#failed,
      pending: this.#pending,
      slowest: this.#slowest,
      failing: this.#failing.last().toReversed(),
    };
  }

  #onEnd(path: string, ms: number, error: unknown): void {
    this.#pending--;
    this.#ended++;
    if (error !== undefined) this.#failed++;
    const isSlow = this.#slowest.length < keptSlow || ms > this.#slowest.at(-1)!.ms;
    if (error === undefined && !isSlow) return;
    const sample: AskSample = {
      at: this.#clock.wallTime(),
      target: path.slice(0, maxTarget),
      ms: Math.round(ms * 100) / 100,
      ...(error !== undefined && { outcome: codeOf(error), error: textOf(error) }),
    };
    if (error !== undefined) this.#failing.push(sample);
    if (isSlow) this.#keepSlow(sample);
  }

  #keepSlow(sample: AskSample): void {
    const oldest = sample.at - slowTime;
    const others = this.#slowest.filter(({ at }) => at >= oldest);
    const before = others.findIndex(({ ms }) => ms < sample.ms);
    others.splice(before < 0 ? others.length : before, 0, sample);
    this.#slowest = others.slice(0, keptSlow);
  }
}

function codeOf(error: unknown): string {
  const code = (error as { readonly code?: unknown } | undefined)?.code;
  return typeof code === "string" ? code.slice(0, 40) : "failed";
}

function textOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).slice(0, 300);
}
