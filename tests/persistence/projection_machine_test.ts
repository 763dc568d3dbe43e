import { assert, assertEquals } from "@std/assert";
import type { Offsets } from "../../lib/persistence/projections/offset_rows.ts";
import {
  type MachineEffect,
  type MachineInput,
  type MachineSettings,
  ProjectionMachine,
} from "../../lib/persistence/projections/projection_machine.ts";
import { SeededRandom } from "../../lib/testkit/seeded_random.ts";

interface Event {
  readonly slice: number;
  readonly position: bigint;
  readonly at: number;
}

const settings: MachineSettings = {
  transactional: true,
  retries: 2,
  afterRetries: "stop",
  backoff: { min: 100, max: 1_000 },
  pollInterval: 1_000,
};

const event = (position: number, slice = position % 3): Event => ({
  slice,
  position: BigInt(position),
  at: position,
});

const events = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, index) => event(from + index));

const at = (position: number): Offsets =>
  new Map([0, 1, 2].map((slice) => [slice, BigInt(position)]));

/** A full page. */
const page = (from: number, to: number) => ({
  type: "read",
  events: events(from, to),
  next: at(to),
  isFull: true,
} as const);

/** A page that has found no event up to a position. */
const nothing = (
  to: number,
) => ({ type: "read", events: [], next: at(to), isFull: false } as const);

/** A machine that has read events 1 to 4. */
function reading(more: Partial<MachineSettings> = {}, opened = false) {
  const machine = new ProjectionMachine<Event>({ ...settings, ...more });
  const next = (input: MachineInput<Event>, now = 0) => machine.next(input, now, 0);
  assertEquals(next({ type: "start" }), { type: "open" });
  const offsets = new Map();
  assertEquals(next({ type: "opened", offsets, paused: false, opened }), {
    type: "read",
    after: offsets,
  });
  const effect = next(page(1, 4));
  return { machine, next, effect };
}

const numbers = (effect: MachineEffect<Event> | undefined) => {
  assert(effect?.type === "handle", effect?.type);
  return effect.events.map(({ position }) => Number(position));
};

const boom = new Error("boom");

Deno.test("a page is handled together, and the next one is read after its end", () => {
  const { machine, next, effect } = reading();
  assertEquals(effect, {
    type: "handle",
    events: events(1, 4),
    offsets: at(4),
    redelivered: false,
  });
  assertEquals(machine.status.pending, 4);
  assertEquals(next({ type: "handled" }), { type: "read", after: at(4) });
  assertEquals(machine.status.handled, 4);
});

Deno.test("without transactions the offsets are saved after the handler", () => {
  const { machine, next } = reading({ transactional: false });
  assertEquals(next({ type: "handled" }), { type: "save", offsets: at(4) });
  assertEquals(machine.status.handled, 0);
  assertEquals(next({ type: "saved" }), { type: "read", after: at(4) });
  assertEquals(machine.status.handled, 4);
});

Deno.test("the first events after a worker that was there before may come again", () => {
  const { next, effect } = reading({ transactional: false }, true);
  assert(effect?.type === "handle" && effect.redelivered);
  next({ type: "handled" });
  next({ type: "saved" });
  const second = next(page(5, 6));
  assert(second?.type === "handle" && !second.redelivered);
});

Deno.test("in a transaction nothing comes again", () => {
  const { next, effect } = reading({}, true);
  assert(effect?.type === "handle" && !effect.redelivered);
  next({ type: "handlerFailed", index: 0, error: boom });
  const again = next({ type: "waited" });
  assert(again?.type === "handle" && !again.redelivered);
});

Deno.test("without events it waits, soon at first, then for the poll interval", () => {
  const { next } = reading();
  next({ type: "handled" });
  const delays: number[] = [];
  for (let look = 0; look < 8; look++) {
    const effect = next(nothing(4));
    assert(effect?.type === "wait" && effect.reason === "events");
    delays.push(effect.delay);
    assertEquals(next({ type: "waited" }), { type: "read", after: at(4) });
  }
  assertEquals(delays, [20, 40, 80, 160, 320, 640, 1_000, 1_000]);
});

Deno.test("an announcement ends the wait, and one during a read is not lost", () => {
  const { next } = reading();
  next({ type: "handled" }, 0);
  next(nothing(4), 0);
  assertEquals(next({ type: "appended" }, 500), { type: "read", after: at(4) });
  assertEquals(next({ type: "appended" }, 600), undefined);
  assertEquals(next(nothing(4), 700), { type: "read", after: at(4) });
});

Deno.test("while many write it looks at most every fiftieth of the poll interval", () => {
  const { next } = reading();
  next({ type: "handled" }, 0);
  // Some, and no more: the rest comes with the next page.
  const some = { ...page(5, 6), isFull: false };
  next(some, 1);
  next({ type: "appended" }, 2);
  assertEquals(next({ type: "handled" }, 5), { type: "wait", delay: 15, reason: "events" });
  assertEquals(next({ type: "appended" }, 6), undefined);
  assertEquals(next({ type: "waited" }, 20), { type: "read", after: at(6) });
  next(nothing(6), 21);
  assertEquals(next({ type: "appended" }, 30), { type: "wait", delay: 10, reason: "events" });
  assertEquals(next({ type: "appended" }, 31), undefined);
  assertEquals(next({ type: "waited" }, 40), { type: "read", after: at(6) });
});

Deno.test("a page of events of others only is followed by the next one at once, if it was full", () => {
  const { next } = reading();
  next({ type: "handled" });
  assertEquals(next({ ...nothing(900), isFull: true }), { type: "read", after: at(900) });
  assertEquals(next(nothing(950))?.type, "wait");
});

Deno.test("offsets that moved past other events are saved every ten seconds", () => {
  const { next } = reading();
  next({ type: "handled" }, 1_000);
  assertEquals(next(nothing(7), 10_999)?.type, "wait");
  next({ type: "waited" });
  assertEquals(next(nothing(9), 11_000), {
    type: "save",
    offsets: at(9),
  });
  assertEquals(next({ type: "saved" }, 11_000)?.type, "wait");
});

Deno.test("in a transaction, those before an event that fails are handled without it", () => {
  const { next } = reading();
  const prefix = next({ type: "handlerFailed", index: 2, error: boom });
  assertEquals(numbers(prefix), [1, 2]);
  assert(prefix?.type === "handle");
  assertEquals(prefix.offsets, new Map([[1, 1n], [2, 2n]]));
  assertEquals(numbers(next({ type: "handled" })), [3]);
  assertEquals(numbers(next({ type: "handled" })), [4]);
  assertEquals(next({ type: "handled" }), { type: "read", after: at(4) });
});

Deno.test("without transactions, those before an event that fails are saved", () => {
  const { machine, next } = reading({ transactional: false });
  assertEquals(next({ type: "handlerFailed", index: 2, error: boom }), {
    type: "save",
    offsets: new Map([[1, 1n], [2, 2n]]),
  });
  assertEquals(next({ type: "saved" }), { type: "wait", delay: 100, reason: "handler" });
  assertEquals(machine.status.handled, 2);
  const again = next({ type: "waited" });
  assertEquals(numbers(again), [3]);
  assert(again?.type === "handle" && again.redelivered);
  next({ type: "handled" });
  const fourth = next({ type: "saved" });
  assertEquals(numbers(fourth), [4]);
  assert(fourth?.type === "handle" && !fourth.redelivered);
});

Deno.test("an event that fails again and again stops the worker, with growing pauses", () => {
  const { machine, next } = reading();
  const fail = () => next({ type: "handlerFailed", index: 0, error: boom });
  assertEquals(fail(), { type: "wait", delay: 100, reason: "handler" });
  assertEquals(machine.status.state, "retrying");
  assertEquals(numbers(next({ type: "waited" })), [1]);
  assertEquals(fail(), { type: "wait", delay: 200, reason: "handler" });
  next({ type: "waited" });
  assertEquals(fail(), { type: "wait", delay: Infinity, reason: "stopped" });
  assertEquals(machine.status.state, "stopped");
  assertEquals(machine.status.error, boom);
  assertEquals(next({ type: "appended" }), undefined);
  // It tries again when it is told.
  assertEquals(next({ type: "changed" }), { type: "open" });
});

Deno.test("or is skipped, and the next one has all its attempts", () => {
  for (const transactional of [true, false]) {
    const { machine, next } = reading({ transactional, afterRetries: "skip" });
    const fail = () => next({ type: "handlerFailed", index: 0, error: boom });
    fail();
    next({ type: "waited" });
    fail();
    next({ type: "waited" });
    assertEquals(fail(), { type: "save", offsets: new Map([[1, 1n]]), skipped: event(1) });
    const rest = next({ type: "saved" });
    assertEquals(numbers(rest), [2, 3, 4]);
    assertEquals([machine.status.skipped, machine.status.handled], [1, 0]);
    assertEquals(fail(), { type: "wait", delay: 100, reason: "handler" });
  }
});

Deno.test("events that failed together are handled one by one", () => {
  const { next } = reading({ afterRetries: "skip", retries: 0 });
  assertEquals(numbers(next({ type: "handlerFailed", index: undefined, error: boom })), [1]);
  assertEquals(numbers(next({ type: "handled" })), [2]);
  const skipped = next({ type: "handlerFailed", index: undefined, error: boom });
  assert(skipped?.type === "save" && skipped.skipped?.position === 2n);
  assertEquals(numbers(next({ type: "saved" })), [3]);
  assertEquals(numbers(next({ type: "handled" })), [4]);
  assertEquals(next({ type: "handled" })?.type, "read");
});

Deno.test("a store that fails is tried again for ever, from what it has saved", () => {
  const { machine, next } = reading({ retries: 0, afterRetries: "skip" });
  const delays: number[] = [];
  for (let failure = 0; failure < 6; failure++) {
    const effect = next({ type: "storeFailed", error: boom });
    assert(effect?.type === "wait" && effect.reason === "store");
    delays.push(effect.delay);
    assertEquals(machine.status.state, "retrying");
    assertEquals(next({ type: "waited" }), { type: "open" });
    // Opening works, and the transaction fails again.
    next({ type: "opened", offsets: new Map(), paused: false, opened: true });
    assertEquals(numbers(next(page(1, 4))), [1, 2, 3, 4]);
  }
  assertEquals(delays, [100, 200, 400, 800, 1_000, 1_000]);
  assertEquals(machine.status.skipped, 0);
});

Deno.test("a paused worker does nothing but look whether it still is", () => {
  const { machine, next } = reading();
  assertEquals(next({ type: "changed" }), undefined);
  assertEquals(next({ type: "handled" }), { type: "open" });
  const paused = { type: "opened", offsets: at(4), paused: true, opened: true } as const;
  assertEquals(next(paused), { type: "wait", delay: 30_000, reason: "paused" });
  assertEquals(machine.status.state, "paused");
  assertEquals(next({ type: "appended" }), undefined);
  assertEquals(next({ type: "waited" }), { type: "open" });
  assertEquals(next({ ...paused, paused: false }), { type: "read", after: at(4) });
});

Deno.test("what changes while the slices are opened is looked at again", () => {
  const machine = new ProjectionMachine<Event>(settings);
  machine.next({ type: "start" }, 0, 0);
  assertEquals(machine.next({ type: "changed" }, 0, 0), undefined);
  const opened = { type: "opened", offsets: new Map(), paused: false, opened: false } as const;
  assertEquals(machine.next(opened, 0, 0), { type: "open" });
  assertEquals(machine.next(opened, 0, 0)?.type, "read");
});

/** A worker in a world of faults, one after the other on the same events. */
function simulate(seed: string, transactional: boolean, together: boolean) {
  const random = new SeededRandom(seed);
  const chance = (share: number) => random.next() < share;
  const count = 60;
  const poison = new Set(
    Array.from({ length: 2 }, () => 1 + Math.floor(random.next() * count)),
  );
  const handled = new Map<number, number>();
  const unmarked = new Map<number, number>();
  const kept = { offsets: new Map() as Offsets, opened: false };
  let [now, stored, idle] = [0, 0, 0];
  const failures = { skipped: 0 };

  const add = (to: Map<number, number>, number: number) =>
    to.set(number, (to.get(number) ?? 0) + 1);
  const make = () =>
    new ProjectionMachine<Event>({ ...settings, transactional, afterRetries: "skip", retries: 1 });
  let machine = make();
  let input: MachineInput<Event> | undefined = { type: "start" };
  for (let step = 0; step < 3_000; step++) {
    now += 10;
    if (stored < count && chance(0.3)) stored += Math.ceil(random.next() * 10);
    if (chance(0.02)) {
      // It has crashed; the next incarnation begins with what is saved.
      machine = make();
      input = { type: "start" };
    }
    let effect: MachineEffect<Event> | undefined = machine.next(input!, now, random.next());
    if (chance(0.05)) effect = machine.next({ type: "appended" }, now, 0) ?? effect;
    if (chance(0.02)) effect = machine.next({ type: "changed" }, now, 0) ?? effect;
    assert(effect !== undefined, "there is always something to do, or to wait for");
    const storeFails = chance(0.04);
    switch (effect.type) {
      case "open":
        input = { type: "opened", ...kept, paused: chance(0.05) };
        if (!storeFails) kept.opened = true;
        break;
      case "read": {
        const { after } = effect;
        const found = events(1, Math.min(stored, count)).filter(({ slice, position }) =>
          position > (after.get(slice) ?? 0n)
        ).slice(0, 7);
        const last = found.at(-1)?.position ?? BigInt(Math.min(stored, count));
        input = { type: "read", events: found, next: at(Number(last)), isFull: found.length === 7 };
        break;
      }
      case "handle": {
        const index = effect.events.findIndex(({ position }) =>
          poison.has(Number(position)) || chance(0.02)
        );
        const fails = index >= 0;
        const done = fails
          ? together
            ? effect.events.slice(0, Math.floor(random.next() * effect.events.length))
            : effect.events.slice(0, index)
          : effect.events;
        if (!transactional) {
          for (const { position } of done) {
            const number = Number(position);
            add(handled, number);
            if (!effect.redelivered) add(unmarked, number);
          }
        } else if (!fails && !storeFails) {
          for (const { position } of done) add(handled, Number(position));
          kept.offsets = effect.offsets;
        }
        input = fails
          ? { type: "handlerFailed", index: together ? undefined : index, error: boom }
          : { type: "handled" };
        break;
      }
      case "save":
        if (!storeFails) {
          kept.offsets = effect.offsets;
          if (effect.skipped !== undefined) failures.skipped++;
        }
        input = { type: "saved" };
        break;
      case "wait":
        now += Math.min(effect.delay, 60_000);
        // All is handled, and nothing more comes.
        if (effect.reason === "events" && stored >= count && ++idle === 5) step = Infinity;
        input = { type: "waited" };
        continue;
    }
    if (storeFails) input = { type: "storeFailed", error: boom };
  }
  return { handled, unmarked, kept, count, poison, failures };
}

for (const together of [false, true]) {
  Deno.test(`through faults each event counts exactly once in a transaction${together ? ", handled together" : ""}`, () => {
    for (let seed = 0; seed < 100; seed++) {
      const { handled, kept, count, poison } = simulate(`once ${seed}`, true, together);
      assertEquals(kept.offsets, at(count), `seed ${seed}`);
      for (let number = 1; number <= count; number++) {
        const times = handled.get(number) ?? 0;
        // Others may be skipped by bad luck: two faults in a row.
        assert(
          poison.has(number) ? times === 0 : times <= 1,
          `seed ${seed}, event ${number}: ${times}`,
        );
      }
      assert(handled.size > count * 0.8, `seed ${seed}: ${handled.size}`);
    }
  });

  Deno.test(`otherwise at least once, and each repetition is marked${together ? ", handled together" : ""}`, () => {
    let repeated = 0;
    for (let seed = 0; seed < 100; seed++) {
      const run = simulate(`least ${seed}`, false, together);
      assertEquals(run.kept.offsets, at(run.count), `seed ${seed}`);
      let missing = 0;
      for (let number = 1; number <= run.count; number++) {
        const times = run.handled.get(number) ?? 0;
        if (times === 0) missing++;
        if (times > 1) repeated++;
        const unmarked = run.unmarked.get(number) ?? 0;
        assert(unmarked <= 1, `seed ${seed}: event ${number} came ${unmarked} times unmarked`);
      }
      assert(missing <= run.failures.skipped, `seed ${seed}: ${missing} are missing`);
    }
    assert(repeated > 30, `${repeated}`);
  });
}
