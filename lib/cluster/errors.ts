import { CastyError } from "../runtime/casty_error.ts";

/** A node could not start, join, or complete an operation of the cluster. */
export class ClusterError extends CastyError {
  /** Name of the class. */
  override name = "ClusterError";
}

/**
 * An operation of the cluster has timed out. Codes: `quorumTimeout` (`start` and `waitFor`),
 * `barrierTimeout`.
 */
export class ClusterTimeoutError extends ClusterError {
  /** Name of the class. */
  override name = "ClusterTimeoutError";
}

/** The error of a node that all seeds have rejected. */
export function joinRefused(address: string, reason: string): ClusterError {
  return new ClusterError("joinRefused", `${address} was rejected by its seeds: ${reason}`, {
    value: reason,
    remedy: "use the configuration of the cluster, or seeds of another cluster",
  });
}

/** The facts of a quorum timeout. */
export interface QuorumFacts {
  readonly address: string;
  readonly wanted: number;
  readonly up: number;
  /** How long the node has waited, milliseconds. */
  readonly timeout: number;
  /** The option `seedNodes`, as text. */
  readonly seeds: string;
  /** Reasons reported by seeds and connections; empty texts are dropped. */
  readonly reasons: readonly string[];
}

/** The error of a node that has not seen enough members up. */
export function quorumTimeout(
  { address, wanted, up, timeout, seeds, reasons }: QuorumFacts,
): ClusterTimeoutError {
  const text = `${address} saw ${up} of ${wanted} members up within ${timeout} ms ` +
    `(seed nodes: ${seeds})`;
  return new ClusterTimeoutError("quorumTimeout", [text, ...reasons].filter(Boolean).join("; "), {
    value: up,
    remedy: "check that the seed nodes run and can be reached",
  });
}
