import {
  type Counter,
  type Histogram,
  type Instrument,
  noTelemetry,
  type Observe,
  type Span,
  type Telemetry,
} from "../runtime/telemetry.ts";
import type { TraceContext } from "../runtime/trace_context.ts";
import { openMetrics } from "./open_metrics.ts";
import { type Metric, Series } from "./series.ts";

/**
 * Telemetry that sums up what is measured in the process, for `metricsHandler`: counters, histograms
 * and gauges of one node, client or system. It records no traces. Each instrument keeps at most
 * 1 000 sets of labels; what has another set is counted under `overflow="true"`.
 *
 * @example
 * ```ts
 * import { ActorSystem, Behaviors } from "@casty/casty";
 * import { MetricsTelemetry } from "@casty/casty/metrics";
 *
 * const telemetry = new MetricsTelemetry();
 * await using system = new ActorSystem({ runtime: { telemetry } });
 * system.spawn(Behaviors.ignore(), "sink").tell("hello");
 * console.assert(telemetry.text().includes("\ncasty_actor_messages_sent 1\n"));
 * ```
 */
export class MetricsTelemetry implements Telemetry {
  /** Always. */
  readonly enabled = true;
  /** Never. */
  readonly traces = false;
  readonly #series = new Map<string, Series>();
  readonly #gauges = new Map<
    string,
    { instrument: Instrument; readers: Set<(observe: Observe) => void> }
  >();

  /** See {@linkcode Telemetry}. */
  counter(instrument: Instrument): Counter {
    return this.#of(instrument);
  }

  /** See {@linkcode Telemetry}. */
  histogram(instrument: Instrument): Histogram {
    return this.#of(instrument);
  }

  /** See {@linkcode Telemetry}. A set of labels that is observed twice has the last value. */
  gauge(instrument: Instrument, read: (observe: Observe) => void): () => void {
    let gauge = this.#gauges.get(instrument.name);
    if (gauge === undefined) {
      this.#gauges.set(instrument.name, gauge = { instrument, readers: new Set() });
    }
    const { readers } = gauge;
    // A function of its own: the same `read` may be given twice.
    const reader = (observe: Observe) => read(observe);
    readers.add(reader);
    return () => void readers.delete(reader);
  }

  /** Records nothing. */
  startSpan(name: string): Span {
    return noTelemetry.startSpan(name);
  }

  /** Runs the task. */
  with<T>(_context: TraceContext | undefined, task: () => T): T {
    return task();
  }

  /** None. */
  active(): undefined {
    return undefined;
  }

  /** Everything measured so far, and the gauges as of now, as OpenMetrics 1.0 text. */
  text(): string {
    return openMetrics(this.#collect());
  }

  *#collect(): Generator<Metric> {
    for (const series of this.#series.values()) yield series;
    for (const { instrument, readers } of this.#gauges.values()) {
      if (readers.size === 0) continue;
      const series = new Series(instrument);
      for (const read of readers) {
        try {
          read((value, attributes) => series.set(value, attributes));
        } catch {
          // The value is missing; the others are not.
        }
      }
      yield series;
    }
  }

  #of(instrument: Instrument): Series {
    let series = this.#series.get(instrument.name);
    if (series === undefined) this.#series.set(instrument.name, series = new Series(instrument));
    return series;
  }
}
