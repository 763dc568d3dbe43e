import { assert, assertEquals } from "@std/assert";
import {
  type DueLog,
  sliceCount,
  sliceOf,
  type SliceRange,
} from "../../../lib/persistence/journal.ts";
import { DueIds, maxKept, maxUnderWay } from "../../../lib/persistence/due/due_ids.ts";
import { DueService, overdueAfter } from "../../../lib/persistence/due/due_service.ts";
import { sliceShare } from "../../../lib/persistence/due/slice_share.ts";
import { ManualClock } from "../../../lib/testkit/manual_clock.ts";
import { SeededRandom } from "../../../lib/testkit/seeded_random.ts";

/** Ids in the order of their times, as an index of a store has them. */
class DueIndex {
  readonly #wakes = new Map<string, number>();
  /** Sorted; those that are done or have another time are left out when they are read. */
  #sorted: DueLog[] = [];
  /** All before it are done. */
  #first = 0;
  fails = false;

  /** Sets the times of many. */
  load(logs: readonly DueLog[]): void {
    for (const { id, wake } of logs) this.#wakes.set(id, wake);
    this.#sorted = this.#sorted.slice(this.#first).concat(logs).sort((a, b) => a.wake - b.wake);
    this.#first = 0;
  }

  done(id: string): number | undefined {
    const wake = this.#wakes.get(id);
    this.#wakes.delete(id);
    return wake;
  }

  readDue(
    { slices, before, limit }: { slices: SliceRange; before: number; limit: number },
  ): Promise<DueLog[]> {
    if (this.fails) return Promise.reject(new Error("away"));
    const isLeft = ({ id, wake }: DueLog) => this.#wakes.get(id) === wake;
    while (this.#first < this.#sorted.length && !isLeft(this.#sorted[this.#first]!)) this.#first++;
    const found: DueLog[] = [];
    for (let at = this.#first; at < this.#sorted.length && found.length < limit; at++) {
      const log = this.#sorted[at]!;
      if (log.wake > before) break;
      const slice = sliceOf(log.id);
      if (isLeft(log) && slice >= slices.from && slice <= slices.to) found.push(log);
    }
    return Promise.resolve(found);
  }
}

interface Watch {
  readonly clock: ManualClock;
  readonly index: DueIndex;
  readonly woken: string[];
  readonly logs: string[];
  nodes: string[];
  start(self: string, wake?: (ids: readonly string[]) => void): DueService;
}

function watch(): Watch {
  const clock = new ManualClock();
  const made: Watch = {
    clock,
    index: new DueIndex(),
    woken: [],
    logs: [],
    nodes: ["a"],
    start: (self, wake = (ids) => made.woken.push(...ids)) =>
      new DueService({
        clock,
        interval: 1_000,
        share: () => sliceShare(made.nodes, self),
        journal: made.index,
        wake,
        log: (message) => made.logs.push(message),
      }),
  };
  return made;
}

Deno.test("an id is called when it is due, and not before", async () => {
  const { clock, index, woken, start } = watch();
  const now = clock.wallTime();
  index.load([{ id: "x|1", wake: now + 5_250 }, { id: "x|2", wake: 0 }]);
  using _ = closing(start("a"));
  await clock.advance(1);
  assertEquals(woken, ["x|2"]);
  index.done("x|2");
  await clock.advance(5_248);
  assertEquals(woken, ["x|2"]);
  await clock.advance(2);
  assertEquals(woken, ["x|2", "x|1"]);
});

Deno.test("an id that stays due is called again after growing pauses, up to a minute", async () => {
  const { clock, index, start } = watch();
  index.load([{ id: "x|1", wake: 0 }]);
  const times: number[] = [];
  using _ = closing(start("a", () => times.push(clock.now())));
  await clock.advance(300_000);
  const pauses = times.slice(1).map((time, at) => time - times[at]!);
  assertEquals(pauses.slice(0, 8), [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]);
});

Deno.test("a clock that is set back makes no pause longer", () => {
  const ids = new DueIds();
  const hour = 3_600_000;
  const page = [{ id: "a", wake: 1_000 }];
  ids.onPage(page);
  assertEquals(ids.take(2 * hour, true), ["a"]);
  // The call was lost, and the id is still due.
  ids.onPage(page);
  assertEquals(ids.take(hour, true), []);
  assertEquals(ids.take(hour + 60_000, true), ["a"]);
});

Deno.test("ids that nobody answers for do not keep others from being called", async () => {
  const { clock, index, start } = watch();
  const lost = Array.from({ length: 3 * maxUnderWay }, (_, at) => ({ id: `lost|${at}`, wake: 0 }));
  index.load(lost);
  const woken = new Set<string>();
  using _ = closing(start("a", (ids) => ids.forEach((id) => woken.add(id))));
  await clock.advance(1_000);
  index.load([{ id: "x|1", wake: clock.wallTime() }]);
  assert(await clock.advanceUntil(() => woken.has("x|1"), 60_000));
});

Deno.test("a store that is away is asked again, and that is logged once", async () => {
  const { clock, index, woken, logs, start } = watch();
  index.fails = true;
  using _ = closing(start("a"));
  await clock.advance(10_000);
  assertEquals(logs, ["reminders that are due cannot be read"]);
  index.fails = false;
  index.load([{ id: "x|1", wake: 0 }]);
  await clock.advance(1_000);
  assertEquals(woken, ["x|1"]);
});

Deno.test("nodes share the slices, and each slice has one node", () => {
  for (const count of [1, 2, 3, 5, 7, 1_000, 2_000]) {
    const nodes = Array.from({ length: count }, (_, at) => `node-${at}`);
    const owners = new Array<number>(sliceCount).fill(0);
    for (const node of nodes) {
      const { own, others } = sliceShare(nodes, node);
      for (let slice = own?.from ?? 0; slice <= (own?.to ?? -1); slice++) owners[slice]!++;
      const rest = others.reduce((sum, { from, to }) => sum + to - from + 1, 0);
      assertEquals(rest, sliceCount - (own === undefined ? 0 : own.to - own.from + 1));
    }
    assertEquals(owners, new Array<number>(sliceCount).fill(1), `${count} nodes`);
  }
});

Deno.test("what is overdue in the share of a node that does not look is called by another", async () => {
  const made = watch();
  const { clock, index, woken, start } = made;
  made.nodes = ["a", "b"];
  const ids = Array.from({ length: 50 }, (_, at) => ({ id: `x|${at}`, wake: clock.wallTime() }));
  index.load(ids);
  using _ = closing(start("a"));
  await clock.advance(1_000);
  const own = new Set(woken);
  assert(own.size > 10 && own.size < 40, `${own.size} are in the share of this node`);
  await clock.advance(3 * overdueAfter);
  assertEquals(new Set(woken).size, ids.length);
});

Deno.test("nothing is called after the end", async () => {
  const { clock, index, woken, start } = watch();
  const service = start("a");
  await clock.advance(100);
  service.close();
  index.load([{ id: "x|1", wake: 0 }]);
  await clock.advance(10_000);
  assertEquals([woken, clock.pending], [[], 0]);
});

interface Load {
  readonly late99: number;
  readonly mostKept: number;
  /** Reminders that are due and were not handled. */
  readonly left: number;
}

/**
 * `count` reminders in `span` milliseconds, of which `lookedFor` pass; each actor needs 5 to 50 ms until
 * its mark is stored.
 */
async function load(count: number, span: number, lookedFor: number): Promise<Load> {
  const { clock, index, start } = watch();
  const random = new SeededRandom(1);
  const now = clock.wallTime();
  const wakes = Array.from({ length: count }, (_, at) => ({
    id: `timer|${at}`,
    wake: now + Math.floor(random.next() * span),
  }));
  index.load(wakes);
  const late: number[] = [];
  let mostKept = 0;
  using service = closing(start("a", (ids) => {
    mostKept = Math.max(mostKept, service.of.size);
    clock.schedule(5 + random.next() * 45, () => {
      for (const id of ids) {
        const wake = index.done(id);
        if (wake !== undefined) late.push(clock.wallTime() - wake);
      }
    });
  }));
  await clock.advance(lookedFor);
  const due = wakes.filter(({ wake }) => wake <= clock.wallTime() - 2_000).length;
  late.sort((a, b) => a - b);
  return { late99: late[Math.floor(late.length * 0.99)]!, mostKept, left: due - late.length };
}

Deno.test("of a million reminders within an hour 99 % are late by less than 1 s, and few are in memory", async () => {
  const { late99, mostKept, left } = await load(1_000_000, 3_600_000, 300_000);
  assert(left <= 0, `${left} were not handled`);
  assert(late99 < 1_000, `the 99th percentile is ${late99} ms`);
  assert(mostKept < maxKept, `${mostKept} ids were in memory`);
});

Deno.test("20 000 reminders for one moment are called in pages, and few are in memory", async () => {
  const { late99, mostKept, left } = await load(20_000, 1, 10_000);
  assertEquals(left, 0);
  assert(late99 < 2_000, `the 99th percentile is ${late99} ms`);
  assert(mostKept <= maxUnderWay, `${mostKept} ids were in memory`);
});

function closing(service: DueService): Disposable & { readonly of: DueService } {
  return { of: service, [Symbol.dispose]: () => service.close() };
}
