import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  type Journal,
  memoryJournal,
  memoryProjectionStore,
  PersistenceError,
  type ProjectedEvent,
  type Projection,
  projection,
  type ProjectionOptions,
  type ProjectionStore,
  type RunningProjection,
  type SavedOffsets,
} from "../../lib/persistence/mod.ts";
import { OptionError } from "../../lib/options/option_error.ts";
import { ActorSystem } from "../../lib/actor/system/actor_system.ts";
import { ManualClock } from "../../lib/testkit/manual_clock.ts";
import { RecordedTelemetry } from "../../lib/testkit/recorded_telemetry.ts";
import { SeededRandom } from "../../lib/testkit/seeded_random.ts";
import { recordedLog } from "../actor/recorded_log.ts";
import { VirtualSystem } from "../actor/virtual_system.ts";
import { EventWriter } from "./event_writer.ts";

/** A store that handles in transactions: what was written is kept if its offsets are. */
class TestDatabase implements ProjectionStore<Map<string, number>> {
  readonly name = "test";
  readonly #offsets = memoryProjectionStore();
  rows = new Map<string, number>();
  /** Thrown by the next transactions, after the work and before the commit. */
  fault: Error | undefined;

  open: ProjectionStore["open"] = (...args) => this.#offsets.open(...args);
  save: ProjectionStore["save"] = (...args) => this.#offsets.save(...args);
  setPaused: ProjectionStore["setPaused"] = (...args) => this.#offsets.setPaused(...args);
  close: ProjectionStore["close"] = () => this.#offsets.close();
  [Symbol.asyncDispose] = () => this.close();

  async transact(
    projection: string,
    saved: SavedOffsets,
    work: (rows: Map<string, number>) => void | Promise<void>,
  ): Promise<void> {
    const before = new Map(this.rows);
    const rows = new Map(before);
    await work(rows);
    if (this.fault !== undefined) throw this.fault;
    await this.#offsets.save(projection, saved);
    // Other transactions have changed other rows meanwhile.
    for (const [id, value] of rows) if (before.get(id) !== value) this.rows.set(id, value);
  }

  async reset(
    projection: string,
    clear: ((rows: Map<string, number>) => void | Promise<void>) | undefined,
  ): Promise<void> {
    const rows = new Map(this.rows);
    await clear?.(rows);
    await this.#offsets.reset(projection, undefined);
    this.rows = rows;
  }
}

interface Setup<T> {
  readonly virtual: VirtualSystem;
  readonly journal: Journal;
  readonly writer: EventWriter;
  readonly running: RunningProjection<T>;
  readonly totals: Projection<number, T>;
}

async function withProjection<T>(
  options: Omit<ProjectionOptions<number, T>, "name" | "journal"> & { readonly journal?: Journal },
  use: (setup: Setup<T>) => Promise<void>,
): Promise<void> {
  const journal = options.journal ?? memoryJournal();
  const totals = projection<number, T>({ name: "totals", workers: 4, ...options, journal });
  await using virtual = new VirtualSystem();
  const running = totals.start(virtual.system);
  // Its last look for events is long ago, so that it looks at once when some are announced.
  await virtual.clock.advance(10_000);
  await use({ virtual, journal, writer: new EventWriter(journal), running, totals });
}

const status = async <T>({ virtual, running }: Setup<T>) =>
  await virtual.clock.resolve(running.status());

Deno.test("events of all slices are handled, in the order of their ids, soon after they are stored", async () => {
  const seen = new Map<string, number[]>();
  await withProjection<undefined>({
    store: memoryProjectionStore(),
    handle: ({ event, id, seq }) => {
      const numbers = seen.get(id) ?? [];
      seen.set(id, numbers);
      assertEquals(seq, numbers.length + 1);
      numbers.push(event);
    },
  }, async (setup) => {
    const ids = Array.from({ length: 50 }, (_, n) => `account|${n}`);
    for (let round = 0; round < 10; round++) {
      for (const id of ids) await setup.writer.write(id, [round * 2, round * 2 + 1]);
      await setup.virtual.clock.advance(1);
    }
    await setup.virtual.clock.advance(50);
    assertEquals(seen.size, 50);
    for (const numbers of seen.values()) {
      assertEquals(numbers, Array.from({ length: 20 }, (_, n) => n));
    }
    const { state, handled, behind, lag, workers } = await status(setup);
    assertEquals([state, handled, behind, lag], ["waiting", 1_000, 0, 0]);
    assertEquals(workers.map(({ slices: { from, to } }) => [from, to]), [
      [0, 255],
      [256, 511],
      [512, 767],
      [768, 1023],
    ]);
  });
});

Deno.test("events that nobody announces are found after the poll interval", async () => {
  const inner = memoryJournal();
  const journal = new Proxy(inner, {
    get: (target, name) => {
      if (name === "onAppended") return undefined;
      const value = target[name as keyof Journal];
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  let total = 0;
  await withProjection<undefined>({
    journal,
    pollInterval: 200,
    store: memoryProjectionStore(),
    handle: ({ event }) => void (total += event),
  }, async ({ virtual, writer }) => {
    await virtual.clock.advance(10_000);
    await writer.write("account|a", [5]);
    await virtual.clock.advance(210);
    assertEquals(total, 5);
  });
});

Deno.test("a projection gets its kind, its tag and its slices only, and no empty events", async () => {
  const journal = memoryJournal();
  const writer = new EventWriter(journal);
  const got: string[] = [];
  const handle = ({ id, event }: ProjectedEvent<number>) => void got.push(`${id} ${event}`);
  const store = memoryProjectionStore();
  for (let n = 0; n < 20; n++) {
    await writer.write(`account|${n}`, [n], n % 2 === 0 ? ["even"] : undefined);
    await writer.write(`accounts|${n}`, [n]);
    await writer.writeMetadata(`account|${n}`);
  }
  await using virtual = new VirtualSystem();
  const run = async (name: string, source: ProjectionOptions<number, undefined>["source"]) => {
    got.length = 0;
    projection<number>({ name, journal, store, handle, source: source! }).start(virtual.system);
    await virtual.clock.advance(100);
    return got.length;
  };
  assertEquals(await run("kind", { kind: "account" }), 20);
  assert(got.every((one) => one.startsWith("account|")));
  assertEquals(await run("tag", { tag: "even" }), 10);
  const low = await run("low", { slices: { from: 0, to: 511 } });
  const high = await run("high", { slices: { from: 512, to: 1023 } });
  assertEquals(low + high, 40);
  assert(low > 5 && high > 5);
});

Deno.test("a handler that fails gets the event again, marked, and those before it do not come again", async () => {
  const got: string[] = [];
  let failures = 3;
  await withProjection<undefined>({
    workers: 1,
    store: memoryProjectionStore(),
    handle: ({ event, redelivered }) => {
      if (event === 2 && failures-- > 0) throw new Error("boom");
      got.push(`${event}${redelivered ? " again" : ""}`);
    },
  }, async (setup) => {
    await setup.writer.write("account|a", [1, 2, 3]);
    await setup.virtual.clock.advance(1);
    assertEquals(got, ["1"]);
    const { state, workers, lag } = await status(setup);
    assertEquals([state, workers[0]!.error], ["retrying", "boom"]);
    assert(lag > 0);
    await setup.virtual.clock.advance(5_000);
    assertEquals(got, ["1", "2 again", "3"]);
    assertEquals((await status(setup)).workers[0]!.error, undefined);
  });
});

Deno.test("an event that cannot be handled is skipped and logged, or stops its worker until resume", async () => {
  for (const afterRetries of ["skip", "stop"] as const) {
    const database = new TestDatabase();
    let isFixed = false;
    await withProjection<Map<string, number>>({
      workers: 1,
      retries: 2,
      afterRetries,
      store: database,
      handle: ({ event, id }, rows) => {
        if (event === 3 && !isFixed) throw new Error("boom");
        rows.set(id, (rows.get(id) ?? 0) + event);
      },
    }, async (setup) => {
      const { virtual, running, writer } = setup;
      await writer.write("account|a", [1, 2, 3, 4]);
      await virtual.clock.advance(10_000);
      const { state, skipped, handled } = await status(setup);
      const errors = virtual.lines.filter(({ level }) => level === "error");
      if (afterRetries === "skip") {
        assertEquals([state, skipped, handled], ["waiting", 1, 3]);
        assertEquals(database.rows.get("account|a"), 7);
        assertEquals(errors.map(({ message }) => message), ["event is skipped"]);
        return;
      }
      assertEquals([state, skipped, handled], ["stopped", 0, 2]);
      assertEquals(database.rows.get("account|a"), 3);
      assertEquals(errors.map(({ message }) => message), ["projection has stopped"]);
      isFixed = true;
      await virtual.clock.resolve(running.resume());
      await virtual.clock.advance(100);
      assertEquals(database.rows.get("account|a"), 10);
    });
  }
});

Deno.test("events that are handled together are isolated when one of them fails", async () => {
  const database = new TestDatabase();
  const sizes: number[] = [];
  await withProjection<Map<string, number>>({
    workers: 1,
    retries: 0,
    afterRetries: "skip",
    store: database,
    handleBatch: async (events, rows) => {
      await Promise.resolve();
      sizes.push(events.length);
      for (const { id, event } of events) rows.set(id, (rows.get(id) ?? 0) + event);
      if (events.some(({ event }) => event === 3)) throw new Error("boom");
    },
  }, async ({ virtual, writer }) => {
    await writer.write("account|a", [1, 2, 3, 4]);
    await virtual.clock.advance(1_000);
    assertEquals(sizes, [4, 1, 1, 1, 1]);
    assertEquals(database.rows.get("account|a"), 7);
  });
});

Deno.test("a store that fails is asked again, and its faults skip no event", async () => {
  const database = new TestDatabase();
  await withProjection<Map<string, number>>({
    retries: 0,
    afterRetries: "skip",
    store: database,
    handle: ({ event, id }, rows) => void rows.set(id, (rows.get(id) ?? 0) + event),
  }, async (setup) => {
    database.fault = new PersistenceError("storeUnavailable", "it is gone");
    await setup.writer.write("account|a", [1, 2, 3, 4]);
    await setup.virtual.clock.advance(60_000);
    const { state, workers } = await status(setup);
    assertEquals(state, "retrying");
    const { error } = workers.find(({ error }) => error !== undefined)!;
    assertEquals(error, "storeUnavailable: it is gone");
    database.fault = undefined;
    await setup.virtual.clock.advance(60_000);
    assertEquals(database.rows.get("account|a"), 10);
    assertEquals((await status(setup)).skipped, 0);
  });
});

Deno.test("while it is paused nothing is handled, also not by workers that start meanwhile", async () => {
  const database = new TestDatabase();
  const journal = memoryJournal();
  const options: ProjectionOptions<number, Map<string, number>> = {
    name: "totals",
    journal,
    workers: 4,
    store: database,
    handle: ({ event, id }, rows) => void rows.set(id, (rows.get(id) ?? 0) + event),
  };
  const writer = new EventWriter(journal);
  {
    await using virtual = new VirtualSystem();
    const running = projection(options).start(virtual.system);
    await writer.write("account|a", [1]);
    await virtual.clock.advance(100);
    await virtual.clock.resolve(running.pause());
    await writer.write("account|a", [2]);
    await virtual.clock.advance(100_000);
    const { state, behind } = await virtual.clock.resolve(running.status());
    assertEquals([state, behind], ["paused", 1]);
    assertEquals(database.rows.get("account|a"), 1);
  }
  await using virtual = new VirtualSystem();
  // Another number of workers goes on where those have ended.
  const running = projection({ ...options, workers: 7 }).start(virtual.system);
  await virtual.clock.advance(100_000);
  assertEquals(database.rows.get("account|a"), 1);
  await virtual.clock.resolve(running.resume());
  await virtual.clock.advance(100);
  assertEquals(database.rows.get("account|a"), 3);
});

Deno.test("pause waits for the handler that runs", async () => {
  let [begun, ended] = [0, 0];
  await withProjection<undefined>({
    store: memoryProjectionStore(),
    handle: async () => {
      begun++;
      await new Promise<void>((resolve) => hold = resolve);
      ended++;
    },
  }, async ({ virtual, writer, running }) => {
    await writer.write("account|a", [1, 2]);
    await virtual.clock.advance(10);
    assertEquals([begun, ended], [1, 0]);
    let paused = false;
    const pausing = running.pause().then(() => paused = true);
    await virtual.clock.advance(10);
    assertEquals(paused, false);
    hold();
    await virtual.clock.advance(10);
    // The page that was begun is handled whole.
    assertEquals([begun, ended, paused], [2, 1, false]);
    hold();
    await virtual.clock.advance(10);
    await pausing;
    assertEquals([begun, ended], [2, 2]);
  });
});
let hold = (): void => {};

Deno.test("rebuild clears what was made and handles all events again, once", async () => {
  const database = new TestDatabase();
  let factor = 1;
  await withProjection<Map<string, number>>({
    store: database,
    handle: ({ event, id }, rows) => void rows.set(id, (rows.get(id) ?? 0) + event * factor),
  }, async (setup) => {
    const { virtual, running, writer } = setup;
    for (let n = 0; n < 20; n++) await writer.write(`account|${n}`, [n, 1]);
    await virtual.clock.advance(100);
    assertEquals([...database.rows.values()].reduce((a, b) => a + b, 0), 210);
    factor = 10;
    await virtual.clock.resolve(running.rebuild((rows) => rows.clear()));
    await writer.write("account|0", [100]);
    await virtual.clock.advance(100);
    assertEquals([...database.rows.values()].reduce((a, b) => a + b, 0), 3_100);
    assertEquals((await status(setup)).state, "waiting");
  });
});

Deno.test("of two workers of one range the earlier is fenced, and what it does is not kept", async () => {
  const database = new TestDatabase();
  const journal = memoryJournal();
  const writer = new EventWriter(journal);
  const held: (() => void)[] = [];
  const make = (isSlow: boolean) =>
    projection<number, Map<string, number>>({
      name: "totals",
      journal,
      workers: 1,
      store: database,
      handle: ({ event, id }, rows) => {
        const add = () => void rows.set(id, (rows.get(id) ?? 0) + event);
        return isSlow ? new Promise<void>((resolve) => held.push(resolve)).then(add) : add();
      },
    });
  await using first = new VirtualSystem();
  await using second = new VirtualSystem();
  make(true).start(first.system);
  await writer.write("account|a", [1, 2, 3]);
  await first.clock.advance(10);
  assertEquals(held.length, 1);
  make(false).start(second.system);
  await second.clock.advance(10);
  assertEquals(database.rows.get("account|a"), 6);
  // The first wakes up in the middle of its page.
  for (let event = 0; event < 3; event++) {
    held.shift()!();
    await first.clock.advance(10);
  }
  assertEquals(database.rows.get("account|a"), 6);
  const line = first.lines.find(({ message }) => message === "store of a projection failed");
  assertEquals((line?.fields?.error as PersistenceError).code, "fenced");
});

Deno.test("events that cannot be read fail as their handler would", async () => {
  const inner = memoryJournal();
  const journal = new Proxy(inner, {
    get: (target, name) => {
      if (name === "readSlices") {
        return async (options: Parameters<Journal["readSlices"]>[0]) => {
          const page = await target.readSlices(options);
          const events = page.events.map((event) =>
            event.seq === 2 ? { ...event, checksum: 1 } : event
          );
          return { ...page, events };
        };
      }
      const value = target[name as keyof Journal];
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  const got: number[] = [];
  await withProjection<undefined>({
    journal,
    workers: 1,
    retries: 1,
    store: memoryProjectionStore(),
    handle: ({ event }) => void got.push(event),
  }, async (setup) => {
    await setup.writer.write("account|a", [1, 2, 3]);
    await setup.virtual.clock.advance(10_000);
    assertEquals(got, [1]);
    const { state, workers } = await status(setup);
    assertEquals(state, "stopped");
    assertEquals(
      workers[0]!.error,
      "corruptEvent: account|a: event 2 has a wrong checksum; restore the store from a backup",
    );
  });
});

Deno.test("a projection is refused with what is wrong", () => {
  const journal = memoryJournal();
  const store = memoryProjectionStore();
  const handle = () => {};
  const bad = (options: object, option: string) => {
    const error = assertThrows(
      () => projection({ name: "totals", journal, store, handle, ...options }),
      OptionError,
    );
    assertEquals(error.option, option);
  };
  bad({ handle: undefined }, "handle");
  bad({ handleBatch: handle }, "handle");
  bad({ name: "a b" }, "name");
  bad({ workers: 0 }, "workers");
  bad({ source: { slices: { from: 5, to: 4 } } }, "source.slices");
  bad({ source: { slices: { from: 0, to: 1_024 } } }, "source.slices.to");
  bad({ backoff: { min: 100, max: 10 } }, "backoff");
  bad({ journal: {} }, "journal");
});

Deno.test("a worker that cannot be reached fails pause, which is then known to the store", async () => {
  await withProjection<undefined>({
    store: memoryProjectionStore(),
    handle: () => new Promise<void>((resolve) => hold = resolve),
  }, async ({ virtual, writer, running }) => {
    await writer.write("account|a", [1]);
    await virtual.clock.advance(10);
    await assertRejects(() => virtual.clock.resolve(running.pause({ timeout: 100 })));
    hold();
    await virtual.clock.advance(10);
    assertEquals((await virtual.clock.resolve(running.status())).state, "paused");
  });
});

Deno.test("behind a full page it reads ahead, and what is appended then does not wait for a poll", async () => {
  const inner = memoryJournal();
  let reads = 0;
  const journal = new Proxy(inner, {
    get: (target, name) => {
      if (name === "readSlices") reads++;
      const value = target[name as keyof Journal];
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  const got: number[] = [];
  await withProjection<undefined>({
    journal,
    workers: 1,
    batchSize: 2,
    store: memoryProjectionStore(),
    handle: async ({ event }) => {
      await new Promise<void>((resolve) => hold = resolve);
      got.push(event);
    },
  }, async ({ virtual, writer }) => {
    reads = 0;
    await writer.write("account|a", [1, 2, 3, 4]);
    await virtual.clock.advance(1);
    assertEquals(reads, 2);
    const release = async () => {
      hold();
      await virtual.clock.advance(1);
    };
    await release();
    await release();
    // The page that was read ahead is handled, and the one behind it is read.
    assertEquals([got, reads], [[1, 2], 3]);
    await writer.write("account|a", [5]);
    await release();
    await release();
    await release();
    assertEquals(got, [1, 2, 3, 4, 5]);
  });
});

Deno.test("a worker of a system that is measured counts events and tells its lag", async () => {
  const telemetry = new RecordedTelemetry();
  const clock = new ManualClock();
  const { logger } = recordedLog();
  const random = new SeededRandom("measured");
  const system = new ActorSystem({ runtime: { clock, random, logger, telemetry } });
  const journal = memoryJournal();
  projection<number>({
    name: "totals",
    journal,
    workers: 1,
    retries: 1,
    afterRetries: "skip",
    store: memoryProjectionStore(),
    handle: ({ event }) => {
      if (event === 2) throw new Error("boom");
    },
  }).start(system);
  await clock.advance(10_000);
  await new EventWriter(journal).write("account|a", [1, 2, 3]);
  await clock.advance(10);
  const lag = () =>
    telemetry.sum("casty.projection.lag", { projection: "totals", slices: "0-1023" });
  assert(lag() > 0);
  const behind = () => telemetry.sum("casty.projection.behind", { projection: "totals" });
  behind();
  await clock.advance(1);
  assertEquals(behind(), 2);
  await clock.advance(10_000);
  behind();
  await clock.advance(1);
  assertEquals(behind(), 0);
  assertEquals(lag(), 0);
  const counted = (outcome: string) =>
    telemetry.sum("casty.projection.events", { projection: "totals", outcome });
  assertEquals([counted("handled"), counted("failed"), counted("skipped")], [2, 2, 1]);
  await clock.resolve(system.shutdown());
});

Deno.test("the journal is the system's if the projection has none", async () => {
  const journal = memoryJournal();
  const got: number[] = [];
  const view = projection<number>({
    name: "of-the-system",
    store: memoryProjectionStore(),
    handle: ({ event }) => void got.push(event),
  });
  {
    await using virtual = new VirtualSystem();
    const error = assertThrows(() => view.start(virtual.system), PersistenceError);
    assertEquals(error.code, "noJournal");
  }
  await using virtual = new VirtualSystem({ persistence: { journal } });
  view.start(virtual.system);
  await new EventWriter(journal).write("account|a", [7]);
  await virtual.clock.advance(10);
  assertEquals(got, [7]);
});

Deno.test("events are upcast and validated before they are handled", async () => {
  const got: unknown[] = [];
  const even = {
    "~standard": {
      version: 1,
      vendor: "test",
      validate: (value: unknown) =>
        typeof value === "number" && value % 2 === 0
          ? { value }
          : { issues: [{ message: "is odd" }] },
    },
  } as const;
  await withProjection<undefined>({
    workers: 1,
    retries: 0,
    afterRetries: "skip",
    // The writer's version is 0.
    schema: { version: 1, upcastEvent: { 0: (value: number) => value * 10 + value }, event: even },
    store: memoryProjectionStore(),
    handle: ({ event }) => void got.push(event),
  }, async ({ virtual, writer }) => {
    await writer.write("account|a", [1, 2, 3, 4]);
    await virtual.clock.advance(10);
    assertEquals(got, [22, 44]);
    const { error } = virtual.lines.find(({ message }) => message === "projection handler failed")!
      .fields!;
    assertEquals((error as PersistenceError).code, "schemaMismatch");
  });
});
