/**
 * Which node bootstraps a cluster, so that one seed list never bootstraps two clusters: the first
 * seed, when a majority of the seeds, itself included, has no cluster and votes for it. Each seed
 * votes for one node at a time. So a first seed that restarts while it is partitioned from its
 * cluster waits instead of bootstrapping a second one.
 *
 * @module
 */
import { log, type Machine, selfAddress } from "../machine/machine.ts";
import type { JoinMessage, NotReadyMessage } from "../machine/messages.ts";
import { describeChanges } from "./seeds.ts";
import { rules } from "../../runtime/rules.ts";

/** How long the answer of a seed, or a message of a cluster, counts. */
export const answerLifetime = 3_000;
/** How long a vote binds its seed. Longer than the vote counts at its receiver. */
const voteLifetime = 10_000;
/** How long the first seed waits for gossip of a cluster that has lost all its seeds. */
const listenTime = 1_000;
/** Between two log lines about the join progress. */
const waitLogInterval = 10_000;

/** Whether this node is the one that bootstraps if there is no cluster. */
export function isBootstrapNode({ config, seeds }: Machine): boolean {
  return config.bootstraps && (seeds.first === config.self.address || config.allowSelfBootstrap);
}

/**
 * Whether this node bootstraps a cluster now: when all other seeds have voted for it, or, after
 * `seedTimeout`, a majority; with `allowSelfBootstrap` even without votes. Never after a cluster has
 * rejected it, or while messages of a cluster arrive. If seed lists differ, so that two nodes are
 * first, the lower address has priority.
 */
export function mayBootstrap(m: Machine, now: number): boolean {
  const { config, joining, seeds } = m;
  const { seedTimeout } = config;
  if (!isBootstrapNode(m) || joining.refusals.size > 0) return false;
  if (now - joining.clusterHeardAt < answerLifetime) return false;
  if (joining.vote !== undefined && now - joining.vote.at < voteLifetime) return false;
  // The first answers may be incomplete: a majority of a part of the seeds is none of all.
  if (rules.seedsAreCollected && !(now - seeds.since >= config.seedWindow)) return false;
  const waited = now - joining.startedAt;
  if (waited < Math.min(listenTime, seedTimeout)) return false;
  let agreed = 0;
  for (const seed of seeds.others) {
    const heard = joining.notReady.get(seed);
    if (heard === undefined || now - heard.at > answerLifetime) continue;
    if (heard.answer.bootstraps && seed < selfAddress(m)) return false;
    if (heard.answer.vote) agreed++;
  }
  if (agreed === seeds.others.length) return true;
  if (waited < seedTimeout) return false;
  if (!rules.bootstrapNeedsMajority) return true;
  return config.allowSelfBootstrap || agreed >= agreementsNeeded(m);
}

/** How many votes of other seeds are needed: with this node, more than half of the list. */
export function agreementsNeeded(m: Machine): number {
  const { listed } = m.seeds;
  const total = countSeeds(m);
  return Math.floor(total / 2) + (listed ? 0 : 1);
}

function countSeeds({ seeds }: Machine): number {
  return seeds.others.length + (seeds.listed ? 1 : 0);
}

/** The answer of a node without a cluster to a `join`. */
export function notReady(
  m: Machine,
  from: string,
  { bootstraps = false }: JoinMessage,
  now: number,
): NotReadyMessage {
  return {
    type: "notReady",
    bootstraps: isBootstrapNode(m),
    vote: bootstraps && grantVote(m, from, now),
  };
}

function grantVote(m: Machine, from: string, now: number): boolean {
  const { vote } = m.joining;
  // A rejoining node waits for the cluster that it was a member of.
  if (!m.config.bootstraps && rules.rejoiningNodesDoNotVote) return false;
  if (isBootstrapNode(m) && selfAddress(m) < from) return false;
  if (
    rules.seedsVoteOnce && vote !== undefined && vote.to !== from && now - vote.at < voteLifetime
  ) {
    return false;
  }
  m.joining.vote = { to: from, at: now };
  return true;
}

/** Logs the join progress now and then. */
export function logWaiting(m: Machine, now: number): void {
  const { joining, config } = m;
  const since = Math.max(joining.waitLoggedAt + waitLogInterval, joining.startedAt + 5_000);
  if (now < since || now < joining.startedAt + config.seedTimeout) return;
  joining.waitLoggedAt = now;
  const lines = whyNotJoined(m, now);
  log(m, "warn", "still waiting to join a cluster", {
    reason: lines[0]!,
    seeds: lines.slice(1).join("; "),
  });
}

/** Why this node is not a member yet: one sentence, and one per seed. */
export function whyNotJoined(m: Machine, now: number): string[] {
  if (m.phase === "idle") return ["this node has not started to join"];
  if (m.phase !== "joining") return [];
  const changes = describeChanges(m.seeds, m.config, now);
  return [
    joinStatus(m, now),
    ...(changes === undefined ? [] : [changes]),
    ...m.seeds.others.map((seed) => `${seed} ${seedStatus(m, seed, now)}`),
  ];
}

function joinStatus(m: Machine, now: number): string {
  const { config, joining } = m;
  const after = `for ${Math.round((now - joining.startedAt) / 1_000)} s`;
  if (joining.refusals.size > 0) return `this node has tried to join ${after}; it was rejected`;
  if (now - joining.clusterHeardAt < answerLifetime) {
    return `this node has tried to join ${after}; a cluster exists but has not admitted it yet`;
  }
  if (!config.bootstraps) {
    return `this node has tried to join ${after}; it may not bootstrap a cluster itself`;
  }
  if (m.seeds.first === undefined) {
    return `this node has tried to join ${after}; it knows no seeds yet`;
  }
  if (!isBootstrapNode(m)) {
    const { first } = m.seeds;
    return `this node has tried to join ${after}; only the first seed (${first}) may bootstrap a ` +
      "cluster";
  }
  const needed = agreementsNeeded(m);
  const total = countSeeds(m);
  return `this node has tried to join ${after}; to bootstrap a cluster it needs the votes of ` +
    `${needed} more of ${total} seeds, so that there are never two clusters ` +
    "(allowSelfBootstrap: true bootstraps without them)";
}

function seedStatus({ joining }: Machine, seed: string, now: number): string {
  const refused = joining.refusedBy.get(seed);
  if (refused !== undefined) return `has rejected it: ${refused.reason} (${refused.code})`;
  const heard = joining.notReady.get(seed);
  const failed = joining.unreachable.get(seed);
  if (failed?.isDefinite) return `cannot be used: ${failed.reason}`;
  const why = failed === undefined ? "" : `: ${failed.reason}`;
  if (heard === undefined) {
    return joining.asked.has(seed) ? `has not answered${why}` : "was not contacted yet";
  }
  const { answer, at } = heard;
  if (now - at > answerLifetime) return `does not answer any more${why}`;
  if (answer.contacts !== undefined) return "is a member, but not a full one that admits nodes";
  if (answer.bootstraps) return "has no cluster and may bootstrap one";
  return answer.vote ? "has no cluster and votes for this node" : "has no cluster either";
}
