/**
 * What programs on all nodes have done with distributed structures, and whether it can have been.
 *
 * @module
 */

/** One operation of one program. Times are milliseconds of one clock. */
export interface StructureOperation {
  /** Names the call. It is written down when it begins, as unknown, and again when it is over. */
  readonly call: string;
  readonly node: string;
  readonly kind: "id" | "add" | "insert" | "enqueue" | "dequeue" | "lock" | "write" | "stall";
  readonly from: number;
  /** When it was over; of a lock when it was granted. */
  readonly to: number;
  /** `no`: it was certainly not done, or found nothing. */
  readonly outcome: "ok" | "no" | "unknown";
  /** The amount, the value, the id; of a lock its token; of a write to the fenced store the count. */
  readonly value?: string | number;
  /** Of a lock: when its holder gave it up, or was told that it has lost it. */
  readonly until?: number;
}

/** What is in the structures at the end, when all programs have stopped. */
export interface FinalContent {
  readonly sum: number;
  readonly members: readonly string[];
  readonly items: readonly string[];
}

/** What was counted. */
export interface StructureCounts {
  readonly ok: number;
  readonly unknown: number;
  readonly grants: number;
  /** Writes of holders of the lock that the fenced store has taken, and refused. */
  readonly writes: number;
  readonly refusedWrites: number;
}

/** The operations in lines that programs have written: of each call the last. */
export function operationsIn(lines: Iterable<string>): StructureOperation[] {
  const found = new Map<string, StructureOperation>();
  for (const line of lines) {
    const operation = JSON.parse(line) as StructureOperation;
    found.set(operation.call, operation);
  }
  return [...found.values()];
}

/** How often each operation was done. */
export function countsOf(operations: readonly StructureOperation[]): StructureCounts {
  const of = (outcome: string) => operations.filter((one) => one.outcome === outcome);
  const grants = of("ok").filter(({ kind }) => kind === "lock").length;
  const writes = (outcome: string) => of(outcome).filter(({ kind }) => kind === "write").length;
  return {
    ok: of("ok").length,
    unknown: of("unknown").length,
    grants,
    writes: writes("ok"),
    refusedWrites: writes("no"),
  };
}

/** What cannot have been, in sentences; empty: all is as it is claimed. */
export function violations(
  operations: readonly StructureOperation[],
  final: FinalContent,
): readonly string[] {
  const of = (kind: StructureOperation["kind"]) => operations.filter((one) => one.kind === kind);
  return [
    ...uniqueIds(of("id")),
    ...counterSum(of("add"), final.sum),
    ...setMembership(of("insert"), final.members),
    ...queueTotal(of("enqueue"), of("dequeue"), final.items),
    ...tokensGrow(of("lock")),
    ...oneHolder(of("lock"), of("stall")),
    ...exclusiveWrites(of("write")),
  ];
}

/** Milliseconds in which timers that were due in a stall have run. */
const afterStall = 50;

const done = (operations: readonly StructureOperation[]) =>
  operations.filter(({ outcome }) => outcome === "ok");
const perhaps = (operations: readonly StructureOperation[]) =>
  operations.filter(({ outcome }) => outcome !== "no");
const valuesOf = (operations: readonly StructureOperation[]) =>
  operations.map(({ value }) => String(value));

/** No id was given twice. */
function uniqueIds(ids: readonly StructureOperation[]): string[] {
  return twice(valuesOf(done(ids))).map((id) => `the id ${id} was given twice`);
}

/** The counter has all additions that were confirmed, and no others but those of unknown outcome. */
function counterSum(additions: readonly StructureOperation[], sum: number): string[] {
  const total = (some: readonly StructureOperation[]) =>
    some.reduce((total, { value }) => total + Number(value), 0);
  const [least, most] = [total(done(additions)), total(perhaps(additions))];
  return sum >= least && sum <= most
    ? []
    : [`the counter is ${sum}, and can be ${least} to ${most} only`];
}

/** The set has all that was confirmed, and nothing that nobody has added. */
function setMembership(
  insertions: readonly StructureOperation[],
  members: readonly string[],
): string[] {
  const [have, may] = [new Set(members), new Set(valuesOf(perhaps(insertions)))];
  return [
    ...valuesOf(done(insertions)).filter((value) => !have.has(value))
      .map((value) => `${value} was added to the set and is not in it`),
    ...members.filter((value) => !may.has(value))
      .map((value) => `${value} is in the set and nobody has added it`),
  ];
}

/** Each item came out once, unless a dequeue of unknown outcome may have taken it. */
function queueTotal(
  enqueues: readonly StructureOperation[],
  dequeues: readonly StructureOperation[],
  items: readonly string[],
): string[] {
  const taken = [...valuesOf(done(dequeues)), ...items];
  const [out, may] = [new Set(taken), new Set(valuesOf(perhaps(enqueues)))];
  const lost = valuesOf(done(enqueues)).filter((value) => !out.has(value));
  const mayBeLost = dequeues.filter(({ outcome }) => outcome === "unknown").length;
  return [
    ...twice(taken).map((value) => `${value} came out of the queue twice`),
    ...taken.filter((value) => !may.has(value))
      .map((value) => `${value} came out of the queue and nobody has put it there`),
    ...(lost.length > mayBeLost
      ? [`${lost.length} items are lost, and ${mayBeLost} dequeues have an unknown outcome`]
      : []),
  ];
}

/** A later grant has a higher token: a store that fences refuses who was replaced. */
function tokensGrow(locks: readonly StructureOperation[]): string[] {
  const grants = done(locks).map((one) => ({ ...one, token: BigInt(one.value!) }));
  const found = twice(valuesOf(done(locks))).map((token) => `the token ${token} was given twice`);
  const byEnd = grants.toSorted((one, other) => one.to - other.to);
  for (const { from, token, node } of grants) {
    const before = byEnd.find((other) => other.to < from && other.token >= token);
    if (before === undefined) continue;
    found.push(`${node} got the token ${token} after ${before.node} had ${before.token}`);
  }
  return found;
}

/**
 * Each holder reads a count and later writes the next one: of two that did so at one time the store takes
 * one only, however long a process stood still, and wherever the lock is.
 */
function exclusiveWrites(writes: readonly StructureOperation[]): string[] {
  return twice(valuesOf(done(writes))).map((count) => `two holders wrote ${count}: one was lost`);
}

/**
 * While the lock stays at one node, it has one holder at a time. A process that stands still cannot give it
 * up: what it holds then ends with the last moment at which it ran.
 */
function oneHolder(
  locks: readonly StructureOperation[],
  stalls: readonly StructureOperation[],
): string[] {
  const found: string[] = [];
  const stallsOf = Map.groupBy(stalls, ({ node }) => node);
  const known = done(locks).map((one) => {
    const stall = stallsOf.get(one.node)?.find(({ from, to }) =>
      from <= one.until! && one.until! <= to + afterStall
    );
    return stall === undefined ? one : { ...one, until: stall.from };
  });
  const byEpoch = Map.groupBy(known, ({ value }) => BigInt(value!) >> 40n);
  for (const [epoch, grants] of byEpoch) {
    const inOrder = grants.toSorted((one, other) => one.to - other.to);
    for (const [index, { to, node }] of inOrder.entries()) {
      const before = inOrder.slice(0, index).find(({ until }) => until! > to);
      if (before === undefined) continue;
      found.push(
        `${node} and ${before.node} held the lock at one time, for ${
          before.until! - to
        } ms, of epoch ${epoch}`,
      );
    }
  }
  return found;
}

function twice(values: readonly string[]): string[] {
  const seen = new Set<string>();
  return values.filter((value) => seen.size === seen.add(value).size);
}
