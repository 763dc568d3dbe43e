import { instruments } from "../../runtime/instruments.ts";
import type { Counter, Telemetry } from "../../runtime/telemetry.ts";
import type { SliceRange } from "../journal.ts";

/** Measures one worker of a projection. */
export class WorkerTelemetry {
  readonly #events: Counter | undefined;
  readonly #projection: string;
  readonly #end: (() => void) | undefined;
  #handled = 0;
  #skipped = 0;

  /** `lag`: in seconds. */
  constructor(
    telemetry: Telemetry | undefined,
    projection: string,
    { from, to }: SliceRange,
    lag: () => number,
  ) {
    this.#projection = projection;
    if (!telemetry?.enabled) return;
    this.#events = telemetry.counter(instruments.projectionEvents);
    const attributes = { projection, slices: `${from}-${to}` };
    this.#end = telemetry.gauge(
      instruments.projectionLag,
      (observe) => observe(lag(), attributes),
    );
  }

  /** Counts what has been handled and skipped since the last call. */
  done({ handled, skipped }: { readonly handled: number; readonly skipped: number }): void {
    if (this.#events === undefined) return;
    if (handled > this.#handled) this.#count("handled", handled - this.#handled);
    if (skipped > this.#skipped) this.#count("skipped", skipped - this.#skipped);
    this.#handled = handled;
    this.#skipped = skipped;
  }

  /** A handler has failed. */
  failed(): void {
    this.#count("failed", 1);
  }

  #count(outcome: "handled" | "skipped" | "failed", events: number): void {
    this.#events?.add(events, { projection: this.#projection, outcome });
  }

  /** The worker has stopped. */
  end(): void {
    this.#end?.();
  }
}
