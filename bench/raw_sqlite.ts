/**
 * The engine alone, for `bench/persistence.ts`: a table without a key, and no checks.
 *
 * @module
 */
import { DatabaseSync } from "node:sqlite";
import { CommitPace } from "../lib/persistence/sqlite/commit_pace.ts";

/** Opens a file with the settings of the store. */
export function openRaw(file: string) {
  const database = new DatabaseSync(file);
  database.exec("pragma journal_mode = wal; pragma synchronous = full");
  database.exec("pragma wal_autocheckpoint = 4000");
  database.exec("create table if not exists raw (id text, seq integer, payload blob)");
  const insert = database.prepare("insert into raw values (?, ?, ?)");
  return {
    commit(rows: readonly Uint8Array[], seq: number): void {
      database.exec("begin immediate");
      for (const row of rows) insert.run("raw", seq++, row);
      database.exec("commit");
    },
    close: () => database.close(),
  };
}

/** Milliseconds that are not counted: the log of the file has its size then, and the code is compiled. */
export const warmUp = 1_000;

/** Rows a second, and the median of milliseconds until one was durable. */
export interface RawRate {
  readonly rate: number;
  readonly p50: number;
}

/** One loop that inserts so many rows in each commit: no thread, and nobody waits for a row. */
export function rawLoop(file: string, rows: number, payload: Uint8Array, seconds: number): RawRate {
  const raw = openRaw(file);
  const batch = Array<Uint8Array>(rows).fill(payload);
  const times: number[] = [];
  const begin = performance.now() + warmUp;
  const end = begin + seconds * 1_000;
  let count = 0;
  while (performance.now() < end) {
    const at = performance.now();
    raw.commit(batch, count);
    count += rows;
    if (at >= begin) times.push(performance.now() - at);
  }
  raw.close();
  times.sort((a, b) => a - b);
  return { rate: rows * times.length / seconds, p50: times[times.length >> 1]! };
}

/**
 * What is left of it for callers that each wait for their row before the next one, as actors do: the
 * engine in a thread, commits as the store divides them, and nothing else.
 */
export async function rawCallers(
  file: string,
  callers: number,
  payload: Uint8Array,
  seconds: number,
): Promise<RawRate> {
  const worker = new Worker(new URL("./raw_sqlite_worker.ts", import.meta.url), { type: "module" });
  const pace = new CommitPace();
  const waiting: (() => void)[] = [];
  const underWay: (readonly (() => void)[])[] = [];
  let isDeferred = false;
  const sendMore = () => {
    for (let count = pace.next(); count > 0; count = pace.next()) {
      underWay.push(waiting.splice(0, count));
      pace.begin(count);
      const bytes = new Uint8Array(count * payload.length);
      for (let n = 0; n < count; n++) bytes.set(payload, n * payload.length);
      worker.postMessage(bytes);
    }
  };
  const sendSoon = () => {
    if (isDeferred) return;
    isDeferred = true;
    queueMicrotask(() => {
      isDeferred = false;
      sendMore();
    });
  };
  const opened = new Promise((resolve) => worker.onmessage = resolve);
  worker.postMessage(file);
  await opened;
  worker.onmessage = ({ data }: MessageEvent<number>) => {
    pace.end(data);
    for (const resolve of underWay.shift()!) resolve();
    if (pace.isDivided) sendMore();
    else setImmediate(sendMore);
  };
  const times: number[] = [];
  const begin = performance.now() + warmUp;
  const end = begin + seconds * 1_000;
  await Promise.all(Array.from({ length: callers }, async () => {
    while (performance.now() < end) {
      const at = performance.now();
      await new Promise<void>((resolve) => {
        waiting.push(resolve);
        pace.add(1);
        sendSoon();
      });
      if (at >= begin) times.push(performance.now() - at);
    }
  }));
  worker.terminate();
  times.sort((a, b) => a - b);
  return { rate: times.length / seconds, p50: times[times.length >> 1]! };
}
