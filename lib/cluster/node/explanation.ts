import type { HealthReport } from "../../membership/detector/health.ts";
import { isAlive } from "../../membership/state/member.ts";
import type { DowningOutcome } from "../../membership/downing/downing.ts";
import type { DowningOutlook } from "../../membership/downing/outlook.ts";
import type { MembershipView } from "../../membership/state/view.ts";

/** What an explanation can be about. */
export type ExplainTopic = "joining" | "convergence" | "reachability" | "downing";

/** All topics, in the order in which they are told. */
export const explainTopics: readonly ExplainTopic[] = [
  "joining",
  "convergence",
  "reachability",
  "downing",
];

/** What a node knows about its cluster, and what it was told while it joined. */
export interface ExplainFacts {
  /** Who belongs to the cluster, as this node believes. */
  readonly view: MembershipView;
  /** How it sees itself and those that it watches. */
  readonly health: HealthReport;
  /** Addresses of members that have not seen what this node knows; sorted. */
  readonly missing: readonly string[];
  /** Addresses that it joins through. */
  readonly seeds: readonly string[];
  /** Why it was refused, or could not connect, last; empty: neither. */
  readonly lastRefusal: string;
  /** Why it is not a member yet: a sentence, and one for each seed. Default: as far as is known. */
  readonly waiting?: readonly string[];
  /** What will come of those who are unreachable. Default: not known. */
  readonly outlook?: DowningOutlook | undefined;
}

/** How many addresses one sentence names. */
const maxNames = 10;

/**
 * Why a node sees its cluster as it does: one sentence each, all topics or only one. Never empty.
 */
export function explain(facts: ExplainFacts, topic?: ExplainTopic): readonly string[] {
  const lines: string[] = [];
  for (const one of topic === undefined ? explainTopics : [topic]) lines.push(...tell[one](facts));
  return lines;
}

const tell: Readonly<Record<ExplainTopic, (facts: ExplainFacts) => string[]>> = {
  joining: explainJoining,
  convergence: explainConvergence,
  reachability: explainReachability,
  downing: explainDowning,
};

function isMember({ view: { clusterId, self } }: ExplainFacts): boolean {
  return clusterId !== undefined && isAlive(self);
}

function explainJoining(facts: ExplainFacts): string[] {
  const { view, seeds, lastRefusal } = facts;
  const { self, clusterId, converged } = view;
  const { evidence } = self;
  if (self.status === "down") {
    return [`${self.address} was declared down by ${evidence?.by}: ${evidence?.why}`];
  }
  if (self.status === "removed") return [`${self.address} has left the cluster`];
  if (clusterId === undefined) {
    const others = seeds.filter((seed) => seed !== self.address);
    const lines = [
      `${self.address} belongs to no cluster yet; it asks ${names(others)}`,
      ...facts.waiting ?? [],
    ];
    if (lastRefusal !== "") lines.push(`the last that went wrong: ${lastRefusal}`);
    return lines;
  }
  if (self.status === "up") return [`${self.address} is up in cluster ${clusterId}`];
  const silent = view.members.filter(({ status, address }) =>
    status === "up" && view.unreachable.has(address)
  ).map(({ address }) => address);
  if (silent.length > 0) {
    const reason = `nobody becomes up while ${names(silent)} cannot be reached`;
    return [`${self.address} is ${self.status} in cluster ${clusterId}: ${reason}`];
  }
  const reason = converged
    ? "the leader has not moved it on yet"
    : "a member moves on only when all reachable members have seen the same";
  return [`${self.address} is ${self.status} in cluster ${clusterId}: ${reason}`];
}

function explainConvergence(facts: ExplainFacts): string[] {
  const { view, missing } = facts;
  if (!isMember(facts)) return ["there is nobody to agree with: this node is no member"];
  if (view.converged) return ["all reachable members have seen the same"];
  return [
    `${missing.length} of ${view.members.length} members have not seen, or not said that they ` +
    `have seen, what this node knows: ${names(missing)}`,
  ];
}

function explainReachability(facts: ExplainFacts): string[] {
  const { view, health } = facts;
  const lines: string[] = [];
  for (const address of [...view.unreachable].sort()) {
    const { reason, observers } = view.unreachability.get(address) ??
      { reason: "silent", observers: [] };
    lines.push(`${address} is unreachable (${reason}): so say ${names(observers)}`);
  }
  for (const { address, accused, silentFor, phi } of health.peers) {
    if (!accused || view.unreachable.has(address)) continue;
    lines.push(
      `${address} is silent to this node for ${Math.round(silentFor)} ms (phi ${
        phi.toFixed(1)
      }), ` +
        "but it counts as reachable until a second member says so or while it denies it",
    );
  }
  if (health.abstains) lines.push("this node stood still itself, so it accuses nobody now");
  return lines.length > 0 ? lines : ["nobody is unreachable"];
}

function explainDowning(facts: ExplainFacts): string[] {
  const { view, health, outlook } = facts;
  const lines: string[] = [];
  for (const { address, status, evidence } of view.members) {
    if (status !== "down") continue;
    lines.push(`${address} was declared down by ${evidence?.by}: ${evidence?.why}`);
  }
  if (view.unreachable.size === 0) {
    return lines.length > 0 ? lines : ["nobody is unreachable, so nobody is to be downed"];
  }
  const stalled = [...view.unreachability].filter(([, { reason }]) => reason === "stalled")
    .map(([address]) => address).sort();
  if (stalled.length > 0) {
    lines.push(`${names(stalled)} will not be downed before the stall limit: the process lives`);
  }
  if (health.abstains) lines.push("this node stood still itself, so it judges nobody now");
  if (!view.converged) lines.push("the leader downs nobody before all reachable members agree");
  if (view.leader !== view.self.address) {
    lines.push(`the leader ${view.leader ?? "(none)"} declares members down, not this node`);
  }
  if (outlook !== undefined) lines.push(verdictOf(outlook));
  return lines;
}

const consequences: Readonly<Record<DowningOutcome, string>> = {
  keep: "nobody is to be downed",
  downUnreachable: "the unreachable members are to be downed",
  downSelf: "this side is to stop",
  askLease: "the side that gets the lease goes on",
};

function verdictOf({ strategy, outcome, why, stableAfter, remaining }: DowningOutlook): string {
  const when = remaining > 0
    ? `in ${(remaining / 1_000).toFixed(1)} s, if nothing changes until then`
    : "now";
  return `${strategy} says: ${consequences[outcome]} (${why}); it counts ${when}: the same ` +
    `members must be unreachable for ${stableAfter} ms`;
}

function names(addresses: readonly string[]): string {
  if (addresses.length === 0) return "nobody";
  const shown = addresses.slice(0, maxNames).join(", ");
  const rest = addresses.length - maxNames;
  return rest > 0 ? `${shown} and ${rest} more` : shown;
}
