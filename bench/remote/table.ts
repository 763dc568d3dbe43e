import { median, text } from "../report.ts";
import type { Column, Value } from "./figures.ts";

/** Medians and best values of all rounds as a table in Markdown. */
export function markdown(values: readonly Value[]): string {
  const rows = [...new Set(values.map(({ row }) => row))];
  const lines = [
    "| figure | Casty | bare loop | raw socket | Casty of bare | Casty of raw |",
    "| --- | ---: | ---: | ---: | ---: | ---: |",
  ];
  for (const row of rows) {
    const of = (column: Column) =>
      values.filter((value) => value.row === row && value.column === column);
    const [casty, bare, raw] = [of("casty"), of("bare"), of("raw")];
    lines.push(
      `| ${row} | ${cell(casty)} | ${cell(bare)} | ${cell(raw)} | ` +
        `${share(casty, bare)} | ${share(casty, raw)} |`,
    );
  }
  return lines.join("\n");
}

/** Median and best. */
function cell(values: readonly Value[]): string {
  if (values.length === 0) return "";
  const numbers = values.map(({ value }) => value);
  return `${shown(median(numbers), values[0]!.unit)} / ${shown(best(values), values[0]!.unit)}`;
}

/** The ratio of two medians: as a percentage for rates, as a factor for times. */
function share(of: readonly Value[], limit: readonly Value[]): string {
  if (of.length === 0 || limit.length === 0) return "";
  const [value, most] = [of, limit].map((all) => median(all.map(({ value }) => value)));
  const ratio = value! / most!;
  return of[0]!.unit === "/s" ? `${(100 * ratio).toFixed(0)} %` : `${ratio.toFixed(2)} times`;
}

function best(values: readonly Value[]): number {
  const numbers = values.map(({ value }) => value);
  return values[0]!.unit === "/s" ? Math.max(...numbers) : Math.min(...numbers);
}

function shown(value: number, unit: Value["unit"]): string {
  if (unit === "count") return String(Math.round(value));
  return unit === "MiB" ? `${value.toFixed(0)} MiB` : text(value, unit);
}
