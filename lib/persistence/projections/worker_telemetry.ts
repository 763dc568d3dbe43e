import { instruments } from "../../runtime/instruments.ts";
import type { Counter, Telemetry } from "../../runtime/telemetry.ts";
import type { SliceRange } from "../journal.ts";

/** Measures one worker of a projection. */
export class WorkerTelemetry {
  readonly #events: Counter | undefined;
  readonly #projection: string;
  readonly #ends: readonly (() => void)[] = [];
  /** At the last count. */
  #behind: number | undefined;
  #isCounting = false;
  #handled = 0;
  #skipped = 0;

  /** `lag`: in seconds. `countBehind`: undefined if nobody can tell. */
  constructor(
    telemetry: Telemetry | undefined,
    projection: string,
    { from, to }: SliceRange,
    lag: () => number,
    countBehind: () => Promise<number | undefined>,
  ) {
    this.#projection = projection;
    if (!telemetry?.enabled) return;
    this.#events = telemetry.counter(instruments.projectionEvents);
    const attributes = { projection, slices: `${from}-${to}` };
    this.#ends = [
      telemetry.gauge(instruments.projectionLag, (observe) => observe(lag(), attributes)),
      telemetry.gauge(instruments.projectionBehind, (observe) => {
        if (this.#behind !== undefined) observe(this.#behind, attributes);
        void this.#count(countBehind);
      }),
    ];
  }

  /** A gauge is read at once, and a count takes time: it is there at the next collection. */
  async #count(countBehind: () => Promise<number | undefined>): Promise<void> {
    if (this.#isCounting) return;
    this.#isCounting = true;
    this.#behind = await countBehind();
    this.#isCounting = false;
  }

  /** Counts what has been handled and skipped since the last call. */
  done({ handled, skipped }: { readonly handled: number; readonly skipped: number }): void {
    if (this.#events === undefined) return;
    if (handled > this.#handled) this.#add("handled", handled - this.#handled);
    if (skipped > this.#skipped) this.#add("skipped", skipped - this.#skipped);
    this.#handled = handled;
    this.#skipped = skipped;
  }

  /** A handler has failed. */
  failed(): void {
    this.#add("failed", 1);
  }

  #add(outcome: "handled" | "skipped" | "failed", events: number): void {
    this.#events?.add(events, { projection: this.#projection, outcome });
  }

  /** The worker has stopped. */
  end(): void {
    for (const end of this.#ends) end();
  }
}
