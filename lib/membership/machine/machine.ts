/**
 * The state of one node's membership, its events and its effects. Other files of the room hold the
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
import { Claims } from "../joining/claims.ts";
import { RateLimiter } from "./rate_limiter.ts";
import type { MonitoredPeer, Relay } from "../detector/monitored_peer.ts";

/** Inputs of the membership machine. Times in milliseconds. */
export type MembershipEvent =
  /** Starts to join. */
  | { readonly type: "start"; readonly random?: number }
  /** Time has passed: send this every 100 to 250. `random` is in [0, 1). */
  | { readonly type: "tick"; readonly random: number }
  /** A message has arrived. `from` is the address that the connection has proved. */
  | { readonly type: "received"; readonly from: string; readonly message: MembershipMessage }
  /** Any traffic has arrived from a node. */
  | { readonly type: "signOfLife"; readonly from: string }
  | PeerGoneEvent
  /** An answer about dynamic seeds; those of the configuration are kept. */
  | { readonly type: "seeds"; readonly seeds: readonly string[] }
  | AliasEvent
  | UnreachableEvent
  /** Leaves the cluster. */
  | { readonly type: "leave" }
  | DeclareDownEvent
  /** This node's event loop was stalled for `ms`. Send it before the next tick. */
  | { readonly type: "lag"; readonly ms: number }
  /** Port of this node's stall responder; undefined: it does not listen. */
  | { readonly type: "stallResponder"; readonly port: number | undefined }
  | StallAnswerEvent
  | PortsAnswerEvent
  | LeaseAnswerEvent;

/** A person has decided that a member is down. */
export interface DeclareDownEvent {
  readonly type: "declareDown";
  readonly address: string;
  /** Who, and why. */
  readonly why: string;
}

/** A connection to a node has ended. */
export interface PeerGoneEvent {
  readonly type: "peerGone";
  readonly address: string;
  /**
   * Set when no connection to the node is left, and the far end's system has closed or reset the last
   * one without a close frame: the incarnation at that end. Default: this end or an orderly close
   * has ended it.
   */
  readonly cutOff?: number;
}

/** The node that was dialled under one address has another: its seed lists spell it differently. */
export interface AliasEvent {
  readonly type: "alias";
  /** The address that was dialled. */
  readonly of: string;
  /** The address of the node there; it may be that of this node. */
  readonly address: string;
}

/** A node could not be dialled, or has rejected the connection of this one. */
export interface UnreachableEvent {
  readonly type: "unreachable";
  readonly address: string;
  /** A sentence. */
  readonly reason: string;
  /** Whether another attempt fails as well, unless one of the two ends is configured anew. */
  readonly isDefinite: boolean;
}

/** Answers the effect `probeStall`. */
export interface StallAnswerEvent {
  readonly type: "stallAnswer";
  readonly address: string;
  readonly incarnation: number;
  /** `gone`: the host refuses connections to the port; `unknown`: no answer. */
  readonly outcome: "alive" | "stalled" | "gone" | "unknown";
  /** Time since its event loop last ran; 0 unless stalled. */
  readonly ms: number;
}

/** Answers the effect `probePorts`. */
export interface PortsAnswerEvent {
  readonly type: "portsAnswer";
  readonly address: string;
  /** That of the effect. */
  readonly sequence: number;
  /** Whether the host of the address itself has refused connections to both ports. */
  readonly refused: boolean;
}

/** Outputs of the membership machine. */
export type MembershipEffect =
  | { readonly type: "send"; readonly to: string; readonly message: MembershipMessage }
  /** Probe the stall responder of a member; answer with `stallAnswer`. */
  | {
    readonly type: "probeStall";
    readonly address: string;
    readonly incarnation: number;
    readonly port: number;
  }
  /** Try the main port and the stall port of a member; answer with `portsAnswer`. */
  | {
    readonly type: "probePorts";
    readonly address: string;
    readonly incarnation: number;
    readonly stallPort: number;
    readonly sequence: number;
  }
  /** Acquire the lease; answer with `leaseAnswer`. */
  | { readonly type: "acquireLease" }
  /** Release the lease. */
  | { readonly type: "releaseLease" }
  | { readonly type: "publish"; readonly event: MemberEvent }
  | { readonly type: "viewChanged"; readonly view: MembershipView }
  /** This node has left. Emitted once. */
  | { readonly type: "left" }
  /**
   * All full members of its cluster are lost, and this node was none: it is no member any more, and
   * joins again with a later incarnation. `contacts` are the members that it knew. Emitted once.
   */
  | { readonly type: "clusterLost"; readonly contacts: readonly string[] }
  /** This node was declared down and must stop its work. Emitted once. */
  | ({ readonly type: "downed" } & DownEvidence)
  /** This node has a later incarnation from now on: connections still say the one before. */
  | { readonly type: "incarnationRaised"; readonly incarnation: number }
  /** A seed has rejected this node, which keeps retrying. Emitted once per seed, code and reason. */
  | {
    readonly type: "joinRefused";
    readonly seed: string;
    readonly code: string;
    readonly reason: string;
  }
  /**
   * All seeds that answer have rejected this node permanently, or none can ever be used as things
   * are configured. Emitted once.
   */
  | { readonly type: "joinFailed"; readonly reason: string; readonly cause: JoinFailure }
  | {
    readonly type: "log";
    readonly level: LogLevel;
    readonly message: string;
    readonly fields: LogFields;
  };

/** Why a node cannot join: its seeds do not accept it, or it cannot use the connection to any. */
export type JoinFailure = "rejected" | "seedsUnusable";

/** Phase of a node. Only a `member` has a cluster id. */
export type Phase = "idle" | "joining" | "member" | "left" | "downed" | "lost";

/** See the module's text. */
export interface Machine {
  readonly config: ResolvedConfig;
  phase: Phase;
  clusterId: string | undefined;
  /** This node as it joins. Its incarnation may rise until it is a member. */
  identity: Member;
  state: GossipState;
  /** `contentDigest` and `fullDigest` of `state`. */
  digest: string;
  fullDigest: string;
  /** Members that have not seen `digest`. */
  missing: readonly string[];
  /** The latest view, and the last published one. */
  view: MembershipView;
  published: MembershipView;
  /** The latest view without early accusations, on which downing decides; usually `view` itself. */
  silenceView: MembershipView;
  effects: MembershipEffect[];
  seeds: Seeds;
  joining: {
    startedAt: number;
    nextAt: number;
    attempts: number;
    /** Answers of seeds without a cluster, and when they arrived. */
    readonly notReady: Map<string, { at: number; answer: NotReadyMessage }>;
    /** When each node was last sent a join. */
    readonly asked: Map<string, number>;
    /** Nodes that may be members, besides the seeds: configured ones, then those learnt. */
    readonly contacts: Set<string>;
    /** For each node that has named contacts: the time of the join that it has answered. */
    readonly redirected: Map<string, number>;
    /** When a message of a cluster member last arrived. */
    clusterHeardAt: number;
    /** Refusals that were emitted. */
    readonly refusals: Set<string>;
    /** The latest refusal of each seed; a later answer of another kind replaces it. */
    readonly refusedBy: Map<string, { code: string; reason: string }>;
    /** The latest failed connection to each seed, until the seed answers. */
    readonly unreachable: Map<string, { reason: string; isDefinite: boolean }>;
    /** When the rejection of each node was last logged, by address and reason. */
    readonly rejected: Map<string, number>;
    /** Whether `joinFailed` was emitted. */
    failed: boolean;
    /** The node that this one voted for as bootstrap node, and when. */
    vote: { to: string; at: number } | undefined;
    /** When the join progress was last logged. */
    waitLoggedAt: number;
  };
  gossip: {
    nextAt: number;
    seedProbeAt: number;
    /** Salt of the latest summary; counts up. */
    salt: number;
    /** Limits the work that each peer can cause. */
    readonly rateLimiter: RateLimiter;
    /** When the message of each node of another cluster was last logged. */
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
    /** No accusations before then, since this node was stalled itself. */
    abstainUntil: number;
    /** Since when the set of unreachable members is stable. */
    stableSince: number;
    /** Local health (Lifeguard). */
    readonly localHealth: LocalHealth;
    /** Counts probe rounds and inquiries about lost connections. */
    sequence: number;
    /** Probes relayed for other members. */
    relays: Relay[];
    /** Port of this node's stall responder. */
    stallPort: number | undefined;
  };
  /** What other members say about third ones; see `corroboration.ts`. */
  readonly claims: Claims;
  /** The members that this node has accused: since when, and when it did last. */
  readonly suspected: Map<
    string,
    { readonly incarnation: number; readonly since: number; readonly at: number }
  >;
  /** The incarnations that have spoken to this node themselves, by address of a member. */
  readonly heardFrom: Map<string, number>;
  /** Later incarnations that have asked this node to join, by address: the members are dead. */
  readonly provenDead: Map<string, number>;
  /** When a message of a full member last arrived, while this node is none. */
  fullHeardAt: number;
  /** Since when an unreachable member keeps joining nodes from becoming up. */
  blockedSince: number | undefined;
  lease: LeaseState;
  /** Deadline of leaving; then the node stops without convergence. */
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
    silenceView: view,
    effects: [],
    seeds: configuredSeeds(config),
    joining: {
      startedAt: 0,
      nextAt: 0,
      attempts: 0,
      notReady: new Map(),
      asked: new Map(),
      contacts: new Set(config.contacts),
      redirected: new Map(),
      clusterHeardAt: -Infinity,
      refusals: new Set(),
      refusedBy: new Map(),
      unreachable: new Map(),
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
    claims: new Claims(),
    suspected: new Map(),
    heardFrom: new Map(),
    provenDead: new Map(),
    fullHeardAt: 0,
    blockedSince: undefined,
    lease: newLeaseState(),
    leaveBy: undefined,
  };
}

/** This node's address. */
export function selfAddress(m: Machine): string {
  return m.config.self.address;
}

/** Emits a message. */
export function send(m: Machine, to: string, message: MembershipMessage): void {
  m.effects.push({ type: "send", to, message });
}

/** Emits a log line. */
export function log(m: Machine, level: LogLevel, message: string, fields: LogFields): void {
  m.effects.push({ type: "log", level, message, fields });
}
