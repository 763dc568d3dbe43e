/**
 * Actors of one process: message rates beside a bare mailbox in the same run, asks, lives, memory.
 *
 *     deno run -A --v8-flags=--expose-gc bench/local.ts
 *
 * @module
 */
import { asks, bareAsks, bareLives, lateness, lives } from "./local/lifecycle.ts";
import { burst, fanOut, flood, type MessageFigure, pingPong, ring } from "./local/messages.ts";
import { bare, casty } from "./local/subject.ts";
import { printRows, type Row } from "./report.ts";

/** Runs of each figure; the report shows median and best. */
const rounds = 9;

const figures: Readonly<Record<string, MessageFigure>> = {
  "tell flood": flood,
  "burst of 1M": burst,
  "ping-pong": pingPong,
  "ring of 1,000": ring,
  "fan-out to 10,000": fanOut,
};

if (import.meta.main) {
  const rows: Row[] = [];
  // Interleaved, so that a noisy machine disturbs all alike.
  for (let round = 0; round < rounds; round++) {
    for (const [name, figure] of Object.entries(figures)) {
      for (const make of [bare, casty]) {
        const subject = make();
        const value = await figure(subject);
        rows.push({ name: `${subject.name}: ${name}`, value, unit: "/s" });
        await subject.close();
      }
    }
    rows.push(...await bareAsks(), ...await asks());
    rows.push(...bareLives(), ...await lives(), ...await lateness());
  }
  printRows("One process", rows);
  printShares(rows);
}

/** What part of the ceiling is reached, best against best. */
function printShares(rows: readonly Row[]): void {
  const best = (name: string) =>
    Math.max(...rows.filter((row) => row.name === name).map(({ value }) => value));
  console.log("\nPart of the bare mailbox, best against best:");
  const compared = [...Object.keys(figures), "ask, sequential", "ask, 64 at a time", "spawn"];
  for (const name of compared) {
    const share = best(`casty: ${name}`) / best(`bare mailbox: ${name}`);
    console.log(`  ${name}: ${(share * 100).toFixed(0)} %`);
  }
}
