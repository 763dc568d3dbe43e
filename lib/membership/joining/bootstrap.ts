/**
 * Who may found a cluster, so that one seed list never makes two. Only one node may: the first of
 * the list. It bootstraps when a majority of the listed seeds, itself included, has no cluster and lets
 * it go ahead; each seed lets one node go ahead at a time. A first seed that was cut off and starts
 * again alone therefore waits, instead of founding a second cluster beside the one it has left.
 *
 * @module
 */
import { log, type Machine, selfAddress } from "../machine/machine.ts";
import type { JoinMessage, NotReadyMessage } from "../machine/messages.ts";
import { rules } from "../../runtime/rules.ts";

/** How long it is believed that a seed has no cluster, or that there is one somewhere. */
export const answerLifetime = 3_000;
/** How long a seed that has let one node go ahead lets no other. Longer than it is believed. */
const voteLifetime = 10_000;
/** How long the first seed listens for a cluster that has lost all its seeds. */
const listenTime = 1_000;
/** Between two lines about what a node waits for. */
const waitLogInterval = 10_000;

/** Whether this node is the one that bootstraps a cluster where there is none. */
export function isBootstrapNode({ config, seeds }: Machine): boolean {
  return config.bootstraps && (seeds.first === config.self.address || config.allowSelfBootstrap);
}

/**
 * Whether this node bootstraps a cluster now: when all other seeds have just said that they have none,
 * or, after `seedTimeout`, a majority; with `allowSelfBootstrap`, even if none answers. Not if a cluster has
 * refused it, or a member of one was heard. Where seed lists differ, so that two nodes believe to be
 * first, the lower address goes ahead.
 */
export function mayBootstrap(m: Machine, now: number): boolean {
  const { config, joining, seeds } = m;
  const { seedTimeout } = config;
  if (!isBootstrapNode(m) || joining.refusals.size > 0) return false;
  if (now - joining.clusterHeardAt < answerLifetime) return false;
  if (joining.vote !== undefined && now - joining.vote.at < voteLifetime) return false;
  // One that is seen later may be the one that was told of first.
  if (!(now - seeds.since >= config.seedsStableFor)) return false;
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

/** How many of the other seeds must agree: with this one, more than half of the list. */
export function agreementsNeeded(m: Machine): number {
  const { listed } = m.seeds;
  const total = countSeeds(m);
  return Math.floor(total / 2) + (listed ? 0 : 1);
}

function countSeeds({ seeds }: Machine): number {
  return seeds.others.length + (seeds.listed ? 1 : 0);
}

/** What a node without a cluster answers to one that asks to join. */
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
  // It waits for the cluster that it was a member of.
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

/** Says in the log, now and then, what this node waits for. */
export function logWaiting(m: Machine, now: number): void {
  const { joining, config } = m;
  const since = Math.max(joining.waitLoggedAt + waitLogInterval, joining.startedAt + 5_000);
  if (now < since || now < joining.startedAt + config.seedTimeout) return;
  joining.waitLoggedAt = now;
  const lines = whyNotJoined(m, now);
  log(m, "warn", lines[0]!, { seeds: lines.slice(1).join("; ") });
}

/** Why this node is not a member yet: one sentence, and then one for each seed. */
export function whyNotJoined(m: Machine, now: number): string[] {
  if (m.phase === "idle") return ["this node has not begun to join"];
  if (m.phase !== "joining") return [];
  return [
    joinStatus(m, now),
    ...m.seeds.others.map((seed) => `${seed} ${seedStatus(m, seed, now)}`),
  ];
}

function joinStatus(m: Machine, now: number): string {
  const { config, joining } = m;
  const after = `for ${Math.round((now - joining.startedAt) / 1_000)} s`;
  if (joining.refusals.size > 0) return `this node asks to join ${after}; it was refused`;
  if (now - joining.clusterHeardAt < answerLifetime) {
    return `this node asks to join ${after}; a cluster was heard that has not let it in yet`;
  }
  if (!config.bootstraps) {
    return `this node asks to join ${after}; it may not found a cluster itself`;
  }
  if (!isBootstrapNode(m)) {
    return `this node asks to join ${after}; only the first seed, ${
      m.seeds.first ?? "of which none is known"
    }, ` +
      "may found a cluster";
  }
  const needed = agreementsNeeded(m);
  const total = countSeeds(m);
  return `this node asks to join ${after}; to found a cluster it needs the word of ${needed} more ` +
    `of ${total} seeds, so that there are never two (allowSelfBootstrap: true does without)`;
}

function seedStatus({ joining }: Machine, seed: string, now: number): string {
  const refused = joining.refusedBy.get(seed);
  if (refused !== undefined) return `has refused: ${refused.reason} (${refused.code})`;
  const heard = joining.notReady.get(seed);
  if (heard === undefined) {
    return joining.asked.has(seed) ? "has not answered" : "was not asked yet";
  }
  const { answer, at } = heard;
  if (now - at > answerLifetime) return "has answered before, and does not any more";
  if (answer.bootstraps) return "has no cluster, and may found one";
  return answer.vote ? "has no cluster, and lets this node found one" : "has no cluster either";
}
