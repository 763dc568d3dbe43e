import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { OutputGate } from "../../../lib/persistence/output_gate.ts";
import { Redelivery } from "../../../lib/persistence/delivery/redelivery.ts";
import {
  repliesOnlyAfterDurable,
  type Scenario,
  simulate,
  SimulationError,
} from "../../../lib/testkit/mod.ts";
import { JournalLedger } from "../../../lib/testkit/simulation/journal_ledger.ts";
import { durableDiaries } from "../../sim/scenarios/durable_diaries.ts";
import { durableRegisters } from "../../sim/scenarios/durable_registers.ts";
import { ledger } from "../../sim/scenarios/ledger.ts";
import { reminderScenarios } from "../../sim/scenarios/reminders.ts";

/** Scenarios whose actors say something; the standard invariants are not in the way. */
const scenarios = [durableRegisters, durableDiaries, ledger, reminderScenarios[0]!].map(
  (scenario): Scenario => ({ ...scenario, invariants: [repliesOnlyAfterDurable] }),
);

/** Runs with a method of the production code replaced. */
async function broken<T extends object, K extends keyof T>(
  prototype: T,
  method: K,
  make: (sound: T[K]) => T[K],
  run: () => Promise<void>,
): Promise<void> {
  const sound = prototype[method];
  prototype[method] = make(sound);
  try {
    await run();
  } finally {
    prototype[method] = sound;
  }
}

async function expectBroken(scenario: Scenario, what: string): Promise<void> {
  const error = await assertRejects(
    () => simulate({ seed: 1, failures: false, shrink: 0 }, scenario),
    SimulationError,
  );
  assertEquals(error.code, "invariantViolated", error.message);
  assertStringIncludes(error.message, "repliesOnlyAfterDurable");
  assertStringIncludes(error.message, what);
}

for (const scenario of scenarios) {
  Deno.test(`${scenario.name}: outputs are seen, and none leaves before its events are durable`, async () => {
    let outputs = 0;
    await simulate({ seed: 1, failures: false, shrink: 0 }, {
      ...scenario,
      invariants: [repliesOnlyAfterDurable, () => ({
        name: "counts",
        on: "end",
        check: ({ database }) => {
          outputs = database.counts.outputs;
          return undefined;
        },
      })],
    });
    assert(outputs >= 50, `${outputs} outputs`);
  });

  Deno.test(`${scenario.name}: a gate that holds nothing is found at the first output`, async () => {
    const holdNothing = () => () => true;
    await broken(
      OutputGate.prototype as OutputGate<unknown>,
      "add",
      holdNothing,
      () => expectBroken(scenario, "an output has left before event 1 was acknowledged"),
    );
  });
}

Deno.test("a gate that opens for events that are still on their way is found", async () => {
  await broken(
    OutputGate.prototype as OutputGate<unknown>,
    "open",
    (sound) =>
      function (this: OutputGate<unknown>, seq) {
        const opened = sound.call(this, Infinity);
        sound.call(this, seq);
        return opened;
      },
    () => expectBroken(scenarios[0]!, "an output has left before event"),
  );
});

Deno.test("a stored message that is sent before its events are durable is found", async () => {
  // One that waits for a try is sent with the next acknowledgement, although its append is under way.
  await broken(
    Redelivery.prototype,
    "step",
    (sound) =>
      function (this: Redelivery, queues, _isDurable, now, random) {
        return sound.call(this, queues, () => true, now, random);
      },
    () => expectBroken({ ...ledger, invariants: [repliesOnlyAfterDurable] }, "a stored message"),
  );
});

Deno.test("what an output is based on is known from its events, and that they are durable from the store", () => {
  const ledger = new JournalLedger();
  const event = () => ({ payload: new Uint8Array(1), version: 0, at: 0, checksum: 0 });
  const append = (expectedSeq: number, ...events: ReturnType<typeof event>[]) => {
    const entries = [{ id: "a", expectedSeq, epoch: 1, events }];
    const lastSeq = expectedSeq + events.length;
    ledger.acknowledged("s", entries, [{ outcome: "appended", lastSeq }]);
  };
  const [one, two, three] = [event(), event(), event()];
  const [early, first, second, unknown] = [{}, {}, {}, {}];
  const reports = ledger.reportsOf("a", 4);
  reports.onDecided(early);
  reports.onOutput(early);
  reports.onEvents([one, two]);
  reports.onDecided(first);
  append(4, one, two);
  reports.onEvents([three]);
  reports.onDecided(second);
  reports.onOutput(first);
  reports.onSent(6);
  assertEquals(ledger.broken, []);
  assertEquals(ledger.counts.outputs, 2);
  reports.onOutput(second);
  reports.onSent(7);
  append(6, three);
  reports.onOutput(second);
  reports.onOutput(unknown);
  assertEquals(ledger.broken.map(({ text }) => text), [
    "a: an output has left before event 7 was acknowledged",
    "a: a stored message has left before event 7 was acknowledged",
    "a: an output has left before event 8 was acknowledged",
  ]);
});
