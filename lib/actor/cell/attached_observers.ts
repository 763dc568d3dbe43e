import type { Clock } from "../../runtime/clock.ts";
import type { HandlerReports } from "../services/handler_reports.ts";
import type { HandlerSamples } from "../services/handler_samples.ts";
import type { HandlerTrace } from "../services/handler_trace.ts";
import type { CellHost } from "./cell_host.ts";
import type { CellObserver } from "./cell_observer.ts";
import { reportingObserver } from "./reporting_observer.ts";
import { samplingObserver } from "./sampling_observer.ts";
import { tracingObserver } from "./tracing_observer.ts";

/** Who looks at the cells of a system: its telemetry or simulation, and tools that look for a while. */
export class AttachedObservers {
  readonly #host: Pick<CellHost, "observer" | "turns">;
  readonly #clock: Clock;
  readonly #samples = new Set<HandlerSamples>();
  #base: CellObserver | undefined;
  #trace: HandlerTrace | undefined;

  /** What observes the cells of the host now, always will. */
  constructor(host: Pick<CellHost, "observer" | "turns">, clock: Clock) {
    this.#host = host;
    this.#clock = clock;
    this.#base = host.observer;
  }

  /** Reports each handler from now on, instead of measuring them. */
  report(reports: HandlerReports): void {
    this.#base = reportingObserver(reports);
    this.#attach();
  }

  /** Shows all handled messages to one trace; undefined: to none any more. */
  trace(trace: HandlerTrace | undefined): void {
    this.#trace = trace;
    this.#attach();
  }

  /** Passes what handlers take to `samples`, until the returned function is called. */
  sample(samples: HandlerSamples): () => void {
    // A handler that is at work when they end is not counted.
    const attached: HandlerSamples = {
      add: (path, ms, messages) => {
        if (this.#samples.has(attached)) samples.add(path, ms, messages);
      },
    };
    this.#samples.add(attached);
    this.#attach();
    return () => {
      if (this.#samples.delete(attached)) this.#attach();
    };
  }

  #attach(): void {
    let observer = this.#base;
    for (const samples of this.#samples) {
      observer = samplingObserver(samples, this.#clock, observer);
    }
    if (this.#trace !== undefined) observer = tracingObserver(this.#trace, observer);
    this.#host.observer = observer;
    this.#host.turns = observer?.turns;
  }
}
