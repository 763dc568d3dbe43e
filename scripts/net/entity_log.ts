/**
 * What entities write down while they run, and the search for two owners in it.
 *
 * @module
 */

/** One line of the log of a node. Times are those of `host_clock.ts`. */
export interface EntityEvent {
  readonly at: number;
  readonly node: string;
  /** The instance of the entity; another one after each start. */
  readonly instance: string;
  readonly id: string;
  /** `run`: a handler of the entity has begun. */
  readonly what: "start" | "run" | "stop";
  /** The epoch of the grant, where it is known. */
  readonly epoch?: number;
}

/** An older owner that has run a handler although a newer one had started. */
export interface DoubleOwnership {
  readonly id: string;
  readonly older: string;
  readonly newer: string;
  /** Handler runs of the older one after the start of the newer one. */
  readonly runs: number;
  /** Milliseconds from the start of the newer one to the last of them. */
  readonly span: number;
}

/** The accuracy of the shared clock, milliseconds: a run within it counts as before the start. */
const accuracy = 2;

/** A start or a handler run. The epoch is that of the moment: it grows while an instance runs. */
interface Moment {
  readonly at: number;
  readonly epoch: number | undefined;
}

interface Life {
  readonly id: string;
  readonly node: string;
  readonly start: Moment;
  readonly runs: Moment[];
}

/** All pairs of instances of one entity of which the older has run a handler too late. */
export function doubleOwnerships(events: Iterable<EntityEvent>): DoubleOwnership[] {
  const lives = new Map<string, Life>();
  for (const { at, node, instance, id, what, epoch } of sortedByTime(events)) {
    if (what === "start") lives.set(instance, { id, node, start: { at, epoch }, runs: [] });
    else if (what === "run") lives.get(instance)?.runs.push({ at, epoch });
  }
  const byId = Map.groupBy(lives.values(), ({ id }) => id);
  return [...byId.values()].flatMap((ofOne) =>
    ofOne.flatMap((older) => ofOne.flatMap((newer) => overlap(older, newer) ?? []))
  );
}

function overlap(older: Life, newer: Life): DoubleOwnership | undefined {
  if (older === newer) return undefined;
  const begins = beginsOf(newer);
  let runs = 0;
  let span = 0;
  for (const run of older.runs) {
    const begun = begins.find(({ at, epoch }) =>
      run.at > at + accuracy && isOlder(older.start, run, { at, epoch })
    );
    if (begun === undefined) continue;
    runs++;
    span = run.at - begun.at;
  }
  if (runs === 0) return undefined;
  return { id: older.id, older: older.node, newer: newer.node, runs, span };
}

/** When an instance began to own: at its start, and at the first run under each later grant. */
function beginsOf({ start, runs }: Life): Moment[] {
  const begins = [start];
  for (const run of runs) if (run.epoch !== begins.at(-1)!.epoch) begins.push(run);
  return begins;
}

/** Whether a run is that of an older owner: by epoch where both are known, otherwise by start. */
function isOlder(start: Moment, run: Moment, newer: Moment): boolean {
  if (run.epoch !== undefined && newer.epoch !== undefined && run.epoch !== newer.epoch) {
    return run.epoch < newer.epoch;
  }
  return start.at < newer.at;
}

/** Parses the lines of a log; the last one may be cut off where its process was killed. */
export function parseEntityLog(text: string): EntityEvent[] {
  return text.split("\n").slice(0, -1).map((line) => JSON.parse(line) as EntityEvent);
}

function sortedByTime(events: Iterable<EntityEvent>): EntityEvent[] {
  return [...events].sort((a, b) => a.at - b.at);
}
