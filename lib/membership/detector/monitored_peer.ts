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

/** The latest answer of a peer's stall responder, if its event loop is stalled. */
export interface StallReading {
  /** When it was received. */
  readonly at: number;
  /** Since when its event loop is stalled, on the clock of this node. */
  readonly since: number;
}

/** The far end's system has ended all connections, and nothing was heard since. */
export interface LostConnections {
  /** The inquiry that is under way: its ports are probed, and helpers are asked. */
  inquiry: number | undefined;
  /** When that began. */
  startedAt: number;
  /** Whether both ports have refused a connection in it. */
  portsRefuse: boolean;
  /** When the next inquiry may begin, and the pause after it. */
  nextAt: number;
  pause: number;
  /** Whether an inquiry has found the peer gone. */
  isGone: boolean;
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
  /** Whether its address leads to it through a translation. */
  translated: boolean;
  stall: StallReading | undefined;
  lost: LostConnections | undefined;
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
    translated: false,
    stall: undefined,
    lost: undefined,
    stallProbedAt: undefined,
    stallAnsweredAt: -Infinity,
  };
}

/** Why an accused peer is unreachable. A stall of at least `limit` counts as silence. */
export function unreachableReason(
  { stall, lost, detector }: MonitoredPeer,
  validity: number,
  limit: number,
  now: number,
): UnreachableReason {
  if (lost?.isGone) return "gone";
  if (stall === undefined || stall.at < detector.lastHeard || now - stall.at > validity) {
    return "silent";
  }
  return rules.stallsAreLimited && now - stall.since >= limit ? "silent" : "stalled";
}
