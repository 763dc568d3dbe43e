/**
 * Metrics and traces with OpenTelemetry.
 *
 * @module
 */
export { otelTelemetry, type OtelTelemetryOptions } from "./lib/otel/otel_telemetry.ts";
