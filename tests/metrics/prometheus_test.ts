import { assert, assertEquals } from "@std/assert";
import { ClusteredActorSystem } from "../../lib/clustered_actor_system.ts";
import { metricsHandler } from "../../lib/metrics/metrics_handler.ts";
import { MetricsTelemetry } from "../../lib/metrics/metrics_telemetry.ts";
import { silentLogger } from "../../lib/runtime/logger.ts";
import { dashboardQueries } from "./dashboard_queries.ts";

const program = "/usr/bin/prometheus";

function isInstalled(): boolean {
  try {
    return Deno.statSync(program).isFile;
  } catch {
    console.log("  skipped: no /usr/bin/prometheus (apt-get install prometheus)");
    return false;
  }
}

interface Answer<T> {
  readonly status: string;
  readonly error?: string;
  readonly data: T;
}

/** Asks again until there is an answer that is wanted, at most a minute. */
async function until<T>(url: string, wanted: (data: T) => boolean): Promise<T> {
  let last: unknown;
  for (let i = 0; i < 240; i++) {
    try {
      const answer: Answer<T> = await (await fetch(url)).json();
      last = answer;
      if (answer.status === "success" && wanted(answer.data)) return answer.data;
    } catch (error) {
      last = error;
    }
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
  throw new Error(`${url}: ${JSON.stringify(last)} ${last}`);
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

Deno.test({
  name: "Prometheus scrapes a node, and takes each query of the dashboard",
  ignore: !isInstalled(),
}, async () => {
  await using system = await ClusteredActorSystem.start({
    name: "scraped",
    host: "127.0.0.1",
    port: 0,
    stallDetection: false,
    logger: silentLogger,
    runtime: { telemetry: new MetricsTelemetry() },
  });
  await using server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    metricsHandler(system),
  );
  const folder = await Deno.makeTempDir({ prefix: "casty-prometheus-" });
  const port = freePort();
  await Deno.writeTextFile(
    `${folder}/prometheus.yml`,
    `global: { scrape_interval: 1s }
scrape_configs:
  - job_name: casty
    static_configs: [{ targets: ["127.0.0.1:${server.addr.port}"] }]
`,
  );
  const prometheus = new Deno.Command(program, {
    args: [
      `--config.file=${folder}/prometheus.yml`,
      `--storage.tsdb.path=${folder}/data`,
      `--web.listen-address=127.0.0.1:${port}`,
    ],
    stdout: "null",
    stderr: "null",
  }).spawn();
  try {
    const api = `http://127.0.0.1:${port}/api/v1`;
    type Targets = { activeTargets: { health: string; lastError: string }[] };
    const { activeTargets } = await until<Targets>(
      `${api}/targets`,
      ({ activeTargets: [target] }) => target !== undefined && target.health !== "unknown",
    );
    assertEquals(activeTargets.map(({ health, lastError }) => `${health} ${lastError}`), ["up "]);
    type Result = { result: { value: [number, string] }[] };
    const query = (text: string) => `${api}/query?query=${encodeURIComponent(text)}`;
    const { result } = await until<Result>(
      query('casty_membership_members{status="up"}'),
      ({ result }) => result.length > 0,
    );
    assertEquals(result.map(({ value: [, value] }) => value), ["1"]);
    for (const each of dashboardQueries()) {
      const text = each.replaceAll("$job", ".*").replaceAll("$__rate_interval", "1m");
      await until<Result>(query(text), () => true);
    }
    type Metadata = Record<string, { type: string; unit: string }[]>;
    const { data }: Answer<Metadata> = await (await fetch(`${api}/metadata`)).json();
    assertEquals(data["casty_ask_duration_seconds"]?.[0]?.type, "histogram");
    assertEquals(data["casty_ask_duration_seconds"]?.[0]?.unit, "seconds");
    assert(Object.keys(data).filter((name) => name.startsWith("casty_")).length > 15);
  } finally {
    prometheus.kill("SIGTERM");
    await prometheus.status;
    await Deno.remove(folder, { recursive: true });
  }
});
