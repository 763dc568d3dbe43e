/** A message of about 100 bytes. */
export interface BenchEvent {
  readonly order: number;
  readonly text: string;
}

const filler = "x".repeat(80);

/** The message with a number. */
export function messageFor(order: number): BenchEvent {
  return { order, text: filler };
}
