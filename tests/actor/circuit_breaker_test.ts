import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { CircuitBreaker, type CircuitState } from "../../lib/actor/services/circuit_breaker.ts";
import { ActorError } from "../../lib/actor/errors.ts";
import { ManualClock } from "../../lib/testkit/manual_clock.ts";
import { OptionError } from "../../lib/options/option_error.ts";

function breaker(options: { maxFailures?: number } = {}) {
  const clock = new ManualClock();
  const changes: CircuitState[] = [];
  const circuit = new CircuitBreaker({
    maxFailures: 3,
    ...options,
    clock,
    onChange: (state) => void changes.push(state),
  });
  const outcome = (work: () => Promise<string> | string) =>
    circuit.run(work).catch((error) => (error as ActorError).code ?? (error as Error).message);
  return { clock, changes, circuit, outcome };
}

const works = () => "fine";
const fails = () => Promise.reject(new Error("away"));

Deno.test("it opens after maxFailures failures in a row, and then refuses calls", async () => {
  const { circuit, changes, outcome, clock } = breaker();
  const outcomes = [];
  for (const work of [fails, fails, works, fails, fails, fails, works]) {
    outcomes.push(await outcome(work));
  }
  assertEquals(outcomes, ["away", "away", "fine", "away", "away", "away", "circuitOpen"]);
  assertEquals([circuit.state, changes], ["open", ["open"]]);
  assertEquals(clock.pending, 0);
});

Deno.test("after resetTimeout one call is tried: others wait for its end, which decides", async () => {
  const { circuit, changes, outcome, clock } = breaker({ maxFailures: 1 });
  await outcome(fails);
  await clock.advance(14_999);
  const error = await assertRejects(() => circuit.run(works), ActorError);
  assertEquals([error.code, error.value], ["circuitOpen", 1]);
  await clock.advance(1);
  const trial = Promise.withResolvers<string>();
  const tried = outcome(() => trial.promise);
  assertEquals(await outcome(works), "circuitOpen");
  trial.reject(new Error("still away"));
  assertEquals([await tried, circuit.state], ["still away", "open"]);
  await clock.advance(15_000);
  assertEquals([await outcome(works), await outcome(works)], ["fine", "fine"]);
  assertEquals(changes, ["open", "halfOpen", "open", "halfOpen", "closed"]);
});

Deno.test("a call that takes too long fails, and its signal is aborted", async () => {
  const { circuit, clock } = breaker({ maxFailures: 1 });
  let signal: AbortSignal | undefined;
  const late = Promise.withResolvers<string>();
  const call = circuit.run((given) => {
    signal = given;
    return late.promise;
  });
  const refused = assertRejects(() => call, ActorError);
  await clock.advance(10_000);
  assertEquals([(await refused).code, signal!.aborted], ["circuitTimeout", true]);
  late.resolve("too late");
  assertEquals(circuit.state, "open");
});

Deno.test("what began before the circuit opened does not count afterwards", async () => {
  const { circuit, outcome, clock } = breaker({ maxFailures: 1 });
  const early = Promise.withResolvers<string>();
  const slow = outcome(() => early.promise);
  await outcome(fails);
  await clock.advance(15_000 - clock.now());
  // The slow call has timed out meanwhile, in an era that is over.
  assertEquals([await slow, circuit.state], ["circuitTimeout", "open"]);
  assertEquals([await outcome(works), circuit.state], ["fine", "closed"]);
});

Deno.test("work that throws at once has failed; options that cannot be used are refused", async () => {
  const { circuit, outcome } = breaker({ maxFailures: 1 });
  const throws = (): string => {
    throw new Error("at once");
  };
  assertEquals([await outcome(throws), circuit.state], ["at once", "open"]);
  for (const options of [{ maxFailures: 0 }, { callTimeout: 0 }, { resetTimeout: NaN }]) {
    assertEquals(assertThrows(() => new CircuitBreaker(options), OptionError).code, "badOption");
  }
});
