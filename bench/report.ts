/** One measured figure of one run. */
export interface Row {
  /** What was measured, the same text in every run. */
  readonly name: string;
  readonly value: number;
  /** `"/s"`: more is better; `"us"` and `"B"`: less is better. */
  readonly unit: "/s" | "us" | "B";
}

/** Prints median and best of each figure, with the machine and the versions. */
export function printRows(title: string, rows: readonly Row[]): void {
  const byName = new Map<string, Row[]>();
  for (const row of rows) byName.set(row.name, [...byName.get(row.name) ?? [], row]);
  console.log(`\n## ${title}\n`);
  console.log(`${machine()}\n`);
  console.log("| figure | median | best | runs |");
  console.log("| --- | ---: | ---: | ---: |");
  for (const [name, runs] of byName) {
    const sorted = runs.map(({ value }) => value).toSorted((a, b) => a - b);
    const { unit } = runs[0]!;
    const median = sorted[sorted.length >> 1]!;
    const best = unit === "/s" ? sorted.at(-1)! : sorted[0]!;
    console.log(`| ${name} | ${text(median, unit)} | ${text(best, unit)} | ${runs.length} |`);
  }
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

function text(value: number, unit: Row["unit"]): string {
  if (unit === "us") return `${value.toFixed(1)} us`;
  if (unit === "B") return `${Math.round(value)} B`;
  if (value >= 1e6) return `${(value / 1e6).toFixed(2)}M/s`;
  return value >= 1e3 ? `${(value / 1e3).toFixed(1)}k/s` : `${value.toFixed(0)}/s`;
}
