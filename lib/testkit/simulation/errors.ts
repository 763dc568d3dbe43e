import { CastyError, type CastyErrorOptions } from "../../runtime/casty_error.ts";
import type { Fault } from "./fault.ts";

/** Details of a failed simulation. */
export interface SimulationFailure {
  /** Name of the scenario. */
  readonly scenario: string;
  /** Seed of all randomness. */
  readonly seed: number | string;
  /** Name of the invariant that does not hold, or `"scenario"`, `"formation"`, `"timeout"`. */
  readonly what: string;
  /** Virtual milliseconds after the scenario began. */
  readonly at: number;
  /** The faults with which it fails; as few as were found. */
  readonly faults: readonly Fault[];
  /** How many faults there were at first. */
  readonly faultsAtFirst: number;
  /**
   * Why the faults may not be the fewest, or the failure not repeatable: a second run took another
   * course, or runs may have influenced each other. Left out: no doubt.
   */
  readonly doubt?: string;
  /** The test that was written, if one was. */
  readonly file?: string;
}

/**
 * A simulation failed or could not be run:
 *
 * - `invariantViolated`: an invariant does not hold.
 * - `scenarioFailed`: the scenario threw; see `cause`.
 * - `scenarioTimeout`: the scenario was not done within `duration`.
 * - `formationFailed`: the nodes did not form a cluster.
 * - `badFault`: a fault names nodes or times that cannot be.
 * - `notRunning`: the node of the scenario does not run.
 * - `conditionNotMet`: a condition did not become true within its limit.
 * - `livelock`: too many events happened at one instant.
 */
export type SimulationErrorCode =
  | "invariantViolated"
  | "scenarioFailed"
  | "scenarioTimeout"
  | "formationFailed"
  | "badFault"
  | "notRunning"
  | "conditionNotMet"
  | "livelock";

/** A simulation failed or could not be run. */
export class SimulationError extends CastyError {
  /** Name of the class. */
  override name = "SimulationError";
  /** Stable; see {@linkcode SimulationErrorCode}. */
  declare readonly code: SimulationErrorCode;
  /** Where and how it failed; absent for options that cannot be used. */
  readonly failure: SimulationFailure | undefined;

  /** `failure` tells how to reproduce it. */
  constructor(
    code: SimulationErrorCode,
    message: string,
    options: CastyErrorOptions & { readonly failure?: SimulationFailure } = {},
  ) {
    super(code, message, options);
    this.failure = options.failure;
  }
}
