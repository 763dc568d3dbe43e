import { assert, assertEquals } from "@std/assert";
import { metricName } from "../../lib/metrics/open_metrics.ts";
import { instruments } from "../../lib/runtime/instruments.ts";
import type { Instrument } from "../../lib/runtime/telemetry.ts";
import { dashboardQueries } from "./dashboard_queries.ts";

const endings = { counter: ["_total"], gauge: [""], histogram: ["_bucket", "_count", "_sum"] };

Deno.test("each metric and label of the Grafana dashboard exists", () => {
  const samples = new Map<string, readonly string[]>();
  for (const instrument of Object.values<Instrument>(instruments)) {
    for (const ending of endings[instrument.kind]) {
      samples.set(metricName(instrument) + ending, instrument.attributes ?? []);
    }
  }
  const queries = dashboardQueries();
  assert(queries.length > 20, `only ${queries.length} queries were found`);
  const wrong: string[] = [];
  for (const query of queries) {
    const [name] = /casty_\w+/.exec(query) ?? [];
    const labels = samples.get(name ?? "");
    if (labels === undefined) {
      wrong.push(`${name} in ${query}`);
      continue;
    }
    const [, grouped = ""] = /by \(([^)]*)\)/.exec(query) ?? [];
    for (const label of grouped.split(", ").filter((each) => each !== "")) {
      const known = ["job", "instance", "le", ...labels].includes(label);
      if (!known) wrong.push(`label ${label} in ${query}`);
    }
  }
  assertEquals(wrong, []);
});

Deno.test("each metric has a place in the Grafana dashboard", () => {
  const shown = new Set(dashboardQueries().map((query) => /casty_\w+/.exec(query)?.[0]));
  const missing = Object.values<Instrument>(instruments)
    .filter((each) => !endings[each.kind].some((end) => shown.has(metricName(each) + end)));
  assertEquals(missing.map(({ name }) => name), []);
});
