import { askInTurn, askTogether, idleHeap, spawning, touchedHeap } from "./asks_and_spawns.ts";
import { latenessByOthers, latenessBySelf, latenessWithWork } from "./lateness.ts";
import { fanOut, flood, pingPong, ring } from "./messages.ts";
import type { MakeSubject, Subject } from "./subject.ts";
import type { Unit } from "../report.ts";

/** One row of the table. */
export interface Figure {
  /** Short name for the command line. */
  readonly key: string;
  /** What is measured. */
  readonly title: string;
  readonly unit: Unit;
  /** Number of runs, where more would not improve the result. */
  readonly enough?: number;
  /** Measures once; undefined if the library does not support it. */
  run(make: MakeSubject): Promise<number | undefined>;
}

type Measure = (subject: Subject, size: number) => Promise<number | undefined>;

/** Milliseconds that a rate is measured for, after warming up. */
const duration = 500;

/** All figures that are compared with rivals. */
export const figures: readonly Figure[] = [
  rate("flood", "tell flood, one actor, bursts of 1,000", flood, 20_000),
  rate("ping-pong", "ping-pong of two actors", pingPong, 20_000),
  rate("ring", "ring of 1,000 actors, 10 messages going round", ring, 20_000),
  rate("fan-out", "fan-out to 10,000 actors", fanOut, 20_000),
  rate("ask", "ask, sequential", askInTurn, 2_000),
  rate("ask-64", "ask, 64 at a time", askTogether, 2_000),
  {
    key: "spawn",
    title: "spawn",
    unit: "/s",
    run: async (make) => {
      // The heap must have grown as well: a small heap is collected very often.
      for (let i = 0; i < 3; i++) await withSubject(make, spawning, 100_000);
      return withSubject(make, spawning, 100_000);
    },
  },
  heap("heap-100k", "heap of an idle actor, of 100,000", idleHeap, 100_000),
  heap("heap-1m", "heap of an idle actor, of 1,000,000", idleHeap, 1_000_000),
  heap("touched", "the same of 100,000, after its first message", touchedHeap, 100_000),
  late("late-self", "lateness of a timer, p99, one actor floods itself", latenessBySelf),
  late("late-others", "the same, ten others flood one actor", latenessByOthers),
  late("late-work", "the same, 50 us of work for each message", latenessWithWork),
];

/**
 * Warms up, estimates the number of operations that fit into the time, and measures that number.
 */
function rate(key: string, title: string, measure: Measure, least: number): Figure {
  const run = async (make: MakeSubject) => {
    let reached = await withSubject(make, measure, least);
    for (const time of [duration / 10, duration / 5, duration]) {
      if (reached === undefined) return undefined;
      const size = Math.max(least, Math.round(reached * time / 1_000));
      reached = await withSubject(make, measure, size);
    }
    return reached;
  };
  return { key, title, unit: "/s", run };
}

function heap(key: string, title: string, measure: Measure, actors: number): Figure {
  return { key, title, unit: "B", enough: 2, run: (make) => withSubject(make, measure, actors) };
}

function late(key: string, title: string, measure: Measure): Figure {
  return { key, title, unit: "us", run: (make) => withSubject(make, measure, 0) };
}

async function withSubject(
  make: MakeSubject,
  measure: Measure,
  size: number,
): Promise<number | undefined> {
  const subject = make();
  const value = await measure(subject, size);
  await subject.close();
  return value;
}
