import type { PhiAccrualDetector } from "./phi_accrual.ts";
import type { UnreachableReason } from "../state/gossip_state.ts";
import { rules } from "../../runtime/rules.ts";

/** A question to other members whether they hear somebody. */
export interface ProbeRound {
  /** Tells answers to it from those to earlier ones. */
  readonly sequence: number;
  /** Who was asked and has not answered. */
  readonly waitingFor: Set<string>;
  /** When it counts as answered with no. */
  readonly until: number;
}

/** An indirect probe that this node carries out for another one. */
export interface Relay {
  readonly asker: string;
  readonly target: string;
  readonly sequence: number;
  readonly until: number;
}

/** What a member's stall responder has said last. */
export interface StallReading {
  readonly outcome: "stalled" | "gone";
  /** When it said so. */
  readonly at: number;
  /** Since when its event loop stands still, on our clock. */
  readonly since: number;
}

/** A peer that is watched, and what is known of its silence. Times in milliseconds. */
export interface MonitoredPeer {
  readonly incarnation: number;
  readonly detector: PhiAccrualDetector;
  probeRound: ProbeRound | undefined;
  /** When it is asked for again. */
  nextProbeAt: number;
  /** When an inquiry has ended in vain; only of interest if later than it was heard. */
  probeFailedAt: number;
  /** Until when the word of somebody who hears it counts. */
  vouchedUntil: number;
  /** Where its stall responder listens, if it has one. */
  stallPort: number | undefined;
  stall: StallReading | undefined;
  /** When it was asked, if it has not answered yet. */
  stallProbedAt: number | undefined;
  /** When it has answered last, or was found not to. */
  stallAnsweredAt: number;
}

/** A peer that has just come to be watched. */
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

/** Why a silent peer counts as unreachable. A stall that is older than `limit` is no excuse. */
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
