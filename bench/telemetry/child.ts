/** Measures one figure in its own process: `child.ts FIGURE off|metrics|otel`. Prints nanoseconds. */
import { MetricsTelemetry } from "../../metrics.ts";
import { otelTelemetry } from "../../otel.ts";
import { cpuTime, figures } from "./figures.ts";

const [key, kind] = Deno.args;
const figure = figures.find((figure) => figure.key === key);
if (figure === undefined) throw new Error(`there is no figure ${key}`);
const telemetry = kind === "metrics"
  ? new MetricsTelemetry()
  : kind === "otel"
  ? otelTelemetry()
  : undefined;
console.log(await cpuTime(figure, telemetry));
Deno.exit(0);
