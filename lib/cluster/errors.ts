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

/** Why a node that is refused by its cluster does not start. */
export function joinRefused(address: string, reason: string): ClusterError {
  return new ClusterError("joinRefused", `${address} was refused: ${reason}`, {
    value: reason,
    remedy: "give the node what the cluster has, or another cluster",
  });
}
