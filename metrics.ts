/**
 * Metrics as OpenMetrics text, for Prometheus, without an SDK.
 *
 * @module
 */
export { metricsHandler, type MetricsSource } from "./lib/metrics/metrics_handler.ts";
export { MetricsTelemetry } from "./lib/metrics/metrics_telemetry.ts";
