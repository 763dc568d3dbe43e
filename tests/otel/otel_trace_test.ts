import { assert, assertEquals } from "@std/assert";

interface OtlpSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
}

/** The lists below a key of each element. */
function below<T>(items: unknown, key: string): T[] {
  return (items as Record<string, T[]>[] | undefined ?? []).flatMap((item) => item[key] ?? []);
}

Deno.test({
  name:
    "an ask of a client, its entity and the append of its events are one tree at an OTLP receiver",
  // Deno's exporter in this process must not take part.
  sanitizeResources: false,
  sanitizeOps: false,
}, async () => {
  const spans: OtlpSpan[] = [];
  const metrics = new Set<string>();
  const receiver = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    async (request) => {
      const body = await request.json();
      for (const scope of below(body.resourceSpans, "scopeSpans")) {
        spans.push(...below<OtlpSpan>([scope], "spans"));
      }
      for (const scope of below(body.resourceMetrics, "scopeMetrics")) {
        for (const { name } of below<{ name: string }>([scope], "metrics")) metrics.add(name);
      }
      return Response.json({});
    },
  );
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", new URL("otel_child.ts", import.meta.url).pathname],
    env: {
      OTEL_DENO: "true",
      OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${receiver.addr.port}`,
      OTEL_METRIC_EXPORT_INTERVAL: "200",
    },
  }).output();
  await receiver.shutdown();
  assertEquals(code, 0, new TextDecoder().decode(stderr));

  const asks = spans.filter(({ name }) => name.startsWith("ask "));
  assertEquals(asks.length, 2, JSON.stringify(spans.map(({ name }) => name)));
  for (const ask of asks) {
    const tree = spans.filter(({ traceId }) => traceId === ask.traceId);
    const childOf = (parent: OtlpSpan) =>
      tree.filter(({ parentSpanId }) => parentSpanId === parent.spanId);
    assert(!ask.parentSpanId, "the ask is the root");
    const [handled] = childOf(ask);
    assertEquals(handled?.name, "handle /_region-accounts");
    assertEquals(childOf(handled!).map(({ name }) => name), ["append"]);
    assertEquals(tree.length, 3, JSON.stringify(tree));
  }
  assert(metrics.has("casty.actor.handler.duration"), [...metrics].join());
});
