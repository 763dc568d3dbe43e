/**
 * A node and a client in one process, which record with an SDK of OpenTelemetry: `sdk_child.ts
 * SAMPLED`. Prints the spans and the names of the metrics as JSON.
 */
import process from "node:process";
import { context, metrics, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from "@opentelemetry/sdk-metrics";
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  InMemorySpanExporter,
  ParentBasedSampler,
  SimpleSpanProcessor,
  TracerProvider,
} from "@opentelemetry/sdk-trace";
import { type ActorRef, Behaviors, ClusteredActorSystem } from "@casty/casty";
import { ClusterClient } from "@casty/casty/client";
import { otelTelemetry } from "@casty/casty/otel";
import { memoryJournal } from "@casty/casty/persistence";

type Deposit = { readonly amount: number; readonly replyTo: ActorRef<number> };

const root = process.argv[2] === "true" ? new AlwaysOnSampler() : new AlwaysOffSampler();
const spans = new InMemorySpanExporter();
const points = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
const reader = new PeriodicExportingMetricReader({ exporter: points });
context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
trace.setGlobalTracerProvider(
  new TracerProvider({
    sampler: new ParentBasedSampler({ root }),
    spanProcessors: [new SimpleSpanProcessor({ exporter: spans })],
  }),
);
metrics.setGlobalMeterProvider(new MeterProvider({ readers: [reader] }));

const runtime = { telemetry: otelTelemetry() };
const system = await ClusteredActorSystem.start({
  name: "otel",
  host: "127.0.0.1",
  port: 0,
  stallDetection: false,
  runtime,
  persistence: { journal: memoryJournal() },
});
const tracer = trace.getTracer("program");
const account = () =>
  Behaviors.eventSourced<Deposit, number, number>({
    initial: 0,
    onCommand: async (_context, _balance, { amount, replyTo }, effect) => {
      await new Promise((resolve) => setTimeout(resolve, 1));
      tracer.startSpan("own span after an await").end();
      return effect.persist(amount).thenReply(replyTo, (after) => after);
    },
    onEvent: (balance, amount) => balance + amount,
  });
system.spawn(Behaviors.sharded(account, { numShards: 4 }), "accounts");
const client = await ClusterClient.connect({
  contactPoints: [system.address],
  systemName: "otel",
  runtime,
});
const accounts = client.entityRef<Deposit>("accounts", { numShards: 4 });
for (const expected of [5, 10]) {
  const balance = await tracer.startActiveSpan("program", async (span) => {
    const ask = accounts.entity("alice").ask(
      (replyTo: ActorRef<number>): Deposit => ({ amount: 5, replyTo }),
      { timeout: 60_000 },
    );
    return await ask.finally(() => span.end());
  });
  if (balance !== expected) throw new Error(`balance ${balance}`);
}
await reader.forceFlush();
await client.close();
await system.shutdown();
const measured = points.getMetrics().flatMap(({ scopeMetrics }) => scopeMetrics)
  .flatMap(({ metrics }) => metrics).map(({ descriptor: { name } }) => name);
console.log(JSON.stringify({
  spans: spans.getFinishedSpans().map((span) => ({
    name: span.name,
    traceId: span.spanContext().traceId,
    spanId: span.spanContext().spanId,
    parentSpanId: span.parentSpanContext?.spanId,
  })),
  metrics: [...new Set(measured)],
}));
process.exit(0);
