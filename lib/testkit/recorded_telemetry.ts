import type {
  Attributes,
  Counter,
  Histogram,
  Instrument,
  Observe,
  Span,
  SpanOptions,
  Telemetry,
} from "../runtime/telemetry.ts";
import type { TraceContext } from "../runtime/trace_context.ts";

/** A span as it was recorded. */
export interface RecordedSpan {
  /** Its start options. */
  readonly name: string;
  /** Its own context. */
  readonly context: TraceContext;
  /** Its parent span; absent: it is the root of a trace. */
  readonly parent: TraceContext | undefined;
  /** `"internal"` and the others of OpenTelemetry. */
  readonly kind: string;
  /** Spans that it has to do with and is no child of. */
  readonly links: readonly TraceContext[];
  /** Its labels so far. */
  readonly attributes: Attributes;
  /** Why it failed, if it did. */
  readonly error: unknown;
  /** Whether it is over. */
  readonly ended: boolean;
}

/**
 * Telemetry that remembers everything, for tests. Identifiers are counted, so that runs are the
 * same twice.
 *
 * @example
 * ```ts
 * import { RecordedTelemetry } from "@casty/casty/testkit";
 *
 * const telemetry = new RecordedTelemetry();
 * telemetry.counter({ name: "example", kind: "counter", unit: "1", description: "An example." })
 *   .add(2, { colour: "red" });
 * console.assert(telemetry.sum("example") === 2);
 * console.assert(telemetry.sum("example", { colour: "blue" }) === 0);
 * ```
 */
export class RecordedTelemetry implements Telemetry {
  /** Always. */
  readonly enabled = true;
  readonly #values = new Map<string, { value: number; attributes: Attributes }[]>();
  readonly #gauges = new Map<string, Set<(observe: Observe) => void>>();
  readonly #instruments = new Map<string, Instrument>();
  readonly #spans: Mutable<RecordedSpan>[] = [];
  #active: TraceContext | undefined;
  #ids = 0;

  /** See {@linkcode Telemetry}. */
  counter(instrument: Instrument): Counter {
    const values = this.#of(instrument);
    return { add: (value, attributes = {}) => void values.push({ value, attributes }) };
  }

  /** See {@linkcode Telemetry}. */
  histogram(instrument: Instrument): Histogram {
    const values = this.#of(instrument);
    return {
      record: (value, attributes = {}, weight = 1) => {
        for (let i = 0; i < weight; i++) values.push({ value, attributes });
      },
    };
  }

  /** See {@linkcode Telemetry}. */
  gauge(instrument: Instrument, read: (observe: Observe) => void): () => void {
    this.#of(instrument);
    let readers = this.#gauges.get(instrument.name);
    if (readers === undefined) this.#gauges.set(instrument.name, readers = new Set());
    readers.add(read);
    return () => void readers.delete(read);
  }

  /** See {@linkcode Telemetry}. */
  startSpan(name: string, options: SpanOptions = {}): Span {
    const { kind = "internal", parent = this.#active, attributes = {}, links = [] } = options;
    const id = ++this.#ids;
    const context: TraceContext = {
      traceId: parent?.traceId ?? id.toString(16).padStart(32, "0"),
      spanId: id.toString(16).padStart(16, "0"),
      sampled: true,
    };
    const span: Mutable<RecordedSpan> = {
      name,
      context,
      parent,
      kind,
      links,
      attributes,
      error: undefined,
      ended: false,
    };
    this.#spans.push(span);
    return {
      context,
      set: (key, value) => void (span.attributes = { ...span.attributes, [key]: value }),
      fail: (error) => void (span.error = error),
      end: () => void (span.ended = true),
    };
  }

  /** See {@linkcode Telemetry}. */
  with<T>(context: TraceContext | undefined, task: () => T): T {
    const outer = this.#active;
    this.#active = context;
    try {
      return task();
    } finally {
      this.#active = outer;
    }
  }

  /** See {@linkcode Telemetry}. Not followed across `await`. */
  active(): TraceContext | undefined {
    return this.#active;
  }

  /** The created instruments. */
  get instruments(): readonly Instrument[] {
    return [...this.#instruments.values()];
  }

  /** The spans that were started, in order. */
  get spans(): readonly RecordedSpan[] {
    return this.#spans;
  }

  /** The sum of all values with these labels; a gauge is read now. */
  sum(name: string, attributes: Attributes = {}): number {
    return this.#matching(name, attributes).reduce((sum, { value }) => sum + value, 0);
  }

  /** How many values were counted or recorded with these labels; a gauge is read now. */
  count(name: string, attributes: Attributes = {}): number {
    return this.#matching(name, attributes).length;
  }

  #matching(name: string, attributes: Attributes): { value: number; attributes: Attributes }[] {
    const found = [...this.#values.get(name) ?? []];
    for (const read of this.#gauges.get(name) ?? []) {
      read((value, labels = {}) => void found.push({ value, attributes: labels }));
    }
    const wanted = Object.entries(attributes);
    return found.filter((each) => wanted.every(([key, value]) => each.attributes[key] === value));
  }

  #of(instrument: Instrument): { value: number; attributes: Attributes }[] {
    this.#instruments.set(instrument.name, instrument);
    let values = this.#values.get(instrument.name);
    if (values === undefined) this.#values.set(instrument.name, values = []);
    return values;
  }
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
