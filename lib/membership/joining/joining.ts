/**
 * How a node joins a cluster, and how members admit joining nodes.
 *
 * @module
 */
import { commit } from "../machine/commit.ts";
import {
  aboutOnly,
  emptyGossip,
  newRecord,
  withMember,
  withRecord,
} from "../state/gossip_state.ts";
import { highestIncarnation, possiblePart } from "./admission.ts";
import { isBootstrapNode, logWaiting, mayBootstrap, notReady } from "./bootstrap.ts";
import { giveUp } from "./giving_up.ts";
import { gossipContent, gossipState, gossipToAll } from "../machine/gossiping.ts";
import { type AliasEvent, log, type Machine, selfAddress, send } from "../machine/machine.ts";
import { isAlive, isLeaving, type Member } from "../state/member.ts";
import { isFull, votingAge } from "../downing/downing.ts";
import { logRejection } from "../machine/rejection_log.ts";
import { noteReplaced, reachableFullMembers } from "./lost_cluster.ts";
import { isListedAs, withAlias, withResolvedSeeds } from "./seeds.ts";
import {
  type JoinMessage,
  type JoinRefusal,
  type JoinRefusedMessage,
  maxContacts,
  type NotReadyMessage,
  type WelcomeMessage,
} from "../machine/messages.ts";
import { rules } from "../../runtime/rules.ts";

/** The first attempts are frequent, since all nodes may be starting at once. */
const quickRetries = 20;
const quickInterval = 250;
/** Number of seeds per attempt. */
const seedsAtOnce = 5;
/** Number of rejections kept to suppress repetitions. */
const maxRefusals = 100;
/** Maximum number of nodes, besides the seeds, through which a node tries to join. */
const maxLearntContacts = 100;
/** Rate limit cost of a new incarnation, in records: more than a few per second are dropped. */
const incarnationCost = 1_000;

/** Starts to join, or bootstraps a cluster if there are no other seeds. */
export function startJoining(m: Machine, now: number): void {
  if (m.phase !== "idle") return;
  m.phase = "joining";
  m.joining.startedAt = now;
  if (isOnlySeed(m)) bootstrap(m, now);
  else attempt(m, now);
}

/** Whether the configuration names no other node, so that no vote is needed. */
function isOnlySeed({ seeds, config }: Machine): boolean {
  return seeds.others.length === 0 && config.bootstraps && !config.dynamicSeeds;
}

/** Retries when the next attempt is due, or bootstraps a cluster if there is none. */
export function joiningTick(m: Machine, now: number): void {
  if (mayBootstrap(m, now)) bootstrap(m, now);
  else if (now >= m.joining.nextAt) attempt(m, now);
  if (m.phase === "joining") logWaiting(m, now);
  if (m.phase === "joining") giveUp(m, now);
}

/** Handles an answer about dynamic seeds. */
export function onSeeds(m: Machine, seeds: readonly string[], now: number): void {
  replaceSeeds(m, withResolvedSeeds(m.seeds, m.config, seeds, now), now);
}

function replaceSeeds(m: Machine, next: Machine["seeds"], now: number): void {
  const { others } = m.seeds;
  m.seeds = next;
  const same = others.length === next.others.length &&
    others.every((one, index) => one === next.others[index]);
  if (!same && m.phase === "joining") m.joining.nextAt = now;
}

/** A seed has another address than the list says; it may be this node itself. */
export function onAlias(m: Machine, { of, address }: AliasEvent, now: number): void {
  const { seeds, config, joining } = m;
  if (of === address || seeds.aliases.get(of) === address) return;
  if (!isListedAs(seeds, config, of)) return;
  replaceSeeds(m, withAlias(seeds, config, { of, address }), now);
  if (m.phase !== "joining") return;
  // The answer comes from the actual address.
  const asked = joining.asked.get(of);
  if (asked !== undefined && !joining.asked.has(address)) joining.asked.set(address, asked);
  joining.unreachable.delete(of);
  const what = address === selfAddress(m) ? "a seed is this node itself" : "a seed is known as";
  log(m, "info", `${what}, written in another way`, { seed: of, address });
  if (isOnlySeed(m)) bootstrap(m, now);
}

/** A member addresses an earlier incarnation of this node: so there is a cluster to join. */
export function onClusterFound(m: Machine, from: string, now: number): void {
  m.joining.clusterHeardAt = now;
  askToJoin(m, from, now);
}

/** Sends a join; at most four times a second to each node. */
function askToJoin(m: Machine, to: string, now: number): void {
  const last = m.joining.asked.get(to);
  if (last !== undefined && now - last < quickInterval) return;
  m.joining.asked.set(to, now);
  send(m, to, {
    type: "join",
    member: m.identity,
    clusterConfig: m.config.clusterConfig,
    ...(isBootstrapNode(m) && { bootstraps: true }),
  });
}

function attempt(m: Machine, now: number): void {
  const { joinRetryInterval } = m.config;
  const targets = [...new Set([...m.seeds.others, ...m.joining.contacts])];
  const count = Math.min(seedsAtOnce, targets.length);
  const first = m.joining.attempts * count;
  for (let i = 0; i < count; i++) {
    askToJoin(m, targets[(first + i) % targets.length]!, now);
  }
  m.joining.attempts++;
  const quick = m.joining.attempts <= quickRetries;
  m.joining.nextAt = now + (quick ? quickInterval : joinRetryInterval);
}

function bootstrap(m: Machine, now: number): void {
  // It is full from the start: only full members make others full.
  const identity: Member = { ...m.identity, status: "up", upNumber: 1 };
  m.phase = "member";
  m.clusterId = `${identity.address}#${identity.incarnation}`;
  log(m, "info", "bootstrapped a new cluster", { clusterId: m.clusterId });
  commit(m, withRecord(emptyGossip, newRecord(identity)), now);
}

/** Handles the answer of a seed without a cluster, or of a member that cannot admit this node. */
export function onNotReady(m: Machine, from: string, answer: NotReadyMessage, now: number): void {
  if (m.phase !== "joining") return;
  if (answer.contacts !== undefined) askContacts(m, from, answer.contacts, now);
  if (!m.seeds.others.includes(from)) return;
  m.joining.notReady.set(from, { at: now, answer });
  m.joining.refusedBy.delete(from);
  m.joining.unreachable.delete(from);
  if (mayBootstrap(m, now)) bootstrap(m, now);
}

/** Asks full members that another member has named, once for each join. */
function askContacts(m: Machine, from: string, contacts: readonly string[], now: number): void {
  const { asked, redirected } = m.joining;
  const askedAt = asked.get(from);
  if (askedAt === undefined) return;
  if (redirected.get(from) === askedAt && rules.contactsAreBounded) return;
  redirected.set(from, askedAt);
  if (contacts.length > 0) m.joining.clusterHeardAt = now;
  for (const contact of contacts) {
    if (contact === selfAddress(m)) continue;
    if (!m.seeds.others.includes(contact)) learnContact(m, contact);
    askToJoin(m, contact, now);
  }
}

function learnContact({ joining }: Machine, contact: string): void {
  const { contacts, asked, redirected } = joining;
  if (contacts.has(contact)) return;
  if (contacts.size >= maxLearntContacts && rules.contactsAreBounded) {
    // Newer ones are more likely to be members still.
    const [oldest] = contacts;
    contacts.delete(oldest!);
    asked.delete(oldest!);
    redirected.delete(oldest!);
  }
  contacts.add(contact);
}

/** A cluster has admitted this node. */
export function onWelcome(m: Machine, from: string, message: WelcomeMessage, now: number): void {
  if (m.phase !== "joining" || !m.joining.asked.has(from)) return;
  const { address, incarnation } = m.identity;
  const state = possiblePart(m, gossipState(m, message.state, now), now);
  const own = state.members.get(address)?.member;
  // An answer to an earlier incarnation of this node.
  if (own === undefined || own.incarnation !== incarnation || !isAlive(own)) return;
  m.phase = "member";
  m.clusterId = message.clusterId;
  m.fullHeardAt = now;
  log(m, "info", "joined a cluster", { clusterId: m.clusterId, through: from });
  commit(m, state, now);
  // The seed does not know yet that this node has seen the state.
  gossipToAll(m, [from], aboutOnly(m.state, [selfAddress(m)]), now);
}

/** A cluster has rejected this node. */
export function onJoinRefused(
  m: Machine,
  from: string,
  { code, reason, known }: JoinRefusedMessage,
  now: number,
): void {
  if (m.phase !== "joining" || !m.joining.asked.has(from)) return;
  if (code === "staleIncarnation" && known < highestIncarnation(m, now)) {
    if (known < m.identity.incarnation) return;
    // The clock of this host was set back. Only the node itself may raise its incarnation.
    m.identity = { ...m.identity, incarnation: known + 1 };
    m.view = { ...m.view, self: m.identity };
    m.effects.push({ type: "incarnationRaised", incarnation: known + 1 });
    m.joining.asked.delete(from);
    return askToJoin(m, from, now);
  }
  if (m.joining.refusedBy.size < maxRefusals) m.joining.refusedBy.set(from, { code, reason });
  m.joining.unreachable.delete(from);
  const refusal = JSON.stringify([from, code, reason]);
  if (m.joining.refusals.has(refusal) || m.joining.refusals.size >= maxRefusals) return;
  m.joining.refusals.add(refusal);
  m.effects.push({ type: "joinRefused", seed: from, code, reason });
}

/** Handles a join request. */
export function onJoin(m: Machine, from: string, message: JoinMessage, now: number): void {
  const { member, clusterConfig } = message;
  if (member.address !== from) {
    return logRejection(m, from, "notItself", now, () => {
      log(m, "warn", "join rejected: the sender is not the joining node", {
        peer: from,
        claimed: member.address,
      });
    });
  }
  if (from === selfAddress(m)) return;
  if (m.phase === "joining") {
    return send(m, from, notReady(m, from, message, now));
  }
  if (m.phase !== "member") return;
  const known = m.state.members.get(from)?.member;
  if (m.view.self.status !== "up" && rules.onlyFullMembersAdmit) {
    noteReplaced(m, member);
    return send(m, from, {
      type: "notReady",
      bootstraps: false,
      vote: false,
      contacts: reachableFullMembers(m).slice(0, maxContacts),
    });
  }
  const dead = m.state.tombstones.get(from);
  const latest = Math.max(known?.incarnation ?? -1, dead?.incarnation ?? -1);
  const isKnown = known?.incarnation === member.incarnation && isAlive(known) && !isLeaving(known);
  if (member.incarnation <= latest && !isKnown) {
    const reason = `incarnation ${member.incarnation} is not later than ${latest}, which was a ` +
      "member already";
    return refuse(m, from, "staleIncarnation", reason, now, latest);
  }
  if (member.incarnation > highestIncarnation(m, now)) {
    const reason =
      `incarnation ${member.incarnation} is more than 1 000 years ahead of the clock of ` +
      `${selfAddress(m)}`;
    return refuse(m, from, "clockAhead", reason, now);
  }
  const conflict = conflictWith(m.config.clusterConfig, clusterConfig);
  if (conflict !== undefined) return refuse(m, from, "configConflict", conflict, now);
  if (known === undefined && m.state.members.size >= m.config.maxMembers) {
    return refuse(m, from, "clusterFull", `maxMembers ${m.config.maxMembers} is reached`, now);
  }
  if (!isKnown) {
    if (rules.incarnationsAreRateLimited) m.gossip.rateLimiter.charge(from, incarnationCost, now);
    log(m, "info", "admitted a joining node", { member: from, nodeId: member.nodeId });
    m.heardFrom.set(from, member.incarnation);
    const inherits = known !== undefined && handsOnVote(known);
    const heir: Member = inherits ? { ...member, inheritedNumber: votingAge(known) } : member;
    commit(m, withMember(m.state, heir), now);
    m.gossip.nextAt = now;
  }
  send(m, from, {
    type: "welcome",
    clusterId: m.clusterId!,
    state: gossipContent(m, m.state, now),
  });
}

/**
 * Whether the vote of a member passes to its next incarnation. Not that of a down member: the leader
 * may have removed it already. A member that is not down here is down in no state on which all full
 * members have converged, so it has not been removed.
 */
function handsOnVote(known: Member): boolean {
  return isFull(known) && isAlive(known) && rules.replacedMembersKeepTheirVote;
}

function refuse(
  m: Machine,
  to: string,
  code: JoinRefusal,
  reason: string,
  now: number,
  known = 0,
): void {
  logRejection(m, to, code, now, () => {
    log(m, "warn", "join rejected", { peer: to, code, reason });
  });
  send(m, to, { type: "joinRefused", code, reason: reason.slice(0, 1_000), known });
}

/** A sentence about the first key, in order, that has different values on both sides. */
function conflictWith(
  ours: Readonly<Record<string, string>>,
  theirs: Readonly<Record<string, string>>,
): string | undefined {
  if (!rules.configConflictsAreRefused) return undefined;
  for (const key of Object.keys(ours).sort()) {
    if (!Object.hasOwn(theirs, key) || theirs[key] === ours[key]) continue;
    return `${key} is ${quote(theirs[key]!)} on the node and ${quote(ours[key]!)} in the cluster`;
  }
  return undefined;
}

function quote(text: string): string {
  return JSON.stringify(text.length > 100 ? `${text.slice(0, 100)}…` : text);
}
