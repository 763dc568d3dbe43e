import { reasonOf } from "./suspicion.ts";
import { type Machine, selfAddress } from "../machine/machine.ts";
import type { UnreachableReason } from "../state/gossip_state.ts";
import { accusedBy } from "./reachability.ts";

/** The state of one peer that this node monitors. */
export interface PeerHealth {
  /** `"host:port"`. */
  readonly address: string;
  /** Suspicion on the phi scale; 8 and above counts as silent. */
  readonly phi: number;
  /** Milliseconds since the last message from it. */
  readonly silentFor: number;
  /** Whether this node accuses it of being unreachable. */
  readonly accused: boolean;
  /** The reason of the accusation; only while it is accused. */
  readonly reason?: UnreachableReason;
  /** Milliseconds since its event loop last ran; only with reason `stalled`. */
  readonly stalledFor?: number;
  /** Whether an indirect probe has reached it recently although this node does not. */
  readonly vouchedFor: boolean;
  /** Whether it has a thread that answers while its event loop is stalled. */
  readonly hasStallResponder: boolean;
}

/** Local health of a node and the state of the peers that it monitors. */
export interface HealthReport {
  /** Local health score (Lifeguard): 0 (healthy) to 8. */
  readonly localHealth: number;
  /** Whether it makes no accusations at present, because it has been stalled. */
  readonly abstains: boolean;
  /** Port of its stall responder, if it has one. */
  readonly stallPort: number | undefined;
  /** The monitored peers: up to five, more while some are unreachable. */
  readonly peers: readonly PeerHealth[];
}

/** See {@linkcode HealthReport}. */
export function healthOf(m: Machine, now: number): HealthReport {
  const { monitoring, state } = m;
  const accused = accusedBy(state, state.members.get(selfAddress(m)));
  const peers: PeerHealth[] = [];
  for (const [address, peer] of monitoring.peers) {
    const reason = accused.has(address) ? reasonOf(m, peer, now) : undefined;
    peers.push({
      address,
      phi: peer.detector.phi(now),
      silentFor: now - peer.detector.lastHeard,
      accused: reason !== undefined,
      ...(reason !== undefined && { reason }),
      ...(reason === "stalled" && { stalledFor: now - peer.stall!.since }),
      vouchedFor: now < peer.vouchedUntil,
      hasStallResponder: peer.stallPort !== undefined,
    });
  }
  return {
    localHealth: monitoring.localHealth.score,
    abstains: now < monitoring.abstainUntil,
    stallPort: monitoring.stallPort,
    peers,
  };
}
