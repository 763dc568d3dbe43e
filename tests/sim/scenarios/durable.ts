/**
 * The scenarios of durable actors, with the seeds that the suite runs of each: 300 in all. They are
 * tests of two files, because files run in parallel.
 *
 * @module
 */
import type { Scenario } from "../../../lib/testkit/mod.ts";
import { durableDiaries } from "./durable_diaries.ts";
import { durableRegisters, durableRegistersInPauses } from "./durable_registers.ts";
import { ledger, ledgerInPauses } from "./ledger.ts";
import { projections, projectionsInPauses } from "./projections.ts";
import { reminderScenarios } from "./reminders.ts";

/** Registers whose histories are linearizable. */
export const registers: ReadonlyMap<Scenario, number> = new Map([
  [durableRegisters, 60],
  [durableRegistersInPauses, 60],
]);

/** What is built on durable actors, and their stores on disks. */
export const others: ReadonlyMap<Scenario, number> = new Map([
  [durableDiaries, 40],
  [ledger, 20],
  [ledgerInPauses, 20],
  [projections, 30],
  [projectionsInPauses, 30],
  ...reminderScenarios.map((scenario) => [scenario, 20] as const),
]);
