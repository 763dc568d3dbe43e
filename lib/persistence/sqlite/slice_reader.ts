/**
 * Events of slices in a file. What is behind the index, and what is asked for of many actors, is found by
 * going through the events in their order; what is asked for of few is looked up in the index.
 *
 * @module
 */
import { sliceCount, type SliceEvent, type SliceRange, type StoredEvent } from "../journal.ts";
import { FirstPositions } from "./first_positions.ts";
import { eventFields, type EventRow } from "./packed_events.ts";
import type { Value } from "./value.ts";

/** Which events are read. */
export interface WantedSlices {
  readonly slices: SliceRange;
  /** Events after this position. */
  readonly after: bigint;
  /** So many events at most. */
  readonly limit: number;
  /** Undefined: all. */
  readonly tag: string | undefined;
}

/** Events of slices, up to a position. */
export interface SqliteSlices {
  readonly events: readonly SliceEvent[];
  /** All up to here were read. */
  readonly read: bigint;
  /** Whether there is more. */
  readonly hasMore: boolean;
}

/** Asks a connection. */
export interface Query {
  one(sql: string, ...values: Value[]): unknown;
  all(sql: string, ...values: Value[]): unknown[];
}

/** Selects events with a tag, which is a value of the statement. */
const taggedWith = (tag: string | undefined) =>
  tag === undefined ? "" : "and exists (select 1 from json_each(e.tags) where value = ?) ";

/** Events that one reading goes through, so that other readers need not wait for it. */
const sliceWindow = 4_096;
/** Logs that one reading looks up in the index. */
const maxLookups = 1_024;
/** To look a log up costs about as much as to go through so many events. */
const lookupCost = 64;

/** An event of a slice. */
type SliceRow = EventRow & {
  readonly position: number;
  readonly id: string;
  readonly slice: number;
};

/** Rows of a page. `end`: up to where all was read, if the page is not full. */
interface FoundRows {
  readonly rows: readonly SliceRow[];
  readonly end: number;
}

/** See the module's text. */
export class SliceReader {
  readonly #query: Query;

  constructor(query: Query) {
    this.#query = query;
  }

  /** Events of slices. */
  read(wanted: WantedSlices): SqliteSlices {
    const { after, limit } = wanted;
    const { newest, indexed } = this.#query.one(
      "select (select max(position) from casty_events) as newest, indexed from casty_meta",
    ) as { newest: number | null; indexed: number };
    if (newest === null || BigInt(newest) <= after) {
      return { events: [], read: after, hasMore: false };
    }
    const logs = this.#fewLogs(wanted, indexed);
    const { end, rows } = logs === undefined
      ? this.#scanned(wanted, newest)
      : this.#found(wanted, logs, indexed);
    const events = rows.map(({ position, ...row }) => ({
      ...eventOf(row),
      position: BigInt(position),
    }));
    // A full page ends at its last event.
    const read = rows.length === limit ? events.at(-1)!.position : BigInt(end);
    return { events, read, hasMore: read < BigInt(newest) };
  }

  /** The logs of slices, if it costs less to look each of them up than to fill a page without. */
  #fewLogs(
    { slices: { from, to }, after, limit }: WantedSlices,
    indexed: number,
  ): readonly number[] | undefined {
    const positions = indexed - Number(after);
    if (positions <= sliceWindow) return undefined;
    // If all slices have about as many events.
    const page = limit * sliceCount / (to - from + 1);
    const most = Math.min(maxLookups, Math.floor(Math.min(positions, page) / lookupCost));
    const logs = this.#query.all(
      "select log from casty_logs where slice between ? and ? limit ?",
      from,
      to,
      most + 1,
    ) as { log: number }[];
    return logs.length > most ? undefined : logs.map(({ log }) => log);
  }

  /** Goes through the events in their order; `end`: up to which position, if the page is not full. */
  #scanned({ slices: { from, to }, after, limit, tag }: WantedSlices, newest: number): FoundRows {
    const { last } = this.#query.one(
      "select (select position from casty_events where position > ? order by position " +
        "limit 1 offset ?) as last",
      after,
      sliceWindow - 1,
    ) as { last: number | null };
    const end = last ?? newest;
    const rows = this.#query.all(
      `select e.position, l.id, l.slice, ${eventFields} from casty_events e ` +
        "cross join casty_logs l on l.log = e.log " +
        "where e.position > ? and e.position <= ? and l.slice between ? and ? " +
        taggedWith(tag) +
        "order by e.position limit ?",
      ...[after, end, from, to, ...(tag === undefined ? [] : [tag]), limit],
    ) as SliceRow[];
    return { rows, end };
  }

  /** The same of few logs by the index: no events of others are read. */
  #found({ after, limit, tag }: WantedSlices, logs: readonly number[], indexed: number): FoundRows {
    const positions = this.#positionsOf(logs, after, limit);
    const { lowest, isFull } = positions;
    const rows = this.#query.all(
      `select e.position, l.id, l.slice, ${eventFields} from casty_events e ` +
        "cross join casty_logs l on l.log = e.log " +
        "where e.position in (select value from json_each(?)) " +
        taggedWith(tag) +
        "order by e.position",
      ...[JSON.stringify(lowest), ...(tag === undefined ? [] : [tag])],
    ) as SliceRow[];
    return { rows, end: isFull ? lowest.at(-1)! : indexed };
  }

  /** The lowest positions of logs after one, as far as the index tells. */
  #positionsOf(logs: readonly number[], after: bigint, limit: number): FirstPositions {
    const positions = new FirstPositions(limit);
    for (const log of logs) this.#addPositions(log, Number(after), positions);
    return positions;
  }

  /** Adds the positions of a log after one, as far as the index tells and they are low enough. */
  #addPositions(log: number, after: number, positions: FirstPositions): void {
    for (let seq = this.#firstRowAfter(log, after); seq !== undefined;) {
      const row = this.#query.one(
        "select seq, positions from casty_index where log = ? and seq >= ? order by seq limit 1",
        log,
        seq,
      ) as { seq: number; positions: string } | undefined;
      if (row === undefined) return;
      for (const position of JSON.parse(row.positions) as number[]) {
        if (position > after && !positions.add(position)) return;
      }
      seq = row.seq + 1;
    }
  }

  /** The number of the first row of the index that has a position of a log after one: it is searched. */
  #firstRowAfter(log: number, after: number): number | undefined {
    const rowFrom = (order: "" | "desc", from: number) =>
      this.#query.one(
        "select seq, json_extract(positions, '$[#-1]') as last from casty_index " +
          `where log = ? and seq >= ? order by seq ${order} limit 1`,
        log,
        from,
      ) as { seq: number; last: number } | undefined;
    const newest = rowFrom("desc", 0);
    if (newest === undefined || newest.last <= after) return undefined;
    // Invariant: rows below `low` end at `after` or before; the first row from `high` on does not.
    let [low, high] = [0, newest.seq];
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      const { seq, last } = rowFrom("", middle)!;
      if (last <= after) low = seq + 1;
      else high = middle;
    }
    return high;
  }

  /** How many there are, at most `limit`: also some that were deleted. 0 only if there is none. */
  count(wanted: WantedSlices): number {
    const { after, limit, tag } = wanted;
    const { indexed } = this.#query.one("select indexed from casty_meta") as { indexed: number };
    const logs = this.#fewLogs(wanted, indexed);
    if (logs === undefined) return this.#countScanned(wanted);
    if (tag === undefined) {
      const count = this.#positionsOf(logs, after, limit).lowest.length;
      const rest = { ...wanted, after: BigInt(indexed), limit: limit - count };
      return count + this.#countScanned(rest);
    }
    for (let count = 0, read = after;;) {
      const part = this.read({ ...wanted, after: read, limit: limit - count });
      count += part.events.length;
      read = part.read;
      if (count === limit || !part.hasMore) return count;
    }
  }

  #countScanned({ slices: { from, to }, after, limit, tag }: WantedSlices): number {
    const { count } = this.#query.one(
      "select count(*) as count from (select 1 from casty_events e " +
        "cross join casty_logs l on l.log = e.log " +
        "where e.position > ? and l.slice between ? and ? " + taggedWith(tag) + "limit ?)",
      ...[after, from, to, ...(tag === undefined ? [] : [tag]), limit],
    ) as { count: number };
    return count;
  }
}

function eventOf<R extends { readonly metadata: Uint8Array | null; readonly tags: string | null }>(
  { metadata, tags, ...event }: R,
): Omit<R, "metadata" | "tags"> & Pick<StoredEvent, "metadata" | "tags"> {
  return {
    ...event,
    ...(metadata !== null && { metadata }),
    ...(tags !== null && { tags: JSON.parse(tags) }),
  };
}
