import { OptionError } from "../options/option_error.ts";
import { originalTelemetry } from "../runtime/safe_telemetry.ts";
import type { Telemetry } from "../runtime/telemetry.ts";
import { MetricsTelemetry } from "./metrics_telemetry.ts";
import { openMetricsType } from "./open_metrics.ts";

/** What has metrics: an `ActorSystem` or a `ClusteredActorSystem`. */
export interface MetricsSource {
  /** Its runtime. */
  readonly runtime: { readonly telemetry?: Telemetry };
}

/**
 * Serves what a {@linkcode MetricsTelemetry} has measured, as OpenMetrics text, which Prometheus
 * scrapes: give it to `Deno.serve`. It answers `GET` and `HEAD` of any path; other methods are 405.
 * The text names actors and shard types: serve it at a port that only the scraper reaches.
 *
 * @param source the telemetry, or the system or node that was given it as `runtime.telemetry`.
 * @throws {OptionError} the system has no such telemetry.
 *
 * @example
 * ```ts
 * import { ClusteredActorSystem } from "@casty/casty";
 * import { metricsHandler, MetricsTelemetry } from "@casty/casty/metrics";
 *
 * await using system = await ClusteredActorSystem.start({
 *   name: "example",
 *   host: "127.0.0.1",
 *   port: 0,
 *   runtime: { telemetry: new MetricsTelemetry() },
 * });
 * const metrics = metricsHandler(system);
 * await using server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, metrics);
 * const response = await fetch(`http://127.0.0.1:${server.addr.port}/metrics`);
 * console.assert((await response.text()).includes('casty_membership_members{status="up"} 1\n'));
 * ```
 */
export function metricsHandler(
  source: MetricsSource | MetricsTelemetry,
): (request: Request) => Response {
  const telemetry = source instanceof MetricsTelemetry
    ? source
    : originalTelemetry(source.runtime.telemetry);
  if (!(telemetry instanceof MetricsTelemetry)) {
    throw new OptionError("runtime.telemetry", "the system has no MetricsTelemetry to serve", {
      value: telemetry,
      remedy: "create it with runtime: { telemetry: new MetricsTelemetry() }",
    });
  }
  return ({ method }) => {
    if (method !== "GET" && method !== "HEAD") {
      return new Response(null, { status: 405, headers: { allow: "GET, HEAD" } });
    }
    return new Response(method === "HEAD" ? null : telemetry.text(), {
      headers: { "content-type": openMetricsType, "cache-control": "no-store" },
    });
  };
}
