import { anotherSystem } from "../actor/errors.ts";
import { CastyError, type CastyErrorOptions } from "../runtime/casty_error.ts";

/**
 * A node could not start, join, or complete an operation of the cluster:
 *
 * - `joinRefused`: the cluster has rejected the node; the message says why.
 * - `seedsUnusable`: a connection to none of the seeds can be made as things are configured; the
 *   message says why for each.
 * - `notStarted`: the node was used before it has started.
 * - `stopped`: the node was shut down.
 * - `notDowned`: `rejoin` was called on a node that was not downed.
 * - `leaseUnusable`: the store of a lease cannot be read or holds something else.
 * - `stallResponderFailed`: the thread that answers for a stalled event loop could not start.
 * - `barrierConflict`: nodes wait at one barrier for different numbers, or there are too many
 *   barriers.
 * - `badExtension`: an extension is no function, or its function returns no extension.
 * - `duplicateExtension`: two extensions have one name or expose one key.
 * - `missingExtension`: an extension requires one that is not there; the message names the chain.
 * - `circularExtension`: extensions require each other in a circle; the message names it.
 * - `extensionFailed`: an extension has thrown in `install`.
 * - `unknownExtension`: no extension of the node exposes that key.
 * - `badPath`: a path does not begin with `/_`.
 * - `pathTaken`: another part of the node handles that path.
 * - `duplicateKind`: two extensions spawn behaviours of one kind.
 * - `unknownKind`: no extension of the node spawns behaviours of that kind.
 * - `unknownTopic`: `explain` does not know the topic.
 * - `quorumTimeout`: fewer members than requested were up in time (`ClusterTimeoutError`).
 * - `barrierTimeout`: a barrier did not open in time (`ClusterTimeoutError`).
 */
export type ClusterErrorCode =
  | "joinRefused"
  | "seedsUnusable"
  | "notStarted"
  | "stopped"
  | "notDowned"
  | "leaseUnusable"
  | "stallResponderFailed"
  | "barrierConflict"
  | "badExtension"
  | "duplicateExtension"
  | "missingExtension"
  | "circularExtension"
  | "extensionFailed"
  | "unknownExtension"
  | "badPath"
  | "pathTaken"
  | "duplicateKind"
  | "unknownKind"
  | "unknownTopic"
  | "quorumTimeout"
  | "barrierTimeout";

/** A node could not start, join, or complete an operation of the cluster. */
export class ClusterError extends CastyError {
  /** Name of the class. */
  override name = "ClusterError";
  /** Stable; see {@linkcode ClusterErrorCode}. */
  declare readonly code: ClusterErrorCode;

  /** The remedy becomes part of the message. */
  constructor(code: ClusterErrorCode, message: string, options: CastyErrorOptions = {}) {
    super(code, message, options);
  }
}

/**
 * An operation of the cluster has timed out. Codes: `quorumTimeout` (`start` and `waitFor`),
 * `barrierTimeout`.
 */
export class ClusterTimeoutError extends ClusterError {
  /** Name of the class. */
  override name = "ClusterTimeoutError";
}

/** The node was shut down while something waited. */
export function systemStopped(): ClusterError {
  return new ClusterError("stopped", "the system was shut down", { remedy: anotherSystem });
}

/** The error of a node that all seeds have rejected. */
export function joinRefused(address: string, reason: string): ClusterError {
  return new ClusterError("joinRefused", `${address} was rejected by its seeds: ${reason}`, {
    value: reason,
    remedy: "use the configuration of the cluster, or seeds of another cluster",
  });
}

/** The error of a node that can use the connection to none of its seeds, now or later. */
export function seedsUnusable(address: string, reason: string): ClusterError {
  return new ClusterError(
    "seedsUnusable",
    `${address} cannot join: none of its seeds can be used: ${reason}`,
    {
      value: reason,
      remedy: "correct what is named here, on either end, and start the node again",
    },
  );
}

/** The facts of a quorum timeout. */
export interface QuorumFacts {
  readonly address: string;
  readonly wanted: number;
  readonly up: number;
  /** Whether this node is a member of a cluster. */
  readonly joined: boolean;
  /** Whether a seed has answered. */
  readonly answered: boolean;
  /** Whether the source of the seeds has named any. */
  readonly seedsKnown: boolean;
  /** How long the node has waited, milliseconds. */
  readonly timeout: number;
  /** The option `seedNodes`, as text. */
  readonly seeds: string;
  /** Reasons reported by seeds and connections; empty texts are dropped. */
  readonly reasons: readonly string[];
}

/** The error of a node that has not seen enough members up. */
export function quorumTimeout(
  { address, wanted, up, joined, answered, seedsKnown, timeout, seeds, reasons }: QuorumFacts,
): ClusterTimeoutError {
  const member = joined ? ", and is a member itself" : "";
  const text = `${address} saw ${up} of ${wanted} members up within ${timeout} ms${member} ` +
    `(seed nodes: ${seeds})`;
  return new ClusterTimeoutError("quorumTimeout", [text, ...reasons].filter(Boolean).join("; "), {
    value: up,
    remedy: joined
      ? `start the other nodes with the same seeds (${
        Math.max(1, wanted - up)
      } more), or wait for ` +
        "fewer (requiredQuorum)"
      : !seedsKnown
      ? "correct the option seedNodes, so that its source names nodes"
      : answered
      ? "start the seed nodes that have not answered, or see what the others say here"
      : "check that the seed nodes run and can be reached",
  });
}
