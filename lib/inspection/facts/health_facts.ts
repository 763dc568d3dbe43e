import type { ExtensionContext } from "../../cluster/node/node_extension.ts";
import { nodeInternalsOf } from "../../node_internals.ts";
import type { FactReader } from "../inspection.ts";

/** How a node sees the members that it monitors. */
export interface HealthFacts {
  /** Local health score (Lifeguard): 0 (healthy) to 8. */
  readonly localHealth: number;
  readonly peers: readonly {
    readonly address: string;
    /** Suspicion on the phi scale, at most 1 000. */
    readonly phi: number;
    /** Milliseconds since the last message. */
    readonly silentFor: number;
    readonly accused: boolean;
    readonly reason?: string;
  }[];
  readonly actors: { readonly sent: number; readonly delivered: number };
}

/** Infinity is not JSON. */
const maxPhi = 1_000;

/** Reads {@linkcode HealthFacts}. */
export function healthFacts({ system }: ExtensionContext): FactReader {
  return (): HealthFacts => {
    const { localHealth, peers } = nodeInternalsOf(system)!.health;
    return {
      localHealth,
      peers: peers.map(({ address, phi, silentFor, accused, reason }) => ({
        address,
        phi: Math.min(maxPhi, Math.round(phi * 100) / 100),
        silentFor: Math.round(silentFor),
        accused,
        ...(reason && { reason }),
      })),
      actors: { sent: system.ledger.sent, delivered: system.ledger.delivered },
    };
  };
}
