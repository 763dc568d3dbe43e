/** Something in a program that keeps its contracts from being read. */
export interface Problem {
  /** Path of the module. */
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** Which contract, and where in it. */
  readonly place: string;
  /** What is wrong. */
  readonly text: string;
  readonly remedy: string;
}

/** Such as `src/account.ts:12: durable account, event: ...; ...`. */
export function problemText({ file, line, place, text, remedy }: Problem): string {
  return `${file}:${line}: ${place}: ${text}; ${remedy}`;
}
