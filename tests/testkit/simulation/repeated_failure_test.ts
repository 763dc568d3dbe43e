import { assert, assertEquals, assertRejects } from "@std/assert";
import { OptionError } from "../../../lib/options/option_error.ts";
import {
  type Fault,
  type Scenario,
  simulate,
  SimulationError,
  type SimulationFailure,
} from "../../../lib/testkit/mod.ts";

const faults: Fault[] = [
  { type: "pause", at: 500, for: 200, node: "node-2" },
  { type: "crash", at: 1_000, node: "node-3", restartAfter: 1_000 },
];
const options = { seed: 1, duration: 6_000, linger: 0, faults, failures: false as const };

async function failureOf(
  scenario: Scenario,
  more: { readonly shrink?: number; readonly faults?: Fault[] } = {},
): Promise<SimulationFailure & { readonly text: string }> {
  const failing = () => simulate({ ...options, ...more }, scenario);
  const { failure, message } = await assertRejects(failing, SimulationError);
  return { ...failure!, text: message };
}

/** Fails if something was written, which it does itself after a crash of node-3. */
function writing(database: Map<string, number>): NonNullable<Scenario["run"]> {
  return async (sim) => {
    await sim.sleep(4_000);
    if (sim.node("node-3").starts > 1) database.set("written", 1);
    if (database.has("written")) throw new Error("something was written");
  };
}

Deno.test("state that a scenario keeps between runs does not lead to a failure without faults", async () => {
  const { text, doubt, ...failure } = await failureOf({ run: writing(new Map()) });
  assertEquals(failure.faults, faults);
  assert(doubt?.startsWith("not shrunk: run again, it also fails without any fault"), doubt);
  assert(text.includes(doubt!) && text.includes("create: () => scenario"), text);
});

Deno.test("a scenario that is made for each run finds no state of an earlier one, and is shrunk", async () => {
  let made = 0;
  const failure = await failureOf({
    name: "made",
    create: () => {
      made++;
      return { run: writing(new Map()) };
    },
  });
  assertEquals(failure.faults.map(({ type }) => type), ["crash"]);
  assertEquals([failure.scenario, failure.doubt], ["made", undefined]);
  assert(made > 3, `${made}`);
  const script = await failureOf({ create: () => writing(new Map()) });
  assertEquals(script.faults, failure.faults);
});

Deno.test("a failure that does not come again is said to be not repeatable, and keeps its faults", async () => {
  let runs = 0;
  const once = () => {
    if (runs++ === 0) throw new Error("the first time");
  };
  const plain = await failureOf({ run: once });
  assertEquals([runs, plain.faults], [2, faults]);
  assert(plain.text.includes("not repeatable: run again with the same seed and faults, it passes"));
  assert(plain.doubt!.includes("create: () => scenario"), plain.doubt);
  runs = 0;
  const made = await failureOf({ create: () => once });
  assert(made.doubt!.startsWith("not repeatable"), made.doubt);
  assert(!made.doubt!.includes("create"), made.doubt);
});

Deno.test("a failure that comes again in another way is not repeatable either", async () => {
  let runs = 0;
  const changing = await failureOf({
    create: () => () => {
      throw new Error(`run ${++runs}`);
    },
  });
  assert(changing.doubt!.includes("scenario failed 0.000 s after the start: Error: run 2"));
  // The same error at the same time, after other events.
  runs = 0;
  const other = await failureOf({
    create: () => async (sim) => {
      if (++runs === 2) await sim.sleep(10);
      await sim.sleep(20 - sim.now);
      throw new Error("always");
    },
  });
  assert(other.doubt!.includes("other events happen"), other.doubt);
});

Deno.test("state that makes a scenario fail after some runs is noticed at the end", async () => {
  let runs = 0;
  const { doubt, ...failure } = await failureOf({
    run: async (sim) => {
      await sim.sleep(4_000);
      if (++runs > 4 || sim.node("node-3").starts > 1) throw new Error("failed");
    },
  });
  assert(doubt?.startsWith("not shrunk"), doubt);
  assertEquals(failure.faults, faults);
});

Deno.test("a scenario without state is shrunk without create, unless it needs no fault", async () => {
  const failing: Scenario = {
    run: async (sim) => {
      await sim.sleep(4_000);
      if (sim.node("node-3").starts > 1) throw new Error("crashed");
    },
  };
  const failure = await failureOf(failing);
  assertEquals([failure.faults.length, failure.doubt], [1, undefined]);
  const always = () => Promise.reject(new Error("always"));
  assertEquals((await failureOf({ run: always })).faults, faults);
  assertEquals((await failureOf({ create: () => always })).faults, []);
  const none = await failureOf({ run: always }, { faults: [] });
  assertEquals([none.faults, none.doubt], [[], undefined]);
});

Deno.test("with shrink 0 a failure is reported as it is", async () => {
  let runs = 0;
  const { doubt } = await failureOf({
    run: () => {
      throw new Error(`run ${++runs}`);
    },
  }, { shrink: 0 });
  assertEquals([runs, doubt], [1, undefined]);
});

Deno.test("what create makes has to be a scenario", async () => {
  const wrong = (create: unknown) => simulate(options, { create } as Scenario);
  for (const create of [() => Promise.resolve({}), () => 7, () => ({ rn: () => {} })]) {
    const { option } = await assertRejects(() => wrong(create), OptionError);
    assert(option.startsWith("scenario.create()"), option);
  }
  assertEquals((await assertRejects(() => wrong({}), OptionError)).option, "scenario.create");
});
