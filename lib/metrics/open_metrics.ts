/**
 * The text format of OpenMetrics 1.0, which Prometheus reads. Names and units follow the rules of
 * OpenTelemetry for Prometheus: dots become underscores, a unit becomes the end of the name.
 *
 * @module
 */
import type { Attributes, Instrument } from "../runtime/telemetry.ts";
import type { Metric, Point } from "./series.ts";

/** The media type of the text. */
export const openMetricsType = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/** Units that a name ends with. Days, annotations such as `{message}` and `1` are not in a name. */
const units: Readonly<Record<string, string>> = { s: "seconds", By: "bytes" };

/** The name of an instrument in Prometheus, without the ending of its samples. */
export function metricName({ name, unit }: Instrument): string {
  const plain = name.replaceAll(/[^a-zA-Z0-9_]/g, "_");
  const ending = units[unit];
  return ending === undefined || plain.endsWith(`_${ending}`) ? plain : `${plain}_${ending}`;
}

/** The whole text. Each metric family may be in `metrics` once. */
export function openMetrics(metrics: Iterable<Metric>): string {
  const lines: string[] = [];
  for (const metric of metrics) family(metric, lines);
  lines.push("# EOF\n");
  return lines.join("\n");
}

function family(metric: Metric, lines: string[]): void {
  const { instrument, points, bounds } = metric;
  const name = metricName(instrument);
  const unit = units[instrument.unit];
  lines.push(`# TYPE ${name} ${instrument.kind}`);
  if (unit !== undefined) lines.push(`# UNIT ${name} ${unit}`);
  lines.push(`# HELP ${name} ${escaped(instrument.description)}`);
  for (const point of points) {
    const labels = labelsOf(instrument, point.attributes);
    if (instrument.kind === "histogram") histogram(name, labels, point, bounds, lines);
    else {
      const sample = instrument.kind === "counter" ? `${name}_total` : name;
      lines.push(`${sample}${braces(labels)} ${numberText(point.value)}`);
    }
  }
}

function histogram(
  name: string,
  labels: readonly string[],
  { buckets, count, value }: Point,
  bounds: readonly number[],
  lines: string[],
): void {
  let sum = 0;
  for (const [index, size] of buckets.entries()) {
    sum += size;
    const bound = index < bounds.length ? boundText(bounds[index]!) : "+Inf";
    lines.push(`${name}_bucket${braces([...labels, `le="${bound}"`])} ${sum}`);
  }
  lines.push(`${name}_count${braces(labels)} ${count}`);
  lines.push(`${name}_sum${braces(labels)} ${numberText(value)}`);
}

function labelsOf({ attributes = [] }: Instrument, values: Attributes): string[] {
  const names = "overflow" in values ? ["overflow"] : attributes;
  return names.filter((name) => values[name] !== undefined)
    .map((name) => `${name.replaceAll(/[^a-zA-Z0-9_]/g, "_")}="${escaped(String(values[name]))}"`);
}

function braces(labels: readonly string[]): string {
  return labels.length === 0 ? "" : `{${labels.join(",")}}`;
}

function escaped(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}

/** Bounds are written as floats, also whole ones: two texts of a number would be two series. */
function boundText(bound: number): string {
  return Number.isInteger(bound) ? `${bound}.0` : String(bound);
}

function numberText(value: number): string {
  if (value === Infinity) return "+Inf";
  return value === -Infinity ? "-Inf" : String(value);
}
