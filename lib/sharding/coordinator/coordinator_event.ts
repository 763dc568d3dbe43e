import type { CoordinatorView } from "./coordinator_view.ts";
import type { HolderId } from "../lease/lease_config.ts";
import type { LeasesAdoptedMessage } from "../lease/lease_protocol.ts";
import type { CoordinationMessage, ReportMessage } from "./coordination_protocol.ts";
import type { OptionDifference } from "./type_options.ts";
import type { LocateMessage } from "../routing/protocol.ts";
import type { ShardMove } from "../shard_replicator.ts";
import type { ShardEvent } from "../shard_event.ts";
import type { Stamp, Term } from "../routing/term.ts";

/** A node confirms a grant or a hand-off. */
interface Confirmation {
  readonly from: string;
  readonly stamp: Stamp;
  readonly shardType: string;
  readonly shard: number;
  readonly epoch: number;
}

/** Input of the coordinator. */
export type CoordinatorEvent =
  | { readonly type: "view"; readonly view: CoordinatorView }
  | (ReportMessage & { readonly from: string })
  | (LeasesAdoptedMessage & { readonly from: string })
  | { readonly type: "outdatedTerm"; readonly from: string; readonly term: Term }
  | (LocateMessage & { readonly from: string })
  | ({ readonly type: "started" } & Confirmation)
  | ({ readonly type: "stopped" } & Confirmation)
  /** A node has ended its lease for good. */
  | { readonly type: "released"; readonly holder: HolderId }
  /** The shard shall have another grant; see `ShardMove`. */
  | ({ readonly type: "moveShard" } & ShardMove)
  /** An operator wants a round of rebalancing now. */
  | { readonly type: "balance"; readonly shardType: string }
  | { readonly type: "tick" }
  /** A deadline has come. */
  | { readonly type: "wake" };

/** A message of the coordinator to the node at an address. */
export type CoordinatorMessage =
  & Extract<
    CoordinationMessage,
    {
      type:
        | "requestReport"
        | "adoptLeases"
        | "admitHolder"
        | "startShard"
        | "handOff"
        | "location"
        | "shardTableDelta"
        | "refused"
        | "unknownType";
    }
  >
  & { readonly to: string };

/** Output of the coordinator. */
export type CoordinatorEffect =
  | CoordinatorMessage
  | { readonly type: "event"; readonly event: ShardEvent }
  | { readonly type: "strategyFailed"; readonly shardType: string; readonly error: unknown }
  /** Two nodes have given a type different options. */
  | { readonly type: "differs"; readonly difference: OptionDifference };
