import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import type { Account } from "../../lib/streams/credit_pool.ts";
import { StreamCore } from "../../lib/streams/stream_core.ts";

type Act =
  | { type: "push" }
  | { type: "connect" }
  | { type: "put"; sink: number }
  | { type: "want"; sink: number; count: number }
  | { type: "leave"; sink: number }
  | { type: "subscribe"; demand: number }
  | { type: "demand"; count: number }
  | { type: "complete" }
  | { type: "fail" }
  | { type: "cancel" };

const sink = fc.nat({ max: 4 });
const small = fc.nat({ max: 6 });
const act: fc.Arbitrary<Act> = fc.oneof(
  { weight: 12, arbitrary: fc.record({ type: fc.constant("push" as const) }) },
  { weight: 6, arbitrary: fc.record({ type: fc.constant("connect" as const) }) },
  { weight: 36, arbitrary: fc.record({ type: fc.constant("put" as const), sink }) },
  { weight: 18, arbitrary: fc.record({ type: fc.constant("want" as const), sink, count: small }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constant("leave" as const), sink }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constant("subscribe" as const), demand: small }) },
  { weight: 18, arbitrary: fc.record({ type: fc.constant("demand" as const), count: small }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("complete" as const) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("fail" as const) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("cancel" as const) }) },
) as fc.Arbitrary<Act>;

/** A core together with what an observer may expect of it. */
class World {
  readonly accepted: number[] = [];
  readonly delivered: number[] = [];
  readonly endings: string[] = [];
  readonly sinks: Account<string>[] = [];
  readonly core: StreamCore<number, string>;
  demanded = 0;
  subscribed = false;
  offered = 0;
  refused = 0;
  undelivered = 0;

  readonly bufferSize: number;

  constructor(bufferSize: number) {
    this.bufferSize = bufferSize;
    this.core = new StreamCore(bufferSize, {
      element: (sequence, element) => {
        this.delivered.push(element);
        assertEquals(sequence, this.delivered.length);
      },
      credit: ({ granted, accepted }) => assert(granted > accepted),
      closing: () => assertEquals(this.endings, []),
      drained: ({ type }, count) => {
        assertEquals(count, this.accepted.length);
        this.endings.push(type);
      },
    });
  }

  step(act: Act): void {
    const { core } = this;
    const account = "sink" in act ? this.sinks[act.sink % this.sinks.length] : undefined;
    if ("sink" in act && account === undefined) return;
    switch (act.type) {
      case "push":
        return this.#offer((element) => core.push(element) === undefined);
      case "put":
        if (account!.unused === 0) return;
        return this.#offer((element) => {
          const result = core.put(account!, account!.accepted + 1, element);
          // Who has credit always finds room.
          if (core.ending === undefined && !core.over) assertEquals(result, "accepted");
          return result === "accepted";
        });
      case "connect":
        return void this.sinks.push(core.connect(`sink ${this.sinks.length}`));
      case "want":
        return core.want(account!, account!.granted + act.count);
      case "leave":
        this.sinks.splice(this.sinks.indexOf(account!), 1);
        return core.disconnect(account!);
      case "subscribe":
        if (core.subscribe(act.demand)) {
          assert(!this.subscribed);
          this.subscribed = true;
          this.demanded = act.demand;
        }
        return;
      case "demand":
        if (this.subscribed) core.demand(this.demanded += act.count);
        return;
      case "complete":
        return void core.close({ type: "completed" });
      case "fail":
        return void core.close({ type: "failed", error: new Error("broken") });
      case "cancel":
        if (!core.over && this.subscribed) this.undelivered = core.cancel();
    }
  }

  #offer(take: (element: number) => boolean): void {
    const element = this.offered++;
    // Before the core sees it: it may be delivered at once.
    this.accepted.push(element);
    if (take(element)) return;
    this.accepted.pop();
    this.refused++;
  }

  check(): void {
    const { core, accepted, delivered } = this;
    assert(core.buffered + core.credits <= this.bufferSize, "the buffer is exceeded");
    assert(core.credits >= 0, "credit was used twice");
    assertEquals(delivered, accepted.slice(0, delivered.length), "the order is lost");
    assert(delivered.length <= this.demanded, "more than was demanded");
    assertEquals(accepted.length, delivered.length + core.buffered + this.undelivered);
    assertEquals(this.offered, accepted.length + this.refused);
    assert(this.endings.length <= 1);
    if (this.endings.length === 1) assertEquals(delivered, accepted);
    if (core.over || core.ending !== undefined) return;
    // No sink waits while there is room.
    assert(!core.sinksWait || core.buffered + core.credits === this.bufferSize);
    if (this.subscribed) assert(core.buffered === 0 || delivered.length === this.demanded);
  }
}

Deno.test("whatever happens in whatever order: nothing is reordered, lost or too much", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 9 }),
      fc.array(act, { maxLength: 120, size: "max" }),
      (bufferSize, acts) => {
        const world = new World(bufferSize);
        for (const act of acts) {
          world.step(act);
          world.check();
        }
      },
    ),
    { numRuns: 2_000, seed: 118 },
  );
});

Deno.test("all elements of sinks arrive, if the consumer keeps asking and no participant leaves", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 40 }),
      fc.array(fc.nat({ max: 60 }), { minLength: 1, maxLength: 6, size: "max" }),
      fc.integer({ min: 1, max: 20 }),
      (bufferSize, counts, window) => {
        const world = new World(bufferSize);
        counts.forEach(() => world.step({ type: "connect" }));
        const [...sinks] = world.sinks;
        const total = counts.reduce((sum, count) => sum + count, 0);
        world.step({ type: "subscribe", demand: window });
        // Sinks that have sent everything keep what they were granted ahead: others must not starve.
        for (let turn = 0; world.delivered.length < total; turn++) {
          assert(turn < 1_000, `only ${world.delivered.length} of ${total} have arrived`);
          sinks.forEach((account, index) => {
            const rest = counts[index]! - account.accepted;
            if (rest > 0) world.core.want(account, account.accepted + rest);
            for (let i = 0; i < Math.min(rest, account.unused); i++) {
              world.step({ type: "put", sink: index });
            }
            world.check();
          });
          world.step({ type: "demand", count: window });
        }
        assertEquals(sinks.map(({ accepted }) => accepted), counts);
      },
    ),
    { numRuns: 300, seed: 27 },
  );
});

Deno.test("an element out of turn, without credit or after the end is not taken", () => {
  const world = new World(2);
  world.step({ type: "connect" });
  const [account] = world.sinks;
  assertEquals(world.core.put(account!, 2, 0), "gap");
  world.step({ type: "put", sink: 0 });
  world.step({ type: "put", sink: 0 });
  assertEquals(world.core.put(account!, 3, 0), "noCredit");
  assertEquals(world.core.push(0), "bufferFull");
  world.step({ type: "complete" });
  assertEquals(world.core.put(account!, 3, 0), "closed");
  assertEquals(world.core.push(0), "completed");
  assertEquals(world.core.buffered, 2);
});

Deno.test("silent sinks keep at most half of the buffer from those that send", () => {
  const core = new StreamCore<number, number>(8, {
    element: () => {},
    credit: () => {},
    closing: () => {},
    drained: () => {},
  });
  const accounts = Array.from({ length: 20 }, (_, index) => core.connect(index));
  assertEquals(core.credits, 4);
  core.want(accounts[19]!, 100);
  assertEquals(accounts[19]!.granted, 4);
  accounts.slice(0, 19).forEach((account) => core.disconnect(account));
  assertEquals(accounts[19]!.granted, 8);
});
