import { reasonOf } from "./suspicion.ts";
import { type Machine, selfAddress } from "../machine/machine.ts";
import type { UnreachableReason } from "../state/gossip_state.ts";
import { accusedBy } from "./reachability.ts";

/** What a node makes of one peer that it watches. */
export interface PeerHealth {
  /** `"host:port"`. */
  readonly address: string;
  /** Suspicion on the phi scale: 8 and above is silence. */
  readonly phi: number;
  /** Milliseconds since something was heard from it. */
  readonly silentFor: number;
  /** Whether this node itself says that it cannot reach it. */
  readonly accused: boolean;
  /** Why, as far as this node knows; only while it is accused. */
  readonly reason?: UnreachableReason;
  /** Milliseconds since its event loop ran last; only with reason `stalled`. */
  readonly stalledFor?: number;
  /** Whether others have said lately that they hear it although this node does not. */
  readonly vouchedFor: boolean;
  /** Whether it has a thread that answers when its event loop stands still. */
  readonly hasStallResponder: boolean;
}

/** How a node sees itself and the peers that it watches. */
export interface HealthReport {
  /** How much this node doubts itself: 0 (well) to 8; see Lifeguard. */
  readonly localHealth: number;
  /** Whether it accuses nobody at present, because it stood still itself. */
  readonly abstains: boolean;
  /** Where its own stall responder listens, if it has one. */
  readonly stallPort: number | undefined;
  /** Those it watches: up to five, or more while some are silent. */
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
