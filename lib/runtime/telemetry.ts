import type { TraceContext } from "./trace_context.ts";

/** Labels of a measurement or a span. Few values each: a label per entity would never end. */
export type Attributes = Readonly<Record<string, string | number | boolean>>;

/** Description of an instrument; all of ours are in `instruments.ts`. */
export interface Instrument {
  /** `casty.<room>.<what>`, in the manner of the OpenTelemetry conventions. */
  readonly name: string;
  /**
   * - `counter`: grows only.
   * - `histogram`: a distribution.
   * - `gauge`: a present value, read when it is collected.
   */
  readonly kind: "counter" | "histogram" | "gauge";
  /** UCUM: `"s"`, `"By"`, `"{message}"`. */
  readonly unit: string;
  /** One sentence. */
  readonly description: string;
  /** Names of its labels. */
  readonly attributes?: readonly string[];
}

/** Counts. */
export interface Counter {
  /** Adds `value`, which is not negative. */
  add(value: number, attributes?: Attributes): void;
}

/** Records a distribution. */
export interface Histogram {
  /**
   * Records one value, in the instrument's unit. `weight`: it is a sample, which stands for so many
   * values; default 1. An implementation that cannot weigh records it once.
   */
  record(value: number, attributes?: Attributes, weight?: number): void;
}

/** Takes a present value of a gauge. */
export type Observe = (value: number, attributes?: Attributes) => void;

/** The kind of a span (OpenTelemetry's span kinds). */
export type SpanKind = "internal" | "client" | "server" | "producer" | "consumer";

/** How a span starts. */
export interface SpanOptions {
  /** Default `"internal"`. */
  readonly kind?: SpanKind;
  /** Default: the active context; without one a trace begins. */
  readonly parent?: TraceContext;
  /** Spans that it has to do with and is no child of, such as the one that has set the reminder. */
  readonly links?: readonly TraceContext[];
  /** Its labels. */
  readonly attributes?: Attributes;
}

/** A step of a trace, in progress. */
export interface Span {
  /** The context for its child spans. */
  readonly context: TraceContext;
  /** Sets a label. */
  set(name: string, value: string | number | boolean): void;
  /** It has failed. */
  fail(error: unknown): void;
  /** It is over. A second call has no effect. */
  end(): void;
}

/**
 * Where measurements and traces go. Implementations must not call back into the system. One that
 * throws loses the measurement, and its first error is logged. Default: {@linkcode noTelemetry}, which
 * costs nothing: callers check `enabled` once, when they are constructed.
 */
export interface Telemetry {
  /** Whether anything is recorded. Does not change. */
  readonly enabled: boolean;
  /**
   * Whether it keeps traces. `false`: `startSpan`, `with` and `active` need not be called, which costs
   * less. Does not change. Default true.
   */
  readonly traces?: boolean;
  /** The counter for an instrument; the same one each time. */
  counter(instrument: Instrument): Counter;
  /** The histogram for an instrument; the same one each time. */
  histogram(instrument: Instrument): Histogram;
  /**
   * `read` is called at each collection: for a gauge, and for a counter that is counted elsewhere, in a
   * field, which costs less than `add`; it observes the sum. Returns a function that removes it.
   */
  gauge(instrument: Instrument, read: (observe: Observe) => void): () => void;
  /** Starts a span. */
  startSpan(name: string, options?: SpanOptions): Span;
  /**
   * Runs `task` at once, with `context` as the active context (undefined: none) where the implementation keeps one of
   * its own (OpenTelemetry's context manager), so that spans of user code become its children.
   */
  with<T>(context: TraceContext | undefined, task: () => T): T;
  /**
   * The context of the innermost running {@linkcode Telemetry.with}; across `await` too, where the
   * implementation can follow it.
   */
  active(): TraceContext | undefined;
}

const nothing = (): void => {};

const noInstrument: Counter & Histogram = Object.freeze({ add: nothing, record: nothing });

const noSpan: Span = Object.freeze({
  context: Object.freeze({
    traceId: "00000000000000000000000000000000",
    spanId: "0000000000000000",
    sampled: false,
  }),
  set: nothing,
  fail: nothing,
  end: nothing,
});

/** Records nothing. */
export const noTelemetry: Telemetry = Object.freeze({
  enabled: false,
  traces: false,
  counter: () => noInstrument,
  histogram: () => noInstrument,
  gauge: () => nothing,
  startSpan: () => noSpan,
  with: <T>(_context: TraceContext | undefined, task: () => T): T => task(),
  active: () => undefined,
});
