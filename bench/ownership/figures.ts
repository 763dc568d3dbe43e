/** A measured figure, and what it must be. */
export interface Figure {
  readonly name: string;
  /** `NaN`: nothing was measured, which meets no target. */
  readonly value: number;
  /** Default: a count. */
  readonly unit?: "ms";
  /** Default: it is shown only. */
  readonly target?: Target;
}

/** The bound of a figure. */
export type Target = { readonly below: number } | { readonly atMost: number };

/** Whether the figure meets its target; one without a target does. */
export function holds({ value, target }: Figure): boolean {
  if (target === undefined) return true;
  return "below" in target ? value < target.below : value <= target.atMost;
}

/** The figure beside its target, as one line. */
export function figureLine(figure: Figure): string {
  const { name, value, unit = "", target } = figure;
  const shown = Number.isNaN(value) ? "not measured" : `${Math.round(value * 10) / 10} ${unit}`;
  const cells = [`  ${name.padEnd(52)}`, shown.trimEnd().padStart(14)];
  if (target !== undefined) {
    const bound = "below" in target ? `below ${target.below}` : `at most ${target.atMost}`;
    cells.push(`  target ${`${bound} ${unit}`.trimEnd().padEnd(16)}`);
    cells.push(holds(figure) ? "holds" : "MISSED");
  }
  return cells.join(" ").trimEnd();
}

/** Prints the figures. Returns whether all meet their targets. */
export function report(figures: readonly Figure[], tell: (line: string) => void): boolean {
  for (const figure of figures) tell(figureLine(figure));
  return figures.every(holds);
}

/** The given quantile of the values; `NaN` if there are none. */
export function percentile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? NaN;
}
