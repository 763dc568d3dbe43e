/**
 * Asks at a fixed rate, whatever the answers do, and how long they took by class: of entities that
 * moved to another node meanwhile, and of all others.
 *
 * @module
 */
import type { Figure, Target } from "./figures.ts";
import { percentile } from "./figures.ts";
import { targets } from "./targets.ts";

/** One ask. Times in milliseconds. */
export interface AskSample {
  readonly id: string;
  /** When it was sent. */
  readonly at: number;
  /** Until the answer, or until it failed. */
  readonly ms: number;
  /** The instance of the entity that has answered; a restarted or moved entity is another one. */
  readonly instance?: string;
  /** Why it failed. */
  readonly failure?: string;
}

/** Asks an entity once; resolves with the instance that has answered. */
export type AskOnce = (id: string) => Promise<string>;

/** How often the rate is caught up with, milliseconds. */
const pulse = 5;
/** Asks without an answer, at most; more are not sent and count as failed. */
const maxOpen = 20_000;

/** Sends asks to entities in turn at a fixed rate: an ask that is blocked holds no other one back. */
export class AskLoad {
  readonly samples: AskSample[] = [];
  readonly #open = new Set<Promise<void>>();
  readonly #late: number[] = [];
  readonly #timer: ReturnType<typeof setInterval>;

  /** Starts at once. `rate` is in asks a second. */
  constructor(ids: readonly string[], rate: number, ask: AskOnce) {
    const begun = performance.now();
    let sent = 0;
    let last = begun;
    this.#timer = setInterval(() => {
      const now = performance.now();
      this.#late.push(Math.max(0, now - last - pulse));
      last = now;
      const due = (now - begun) * rate / 1_000;
      for (; sent < due; sent++) this.#send(ids[sent % ids.length]!, ask);
    }, pulse);
  }

  /** How late this process itself was: what is slower than targets allow may be due to its machine. */
  lateness(): Figure {
    const value = percentile(this.#late, 0.999);
    return { name: "timers of the asking process late: p99.9", value, unit: "ms" };
  }

  /** Sends no more; resolves with all samples when the last ask has ended. */
  async stop(): Promise<readonly AskSample[]> {
    clearInterval(this.#timer);
    await Promise.all(this.#open);
    return this.samples;
  }

  #send(id: string, ask: AskOnce): void {
    const at = performance.now();
    const end = (result: { instance: string } | { failure: string }) => {
      this.samples.push({ id, at, ms: performance.now() - at, ...result });
    };
    if (this.#open.size >= maxOpen) return end({ failure: `${maxOpen} asks are open` });
    const done = ask(id).then(
      (instance) => end({ instance }),
      (error) => end({ failure: String(error) }),
    ).finally(() => this.#open.delete(done));
    this.#open.add(done);
  }
}

/** Asks each entity again and again until it answers. Resolves when all have. */
export async function untilAllAnswer(ids: readonly string[], ask: AskOnce): Promise<void> {
  await Promise.all(ids.map(async (id) => {
    for (;;) {
      try {
        return await ask(id);
      } catch {
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    }
  }));
}

/** Samples by whether their entity moved while they were under way. */
export interface AskClasses {
  readonly moving: readonly AskSample[];
  readonly still: readonly AskSample[];
}

/**
 * Sorts samples into classes. An entity moves from the last answer of one instance to the first of
 * the next one; what has failed without an answer of a later instance counts as still.
 */
export function byMotion(samples: readonly AskSample[]): AskClasses {
  const moves = new Map<string, { from: number; to: number }[]>();
  const last = new Map<string, { instance: string; end: number }>();
  const answers = samples.filter(({ instance }) => instance !== undefined)
    .toSorted((a, b) => endOf(a) - endOf(b));
  for (const sample of answers) {
    const { id } = sample;
    const instance = sample.instance!;
    const before = last.get(id);
    const end = endOf(sample);
    if (before !== undefined && before.instance !== instance) {
      moves.set(id, [...moves.get(id) ?? [], { from: before.end, to: end }]);
    }
    last.set(id, { instance, end });
  }
  const moving: AskSample[] = [];
  const still: AskSample[] = [];
  for (const sample of samples) {
    const isMoving = (moves.get(sample.id) ?? []).some(({ from, to }) =>
      sample.at < to && endOf(sample) > from
    );
    (isMoving ? moving : still).push(sample);
  }
  return { moving, still };
}

/** The figures of a rolling restart, with their targets. */
export function rollingFigures(samples: readonly AskSample[]): Figure[] {
  const { moving, still } = byMotion(samples);
  const { failed, still: ofStill, moving: ofMoving } = targets.rollingRestart;
  return [
    { name: "asks failed", value: failures(samples), target: failed },
    ...classFigures("entity not in motion", still, { p999: ofStill.p999 }),
    ...classFigures("entity in motion", moving, { longest: ofMoving.longest }),
  ];
}

/** Percentiles of one class. A failed ask counts with the time that it took to fail. */
export function classFigures(
  name: string,
  samples: readonly AskSample[],
  bounds: { readonly p999?: Target; readonly longest?: Target } = {},
): Figure[] {
  const times = samples.map(({ ms }) => ms);
  const figure = (what: string, value: number, target?: Target): Figure => ({
    name: `${name}: ${what}`,
    value,
    unit: "ms",
    ...(target && { target }),
  });
  return [
    { name: `${name}: asks`, value: times.length },
    { name: `${name}: failed`, value: failures(samples) },
    figure("p50", percentile(times, 0.5)),
    figure("p99", percentile(times, 0.99)),
    figure("p99.9", percentile(times, 0.999), bounds.p999),
    figure("longest", percentile(times, 1), bounds.longest),
  ];
}

/** The most frequent reasons of failed asks, as lines. */
export function failureLines(samples: readonly AskSample[]): string[] {
  const counts = new Map<string, number>();
  for (const { failure } of samples) {
    if (failure === undefined) continue;
    const cause = failure.replace(/[\d.]+:\d+|client:[0-9a-f-]+/g, "NODE").slice(0, 160);
    counts.set(cause, (counts.get(cause) ?? 0) + 1);
  }
  return [...counts].sort(([, a], [, b]) => b - a).slice(0, 5)
    .map(([cause, count]) => `    ${count} x ${cause}`);
}

function failures(samples: readonly AskSample[]): number {
  return samples.filter(({ failure }) => failure !== undefined).length;
}

function endOf({ at, ms }: AskSample): number {
  return at + ms;
}
