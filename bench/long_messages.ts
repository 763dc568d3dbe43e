/**
 * How long the largest messages that the default limits accept hold the event loop: they are decoded
 * in turns of 2 ms, and what the engine does in one piece (a container that grows, one long text) makes
 * a turn longer. The longest turn is the best of some runs, so that pauses of the machine do not count;
 * those of the garbage collector do.
 *
 *     deno run -A bench/long_messages.ts [part of a name ...]
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { LongMessage } from "../lib/remoting/long_message.ts";
import process from "node:process";
import { systemClock } from "../lib/runtime/system_clock.ts";
import { Codec } from "../lib/wire/codec.ts";
import { defaultWireLimits } from "../lib/wire/limits.ts";
import { noSerializers } from "../lib/wire/serializer_registry.ts";

const rounds = 5;
const { maxMessage, maxValues, maxArray, maxMap } = defaultWireLimits;

const codec = new Codec({
  now: systemClock.now,
  resolve: () => {
    throw new Error("no references");
  },
});

/** An array of arrays, since one may not have so many elements. */
function nested(count: number, make: (i: number) => unknown): unknown[] {
  const lists: unknown[][] = [];
  for (let from = 0; from < count; from += maxArray) {
    lists.push(Array.from({ length: Math.min(maxArray, count - from) }, (_, i) => make(from + i)));
  }
  return lists;
}

const many = <T>(count: number, make: (i: number) => T): T[] =>
  Array.from({ length: count }, (_, i) => make(i));

/** As many values as there may be; a few are left for the containers. */
const most = maxValues - 8;
const longest = maxMessage - 16;

const cases: Readonly<Record<string, () => unknown>> = {
  "integers of 1 byte": () => nested(most, (i) => i % 100),
  "empty objects": () => nested(most, () => ({})),
  "empty arrays": () => nested(most, () => []),
  "arrays of one": () => nested(Math.floor(most / 2), () => [0]),
  "one array of doubles": () => many(Math.min(maxArray, Math.floor(longest / 9)), (i) => i + 0.5),
  "records": () => many(Math.floor(most / 7), (i) => ({ id: i, a: 1, b: 2 })),
  "texts of 3": () => nested(Math.floor(longest / 5), (i) => String(i % 1_000).padStart(3, "x")),
  "Map of integers": () => new Map(many(maxMap, (i) => [i, i])),
  "Map of texts": () => new Map(many(maxMap, (i) => [`key ${i}`, i])),
  "Set of doubles": () => new Set(many(maxMap, (i) => i + 0.5)),
  "object": () => Object.fromEntries(many(maxMap, (i) => [`key ${i}`, i])),
  "object of indexes": () => Object.fromEntries(many(maxMap, (i) => [String(i * 1_000), i])),
  "Maps of 100": () => many(Math.floor(most / 202), () => new Map(many(100, (i) => [i, i]))),
  "one text, ASCII": () => "x".repeat(longest),
  "one text, 2 bytes a character": () => "ż".repeat(longest / 2),
  "one text, 3 bytes a character": () => "猫".repeat(Math.floor(longest / 3)),
  "one text, 4 bytes a character": () => "😺".repeat(longest / 4),
  "one text, ill-formed": () => "\ud800".repeat(longest / 2),
  "one text with U+FFFD": () => "\ufffd".repeat(Math.floor(longest / 3)),
  "one bigint": () => 1n << BigInt(8 * longest - 100),
  "one Uint8Array": () => new Uint8Array(longest).fill(7),
};

interface Turns {
  readonly turns: number;
  readonly longest: number;
  /** Of the whole process, with the threads of the garbage collector. */
  readonly longestCpu: number;
  readonly total: number;
}

function cpuTime(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

function decode(bytes: Uint8Array): Turns {
  const decoder = codec.decodeInSteps(bytes, 0, bytes.length, noSerializers, true);
  let wrong: unknown;
  const read = new LongMessage(decoder, systemClock, {
    onStep: () => {},
    onDecoded: () => undefined,
    onError: (error) => void (wrong = error),
  });
  let [turns, longest, longestCpu, total] = [0, 0, 0, 0];
  while (!read.done) {
    const [from, cpuFrom] = [performance.now(), cpuTime()];
    read.step();
    const time = performance.now() - from;
    turns++;
    total += time;
    longest = Math.max(longest, time);
    longestCpu = Math.max(longestCpu, cpuTime() - cpuFrom);
  }
  if (wrong !== undefined) throw wrong;
  return { turns, longest, longestCpu, total };
}

if (import.meta.main) {
  const { _: wanted } = parseArgs([...Deno.args]);
  console.log("| message | MB | values | longest turn, ms | its CPU, ms | all turns, ms | turns |");
  console.log("| --- | ---: | ---: | ---: | ---: | ---: | ---: |");
  for (const [name, make] of Object.entries(cases)) {
    if (wanted.length > 0 && !wanted.some((part) => name.includes(String(part)))) continue;
    const bytes = codec.encode(make()).slice();
    codec.decode(bytes);
    const { values } = codec;
    const runs = many(rounds, () => decode(bytes));
    const best = (of: (run: Turns) => number) => Math.min(...runs.map(of));
    console.log(
      `| ${name} | ${(bytes.length / 1e6).toFixed(1)} | ${values} | ` +
        `${best(({ longest }) => longest).toFixed(1)} | ${
          best(({ longestCpu }) => longestCpu).toFixed(1)
        } | ${best(({ total }) => total).toFixed(0)} | ` +
        `${best(({ turns }) => turns)} |`,
    );
  }
}
