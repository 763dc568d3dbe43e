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

/** What there is to say when a node has waited for the quorum in vain. */
export interface QuorumFacts {
  readonly address: string;
  readonly wanted: number;
  readonly up: number;
  /** Milliseconds that it has waited. */
  readonly timeout: number;
  /** The option, as text. */
  readonly seeds: string;
  /** What seeds and connections have said; empty ones are left out. */
  readonly said: readonly string[];
}

/** Why a node has not seen as many members as it wants. */
export function quorumTimeout(
  { address, wanted, up, timeout, seeds, said }: QuorumFacts,
): ClusterTimeoutError {
  const text = `${address} saw ${up} of ${wanted} members up within ${timeout} ms ` +
    `(seed nodes: ${seeds})`;
  return new ClusterTimeoutError("quorumTimeout", [text, ...said].filter(Boolean).join("; "), {
    value: up,
    remedy: "check that the seed nodes run and can be reached",
  });
}
