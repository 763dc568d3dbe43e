/**
 * Push-pull gossip (Demers et al., 1987). Each round sends a digest to a few peers. A peer with
 * another digest answers with a summary; then each side sends only records that the other one is
 * missing: A's summary, B's records that A is missing with a request, A's requested records, and
 * B's records where A's were stale.
 *
 * @module
 */
import { admitted } from "../joining/admission.ts";
import { commit } from "./commit.ts";
import { forgetGone, hasSuspected } from "../joining/corroboration.ts";
import {
  emptyGossip,
  type GossipState,
  type MemberRecord,
  mergeGossip,
  newerThan,
  type Tombstone,
  withoutOldTombstones,
} from "../state/gossip_state.ts";
import { log, type Machine, selfAddress, send } from "./machine.ts";
import { logRejection } from "./rejection_log.ts";
import { isAlive, type Member } from "../state/member.ts";
import type { DigestMessage, GossipContent, GossipMessage, SummaryMessage } from "./messages.ts";
import { pick } from "./pick.ts";
import { accusedBy } from "../detector/reachability.ts";
import { compareSummary, requestedBy, summaryOf } from "../state/summary.ts";
import { rules } from "../../runtime/rules.ts";

/** Share of the rounds that also go to an unreachable member, which may receive nevertheless. */
const probeShare = 0.1;
/** How many seeds outside the cluster all members together contact per gossip interval. */
const seedProbes = 3;
/** Rate limit cost of claims that cannot be true, in records. */
const refusedClaimCost = 1_000;
/** Between two removals of expired tombstones, milliseconds. */
const tombstoneInterval = 60_000;

/** Starts a gossip round when the next one is due. */
export function gossipTick(m: Machine, random: number, now: number): void {
  if (now >= m.gossip.tombstonesAt) {
    m.gossip.tombstonesAt = now + tombstoneInterval;
    const { tombstoneLifetime, maxTombstones } = m.config;
    // Tombstones are in no digest, so their removal changes no view.
    m.state = withoutOldTombstones(m.state, now - tombstoneLifetime, maxTombstones);
    forgetGone(m);
  }
  const { gossipInterval } = m.config;
  if (now >= m.gossip.seedProbeAt) {
    m.gossip.seedProbeAt = now + gossipInterval;
    probeSeed(m, random);
  }
  if (now < m.gossip.nextAt) return;
  m.gossip.nextAt = now + (m.view.converged ? gossipInterval : gossipInterval / 4);
  const missing = new Set(m.missing);
  for (const peer of choosePeers(m, missing, random)) {
    if (m.view.converged || !missing.has(peer)) sendDigest(m, peer);
    else sendSummary(m, peer);
  }
}

/** Sends a part of the state to several nodes. */
export function gossipToAll(
  m: Machine,
  peers: readonly string[],
  delta: GossipState,
  now: number,
): void {
  if (m.phase !== "member") return;
  for (const peer of peers) sendGossip(m, peer, delta, now);
}

/** Handles the digest of a member. */
export function onDigest(m: Machine, from: string, message: DigestMessage): void {
  if (message.digest !== m.fullDigest || !rules.equalDigestsEndGossip) sendSummary(m, from);
}

/** Handles the summary of a member. */
export function onSummary(m: Machine, from: string, message: SummaryMessage, now: number): void {
  if (message.digest === m.fullDigest) return;
  const { salt } = message;
  const { missing, requested } = compareSummary(m.state, message.entries, salt);
  const nothing = requested.length === 0 && missing.members.size + missing.tombstones.size === 0;
  // Fingerprints of different records collide; the next salt separates them.
  if (nothing) return;
  // The peer may hold a tombstone for a member that it seems to be missing.
  const reply = missing.members.size > 0;
  sendGossip(m, from, missing, now, { reply, requested: { salt, addresses: requested } });
}

/** Merges the state that a member has sent. */
export function onGossip(m: Machine, from: string, message: GossipMessage, now: number): void {
  const { members, tombstones } = message.state;
  m.gossip.rateLimiter.charge(from, members.length + tombstones.length, now);
  const theirs = gossipState(m, ofSender(m, from, message.state), now);
  const admissible = admitted(m, theirs, from, now);
  if (admissible.refused) refuseClaims(m, from, now);
  const before = m.state;
  commit(m, mergeGossip(admissible.ours, admissible.theirs), now);
  if (m.phase !== "member") return;
  tellEnded(m, before, admissible.theirs, now);
  if (message.reply) {
    const delta = newerThan(theirs, m.state);
    if (delta.members.size + delta.tombstones.size > 0) sendGossip(m, from, delta, now);
  }
  if (message.requested !== undefined && message.requested.addresses.length > 0) {
    const { salt, addresses } = message.requested;
    const delta = requestedBy(m.state, addresses, salt);
    if (delta.members.size > 0) sendGossip(m, from, delta, now, { reply: true });
  }
}

/**
 * Tells members that have ended so, if this node has accused them itself: they do not believe the leader
 * alone, and are told nothing any more by gossip.
 */
function tellEnded(m: Machine, before: GossipState, news: GossipState, now: number): void {
  const ended = [...news.members.values()].filter(({ member }) => !isAlive(member))
    .map(({ member }) => member);
  for (const { address, incarnation } of [...ended, ...news.tombstones.values()]) {
    const known = before.members.get(address)?.member;
    if (known === undefined || known.incarnation !== incarnation || !isAlive(known)) continue;
    const present = m.state.members.get(address)?.member;
    const isOver = present === undefined || !isAlive(present);
    if (isOver && hasSuspected(m, known, now)) sendRemoved(m, known, present);
  }
}

function sendRemoved(m: Machine, { address, incarnation }: Member, present?: Member): void {
  const evidence = present?.evidence ?? m.state.tombstones.get(address)?.evidence;
  send(m, address, {
    type: "removed",
    clusterId: m.clusterId!,
    incarnation,
    ...(evidence && { evidence }),
  });
}

/** A node that is not a member here, or not yet, may speak of itself only. */
function ofSender(m: Machine, from: string, content: GossipContent): GossipContent {
  if (m.state.members.has(from) || !rules.onlyMembersGossip) return content;
  return {
    members: content.members.filter(({ member }) => member.address === from),
    tombstones: [],
  };
}

/** Names the member that claims what cannot be, and lets it cause less work for a while. */
function refuseClaims(m: Machine, from: string, now: number): void {
  m.gossip.rateLimiter.charge(from, refusedClaimCost, now);
  logRejection(m, from, "impossibleClaims", now, () => {
    log(m, "warn", "ignored claims of a member that cannot be true", { peer: from });
  });
}

/** The wire form of a state. */
export function gossipContent(m: Machine, state: GossipState, now: number): GossipContent {
  const { maxTombstones } = m.config;
  const tombstones = Array.from(state.tombstones.values(), ({ removedAt, ...tombstone }) => ({
    ...tombstone,
    age: Math.max(0, now - removedAt),
  }));
  if (tombstones.length > maxTombstones) tombstones.length = maxTombstones;
  return { members: [...state.members.values()], tombstones };
}

/**
 * Reads the wire form of a state. A tombstone in the second half of its lifetime is dropped if its
 * address is unknown here; otherwise two nodes could exchange it forever.
 */
export function gossipState(m: Machine, content: GossipContent, now: number): GossipState {
  const members = new Map<string, MemberRecord>();
  for (const record of content.members) members.set(record.member.address, record);
  if (content.tombstones.length === 0) return { members, tombstones: emptyGossip.tombstones };
  const tombstones = new Map<string, Tombstone>();
  for (const { age, ...tombstone } of content.tombstones) {
    const { address } = tombstone;
    const known = m.state.members.has(address) || m.state.tombstones.has(address);
    if (!known && age > m.config.tombstoneLifetime / 2) continue;
    tombstones.set(address, { ...tombstone, removedAt: now - age });
  }
  return { members, tombstones };
}

function sendGossip(
  m: Machine,
  to: string,
  delta: GossipState,
  now: number,
  more: Partial<Pick<GossipMessage, "reply" | "requested">> = {},
): void {
  m.gossip.rateLimiter.charge(to, delta.members.size + delta.tombstones.size, now);
  send(m, to, {
    type: "gossip",
    clusterId: m.clusterId!,
    incarnation: m.identity.incarnation,
    state: gossipContent(m, delta, now),
    reply: false,
    ...more,
  });
}

function sendSummary(m: Machine, to: string): void {
  const salt = m.gossip.salt = (m.gossip.salt + 1) >>> 0;
  send(m, to, {
    type: "summary",
    clusterId: m.clusterId!,
    incarnation: m.identity.incarnation,
    digest: m.fullDigest,
    salt,
    entries: summaryOf(m.state, salt),
  });
}

function sendDigest(m: Machine, to: string): void {
  send(m, to, {
    type: "digest",
    clusterId: m.clusterId!,
    incarnation: m.identity.incarnation,
    digest: m.fullDigest,
  });
}

/**
 * Sends a digest to a seed outside the cluster. A restarted seed thereby discovers its cluster
 * before it bootstraps another one, even if all other seeds are down.
 */
function probeSeed(m: Machine, random: number): void {
  if (random * m.view.members.length > seedProbes) return;
  const known = new Set([...m.seeds.others, ...m.joining.contacts]);
  const foreignPeers = [...known].filter((seed) => !m.state.members.has(seed));
  const [seed] = pick(foreignPeers, 1, random);
  if (seed !== undefined) sendDigest(m, seed);
}

/**
 * Prefers members that have not seen the current state, but reserves a place for the others: the
 * former may have crashed, and the others must learn that. Unreachable members are chosen rarely.
 */
function choosePeers(m: Machine, missing: ReadonlySet<string>, random: number): string[] {
  const { members, unreachable } = m.view;
  const accused = accusedBy(m.state, m.state.members.get(selfAddress(m)));
  const first: string[] = [];
  const rest: string[] = [];
  const silent: string[] = [];
  for (const member of members) {
    const { address } = member;
    if (address === selfAddress(m) || !isAlive(member)) continue;
    if (unreachable.has(address) || accused.has(address)) silent.push(address);
    else if (missing.has(address)) first.push(address);
    else rest.push(address);
  }
  const { gossipFanout } = m.config;
  const reserved = rest.length > 0 && gossipFanout > 1 ? 1 : 0;
  const peers = pick(first, gossipFanout - reserved, random);
  peers.push(...pick(rest, gossipFanout - peers.length, random));
  if (random < probeShare) peers.push(...pick(silent, 1, random / probeShare));
  return peers;
}
