/** Measurements of a subject that can tell and ask. */

/** A counter in another process. */
export interface Counter {
  tell(text: string): void;
  ask(text: string): Promise<number>;
}

/** Messages of a flood. */
export interface Flood {
  readonly text: string;
  /** A multiple of `perAsk`. */
  readonly tells: number;
  readonly perAsk: number;
  /** The number of tells after which the producer yields. Default 1,000. */
  readonly perTurn?: number;
}

/** The number of asks of a flood that may be pending. */
const unanswered = 3;

/**
 * Tells per second. The producer asks for the count at intervals, so that never more than
 * `unanswered` asks and the tells before them are in flight. Without that limit it would exceed the
 * send queue, and the surplus messages would be dead letters.
 */
export async function floodRate(counter: Counter, flood: Flood): Promise<number> {
  const { text, tells, perAsk, perTurn = 1_000 } = flood;
  const before = await counter.ask("");
  const pending: Promise<number>[] = [];
  const begin = performance.now();
  for (let sent = 1; sent <= tells; sent++) {
    counter.tell(text);
    if (sent % perAsk === 0) {
      pending.push(counter.ask(""));
      if (pending.length > unanswered) await pending.shift();
    } else if (sent % perTurn === 0) {
      await nextTurn();
    }
  }
  const after = (await Promise.all(pending)).at(-1)!;
  const took = performance.now() - begin;
  if (after - before !== tells) throw new Error(`${after - before} of ${tells} tells arrived`);
  return tells / (took / 1_000);
}

/** The result of a measurement of asks. */
export interface Asking {
  /** Asks per second. */
  readonly rate: number;
  /** Microseconds. */
  readonly p50: number;
  readonly p99: number;
}

/** Asks `total` times, `width` at once. */
export async function asking(counter: Counter, total: number, width: number): Promise<Asking> {
  const text = "x".repeat(64);
  const times: number[] = [];
  let left = total;
  const worker = async () => {
    while (left-- > 0) {
      const begin = performance.now();
      await counter.ask(text);
      times.push((performance.now() - begin) * 1_000);
    }
  };
  const begin = performance.now();
  await Promise.all(Array.from({ length: width }, worker));
  const rate = total / ((performance.now() - begin) / 1_000);
  return { rate, p50: quantile(times, 0.5), p99: quantile(times, 0.99) };
}

/** The given quantile of the values. */
export function quantile(values: readonly number[], part: number): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length * part)]!;
}

/** Yields to sockets and timers. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
