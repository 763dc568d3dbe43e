import type { Logger } from "./logger.ts";
import {
  type Attributes,
  type Counter,
  type Histogram,
  type Instrument,
  noTelemetry,
  type Observe,
  type Span,
  type SpanOptions,
  type Telemetry,
} from "./telemetry.ts";
import type { TraceContext } from "./trace_context.ts";

/**
 * A telemetry that throws must not stop the actors, nor make a message fail: what it does not take
 * is lost instead. The first failure is logged. One that records nothing is given back as it is, as
 * is one that is safe already.
 */
export function safeTelemetry(telemetry: Telemetry, logger: Logger): Telemetry {
  if (telemetry instanceof SafeTelemetry || !telemetry.enabled) return telemetry;
  return new SafeTelemetry(telemetry, logger);
}

/** The telemetry that a system was given, behind its {@linkcode safeTelemetry}. */
export function originalTelemetry(telemetry: Telemetry | undefined): Telemetry | undefined {
  return telemetry instanceof SafeTelemetry ? telemetry.original : telemetry;
}

class SafeTelemetry implements Telemetry {
  readonly enabled = true;
  readonly traces: boolean;
  readonly #telemetry: Telemetry;
  readonly #logger: Logger;
  #hasFailed = false;

  constructor(telemetry: Telemetry, logger: Logger) {
    this.#telemetry = telemetry;
    this.traces = telemetry.traces !== false;
    this.#logger = logger;
  }

  /** What it stands before. */
  get original(): Telemetry {
    return this.#telemetry;
  }

  counter(instrument: Instrument): Counter {
    const counter = this.#try(() => this.#telemetry.counter(instrument));
    if (counter === undefined) return noTelemetry.counter(instrument);
    return {
      add: (value: number, attributes?: Attributes) => {
        this.#try(() => counter.add(value, attributes));
      },
    };
  }

  histogram(instrument: Instrument): Histogram {
    const histogram = this.#try(() => this.#telemetry.histogram(instrument));
    if (histogram === undefined) return noTelemetry.histogram(instrument);
    return {
      record: (value: number, attributes?: Attributes, weight?: number) => {
        this.#try(() => histogram.record(value, attributes, weight));
      },
    };
  }

  gauge(instrument: Instrument, read: (observe: Observe) => void): () => void {
    const remove = this.#try(() => this.#telemetry.gauge(instrument, read));
    return () => {
      this.#try(() => remove?.());
    };
  }

  startSpan(name: string, options?: SpanOptions): Span {
    const span = this.#try(() => this.#telemetry.startSpan(name, options));
    const context = this.#try(() => span?.context);
    if (span === undefined || context === undefined) return noTelemetry.startSpan(name);
    const attempt = (call: () => void) => void this.#try(call);
    return {
      context,
      set: (key, value) => attempt(() => span.set(key, value)),
      fail: (error) => attempt(() => span.fail(error)),
      end: () => attempt(() => span.end()),
    };
  }

  /** Runs `task` exactly once, whatever the telemetry does, and hands over what it throws. */
  with<T>(context: TraceContext | undefined, task: () => T): T {
    let outcome: { readonly value: T } | { readonly error: unknown } | undefined;
    const run = () => {
      if (outcome !== undefined) return;
      try {
        outcome = { value: task() };
      } catch (error) {
        outcome = { error };
      }
    };
    this.#try(() => this.#telemetry.with(context, run));
    run();
    const ended = outcome!;
    if ("error" in ended) throw ended.error;
    return ended.value;
  }

  active(): TraceContext | undefined {
    return this.#try(() => this.#telemetry.active());
  }

  #try<T>(call: () => T): T | undefined {
    try {
      return call();
    } catch (error) {
      this.#report(error);
      return undefined;
    }
  }

  #report(error: unknown): void {
    if (this.#hasFailed) return;
    this.#hasFailed = true;
    try {
      this.#logger.log("error", "telemetry", "telemetry failed; further failures are not logged", {
        error,
      });
    } catch {
      // There is nowhere left to report to.
    }
  }
}
