import type { PhiAccrualDetector } from "./phi_accrual.ts";
import type { UnreachableReason } from "../state/gossip_state.ts";
import { rules } from "../../runtime/rules.ts";

/** A round of indirect probes of one peer through other members (SWIM). */
export interface ProbeRound {
  /** Matches answers to the round. */
  readonly sequence: number;
  /** Helpers that have not answered. */
  readonly waitingFor: Set<string>;
  /** When the round counts as failed. */
  readonly until: number;
}

/** An indirect probe that this node carries out for another one. */
export interface Relay {
  readonly asker: string;
  readonly target: string;
  readonly sequence: number;
  readonly until: number;
}

/** The latest answer of a peer's stall responder. */
export interface StallReading {
  readonly outcome: "stalled" | "gone";
  /** When it was received. */
  readonly at: number;
  /** Since when its event loop is stalled, on the clock of this node. */
  readonly since: number;
}

/** A monitored peer. Times in milliseconds. */
export interface MonitoredPeer {
  readonly incarnation: number;
  readonly detector: PhiAccrualDetector;
  probeRound: ProbeRound | undefined;
  /** When the next probe round may start. */
  nextProbeAt: number;
  /** When a probe round last failed; counts only if no message arrived since. */
  probeFailedAt: number;
  /** Until when a successful indirect probe counts. */
  vouchedUntil: number;
  /** Port of its stall responder, if it has one. */
  stallPort: number | undefined;
  stall: StallReading | undefined;
  /** When the stall responder was probed, while the answer is missing. */
  stallProbedAt: number | undefined;
  /** When the last stall probe ended. */
  stallAnsweredAt: number;
}

/** A peer whose monitoring starts. */
export function newMonitoredPeer(incarnation: number, detector: PhiAccrualDetector): MonitoredPeer {
  return {
    incarnation,
    detector,
    probeRound: undefined,
    nextProbeAt: 0,
    probeFailedAt: -Infinity,
    vouchedUntil: -Infinity,
    stallPort: undefined,
    stall: undefined,
    stallProbedAt: undefined,
    stallAnsweredAt: -Infinity,
  };
}

/** Why an accused peer is unreachable. A stall of at least `limit` counts as silence. */
export function unreachableReason(
  { stall, detector }: MonitoredPeer,
  validity: number,
  limit: number,
  now: number,
): UnreachableReason {
  if (stall === undefined || stall.at < detector.lastHeard || now - stall.at > validity) {
    return "silent";
  }
  if (rules.stallsAreLimited && stall.outcome === "stalled" && now - stall.since >= limit) {
    return "silent";
  }
  return stall.outcome;
}
