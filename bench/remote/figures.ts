import { textFor } from "./counter.ts";
import { connectionRate } from "./lanes.ts";
import { asking, type Counter, floodRate } from "./measures.ts";
import { rawConnectionRate } from "./raw.ts";
import { stalledMemory } from "./stalled.ts";
import type { Subjects } from "./subjects.ts";

/** The subject of a value. */
export type Column = "casty" | "bare" | "raw";

/** One measured value. */
export interface Value {
  /** The row of the table. */
  readonly row: string;
  readonly column: Column;
  readonly value: number;
  /** `"/s"`: more is better; the others: less is. */
  readonly unit: "/s" | "us" | "MiB" | "count";
}

/** A figure that can be measured separately. */
export interface Figure {
  readonly key: string;
  readonly measure: (subjects: Subjects) => Promise<Value[]>;
}

/** All figures, in the order of the table. */
export const figures: readonly Figure[] = [
  tell("tell-100", "tell, 100 B", 100, 200_000, 10_000, 500_000),
  tell("tell-1k", "tell, 1 KiB", 1_024, 50_000, 2_000, 200_000),
  tell("tell-64k", "tell, 64 KiB", 65_536, 1_024, 64, 4_000),
  { key: "ask-1", measure: askInTurn },
  askTogether(64),
  askTogether(256),
  askTogether(1_000),
  { key: "sharded", measure: sharded },
  { key: "connect", measure: connect },
  { key: "heartbeat", measure: heartbeat },
  { key: "stalled", measure: stalled },
];

function tell(
  key: string,
  row: string,
  size: number,
  tells: number,
  perAsk: number,
  frames: number,
): Figure {
  const flood = { text: textFor(size), tells, perAsk };
  return {
    key,
    measure: async (subjects) => {
      const raw = await (await subjects.raw()).oneWay(size, frames);
      const bare = await floodRate(await subjects.bare(), flood);
      const casty = await floodRate((await subjects.casty()).counter(), flood);
      return [
        { row, column: "raw", value: raw, unit: "/s" },
        { row, column: "bare", value: bare, unit: "/s" },
        { row, column: "casty", value: casty, unit: "/s" },
      ];
    },
  };
}

async function askInTurn(subjects: Subjects): Promise<Value[]> {
  const times = 3_000;
  const raw = await (await subjects.raw()).echo(times);
  const bare = await asking(await subjects.bare(), times, 1);
  const casty = await asking((await subjects.casty()).counter(), times, 1);
  return Object.entries({ raw, bare, casty }).flatMap(([name, { p50, p99 }]): Value[] => {
    const column = name as Column;
    return [
      { row: "ask, sequential, p50", column, value: p50, unit: "us" },
      { row: "ask, sequential, p99", column, value: p99, unit: "us" },
    ];
  });
}

function askTogether(width: number): Figure {
  const total = 30_000;
  const row = `ask, ${width} outstanding`;
  const rows = async (column: Column, counter: Counter): Promise<Value[]> => {
    const { rate, p50, p99 } = await asking(counter, total, width);
    return [
      { row, column, value: rate, unit: "/s" },
      { row: `${row}, p50`, column, value: p50, unit: "us" },
      { row: `${row}, p99`, column, value: p99, unit: "us" },
    ];
  };
  return {
    key: `ask-${width}`,
    measure: async (subjects) => {
      const value = await (await subjects.raw()).echoRate(2 * total, width);
      return [
        { row, column: "raw", value, unit: "/s" },
        ...await rows("bare", await subjects.bare()),
        ...await rows("casty", (await subjects.casty()).counter()),
      ];
    },
  };
}

async function sharded(subjects: Subjects): Promise<Value[]> {
  const node = await subjects.casty();
  const flood = { text: textFor(100), tells: 200_000, perAsk: 10_000 };
  // Shards are balanced once the second node runs their type: an entity may move to this process.
  for (let attempt = 0; attempt < 20; attempt++) {
    const counter = await node.sharded();
    const tells = await floodRate(counter, flood).catch(() => undefined);
    if (tells === undefined || !counter.isRemote()) continue;
    const asks = await asking(counter, 30_000, 64).catch(() => undefined);
    if (asks === undefined || !counter.isRemote()) continue;
    return [
      { row: "tell to a sharded entity, 100 B", column: "casty", value: tells, unit: "/s" },
      { row: "ask of one, 64 outstanding", column: "casty", value: asks.rate, unit: "/s" },
    ];
  }
  throw new Error("the entities do not stay at the peer");
}

async function connect(subjects: Subjects): Promise<Value[]> {
  const row = "connection set-up, 8 at once";
  const total = 64;
  const raw = await rawConnectionRate(await subjects.address("raw"), subjects.tls, total, 8);
  const casty = await connectionRate(await subjects.address("lanes"), subjects.tls, total, 8);
  return [
    { row, column: "raw", value: raw, unit: "/s" },
    { row, column: "casty", value: casty, unit: "/s" },
  ];
}

async function heartbeat(subjects: Subjects): Promise<Value[]> {
  const { idle, loaded, bytes, sleeper } = await (await subjects.lanes()).heartbeat();
  // The raw column: the lateness of timers of a process that only sleeps, at the same time.
  return [
    { row: "heartbeat, p99, idle", column: "casty", value: idle, unit: "us" },
    { row: "heartbeat, p99, idle", column: "raw", value: sleeper.idle, unit: "us" },
    { row: "heartbeat, p99, under bulk", column: "casty", value: loaded, unit: "us" },
    { row: "heartbeat, p99, under bulk", column: "raw", value: sleeper.loaded, unit: "us" },
    { row: "bulk meanwhile, KiB", column: "casty", value: bytes / 1_024, unit: "/s" },
  ];
}

async function stalled(subjects: Subjects): Promise<Value[]> {
  const { sender, receiverBefore, receiverPeak } = await stalledMemory(subjects.tls);
  const mebibytes = (row: string, bytes: number): Value => {
    return { row, column: "casty", value: bytes / 1_048_576, unit: "MiB" };
  };
  const row = "500,000 tells to a stopped receiver";
  return [
    mebibytes(`${row}: sender before`, sender.before),
    mebibytes(`${row}: sender peak`, sender.peak),
    mebibytes(`${row}: receiver before`, receiverBefore),
    mebibytes(`${row}: receiver peak`, receiverPeak),
    { row: `${row}: dead letters`, column: "casty", value: sender.deadLetters, unit: "count" },
  ];
}
