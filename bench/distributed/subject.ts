/** What is measured: structures of one system, as a program in another process uses them. */
export interface Subject {
  readonly name: string;
  /** Acquires a lock; what it resolves with releases it. */
  lock?(name: string): Promise<() => Promise<unknown>>;
  increment?(name: string): Promise<unknown>;
  set?(key: string, value: string): Promise<unknown>;
  get?(key: string): Promise<unknown>;
  enqueue?(value: string): Promise<unknown>;
  dequeue?(): Promise<unknown>;
}

/** Rate and times of an operation. */
export interface Measured {
  /** A second. */
  readonly rate: number;
  /** Microseconds. */
  readonly p50: number;
  readonly p99: number;
}

/** Runs an operation for a while, `width` at a time; each gets the number of its caller. */
export async function measured(
  operation: (caller: number) => Promise<unknown>,
  width: number,
  milliseconds: number,
): Promise<Measured> {
  const times: number[] = [];
  const begin = performance.now();
  // The first fifth warms up.
  const from = begin + milliseconds / 5;
  const end = begin + milliseconds;
  await Promise.all(Array.from({ length: width }, async (_, caller) => {
    for (let at = performance.now(); at < end;) {
      await operation(caller);
      const now = performance.now();
      if (at >= from) times.push((now - at) * 1_000);
      at = now;
    }
  }));
  times.sort((one, other) => one - other);
  return {
    rate: times.length / (performance.now() - from) * 1_000,
    p50: times[times.length >> 1]!,
    p99: times[Math.floor(times.length * 0.99)]!,
  };
}
