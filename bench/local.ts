/**
 * Casty compared with a bare mailbox, all in one process, so that the engine has optimised for many
 * kinds of actors. `rivals.ts` compares other libraries, each in its own process.
 *
 *     deno run -A --v8-flags=--expose-gc bench/local.ts
 *
 * @module
 */
import { casty } from "./local/casty.ts";
import { latenessBySelf } from "./local/lateness.ts";
import {
  askInTurn,
  askTogether,
  idleHeap,
  spawning,
  stopping,
  touchedHeap,
} from "./local/asks_and_spawns.ts";
import { burst, fanOut, flood, pingPong, ring } from "./local/messages.ts";
import { bare, type MakeSubject, type Subject } from "./local/subject.ts";
import { best, printRows, type Row, type Unit } from "./report.ts";

/** Runs of each figure; the report shows median and best. */
const rounds = 9;

interface LocalFigure {
  readonly name: string;
  readonly unit: Unit;
  /** The number of messages, asks or actors. */
  readonly size: number;
  readonly measure: (subject: Subject, size: number) => Promise<number | undefined>;
  /** Whether a bare mailbox does not support it. */
  readonly castyOnly?: boolean;
}

const figures: readonly LocalFigure[] = [
  { name: "tell flood", unit: "/s", size: 2_000_000, measure: flood },
  { name: "burst of 1M", unit: "/s", size: 1_000_000, measure: burst },
  { name: "ping-pong", unit: "/s", size: 2_000_000, measure: pingPong },
  { name: "ring of 1,000", unit: "/s", size: 2_000_000, measure: ring },
  { name: "fan-out to 10,000", unit: "/s", size: 2_000_000, measure: fanOut },
  { name: "ask, sequential", unit: "/s", size: 200_000, measure: askInTurn },
  { name: "ask, 64 at a time", unit: "/s", size: 256_000, measure: askTogether },
  { name: "spawn", unit: "/s", size: 100_000, measure: spawning },
  { name: "stop", unit: "/s", size: 100_000, measure: stopping, castyOnly: true },
  { name: "heap of an idle actor, with its name", unit: "B", size: 100_000, measure: idleHeap },
  { name: "the same, after its first message", unit: "B", size: 100_000, measure: touchedHeap },
  { name: "timer lateness under a flood, p99", unit: "us", size: 0, measure: latenessBySelf },
];

const subjects: Readonly<Record<string, MakeSubject>> = {
  "bare mailbox": bare,
  "casty": () => casty({ supervised: true }),
};

if (import.meta.main) {
  const rows: Row[] = [];
  // Interleaved, so that load of the machine affects all alike.
  for (let round = 0; round < rounds; round++) {
    for (const figure of figures) {
      for (const [name, make] of Object.entries(subjects)) {
        if (figure.castyOnly && make === bare) continue;
        rows.push(...await measured(name, make(), figure));
      }
    }
  }
  printRows("One process", rows);
  printShares(rows);
}

async function measured(name: string, subject: Subject, figure: LocalFigure): Promise<Row[]> {
  const value = await figure.measure(subject, figure.size);
  await subject.close();
  return value === undefined ? [] : [{ name: `${name}: ${figure.name}`, value, unit: figure.unit }];
}

/** The share of the limit that Casty reaches, best compared with best. */
function printShares(rows: readonly Row[]): void {
  const bestOf = (name: string, unit: Unit) =>
    best(rows.filter((row) => row.name === name).map(({ value }) => value), unit);
  const compared = figures.filter(({ unit, castyOnly }) => unit === "/s" && !castyOnly);
  console.log("\nShare of the bare mailbox, best compared with best:");
  for (const { name, unit } of compared) {
    const share = bestOf(`casty: ${name}`, unit) / bestOf(`bare mailbox: ${name}`, unit);
    console.log(`  ${name}: ${(share * 100).toFixed(0)} %`);
  }
}
