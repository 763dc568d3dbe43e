/** What is measured of everything that can tell and ask. */

/** Somebody who counts, in another process. */
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
  /** After so many the producer lets others come to their turn. Default 1,000. */
  readonly perTurn?: number;
}

/** Asks of a flood that may wait for their answer. */
const unanswered = 3;

/**
 * Tells a second. Asks now and then how many have arrived, so that never more than `unanswered` asks
 * and the tells before them are under way: a producer that does not look overruns the send queue,
 * and what does not fit there is a dead letter.
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

/** How asks went. */
export interface Asking {
  /** Asks a second. */
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

/** The value below which a part of the values lies. */
export function quantile(values: readonly number[], part: number): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length * part)]!;
}

/** Lets sockets and timers come to their turn. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
