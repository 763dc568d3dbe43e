/** Rows as text in columns; the first row is the heading. No space at the end of a line. */
export function tableText(rows: readonly (readonly (string | number | undefined)[])[]): string {
  const texts = rows.map((row) => row.map((cell) => cell === undefined ? "-" : String(cell)));
  const widths: number[] = [];
  for (const row of texts) {
    row.forEach((cell, index) => widths[index] = Math.max(widths[index] ?? 0, cell.length));
  }
  return texts.map((row) =>
    `${row.map((cell, index) => cell.padEnd(widths[index]!)).join("  ").trimEnd()}\n`
  ).join("");
}

/** `1 member`, `2 members`. */
export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}

/** A span of milliseconds, such as `3 d 4 h` or `12 s`. */
export function spanText(ms: number): string {
  const seconds = Math.floor(ms / 1_000);
  const parts = [
    [Math.floor(seconds / 86_400), "d"],
    [Math.floor(seconds / 3_600) % 24, "h"],
    [Math.floor(seconds / 60) % 60, "min"],
    [seconds % 60, "s"],
  ] as const;
  const first = parts.findIndex(([number]) => number > 0);
  if (first < 0) return "0 s";
  return parts.slice(first, first + 2).map(([number, unit]) => `${number} ${unit}`).join(" ");
}
