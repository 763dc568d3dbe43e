/**
 * The data of one node's membership and the ways to change it. The files beside this one hold the
 * rules, one concern each; `membership.ts` calls them.
 *
 * @module
 */
import type { LogFields, LogLevel } from "../../runtime/logger.ts";
import type { ResolvedConfig } from "./config.ts";
import { emptyGossip, type GossipState } from "../state/gossip_state.ts";
import type { DownEvidence, Member } from "../state/member.ts";
import type { MemberEvent } from "../state/member_event.ts";
import type { MembershipMessage, NotReadyMessage } from "./messages.ts";
import { LocalHealth } from "../detector/local_health.ts";
import { type LeaseAnswerEvent, type LeaseState, newLeaseState } from "../downing/lease_state.ts";
import type { MembershipView } from "../state/view.ts";
import { configuredSeeds, type Seeds } from "../joining/seeds.ts";
import { RateLimiter } from "./rate_limiter.ts";
import type { MonitoredPeer, Relay } from "../detector/monitored_peer.ts";

/** What happens to a node's membership. Times in milliseconds. */
export type MembershipEvent =
  /** Begin to join. */
  | { readonly type: "start"; readonly random?: number }
  /** Time goes by: send this every 100 to 250. `random` is in [0, 1). */
  | { readonly type: "tick"; readonly random: number }
  /** A node has said something. `from` is what its connection proved, not what it claims. */
  | { readonly type: "received"; readonly from: string; readonly message: MembershipMessage }
  /** Anything at all has arrived from a node. */
  | { readonly type: "signOfLife"; readonly from: string }
  /** The connection to a node has ended. */
  | { readonly type: "peerGone"; readonly address: string }
  /** These are the seeds now, besides those of the configuration. */
  | { readonly type: "seeds"; readonly seeds: readonly string[] }
  /** Leave the cluster. */
  | { readonly type: "leave" }
  /** This node's own event loop did not run for so long. Send it before the next tick. */
  | { readonly type: "lag"; readonly ms: number }
  /** This node's stall responder listens from now on; undefined: it does not any more. */
  | { readonly type: "stallResponder"; readonly port: number | undefined }
  | StallAnswerEvent
  | LeaseAnswerEvent;

/** Answers the effect `probeStall`. */
export interface StallAnswerEvent {
  readonly type: "stallAnswer";
  readonly address: string;
  readonly incarnation: number;
  /** `gone`: nobody listens on that host; `unknown`: no answer. */
  readonly outcome: "alive" | "stalled" | "gone" | "unknown";
  /** How long ago its event loop ran last; 0 unless stalled. */
  readonly ms: number;
}

/** What a node's membership wants done. */
export type MembershipEffect =
  | { readonly type: "send"; readonly to: string; readonly message: MembershipMessage }
  /** Ask the stall responder of a silent member, and answer with `stallAnswer`. */
  | {
    readonly type: "probeStall";
    readonly address: string;
    readonly incarnation: number;
    readonly port: number;
  }
  /** Ask for the lease, and answer with `leaseAnswer`. */
  | { readonly type: "acquireLease" }
  /** Give the lease back. */
  | { readonly type: "releaseLease" }
  | { readonly type: "publish"; readonly event: MemberEvent }
  | { readonly type: "viewChanged"; readonly view: MembershipView }
  /** This node is no member any more, as it wished. Comes once. */
  | { readonly type: "left" }
  /** This node was declared down and must stop its work. Comes once. */
  | ({ readonly type: "downed" } & DownEvidence)
  /** A seed does not let this node in. It keeps asking; the same answer is told once. */
  | {
    readonly type: "joinRefused";
    readonly seed: string;
    readonly code: string;
    readonly reason: string;
  }
  /** All seeds that answer refuse this node for a reason that does not pass. Comes once. */
  | { readonly type: "joinFailed"; readonly reason: string }
  | {
    readonly type: "log";
    readonly level: LogLevel;
    readonly message: string;
    readonly fields: LogFields;
  };

/** How far a node is. Only a `member` has a cluster id. */
export type Phase = "idle" | "joining" | "member" | "left" | "downed";

/** See the module's text. */
export interface Machine {
  readonly config: ResolvedConfig;
  phase: Phase;
  clusterId: string | undefined;
  /** This node as it introduces itself. Its incarnation may rise until it is a member. */
  identity: Member;
  state: GossipState;
  /** `contentDigest` and `fullDigest` of `state`. */
  digest: string;
  fullDigest: string;
  /** Who has not seen `digest`; only for this node's own use. */
  missing: readonly string[];
  /** The latest view, which may not be published yet, and the one that was published last. */
  view: MembershipView;
  published: MembershipView;
  effects: MembershipEffect[];
  seeds: Seeds;
  joining: {
    startedAt: number;
    nextAt: number;
    attempts: number;
    /** Seeds that have no cluster either, and when they said so. */
    readonly notReady: Map<string, { at: number; answer: NotReadyMessage }>;
    /** Nodes that were asked, and when. */
    readonly asked: Map<string, number>;
    /** When a member of some cluster was last heard. */
    clusterHeardAt: number;
    /** Refusals that were told. */
    readonly refusals: Set<string>;
    /** The latest refusal by each seed that has not answered otherwise since. */
    readonly refusedBy: Map<string, { code: string; reason: string }>;
    /** What was logged of those who may not join, and when. */
    readonly rejected: Map<string, number>;
    /** Whether `joinFailed` was told. */
    failed: boolean;
    /** Whom this node has let go ahead with founding, and when last. */
    vote: { to: string; at: number } | undefined;
    /** When the log last said what this node waits for. */
    waitLoggedAt: number;
  };
  gossip: {
    nextAt: number;
    seedProbeAt: number;
    /** Of the latest summary; counts up. */
    salt: number;
    /** What each peer may still make this node do. */
    readonly rateLimiter: RateLimiter;
    /** Nodes of other clusters that were warned of, and when. */
    readonly foreignPeers: Map<string, number>;
    tombstonesAt: number;
  };
  monitoring: {
    heartbeatAt: number;
    checkAt: number;
    readonly peers: Map<string, MonitoredPeer>;
    ring: readonly string[];
    /** The digest for which `ring` was made. */
    ringFor: string;
    /** Accuse nobody until then: this node was deaf itself. */
    abstainUntil: number;
    /** Since when the same members are unreachable. */
    stableSince: number;
    /** How well this node itself is. */
    readonly localHealth: LocalHealth;
    /** Counts inquiries. */
    sequence: number;
    /** Probes that are under way for others. */
    relays: Relay[];
    /** Where this node's own stall responder listens. */
    stallPort: number | undefined;
  };
  /** Since when nodes join while a member is unreachable, so that they cannot become up. */
  blockedSince: number | undefined;
  lease: LeaseState;
  /** When leaving is given up and the node just goes. */
  leaveBy: number | undefined;
}

/** A node that has not started. */
export function newMachine(config: ResolvedConfig): Machine {
  const identity: Member = { ...config.self, status: "joining", upNumber: 0 };
  const view: MembershipView = {
    members: [],
    unreachable: new Set(),
    unreachability: new Map(),
    leader: undefined,
    self: identity,
    converged: false,
    clusterId: undefined,
  };
  return {
    config,
    phase: "idle",
    clusterId: undefined,
    identity,
    state: emptyGossip,
    digest: "",
    fullDigest: "",
    missing: [],
    view,
    published: view,
    effects: [],
    seeds: configuredSeeds(config),
    joining: {
      startedAt: 0,
      nextAt: 0,
      attempts: 0,
      notReady: new Map(),
      asked: new Map(),
      clusterHeardAt: -Infinity,
      refusals: new Set(),
      refusedBy: new Map(),
      rejected: new Map(),
      failed: false,
      vote: undefined,
      waitLoggedAt: -Infinity,
    },
    gossip: {
      nextAt: 0,
      seedProbeAt: 0,
      salt: 0,
      rateLimiter: new RateLimiter(),
      foreignPeers: new Map(),
      tombstonesAt: 0,
    },
    monitoring: {
      heartbeatAt: 0,
      checkAt: 0,
      peers: new Map(),
      ring: [],
      ringFor: "",
      abstainUntil: 0,
      stableSince: 0,
      localHealth: new LocalHealth(),
      sequence: 0,
      relays: [],
      stallPort: undefined,
    },
    blockedSince: undefined,
    lease: newLeaseState(),
    leaveBy: undefined,
  };
}

/** This node's address. */
export function selfAddress(m: Machine): string {
  return m.config.self.address;
}

/** Asks for a message to be sent. */
export function send(m: Machine, to: string, message: MembershipMessage): void {
  m.effects.push({ type: "send", to, message });
}

/** Asks for a line in the log. */
export function log(m: Machine, level: LogLevel, message: string, fields: LogFields): void {
  m.effects.push({ type: "log", level, message, fields });
}
