import type { LedgerSnapshot } from "../actor/services/loss_ledger.ts";
import { TestkitError } from "./errors.ts";

/** A system, as far as its books are concerned. */
export interface LedgerHolder {
  /** Name of the system. */
  readonly name: string;
  /** Its counts. */
  readonly ledger: { snapshot(): LedgerSnapshot };
}

/**
 * Checks that every message of a system is counted: sent = delivered + dead letters + in flight.
 * Returns the counts. Holds at any moment, so it may be called in the middle of a test as well.
 *
 * @throws {TestkitError} code `ledgerMismatch`.
 *
 * @example
 * ```ts
 * import { ActorSystem, Behaviors } from "@casty/casty";
 * import { checkLedger } from "@casty/casty/testkit";
 *
 * await using system = new ActorSystem();
 * system.spawn(Behaviors.ignore(), "sink").tell("hello");
 * const { sent, inFlight } = checkLedger(system);
 * console.assert(sent === 1 && inFlight === 1);
 * ```
 */
export function checkLedger(system: LedgerHolder): LedgerSnapshot {
  const snapshot = system.ledger.snapshot();
  const { sent, delivered, deadLetters, inFlight } = snapshot;
  const lost = Object.values(deadLetters).reduce((sum, count) => sum + count, 0);
  const found = delivered + lost + inFlight;
  if (sent === found) return snapshot;
  const reasons = Object.entries(deadLetters).map(([reason, count]) => `${reason} ${count}`);
  throw new TestkitError(
    "ledgerMismatch",
    `the ledger of ${system.name} does not balance: ${sent} sent, but ${delivered} delivered + ` +
      `${lost} dead letters${reasons.length > 0 ? ` (${reasons.join(", ")})` : ""} + ` +
      `${inFlight} in flight = ${found}`,
    { value: snapshot },
  );
}
