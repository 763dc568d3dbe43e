import {
  type Context,
  context,
  type Meter,
  metrics,
  type ObservableResult,
  ROOT_CONTEXT,
  type Span as ApiSpan,
  type SpanContext,
  SpanKind as ApiSpanKind,
  SpanStatusCode,
  trace,
  TraceFlags,
  type Tracer,
} from "@opentelemetry/api";
import { resolveOptions } from "../options/check_options.ts";
import { otelTelemetryTable } from "../options/tables/telemetry_tables.ts";
import type {
  Counter,
  Histogram,
  Instrument,
  Observe,
  Span,
  SpanKind,
  SpanOptions,
  Telemetry,
} from "../runtime/telemetry.ts";
import type { TraceContext } from "../runtime/trace_context.ts";

/** Options of {@linkcode otelTelemetry}. */
export interface OtelTelemetryOptions {
  /** Name of the instrumentation scope of all metrics and spans. Default `"casty"`. */
  readonly scope?: string;
}

const kinds: Readonly<Record<SpanKind, ApiSpanKind>> = {
  internal: ApiSpanKind.INTERNAL,
  client: ApiSpanKind.CLIENT,
  server: ApiSpanKind.SERVER,
  producer: ApiSpanKind.PRODUCER,
  consumer: ApiSpanKind.CONSUMER,
};

/**
 * Telemetry that records with the API of OpenTelemetry: what it records goes where the SDK of the
 * process sends it. On Deno the built-in exporter is one (`OTEL_DENO=true`), on Node any SDK. Without
 * one nothing is recorded. Register the SDK before this is called.
 *
 * Spans of the program and of its libraries become children of the handler that they run in, and an ask
 * is a child of the span that it is sent in, where the SDK has a context manager.
 *
 * @throws {OptionError}
 *
 * @example
 * ```ts
 * import { ActorSystem, Behaviors } from "@casty/casty";
 * import { otelTelemetry } from "@casty/casty/otel";
 *
 * await using system = new ActorSystem({ runtime: { telemetry: otelTelemetry() } });
 * system.spawn(Behaviors.ignore(), "sink").tell("hello");
 * ```
 */
export function otelTelemetry(options: OtelTelemetryOptions = {}): Telemetry {
  const { scope } = resolveOptions(otelTelemetryTable, options);
  return new OtelTelemetry(metrics.getMeter(scope), trace.getTracer(scope));
}

class OtelTelemetry implements Telemetry {
  readonly enabled = true;
  readonly #meter: Meter;
  readonly #tracer: Tracer;
  readonly #counters = new Map<string, Counter>();
  readonly #histograms = new Map<string, Histogram>();
  /** The spans of this process by their contexts, so that the active span can be written to. */
  readonly #spans = new WeakMap<TraceContext, ApiSpan>();

  constructor(meter: Meter, tracer: Tracer) {
    this.#meter = meter;
    this.#tracer = tracer;
  }

  counter({ name, unit, description }: Instrument): Counter {
    let counter = this.#counters.get(name);
    if (counter === undefined) {
      counter = this.#meter.createCounter(name, { unit, description });
      this.#counters.set(name, counter);
    }
    return counter;
  }

  histogram({ name, unit, description }: Instrument): Histogram {
    let histogram = this.#histograms.get(name);
    if (histogram === undefined) {
      const recorder = this.#meter.createHistogram(name, { unit, description });
      // The API knows no weights: what stands for many is recorded once.
      histogram = { record: (value, attributes) => recorder.record(value, attributes) };
      this.#histograms.set(name, histogram);
    }
    return histogram;
  }

  gauge(
    { name, kind, unit, description }: Instrument,
    read: (observe: Observe) => void,
  ): () => void {
    const gauge = kind === "counter"
      ? this.#meter.createObservableCounter(name, { unit, description })
      : this.#meter.createObservableGauge(name, { unit, description });
    const collect = (result: ObservableResult) => {
      read((value, attributes) => result.observe(value, attributes));
    };
    gauge.addCallback(collect);
    return () => gauge.removeCallback(collect);
  }

  startSpan(
    name: string,
    { kind = "internal", parent, links, attributes }: SpanOptions = {},
  ): Span {
    const span = this.#tracer.startSpan(
      name,
      {
        kind: kinds[kind],
        ...(attributes && { attributes }),
        ...(links && { links: links.map((link) => ({ context: apiContextOf(link) })) }),
      },
      parent === undefined ? context.active() : this.#contextOf(parent),
    );
    const { traceId, spanId, traceFlags } = span.spanContext();
    const own = { traceId, spanId, sampled: (traceFlags & TraceFlags.SAMPLED) !== 0 };
    this.#spans.set(own, span);
    let ended = false;
    return {
      context: own,
      set: (key, value) => void span.setAttribute(key, value),
      fail: (error) => {
        span.recordException(error instanceof Error ? error : String(error));
        span.setStatus({ code: SpanStatusCode.ERROR, message: String(error) });
      },
      end: () => {
        if (ended) return;
        ended = true;
        span.end();
      },
    };
  }

  with<T>(within: TraceContext | undefined, task: () => T): T {
    return context.with(within === undefined ? ROOT_CONTEXT : this.#contextOf(within), task);
  }

  active(): TraceContext | undefined {
    const active = trace.getSpanContext(context.active());
    if (active === undefined) return undefined;
    const { traceId, spanId, traceFlags } = active;
    return { traceId, spanId, sampled: (traceFlags & TraceFlags.SAMPLED) !== 0 };
  }

  #contextOf(within: TraceContext): Context {
    const span = this.#spans.get(within);
    if (span !== undefined) return trace.setSpan(ROOT_CONTEXT, span);
    return trace.setSpanContext(ROOT_CONTEXT, apiContextOf(within));
  }
}

/** The context of a span that may be one of another process. */
function apiContextOf({ traceId, spanId, sampled }: TraceContext): SpanContext {
  const traceFlags = sampled ? TraceFlags.SAMPLED : TraceFlags.NONE;
  return { traceId, spanId, traceFlags, isRemote: true };
}
