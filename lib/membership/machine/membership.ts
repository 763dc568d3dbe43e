/**
 * The membership of one node as a pure state machine: events and the time go in, effects come out.
 * It reads no clock, draws no random numbers and opens no socket, so a whole cluster of machines
 * runs in one process on virtual time.
 *
 * @module
 */
import { accuse } from "../detector/suspicion.ts";
import { replacedBy } from "./commit.ts";
import { type MembershipConfig, resolveConfig } from "./config.ts";
import { whyNotJoined } from "../joining/bootstrap.ts";
import { gossipTick, onDigest, onGossip, onSummary } from "./gossiping.ts";
import { healthOf, type HealthReport } from "../detector/health.ts";
import {
  acknowledgeHeartbeat,
  heard,
  heartbeatTick,
  onHeartbeatAck,
  onLag,
  onPeerGone,
  onStallAnswer,
  onStallResponder,
} from "../detector/heartbeating.ts";
import { onPortsAnswer } from "../detector/gone.ts";
import {
  joiningTick,
  onAlias,
  onClusterFound,
  onJoin,
  onJoinRefused,
  onNotReady,
  onSeeds,
  onWelcome,
  startJoining,
} from "../joining/joining.ts";
import { onUnreachable } from "../joining/giving_up.ts";
import { onLeaseAnswer } from "../downing/leasing.ts";
import { leavingTick, onLeft, onRemoved, sendLeft, startLeaving } from "../joining/leaving.ts";
import {
  log,
  type Machine,
  type MembershipEffect,
  type MembershipEvent,
  newMachine,
  send,
} from "./machine.ts";
import type { MembershipMessage } from "./messages.ts";
import { type DowningOutlook, outlookOf } from "../downing/outlook.ts";
import { onIndirectAnswer, onIndirectProbe } from "../detector/probing.ts";
import { lostClusterTick, noteFullMember } from "../joining/lost_cluster.ts";
import { onDeclareDown, resolvingTick } from "../downing/resolving.ts";
import type { MembershipView } from "../state/view.ts";
import { weaklyUpTick } from "../joining/weakly_up.ts";
import { rules } from "../../runtime/rules.ts";

export type { MembershipConfig } from "./config.ts";
export type { JoinFailure, MembershipEffect, MembershipEvent } from "./machine.ts";

/** Between two log lines about one foreign peer, milliseconds, and the number of peers tracked. */
const foreignPeerLogInterval = 60_000;
const maxForeignPeers = 100;

/** Messages that carry the cluster id of their sender. */
type ClusterMessage = Extract<
  MembershipMessage,
  { type: "gossip" | "digest" | "summary" | "heartbeat" | "indirectProbe" | "indirectAnswer" }
>;

/**
 * One node's membership. Owns its state: `step` changes it and returns effects. Equal events at
 * equal times give equal effects.
 */
export class Membership {
  readonly #machine: Machine;

  /**
   * A node that has not started.
   *
   * @throws {OptionError}
   */
  constructor(config: MembershipConfig) {
    this.#machine = newMachine(resolveConfig(config));
  }

  /** The current view of the cluster. */
  get view(): MembershipView {
    return this.#machine.view;
  }

  /** Addresses of reachable members that have not seen the current state. */
  get missing(): readonly string[] {
    return this.#machine.missing;
  }

  /** Why this node is not a member yet: one sentence, and one per seed. Empty for members. */
  waiting(now: number): readonly string[] {
    return whyNotJoined(this.#machine, now);
  }

  /** Whether the list of seeds, or the answers about them, name any. */
  get knowsSeeds(): boolean {
    return this.#machine.seeds.first !== undefined;
  }

  /** Whether a seed or a member has answered this node while it was joining. */
  get answered(): boolean {
    const { notReady, refusedBy } = this.#machine.joining;
    return notReady.size > 0 || refusedBy.size > 0;
  }

  /** Local health of this node and the state of the peers that it monitors. */
  health(now: number): HealthReport {
    return healthOf(this.#machine, now);
  }

  /** The pending downing decision. Undefined: no member is unreachable. */
  outlook(now: number): DowningOutlook | undefined {
    return outlookOf(this.#machine, now);
  }

  /**
   * Handles one event.
   *
   * @param now milliseconds on a monotonic clock.
   * @returns effects, to be carried out in order. The caller owns the array.
   */
  step(event: MembershipEvent, now: number): readonly MembershipEffect[] {
    const m = this.#machine;
    m.effects = [];
    switch (event.type) {
      case "start":
        startJoining(m, now);
        break;
      case "tick":
        onTick(m, event.random, now);
        break;
      case "received":
        onReceived(m, event.from, event.message, now);
        break;
      case "signOfLife":
        heard(m, event.from, now);
        break;
      case "peerGone":
        onPeerGone(m, event, now);
        break;
      case "seeds":
        onSeeds(m, event.seeds, now);
        break;
      case "alias":
        onAlias(m, event, now);
        break;
      case "unreachable":
        onUnreachable(m, event);
        break;
      case "leave":
        startLeaving(m, now);
        break;
      case "declareDown":
        onDeclareDown(m, event, now);
        break;
      case "lag":
        onLag(m, event.ms, now);
        break;
      case "stallResponder":
        onStallResponder(m, event.port);
        break;
      case "stallAnswer":
        onStallAnswer(m, event, now);
        break;
      case "portsAnswer":
        onPortsAnswer(m, event, now);
        break;
      case "leaseAnswer":
        onLeaseAnswer(m, event, now);
    }
    return m.effects;
  }
}

function onTick(m: Machine, random: number, now: number): void {
  if (m.phase === "joining") joiningTick(m, now);
  if (m.phase === "member") heartbeatTick(m, now);
  if (m.phase === "member") lostClusterTick(m, now);
  if (m.phase === "member") resolvingTick(m, now);
  if (m.phase === "member") weaklyUpTick(m, now);
  if (m.phase === "member") leavingTick(m, now);
  if (m.phase === "member") gossipTick(m, random, now);
}

function onReceived(m: Machine, from: string, message: MembershipMessage, now: number): void {
  if (rules.peersAreRateLimited && costs(message) && !withinRateLimit(m, from, now)) return;
  switch (message.type) {
    case "join":
      return onJoin(m, from, message, now);
    case "joinRefused":
      return onJoinRefused(m, from, message, now);
    case "notReady":
      return onNotReady(m, from, message, now);
    case "welcome":
      if (m.phase === "member" && message.clusterId !== m.clusterId) {
        return onForeignPeer(m, from, message.clusterId, now);
      }
      return onWelcome(m, from, message, now);
    case "gossip":
    case "digest":
    case "summary":
    case "heartbeat":
    case "indirectProbe":
    case "indirectAnswer":
      return onClusterMessage(m, from, message, now);
    case "heartbeatAck":
      if (m.state.members.get(from)?.member.incarnation === message.incarnation) {
        m.heardFrom.set(from, message.incarnation);
        onHeartbeatAck(m, from, message, now);
        noteFullMember(m, from, now);
      }
      return;
    case "left":
      return onLeft(m, from, message, now);
    case "removed":
      if (!m.state.members.has(from) && rules.onlyMembersGossip) return;
      return onRemoved(m, from, message, now);
  }
}

/** Whether a message causes more than constant work. */
function costs({ type }: MembershipMessage): boolean {
  return type === "gossip" || type === "digest" || type === "summary" || type === "join" ||
    type === "indirectProbe";
}

/** Whether the peer may cause more work now. */
function withinRateLimit(m: Machine, from: string, now: number): boolean {
  const verdict = m.gossip.rateLimiter.take(from, now);
  if (verdict === "dropAndLog") {
    log(m, "warn", "peer exceeds the gossip rate limit; dropping messages", { peer: from });
  }
  return verdict === "accept";
}

function onClusterMessage(m: Machine, from: string, message: ClusterMessage, now: number): void {
  if (m.phase === "joining") return onClusterFound(m, from, now);
  if (m.phase === "idle") return;
  if (m.phase !== "member") return sendLeft(m, from, message.clusterId);
  if (message.clusterId !== m.clusterId && rules.clustersNeverMerge) {
    return onForeignPeer(m, from, message.clusterId, now);
  }
  const known = m.state.members.get(from)?.member.incarnation;
  if (isGone(m, from, message, known)) return;
  if (message.incarnation === known) {
    m.heardFrom.set(from, known);
    heard(m, from, now);
    noteFullMember(m, from, now);
  }
  switch (message.type) {
    case "gossip":
      return onGossip(m, from, message, now);
    case "digest":
      return onDigest(m, from, message);
    case "summary":
      return onSummary(m, from, message, now);
    case "heartbeat":
      return acknowledgeHeartbeat(m, from);
    case "indirectProbe":
      return onIndirectProbe(m, from, message, now);
    case "indirectAnswer":
      if (onIndirectAnswer(m, from, message, now)) accuse(m, now);
  }
}

/** Whether the sender was removed; if so, notifies it. An unknown node was not removed. */
function isGone(
  m: Machine,
  from: string,
  { incarnation }: ClusterMessage,
  known: number | undefined,
): boolean {
  const dead = m.state.tombstones.get(from);
  const isReplaced = known !== undefined && incarnation < known;
  const isBuried = dead !== undefined && incarnation <= dead.incarnation;
  if (!isReplaced && !isBuried) return false;
  const evidence = isReplaced
    ? { by: from, why: replacedBy(known), observers: [] }
    : dead?.evidence;
  send(m, from, {
    type: "removed",
    clusterId: m.clusterId!,
    incarnation,
    ...(evidence && { evidence }),
  });
  return true;
}

/** Clusters never merge: each has granted its own shards and leases. */
function onForeignPeer(m: Machine, from: string, clusterId: string, now: number): void {
  sendLeft(m, from, clusterId);
  const { foreignPeers } = m.gossip;
  const last = foreignPeers.get(from);
  if (last !== undefined && now - last < foreignPeerLogInterval) return;
  if (foreignPeers.size >= maxForeignPeers) foreignPeers.clear();
  foreignPeers.set(from, now);
  log(m, "warn", "ignored a message from another cluster id; clusters never merge", {
    peer: from,
    peerClusterId: clusterId,
    clusterId: m.clusterId,
    remedy: "stop the nodes of one cluster and restart them with seeds of the other",
  });
}
