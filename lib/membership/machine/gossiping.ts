/**
 * How members tell each other what they know: push-pull rounds to a few peers each (Demers et al.,
 * 1987). Only a digest travels while nothing is new. Otherwise a summary goes first, and then each
 * sends only what the other lacks: A's summary, B's records that A lacks and B's wishes, A's records
 * that were wished for, and B's where those were out of date.
 *
 * @module
 */
import { admitted } from "../joining/admission.ts";
import { commit } from "./commit.ts";
import {
  emptyGossip,
  type GossipState,
  type MemberRecord,
  mergeGossip,
  newerThan,
  type Tombstone,
  withoutOldTombstones,
} from "../state/gossip_state.ts";
import { type Machine, selfAddress, send } from "./machine.ts";
import { isAlive } from "../state/member.ts";
import type { DigestMessage, GossipContent, GossipMessage, SummaryMessage } from "./messages.ts";
import { pick } from "./pick.ts";
import { accusedBy } from "../detector/reachability.ts";
import { compareSummary, requestedBy, summaryOf } from "../state/summary.ts";
import { rules } from "../../runtime/rules.ts";

/** Share of the rounds that also go to a member that is silent, in case it hears us. */
const probeShare = 0.1;
/** How many times per gossip interval the members together look for seeds that are not among them. */
const seedProbes = 3;
/** How often old tombstones are looked for, milliseconds. */
const tombstoneInterval = 60_000;

/** Gossips when it is time. */
export function gossipTick(m: Machine, random: number, now: number): void {
  if (now >= m.gossip.tombstonesAt) {
    m.gossip.tombstonesAt = now + tombstoneInterval;
    const { tombstoneLifetime, maxTombstones } = m.config;
    // Tombstones are in no digest, so nothing follows from their end.
    m.state = withoutOldTombstones(m.state, now - tombstoneLifetime, maxTombstones);
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
    if (m.view.converged || !missing.has(peer)) offer(m, peer);
    else summarise(m, peer);
  }
}

/** Tells all these nodes a part of what this one knows, or is about to know. */
export function gossipToAll(
  m: Machine,
  peers: readonly string[],
  news: GossipState,
  now: number,
): void {
  if (m.phase !== "member") return;
  for (const peer of peers) tell(m, peer, news, now);
}

/** A member offers gossip. */
export function onDigest(m: Machine, from: string, message: DigestMessage): void {
  if (message.digest !== m.fullDigest || !rules.equalDigestsEndGossip) summarise(m, from);
}

/** A member tells which records it has. */
export function onSummary(m: Machine, from: string, message: SummaryMessage, now: number): void {
  if (message.digest === m.fullDigest) return;
  const { salt } = message;
  const { missing, requested } = compareSummary(m.state, message.entries, salt);
  const nothing = requested.length === 0 && missing.members.size + missing.tombstones.size === 0;
  // The fingerprints of different records are the same this time; the next salt tells them apart.
  if (nothing) return;
  // It may know that a member which it seems to lack is gone.
  const reply = missing.members.size > 0;
  tell(m, from, missing, now, { reply, requested: { salt, addresses: requested } });
}

/** A member tells what it knows. */
export function onGossip(m: Machine, from: string, message: GossipMessage, now: number): void {
  const { members, tombstones } = message.state;
  m.gossip.rateLimiter.charge(from, members.length + tombstones.length, now);
  const theirs = gossipState(m, message.state, now);
  commit(m, mergeGossip(m.state, admitted(m, theirs)), now);
  if (m.phase !== "member") return;
  if (message.reply) {
    const news = newerThan(theirs, m.state);
    if (news.members.size + news.tombstones.size > 0) tell(m, from, news, now);
  }
  if (message.requested !== undefined && message.requested.addresses.length > 0) {
    const { salt, addresses } = message.requested;
    const news = requestedBy(m.state, addresses, salt);
    if (news.members.size > 0) tell(m, from, news, now, { reply: true });
  }
}

/** A state as it travels. */
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
 * A state as it has travelled. A tombstone in the second half of its life is news to nobody who
 * matters: left out where nothing is known of its address, or two nodes could hand it back and
 * forth for ever.
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

function tell(
  m: Machine,
  to: string,
  news: GossipState,
  now: number,
  more: Partial<Pick<GossipMessage, "reply" | "requested">> = {},
): void {
  m.gossip.rateLimiter.charge(to, news.members.size + news.tombstones.size, now);
  send(m, to, {
    type: "gossip",
    clusterId: m.clusterId!,
    incarnation: m.identity.incarnation,
    state: gossipContent(m, news, now),
    reply: false,
    ...more,
  });
}

function summarise(m: Machine, to: string): void {
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

function offer(m: Machine, to: string): void {
  send(m, to, {
    type: "digest",
    clusterId: m.clusterId!,
    incarnation: m.identity.incarnation,
    digest: m.fullDigest,
  });
}

/**
 * Lets a seed that has started again know that its cluster lives, before it bootstraps another one.
 * Otherwise it would find nobody when all other seeds are gone.
 */
function probeSeed(m: Machine, random: number): void {
  if (random * m.view.members.length > seedProbes) return;
  const foreignPeers = m.seeds.others.filter((seed) => !m.state.members.has(seed));
  const [seed] = pick(foreignPeers, 1, random);
  if (seed !== undefined) offer(m, seed);
}

/**
 * Members that have not seen what this one knows come first, but never take every place: they may
 * be dead, and then the others must hear of that. Nor do those whom this node itself cannot reach.
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
