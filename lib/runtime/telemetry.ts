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
  /** Records one value, in the instrument's unit. */
  record(value: number, attributes?: Attributes): void;
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
  /** The counter for an instrument; the same one each time. */
  counter(instrument: Instrument): Counter;
  /** The histogram for an instrument; the same one each time. */
  histogram(instrument: Instrument): Histogram;
  /** `read` is called at each collection. Returns a function that removes it. */
  gauge(instrument: Instrument, read: (observe: Observe) => void): () => void;
  /** Starts a span. */
  startSpan(name: string, options?: SpanOptions): Span;
  /**
   * Runs `task` at once, with `context` as the active context where the implementation keeps one of
   * its own (OpenTelemetry's context manager), so that spans of user code become its children.
   */
  with<T>(context: TraceContext, task: () => T): T;
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
  counter: () => noInstrument,
  histogram: () => noInstrument,
  gauge: () => nothing,
  startSpan: () => noSpan,
  with: <T>(_context: TraceContext, task: () => T): T => task(),
  active: () => undefined,
});
