import { assert, assertEquals } from "@std/assert";
import type { Clock } from "../../lib/runtime/clock.ts";
import { transportLimits } from "../../lib/transport/base/limits.ts";
import type { Peer } from "../../lib/transport/base/peer.ts";
import { WorkBudget } from "../../lib/transport/base/work_budget.ts";
import type { ReadTurns, WaitingReader } from "../../lib/transport/connection/read_turns.ts";
import { turnTime } from "../../lib/transport/connection/read_turns.ts";
import { ReadScheduler } from "../../lib/transport/endpoint/read_scheduler.ts";

/** An event loop on virtual time: work takes as long as `work` says. */
class Loop implements Clock {
  #now = 0;
  readonly #tasks: (() => void)[] = [];
  readonly #timers = new Set<{ at: number; task: () => void }>();
  /** The longest time that a task has taken. */
  longest = 0;

  now = () => this.#now;
  wallTime = () => this.#now;
  defer(task: () => void): void {
    this.#tasks.unshift(task);
  }
  yield(task: () => void): void {
    this.#tasks.push(task);
  }
  schedule(delay: number, task: () => void) {
    const timer = { at: this.#now + delay, task };
    this.#timers.add(timer);
    return { cancel: () => void this.#timers.delete(timer) };
  }
  work(milliseconds: number): void {
    this.#now += milliseconds;
  }
  /** Runs until `end`. */
  run(end: number): void {
    while (this.#now < end) {
      const due = [...this.#timers].filter(({ at }) => at <= this.#now);
      for (const timer of due) {
        this.#timers.delete(timer);
        this.#one(timer.task);
      }
      const task = this.#tasks.shift();
      if (task !== undefined) this.#one(task);
      else if (due.length === 0) {
        const next = Math.min(end, ...[...this.#timers].map(({ at }) => at));
        this.#now = Math.max(this.#now, next);
      }
    }
  }
  #one(task: () => void): void {
    const from = this.#now;
    task();
    this.longest = Math.max(this.longest, this.#now - from);
  }
}

function peer(name: string, changes: Partial<Peer> = {}): Peer {
  return {
    role: "client",
    address: `client:${name}`,
    nodeId: name,
    incarnation: 1,
    protocol: 1,
    remote: "192.0.2.1:1",
    lane: "user",
    identity: { kind: "client", name, uri: `spiffe://lab/client/${name}` },
    ...changes,
  } as Peer;
}

/** A connection that always has more messages of `values` values, which take 25 ns each, or `cost` ms. */
class Flood implements WaitingReader {
  values = 0;
  /** Milliseconds that it has taken of the event loop. */
  busy = 0;
  readonly #turns: ReadTurns;
  readonly #loop: Loop;
  readonly #size: number;
  readonly #cost: number;

  constructor(turns: ReadTurns, loop: Loop, size: number, cost = 0.000_025) {
    this.#turns = turns;
    this.#loop = loop;
    this.#size = size;
    this.#cost = cost;
  }

  start(): void {
    if (this.#turns.begin(this.#loop.now())) this.proceed();
    else this.#turns.wait(this);
  }

  proceed(): void {
    do {
      this.#loop.work(this.#size * this.#cost);
      this.busy += this.#size * this.#cost;
      this.values += this.#size;
    } while (this.#turns.spend(this.#size, 0));
    this.#turns.wait(this);
  }
}

Deno.test("a flood of one certificate has one turn at a time, over all its connections", () => {
  const loop = new Loop();
  const scheduler = new ReadScheduler(loop, transportLimits());
  const floods = Array.from({ length: 4 }, (_, i) => {
    const turns = scheduler.turnsOf(peer("mallory", { address: `client:m${i}` }));
    return new Flood(turns, loop, 1_000);
  });
  for (const flood of floods) loop.yield(() => flood.start());
  const good = scheduler.turnsOf(peer("alice"));
  const delays: number[] = [];
  const ask = () => {
    const due = loop.now() + 20;
    loop.schedule(20, () => {
      delays.push(loop.now() - due);
      assert(good.begin(loop.now()), "the other peer must not wait");
      assert(good.spend(6, 0));
      ask();
    });
  };
  ask();
  loop.run(10_000);
  assert(loop.longest <= turnTime + 1, `the loop stood still for ${loop.longest} ms`);
  delays.sort((a, b) => a - b);
  assert(delays.length > 300, `${delays.length} asks`);
  assert(delays[Math.floor(delays.length * 0.99)]! < 5, `p99 ${delays.at(-1)} ms`);
  const shares = floods.map(({ values }) => values);
  assert(Math.min(...shares) > 0.5 * Math.max(...shares), `${shares}`);
});

Deno.test("what a certificate has decoded a second is bounded, for a node 8 times as much", () => {
  for (const [role, factor] of [["client", 1], ["node", 8]] as const) {
    const loop = new Loop();
    const scheduler = new ReadScheduler(loop, transportLimits({ maxValueRate: 100_000 }));
    const floods = [0, 1].map(() => {
      return new Flood(scheduler.turnsOf(peer("m", { role } as Partial<Peer>)), loop, 500);
    });
    for (const flood of floods) flood.start();
    loop.run(10_000);
    const decoded = floods[0]!.values + floods[1]!.values;
    const most = factor * 100_000 * 11;
    assert(decoded <= most + 20_000, `${decoded} values, at most ${most}`);
    assert(decoded >= 0.8 * most, `${decoded} values, at most ${most}`);
  }
});

Deno.test("a peer that reconnects finds the debt that it has left", () => {
  const loop = new Loop();
  const scheduler = new ReadScheduler(loop, transportLimits({ maxValueRate: 1_000 }));
  const mallory = peer("mallory");
  const first = scheduler.turnsOf(mallory);
  assert(first.begin(0));
  assertEquals(first.spend(3_000, 0), false);
  scheduler.release(mallory);
  scheduler.turnsOf(peer("other"));
  const second = scheduler.turnsOf(mallory);
  assertEquals(second.begin(loop.now()), false);
  let at = -1;
  second.wait({ proceed: () => at = loop.now() });
  loop.run(5_000);
  assert(at >= 2_000 && at < 2_100, `read on at ${at} ms`);
});

Deno.test("a connection that ends while it waits leaves no timer and no turn", () => {
  const loop = new Loop();
  const scheduler = new ReadScheduler(loop, transportLimits({ maxValueRate: 1_000 }));
  const turns = scheduler.turnsOf(peer("mallory"));
  turns.begin(0);
  turns.spend(10_000, 0);
  const reader = { proceed: () => assert(false, "it has ended") };
  turns.wait(reader);
  turns.leave(reader);
  loop.run(20_000);
});

Deno.test("heartbeats of a node have turns of their own", () => {
  const loop = new Loop();
  const scheduler = new ReadScheduler(loop, transportLimits());
  const node = { role: "node", address: "a:1" } as Partial<Peer>;
  const user = scheduler.turnsOf(peer("n", node));
  const control = scheduler.turnsOf(peer("n", { ...node, lane: "control" } as Partial<Peer>));
  user.begin(0);
  assertEquals(user.spend(1_000_000, 0), false);
  assert(control.begin(loop.now()));
});

Deno.test("a budget is paid with time, for values and inflated bytes alike", () => {
  const budget = new WorkBudget({ values: 1_000, inflated: 2_000 }, 0);
  budget.charge(1_000, 2_000);
  assertEquals(budget.delay(0), 0);
  budget.charge(500, 0);
  assertEquals(budget.delay(0), 500);
  assertEquals(budget.delay(500), 0);
  budget.charge(0, 4_000);
  assertEquals(budget.delay(1_000), 1_000);
  assertEquals(budget.delay(2_000), 0);
  // A long rest fills it, and no more.
  assertEquals(budget.delay(1_000_000), 0);
  budget.charge(2_000, 0);
  assertEquals(budget.delay(1_000_000), 1_000);
});

/** A connection with messages that take `turns` turns each. */
class LongMessages implements WaitingReader {
  inMessage = false;
  finished = 0;
  readonly turns: ReadTurns;
  readonly needed: number;
  readonly onTurn: () => void;
  #left: number;

  constructor(turns: ReadTurns, needed: number, onTurn: () => void) {
    this.turns = turns;
    this.needed = needed;
    this.onTurn = onTurn;
    this.#left = needed;
  }

  proceed(): void {
    this.inMessage = --this.#left > 0;
    if (!this.inMessage) {
      this.finished++;
      this.#left = this.needed;
    }
    this.onTurn();
    this.turns.spend(1_000, 0);
    this.turns.wait(this);
  }
}

Deno.test("a peer has at most one message decoded in part, however many connections it uses", () => {
  const loop = new Loop();
  const scheduler = new ReadScheduler(loop, transportLimits());
  const readers: LongMessages[] = [];
  let most = 0;
  const count = () => {
    most = Math.max(most, readers.filter(({ inMessage }) => inMessage).length);
  };
  for (let i = 0; i < 8; i++) {
    const turns = scheduler.turnsOf(peer("mallory", { address: `client:m${i}` }));
    readers.push(
      new LongMessages(turns, 10, () => {
        loop.work(turnTime);
        count();
      }),
    );
  }
  for (const reader of readers) reader.turns.wait(reader);
  loop.run(1_000);
  assertEquals(most, 1);
  // Nobody is passed over: each has had about as many messages.
  const finished = readers.map((reader) => reader.finished);
  assert(Math.max(...finished) - Math.min(...finished) <= 1 && finished[0]! > 3, `${finished}`);
});

Deno.test("a connection that ends in the middle of a message does not hold up the others", () => {
  const loop = new Loop();
  const scheduler = new ReadScheduler(loop, transportLimits());
  const [one, two] = ["client:1", "client:2"].map((address) =>
    new LongMessages(scheduler.turnsOf(peer("bob", { address })), 5, () => loop.work(turnTime))
  ) as [LongMessages, LongMessages];
  one.turns.wait(one);
  two.turns.wait(two);
  loop.run(2 * turnTime);
  assert(one.inMessage);
  one.turns.leave(one);
  loop.run(1_000);
  assert(two.finished > 3 && one.finished === 0, `${two.finished}`);
});

Deno.test("values that take long leave a client half of the event loop, whatever they are", () => {
  const seconds = 20;
  for (const cost of [0.001, 0.01, 0.1]) {
    const loop = new Loop();
    const scheduler = new ReadScheduler(loop, transportLimits());
    const floods = ["client:1", "client:2"].map((address) => {
      return new Flood(scheduler.turnsOf(peer("mallory", { address })), loop, 20, cost);
    });
    for (const flood of floods) flood.start();
    loop.run(1_000 * seconds);
    const busy = floods.reduce((sum, flood) => sum + flood.busy, 0);
    // The second at the beginning is the budget that nobody had used yet.
    assert(busy <= 500 * seconds + 1_000, `${cost}: ${busy} ms of ${seconds} s`);
    assert(busy > 400 * seconds, `${cost}: ${busy} ms`);
    // The clock is read every 128 values.
    assert(loop.longest <= turnTime + 148 * cost + 0.001, `${loop.longest} ms`);
  }
});

Deno.test("a node is not limited by the time that its values take", () => {
  const loop = new Loop();
  const scheduler = new ReadScheduler(loop, transportLimits());
  const identity = { kind: "node", name: "n", hosts: [], fingerprint: "", notAfter: 0 } as const;
  const node: Partial<Peer> = { role: "node", identity };
  const flood = new Flood(scheduler.turnsOf(peer("n", node)), loop, 20, 0.01);
  flood.start();
  loop.run(10_000);
  assert(flood.busy > 9_500, `${flood.busy} ms`);
});

/** Iterations of the loop for each turn of a flood by `flooding`, beside a peer that is read every 20 ms. */
function iterationsPerTurn(flooding: Partial<Peer>, beside: boolean): number {
  const loop = new Loop();
  let iterations = 0;
  const { yield: original } = loop;
  loop.yield = (task) => original.call(loop, () => (iterations++, task()));
  const scheduler = new ReadScheduler(loop, transportLimits({ maxValueRate: 1e9 }));
  const turns = scheduler.turnsOf(peer("mallory", flooding));
  let taken = 0;
  const reader: WaitingReader = {
    proceed: () => {
      taken++;
      loop.work(turnTime);
      turns.spend(16_384, 0);
      turns.wait(reader);
    },
  };
  const good = scheduler.turnsOf(peer("alice"));
  const read = () => {
    assert(good.begin(loop.now()));
    loop.schedule(20, read);
  };
  if (beside) read();
  loop.schedule(1, () => assert(turns.begin(loop.now())));
  loop.schedule(2, () => reader.proceed());
  loop.run(3_000);
  assert(taken > 50, `${taken} turns`);
  return iterations / taken;
}

Deno.test("others get many iterations of the loop for each turn of a client, if there are others", () => {
  assert(iterationsPerTurn({}, true) > 15);
  assert(iterationsPerTurn({}, false) < 2);
  const node = { role: "node", identity: { kind: "node", name: "n", uri: "n" } } as Partial<Peer>;
  assert(iterationsPerTurn(node, true) < 2);
});

Deno.test("what arrives in pieces is read at once, if it has taken less than a turn itself", () => {
  const read = (pause: number, work: number): number => {
    const loop = new Loop();
    const turns = new ReadScheduler(loop, transportLimits()).turnsOf(peer("b", { role: "node" }));
    for (let piece = 0; piece < 200; piece++) {
      if (!turns.begin(loop.now())) return piece;
      loop.work(work);
      if (!turns.spend(150, 0)) return piece;
      loop.work(pause);
    }
    return 200;
  };
  // Asks of one peer with 64 outstanding: half of the time the loop waits for the next ones.
  assertEquals(read(0.35, 0.15), 200);
  assert(read(0, 0.15) <= turnTime / 0.15 + 1, "without a pause, a turn ends");
  assert(read(0.05, 0.45) <= 2 * turnTime / 0.45, "nor may it take nearly all of the time");
});
