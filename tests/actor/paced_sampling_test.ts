import { assert, assertEquals } from "@std/assert";
import { ActorSystem } from "../../lib/actor/system/actor_system.ts";
import { PacedSampling } from "../../lib/actor/cell/paced_sampling.ts";
import { Behaviors } from "../../lib/behaviors.ts";
import { instruments } from "../../lib/runtime/instruments.ts";
import type { Clock } from "../../lib/runtime/clock.ts";
import { silentLogger } from "../../lib/runtime/logger.ts";
import { ManualClock } from "../../lib/testkit/manual_clock.ts";
import { RecordedTelemetry } from "../../lib/testkit/recorded_telemetry.ts";

/** A manual clock that is taken for a real one; each look at it is counted. */
class LookedAt {
  readonly manual = new ManualClock();
  looks = 0;
  ms = 0;
  readonly clock: Clock;

  constructor() {
    const { manual } = this;
    this.clock = {
      isReal: true,
      now: () => {
        this.looks++;
        return this.ms;
      },
      wallTime: () => manual.wallTime(),
      schedule: (delay, task) => manual.schedule(delay, task),
      defer: (task) => manual.defer(task),
      yield: (task) => manual.yield(task),
    };
  }
}

/** So many events, `interval` milliseconds apart. Returns the weights of those that were samples. */
function run(sampling: PacedSampling, at: LookedAt, events: number, interval: number): number[] {
  const weights: number[] = [];
  for (let i = 0; i < events; i++) {
    at.ms += interval;
    if (--sampling.left < 0) weights.push(sampling.take(at.ms));
  }
  return weights;
}

const sum = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0);

Deno.test("events that are far from each other are all samples", () => {
  const at = new LookedAt();
  const weights = run(new PacedSampling(at.clock), at, 1_000, 2);
  assertEquals(weights.length, 1_000);
  assert(weights.every((weight) => weight === 1));
});

Deno.test("of a rush few events are samples, which stand for all", () => {
  const at = new LookedAt();
  const weights = run(new PacedSampling(at.clock), at, 1_000_000, 0.001);
  // A second: one for a millisecond.
  assert(weights.length > 750 && weights.length < 1_500, `${weights.length} samples`);
  assert(Math.abs(sum(weights) - 1_000_000) < 5_000, `they stand for ${sum(weights)}`);
});

Deno.test("events that take turns have their share of the samples", () => {
  const at = new LookedAt();
  const sampling = new PacedSampling(at.clock);
  const shares = [0, 0];
  for (let i = 0; i < 2_000_000; i++) {
    at.ms += 0.001;
    if (--sampling.left < 0) shares[i % 2]! += sampling.take(at.ms);
  }
  for (const share of shares) assert(Math.abs(share - 1_000_000) < 100_000, shares.join());
});

Deno.test("after a rush events are samples again within a second, and stand for no more than there were", async () => {
  const at = new LookedAt();
  const sampling = new PacedSampling(at.clock);
  const before = run(sampling, at, 100_000, 0.0001);
  assert(sampling.left > 100, `${sampling.left} events are left out`);
  const few = run(sampling, at, 3, 0);
  assertEquals(few, []);
  at.ms += 1_000;
  await at.manual.advance(1_000);
  const after = run(sampling, at, 10, 100);
  // The first one is a sample; what it is taken for is still the mean since the rush.
  assert(after.length > 5, after.join());
  assertEquals(after.slice(-5), [1, 1, 1, 1, 1]);
  assertEquals(sum(before) + sum(after), 100_000 + 3 + 10);
  sampling.close();
  assertEquals(at.manual.pending, 0);
});

Deno.test("on virtual time each event is a sample", () => {
  const clock = new ManualClock();
  const sampling = new PacedSampling(clock);
  for (let i = 0; i < 100; i++) {
    assert(--sampling.left < 0);
    assertEquals(sampling.take(0), 1);
  }
});

Deno.test("the handlers of a rush are counted without a look at the clock for each", async () => {
  const at = new LookedAt();
  const telemetry = new RecordedTelemetry();
  const system = new ActorSystem({
    slowHandler: Infinity,
    runtime: { clock: at.clock, telemetry, logger: silentLogger },
  });
  let left = 200_000;
  const player = () =>
    Behaviors.receive<"ball">(({ self }) => {
      at.ms += 0.002;
      if (--left > 0) (self === ping ? pong : ping).tell("ball");
      return Behaviors.same();
    });
  const ping = system.spawn(player(), "ping");
  const pong = system.spawn(player(), "pong");
  const before = at.looks;
  ping.tell("ball");
  while (left > 0) await at.manual.advance(1);
  const looks = at.looks - before;
  assert(looks < 20_000, `${looks} looks at the clock`);
  for (const actor of ["/ping", "/pong"]) {
    const handled = telemetry.count(instruments.handlerDuration.name, { actor });
    assert(Math.abs(handled - 100_000) < 15_000, `${actor} has handled ${handled}`);
    const seconds = telemetry.sum(instruments.handlerDuration.name, { actor });
    assert(Math.abs(seconds - 0.2) < 0.05, `in ${seconds} s`);
  }
  await at.manual.resolve(system.shutdown());
});
