import type {
  ConfigVersion,
  HolderAge,
  LeaseConfig,
} from "../../../lib/sharding/lease/lease_config.ts";
import type { LeaseAnswer, LeaseRenewal } from "../../../lib/sharding/lease/lease_voter.ts";
import type { Term } from "../../../lib/sharding/routing/term.ts";

/** A shard that a node owns, and the epoch of its grant. */
export type Claim = readonly [shard: number, epoch: number];

/** What the nodes of the model send each other. */
export type LeaseMessage =
  | {
    readonly type: "requestReport";
    readonly term: Term;
    readonly config: LeaseConfig | undefined;
  }
  | {
    readonly type: "report";
    readonly term: Term;
    readonly stamp: number;
    readonly config: LeaseConfig | undefined;
    readonly holders: readonly HolderAge[];
    readonly admitted: Term;
    readonly retiring: boolean;
    readonly claims: readonly Claim[];
  }
  | { readonly type: "outdatedTerm"; readonly term: Term }
  | {
    readonly type: "adopt";
    readonly config: LeaseConfig;
    readonly holders: readonly HolderAge[];
  }
  | {
    readonly type: "adopted";
    readonly version: ConfigVersion;
    readonly holders: readonly HolderAge[];
  }
  | { readonly type: "admit"; readonly term: Term; readonly config: LeaseConfig | undefined }
  | { readonly type: "renew"; readonly renewal: LeaseRenewal }
  | { readonly type: "answer"; readonly answer: LeaseAnswer }
  | { readonly type: "release" }
  | {
    readonly type: "start";
    readonly term: Term;
    readonly version: ConfigVersion;
    readonly shard: number;
    readonly epoch: number;
  }
  | {
    readonly type: "handOff";
    readonly term: Term;
    readonly shard: number;
    readonly epoch: number;
  }
  | {
    readonly type: "started" | "stopped";
    readonly stamp: number;
    readonly shard: number;
    readonly epoch: number;
  };
