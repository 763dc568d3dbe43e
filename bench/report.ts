/** One measured figure of one run. */
export interface Row {
  /** The name of the figure, the same in every run. */
  readonly name: string;
  readonly value: number;
  readonly unit: Unit;
}

/** `"/s"`: more is better; `"us"` and `"B"`: less is better. */
export type Unit = "/s" | "us" | "B";

/** Prints median and best of each figure, with the machine and the versions. */
export function printRows(title: string, rows: readonly Row[]): void {
  const byName = new Map<string, Row[]>();
  for (const row of rows) byName.set(row.name, [...byName.get(row.name) ?? [], row]);
  console.log(`\n## ${title}\n`);
  console.log(`${machine()}\n`);
  console.log("| figure | median | best | runs |");
  console.log("| --- | ---: | ---: | ---: |");
  for (const [name, runs] of byName) {
    const values = runs.map(({ value }) => value);
    const { unit } = runs[0]!;
    const [middle, top] = [text(median(values), unit), text(best(values, unit), unit)];
    console.log(`| ${name} | ${middle} | ${top} | ${runs.length} |`);
  }
}

/** The median; of an even number of values the upper of the two. */
export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!;
}

/** The best value. */
export function best(values: readonly number[], unit: Unit): number {
  return unit === "/s" ? Math.max(...values) : Math.min(...values);
}

/** Cores, processor and versions in one line. */
export function machine(): string {
  let model = "unknown processor";
  try {
    const info = Deno.readTextFileSync("/proc/cpuinfo");
    model = /model name\s*:\s*(.+)/.exec(info)?.[1] ?? model;
  } catch {
    // Not Linux: the model stays unknown.
  }
  const { deno, v8 } = Deno.version;
  return `${navigator.hardwareConcurrency} cores, ${model}; Deno ${deno}, V8 ${v8}, ${Deno.build.target}`;
}

/** How busy the machine is, as text. */
export function loadAverage(): string {
  return `load average ${Deno.loadavg()[0]!.toFixed(1)}`;
}

/** A value with its unit as text. */
export function text(value: number, unit: Unit): string {
  if (unit === "us" && value >= 100_000) return `${(value / 1_000).toFixed(0)} ms`;
  if (unit === "us" && value >= 1_000) return `${(value / 1_000).toFixed(1)} ms`;
  if (unit === "us") return `${value.toFixed(1)} us`;
  if (unit === "B") return `${Math.round(value)} B`;
  if (value >= 1e6) return `${(value / 1e6).toFixed(2)}M/s`;
  return value >= 1e3 ? `${(value / 1e3).toFixed(1)}k/s` : `${value.toFixed(0)}/s`;
}
