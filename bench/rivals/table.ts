import type { Figure } from "../local/figures.ts";
import { best, median, text, type Unit } from "../report.ts";
import type { Column } from "./subjects.ts";

/** The values of one cell, one per run; undefined if the subject does not support the figure. */
export type Values = readonly number[] | undefined;

/** The measured values, in rows of figures and columns of subjects. */
export interface Table {
  readonly figures: readonly Figure[];
  readonly columns: readonly Column[];
  values(figure: Figure, column: Column): Values;
}

/**
 * The table in Markdown: median / best, the ratio to the limit, and the ratio to the best rival.
 */
export function markdown(table: Table): string {
  const { figures, columns } = table;
  const head = [
    "figure",
    ...columns.map(({ title }) => title),
    "Casty of the limit",
    "ahead of the best rival",
  ];
  const rows = figures.map((figure) => [
    figure.title,
    ...columns.map((column) => {
      const values = table.values(figure, column);
      return values === undefined ? "-" : cell(values, figure.unit);
    }),
    ofTheLimit(table, figure),
    besideRivals(table, figure),
  ]);
  const lines = [head, head.map((_, i) => i === 0 ? "---" : "---:"), ...rows];
  return lines.map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

/** The ratio of the medians of each variant of Casty and the limit. */
function ofTheLimit(table: Table, figure: Figure): string {
  const limit = table.columns.find(({ key }) => key === "bare");
  const limits = limit && table.values(figure, limit);
  // Timer lateness depends on yielding to the event loop, not on the speed of the engine.
  if (limits === undefined || figure.unit === "us") return "-";
  return variants(table.columns).map((column) => {
    const values = table.values(figure, column);
    return values === undefined ? "-" : share(median(values) / median(limits), figure.unit);
  }).join(" / ");
}

/** The factor by which the first variant of Casty is better than the best rival. */
function besideRivals(table: Table, figure: Figure): string {
  const casty = variants(table.columns)[0];
  const values = casty && table.values(figure, casty);
  if (values === undefined) return "-";
  const more = figure.unit === "/s";
  const rivals = table.columns.filter(({ rival }) => rival !== undefined)
    .flatMap((column) => {
      const values = table.values(figure, column);
      return values === undefined ? [] : [{ title: column.rival!, value: median(values) }];
    })
    .toSorted((a, b) => more ? b.value - a.value : a.value - b.value);
  const [first] = rivals;
  if (first === undefined) return "-";
  const ahead = more ? median(values) / first.value : first.value / median(values);
  return `${ahead.toFixed(ahead < 10 ? 1 : 0)} times (${first.title})`;
}

function variants(columns: readonly Column[]): Column[] {
  return columns.filter(({ key, rival }) => key !== "bare" && rival === undefined);
}

function share(part: number, unit: Unit): string {
  return unit === "/s" ? `${(part * 100).toFixed(0)} %` : `${part.toFixed(1)} times`;
}

function cell(values: readonly number[], unit: Unit): string {
  return `${text(median(values), unit)} / ${text(best(values, unit), unit)}`;
}
