import { assert, assertEquals, assertRejects } from "@std/assert";
import { type Fault, simulate, SimulationError } from "../../../lib/testkit/mod.ts";
import { shrinkFaults } from "../../../lib/testkit/simulation/shrink.ts";
import { planted, plantedFaults } from "./planted.ts";
import { OptionError } from "../../../lib/options/option_error.ts";

async function failureOf(run: Promise<unknown>): Promise<SimulationError> {
  return await assertRejects(() => run, SimulationError);
}

Deno.test("a failure tells seed, scenario and the fewest faults, and writes a test that fails the same way", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const error = await failureOf(simulate({ seed: 3, failures: folder }, planted));
    const { failure, code } = error;
    assertEquals(code, "invariantViolated");
    assertEquals(failure!.what, "neverBoth");
    assertEquals(failure!.scenario, "a planted bug");
    assertEquals(failure!.seed, 3);
    assertEquals(failure!.faultsAtFirst, plantedFaults.length);
    assertEquals(failure!.faults.map(({ type }) => type), ["partition", "pause"]);
    const [partition, pause] = failure!.faults as (Fault & { for: number })[];
    assert(partition!.for < 20_000 && pause!.for < 2_400, JSON.stringify(failure!.faults));
    for (const text of ["a planted bug", "seed 3", "neverBoth", '"pause"', failure!.file!]) {
      assert(error.message.includes(text), error.message);
    }

    const test = await runTest(failure!.file!);
    assertEquals(test.success, false);
    assert(test.output.includes("neverBoth failed"), test.output);
    assert(test.output.includes(`faults (2 of 2)`), test.output);
    const repaired = await Deno.readTextFile(failure!.file!);
    await Deno.writeTextFile(
      failure!.file!,
      repaired.replace(/\{"type":"pause".*\},?\n/, ""),
    );
    assertEquals((await runTest(failure!.file!)).success, true);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("without a source the failure is written as data", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const faults = [...plantedFaults];
    const { source: _, ...unnamed } = planted;
    const error = await failureOf(
      simulate({ seed: 3, faults, failures: folder, shrink: 0 }, unnamed),
    );
    const { file } = error.failure!;
    assert(file!.endsWith("a_planted_bug_3.json"), file);
    const written = JSON.parse(await Deno.readTextFile(file!));
    assertEquals(written.faults, JSON.parse(JSON.stringify(faults)));
    assertEquals([written.seed, written.what], [3, "neverBoth"]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a scenario that throws, or does not end, fails with its cause", async () => {
  const options = { seed: 1, nodes: 1, duration: 5_000, failures: false as const };
  const boom = new Error("boom");
  const thrown = await failureOf(simulate(options, () => Promise.reject(boom)));
  assertEquals([thrown.code, thrown.cause], ["scenarioFailed", boom]);
  const late = await failureOf(simulate(options, (sim) => sim.sleep(6_000)));
  assertEquals(late.code, "scenarioTimeout");
  const never = await failureOf(
    simulate(options, (sim) => sim.until(() => false, { limit: 1_000 })),
  );
  assert(never.message.includes("not within 1000 ms"), never.message);
  const node = await failureOf(simulate({
    ...options,
    setup: () => {
      throw boom;
    },
  }));
  assertEquals([node.code, node.cause], ["scenarioFailed", boom]);
});

Deno.test("a cluster that cannot form says so", async () => {
  const error = await failureOf(simulate({
    seed: 1,
    nodes: 2,
    failures: false,
    cluster: ({ name }) => ({ seedNodes: [`${name}:25520`] }),
  }));
  assertEquals(error.code, "formationFailed");
});

Deno.test("faults and options that cannot be are refused", async () => {
  const wrong: Fault[] = [
    { type: "pause", at: 0, for: 1, node: "node-9" },
    { type: "pause", at: -1, for: 1, node: "node-1" },
    { type: "loss", at: 0, for: 1, probability: 1 },
    { type: "latency", at: 0, for: 1, min: 2, max: 1 },
    { type: "clockDrift", at: 0, for: 1, node: "node-1", rate: 0 },
    { type: "meteorite", at: 0 } as unknown as Fault,
  ];
  for (const fault of wrong) {
    const error = await failureOf(simulate({ seed: 1, nodes: 1, faults: [fault] }));
    assertEquals(error.code, "badFault", error.message);
  }
  assertEquals(
    (await assertRejects(() => simulate({ seed: 1, nodes: 0 }), OptionError)).option,
    "nodes",
  );
  const tooShort = () => simulate({ seed: 1, duration: 0 });
  assertEquals((await assertRejects(tooShort, OptionError)).option, "duration");
});

Deno.test("shrinking finds the fewest faults whatever they are, within its trials", async () => {
  const faults = Array.from({ length: 40 }, (_, index): Fault => ({
    type: "clockSkew",
    at: index,
    node: "node-1",
    by: index,
  }));
  const needed = new Set([3, 17, 38]);
  let trials = 0;
  const fails = (candidate: readonly Fault[]) => {
    trials++;
    const left = new Set(candidate.map(({ at }) => at));
    return Promise.resolve([...needed].every((at) => left.has(at)));
  };
  const fewest = await shrinkFaults(faults, fails, 500);
  assertEquals(fewest.map(({ at }) => at), [3, 17, 38]);
  assert(trials < 150, `${trials} trials`);
  trials = 0;
  const some = await shrinkFaults(faults, fails, 5);
  assertEquals(trials, 5);
  assert(await fails(some));
});

async function runTest(file: string): Promise<{ success: boolean; output: string }> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "test",
      "-A",
      "--no-check",
      "--config",
      new URL("../../../deno.json", import.meta.url).pathname,
      file,
    ],
    env: { NO_COLOR: "1" },
  }).output();
  const decoder = new TextDecoder();
  return { success, output: decoder.decode(stdout) + decoder.decode(stderr) };
}
