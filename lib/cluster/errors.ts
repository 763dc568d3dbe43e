import { CastyError } from "../runtime/casty_error.ts";

/** A node could not start, join, or carry out what was asked of the cluster. */
export class ClusterError extends CastyError {
  /** Name of the class. */
  override name = "ClusterError";
}

/**
 * Something in the cluster did not happen in time. Codes: `quorumTimeout` (`start` and `waitFor`),
 * `barrierTimeout`.
 */
export class ClusterTimeoutError extends ClusterError {
  /** Name of the class. */
  override name = "ClusterTimeoutError";
}
