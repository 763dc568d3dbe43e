import type { ReportedReason, WatchItem, WatchMessage } from "./watch_protocol.ts";

/** Events of a {@linkcode WatchTable}. `incarnation` is that of a system. */
export type WatchEvent =
  /** An actor here watches an actor of another node. */
  | ({ readonly type: "watch"; readonly node: string } & WatchItem)
  /** It has taken the watch back. */
  | { readonly type: "unwatch"; readonly node: string; readonly id: number }
  /** The message `watch` of a peer, and which of the actors are here. */
  | {
    readonly type: "requested";
    readonly from: string;
    /** A client, as its certificate names it. Undefined: a node, or nothing is proved. */
    readonly account?: string | undefined;
    readonly incarnation: number;
    readonly session: number;
    readonly items: readonly RequestedWatch[];
  }
  /** Any other message. */
  | {
    readonly type: "received";
    readonly from: string;
    readonly incarnation: number;
    readonly message: Exclude<WatchMessage, { type: "watch" }>;
  }
  /** An actor that the effect `observe` has named has stopped. */
  | {
    readonly type: "ended";
    readonly watcher: string;
    readonly id: number;
    readonly reason: ReportedReason;
  }
  /** The members, and their incarnations; 0 for one that is not known. */
  | { readonly type: "members"; readonly alive: ReadonlyMap<string, number> }
  | { readonly type: "peerUp"; readonly peer: string; readonly incarnation: number }
  | { readonly type: "peerDown"; readonly peer: string }
  /** A client has ended, or has not come back in time. */
  | { readonly type: "clientGone"; readonly client: string }
  /** Messages take another way to all peers: what was sent on the way before may be lost. */
  | { readonly type: "rerouted" }
  /** To be sent now and then while `unsettled`. */
  | { readonly type: "tick" };

/** One item of the event `asked`. */
export interface RequestedWatch extends WatchItem {
  /** Whether the actor is here, and the peer may know. */
  readonly present: boolean;
}

/** Bounds of a {@linkcode WatchTable}. */
export interface WatchLimits {
  /** Watches that one peer may have here, and this system at one peer. */
  readonly maxWatchesPerPeer: number;
  /** Watches that all clients with one certificate may have here together. Default 10 000. */
  readonly maxWatchesPerIdentity: number;
  /** Milliseconds until unconfirmed messages are repeated; doubles each time. */
  readonly minRetry: number;
  /** The longest such pause. */
  readonly maxRetry: number;
}

/** The defaults of {@linkcode WatchLimits}. */
export const defaultWatchLimits: WatchLimits = {
  maxWatchesPerPeer: 100_000,
  maxWatchesPerIdentity: 10_000,
  minRetry: 500,
  maxRetry: 10_000,
};
