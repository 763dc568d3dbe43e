/**
 * Publish and subscribe: one publisher, five processes with 1,000 subscribers each, compared with Redis
 * in the same run. Casty runs over mutual TLS, Redis over plain TCP.
 *
 *     deno task bench:topics --rounds 3
 *
 * Needs `redis-server` and npm. Exits with 1 unless every subscriber has got every message.
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { CastySide } from "./topics/casty_side.ts";
import { messageFor } from "./topics/message.ts";
import { RedisSide } from "./topics/redis_side.ts";
import type { Side } from "./topics/side.ts";
import { loadAverage, machine, median, text, type Unit } from "./report.ts";

const processes = 5;
const subscribers = 1_000;
/** Messages on their way at once: fewer than any buffer holds. */
const burst = 100;

/** All values of one figure. */
interface Figure {
  readonly unit: Unit;
  readonly values: number[];
}

/** Publishes in bursts; each begins when the one before has arrived everywhere. Messages a second. */
async function rate(side: Side, messages: number): Promise<number> {
  const begin = performance.now();
  for (let sent = 0; sent < messages; sent += burst) {
    for (let index = 0; index < burst; index++) side.publish(messageFor(sent + index));
    await side.arrived(burst);
  }
  return messages / (performance.now() - begin) * 1_000;
}

/** One message at a time: microseconds until the last of all subscribers has got it. */
async function latencies(side: Side, messages: number): Promise<readonly number[]> {
  const values: number[] = [];
  for (let index = 0; index < messages; index++) {
    const begin = performance.now();
    side.publish(messageFor(index));
    await side.arrived(1);
    values.push((performance.now() - begin) * 1_000);
  }
  return values.toSorted((a, b) => a - b);
}

async function measure(side: Side, messages: number, figures: Map<string, Figure>): Promise<void> {
  const add = (name: string, value: number, unit: Unit) => {
    const figure = figures.get(`${side.name}: ${name}`) ?? { unit, values: [] };
    figures.set(`${side.name}: ${name}`, figure);
    figure.values.push(value);
  };
  await rate(side, 10 * burst);
  const perSecond = await rate(side, messages);
  add("messages", perSecond, "/s");
  add("deliveries", perSecond * processes * subscribers, "/s");
  const sorted = await latencies(side, 200);
  add("one message to all, p50", sorted[100]!, "us");
  add("one message to all, p99", sorted[197]!, "us");
  const expected = 10 * burst + messages + 200;
  for (const counts of await side.counts()) {
    const complete = counts.filter((count) => count === expected).length;
    if (complete === subscribers) continue;
    throw new Error(
      `${side.name}: ${complete} of ${subscribers} subscribers of a process have got all ` +
        `${expected} messages; the others e.g. ${counts.find((count) => count !== expected)}`,
    );
  }
}

function wholeNumber(name: string, given: unknown, fallback: number): number {
  const value = given === undefined ? fallback : Number(given);
  if (Number.isInteger(value) && value >= 1 && value <= 1_000_000) return value;
  console.error(`--${name} is ${given}, not a whole number from 1 to 1 000 000`);
  Deno.exit(2);
}

if (import.meta.main) {
  const given = parseArgs(Deno.args, { string: ["rounds", "messages"] });
  const rounds = wholeNumber("rounds", given["rounds"], 3);
  const messages = Math.ceil(wholeNumber("messages", given["messages"], 2_000) / burst) * burst;
  const figures = new Map<string, Figure>();
  let versions = "";
  for (let round = 0; round < rounds; round++) {
    // In turn, so that both see the same machine.
    for (const start of [CastySide.start, RedisSide.start]) {
      const side = await start(processes, subscribers);
      try {
        await measure(side, messages, figures);
        if (side instanceof RedisSide) ({ versions } = side);
      } finally {
        await side.stop();
      }
    }
  }
  console.log(`\n## One publisher, ${processes} processes with ${subscribers} subscribers each\n`);
  console.log(`${machine()}; ${versions}; ${loadAverage()}`);
  console.log(`${rounds} rounds of ${messages} messages of 100 B\n`);
  console.log("| figure | median | worst | best |\n| --- | ---: | ---: | ---: |");
  for (const [name, { unit, values }] of figures) {
    const sorted = values.toSorted((a, b) => unit === "/s" ? a - b : b - a);
    const cells = [median(values), sorted[0]!, sorted.at(-1)!].map((value) => text(value, unit));
    console.log(`| ${name} | ${cells.join(" | ")} |`);
  }
}
