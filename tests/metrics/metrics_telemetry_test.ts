import { assert, assertEquals, assertThrows } from "@std/assert";
import { ActorSystem } from "../../lib/actor/system/actor_system.ts";
import { Behaviors } from "../../lib/behaviors.ts";
import { metricsHandler } from "../../lib/metrics/metrics_handler.ts";
import { MetricsTelemetry } from "../../lib/metrics/metrics_telemetry.ts";
import { metricName } from "../../lib/metrics/open_metrics.ts";
import { maxSets } from "../../lib/metrics/series.ts";
import { OptionError } from "../../lib/options/option_error.ts";
import { instruments } from "../../lib/runtime/instruments.ts";
import type { Instrument } from "../../lib/runtime/telemetry.ts";

const jobs: Instrument = {
  name: "shop.jobs",
  kind: "counter",
  unit: "{job}",
  description: 'Jobs that are "done".',
  attributes: ["type"],
};

Deno.test("counters, gauges and histograms are OpenMetrics text", () => {
  const telemetry = new MetricsTelemetry();
  const counter = telemetry.counter(jobs);
  counter.add(2, { type: "print" });
  telemetry.counter(jobs).add(1, { type: "print" });
  counter.add(0.5, { type: 'a"b\\c\nd', other: "left out" });
  telemetry.gauge(
    { name: "shop.size", kind: "gauge", unit: "By", description: "Size." },
    (observe) => observe(7),
  );
  const times = telemetry.histogram({
    name: "shop.job.duration",
    kind: "histogram",
    unit: "s",
    description: "Time.",
  });
  for (const value of [0.0001, 0.3, 1, 99]) times.record(value);
  assertEquals(telemetry.text().split("\n"), [
    "# TYPE shop_jobs counter",
    '# HELP shop_jobs Jobs that are \\"done\\".',
    'shop_jobs_total{type="print"} 3',
    'shop_jobs_total{type="a\\"b\\\\c\\nd"} 0.5',
    "# TYPE shop_job_duration_seconds histogram",
    "# UNIT shop_job_duration_seconds seconds",
    "# HELP shop_job_duration_seconds Time.",
    'shop_job_duration_seconds_bucket{le="0.0001"} 1',
    'shop_job_duration_seconds_bucket{le="0.0005"} 1',
    'shop_job_duration_seconds_bucket{le="0.001"} 1',
    'shop_job_duration_seconds_bucket{le="0.005"} 1',
    'shop_job_duration_seconds_bucket{le="0.01"} 1',
    'shop_job_duration_seconds_bucket{le="0.05"} 1',
    'shop_job_duration_seconds_bucket{le="0.1"} 1',
    'shop_job_duration_seconds_bucket{le="0.5"} 2',
    'shop_job_duration_seconds_bucket{le="1.0"} 3',
    'shop_job_duration_seconds_bucket{le="5.0"} 3',
    'shop_job_duration_seconds_bucket{le="10.0"} 3',
    'shop_job_duration_seconds_bucket{le="+Inf"} 4',
    "shop_job_duration_seconds_count 4",
    "shop_job_duration_seconds_sum 100.3001",
    "# TYPE shop_size_bytes gauge",
    "# UNIT shop_size_bytes bytes",
    "# HELP shop_size_bytes Size.",
    "shop_size_bytes 7",
    "# EOF",
    "",
  ]);
});

Deno.test("labels without end do not make series without end", () => {
  const telemetry = new MetricsTelemetry();
  const counter = telemetry.counter(jobs);
  for (let i = 0; i < maxSets + 500; i++) counter.add(1, { type: `type-${i}` });
  const samples = telemetry.text().split("\n").filter((line) => line.startsWith("shop_jobs_total"));
  assertEquals(samples.length, maxSets + 1);
  assertEquals(samples.at(-1), 'shop_jobs_total{overflow="true"} 500');
});

Deno.test("a gauge that is removed is gone, and one that throws costs its own value only", () => {
  const telemetry = new MetricsTelemetry();
  const gauge = { name: "shop.open", kind: "gauge", unit: "1", description: "Open." } as const;
  const remove = telemetry.gauge(gauge, (observe) => observe(1));
  telemetry.gauge({ ...gauge, name: "shop.broken" }, () => {
    throw new Error("broken");
  });
  assert(telemetry.text().includes("\nshop_open 1\n"));
  remove();
  assert(!telemetry.text().includes("shop_open"));
});

Deno.test("a name of ours has one metric, and only characters that Prometheus takes", () => {
  const names = Object.values<Instrument>(instruments).map(metricName);
  assertEquals(new Set(names).size, names.length);
  assertEquals(names.filter((name) => !/^casty(_[a-z]+)+$/.test(name)), []);
  assertEquals(metricName(instruments.remoteBytes), "casty_remoting_bytes");
  assertEquals(metricName(instruments.askDuration), "casty_ask_duration_seconds");
});

Deno.test("metricsHandler serves the metrics of a system", async () => {
  const telemetry = new MetricsTelemetry();
  await using system = new ActorSystem({ runtime: { telemetry } });
  const ref = system.spawn(Behaviors.ignore(), "sink");
  ref.tell("hello");
  for (const source of [system, telemetry]) {
    const metrics = metricsHandler(source);
    const response = metrics(new Request("http://127.0.0.1/metrics"));
    assertEquals(
      response.headers.get("content-type"),
      "application/openmetrics-text; version=1.0.0; charset=utf-8",
    );
    const text = await response.text();
    assert(text.includes("\ncasty_actor_messages_sent 1\n"), text);
    assert(text.endsWith("\n# EOF\n"));
    assertEquals(text.split("# EOF").length, 2);
    const post = metrics(new Request("http://127.0.0.1/metrics", { method: "POST" }));
    assertEquals(post.status, 405);
  }
});

Deno.test("metricsHandler refuses a system that measures nothing", async () => {
  await using system = new ActorSystem();
  const error = assertThrows(() => metricsHandler(system), OptionError);
  assertEquals(error.option, "runtime.telemetry");
});
