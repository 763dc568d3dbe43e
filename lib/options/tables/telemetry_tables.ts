import { option, optionTable, text } from "../option.ts";

/** `otelTelemetry(...)`. */
export const otelTelemetryTable = optionTable("otelTelemetry", {
  scope: option(text(1, 200), {
    default: "casty",
    text: "Name of the instrumentation scope of all metrics and spans.",
  }),
});
