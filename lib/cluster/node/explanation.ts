import type { HealthReport } from "../../membership/detector/health.ts";
import { isAlive } from "../../membership/state/member.ts";
import type { DowningOutcome } from "../../membership/downing/downing.ts";
import type { DowningOutlook } from "../../membership/downing/outlook.ts";
import type { MembershipView } from "../../membership/state/view.ts";

/** A topic of explanations. */
export type ExplainTopic = "joining" | "convergence" | "reachability" | "downing";

/** All topics, in the order of an explanation. */
export const explainTopics: readonly ExplainTopic[] = [
  "joining",
  "convergence",
  "reachability",
  "downing",
];

/** The facts about a cluster that explanations are made from. */
export interface ExplainFacts {
  /** The current view. */
  readonly view: MembershipView;
  /** Local health and monitored peers. */
  readonly health: HealthReport;
  /** Addresses of members that have not seen the current state; sorted. */
  readonly missing: readonly string[];
  /** Addresses of the seeds. */
  readonly seeds: readonly string[];
  /** The last rejection or connection failure; empty: none. */
  readonly lastRefusal: string;
  /** Why the node is not a member yet: one sentence, and one per seed. Default: not known. */
  readonly waiting?: readonly string[];
  /** The pending downing decision. Default: not known. */
  readonly outlook?: DowningOutlook | undefined;
}

/** Maximum number of addresses in one sentence. */
const maxNames = 10;

/**
 * Explains the view of a node in sentences, on all topics or one. Never empty.
 */
export function explain(facts: ExplainFacts, topic?: ExplainTopic): readonly string[] {
  const lines: string[] = [];
  for (const one of topic === undefined ? explainTopics : [topic]) {
    lines.push(...explainers[one](facts));
  }
  return lines;
}

const explainers: Readonly<Record<ExplainTopic, (facts: ExplainFacts) => string[]>> = {
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
      `${self.address} is not a member of a cluster yet; it contacts ${names(others)}`,
      ...facts.waiting ?? [],
    ];
    if (lastRefusal !== "") lines.push(`last failure: ${lastRefusal}`);
    return lines;
  }
  if (self.status === "up") return [`${self.address} is up in cluster ${clusterId}`];
  const blocking = view.members.filter(({ status, address }) =>
    status === "up" && view.unreachable.has(address)
  ).map(({ address }) => address);
  if (blocking.length > 0) {
    const reason = `no member becomes up while members are unreachable: ${names(blocking)}`;
    return [`${self.address} is ${self.status} in cluster ${clusterId}: ${reason}`];
  }
  const reason = converged ? "the leader has not promoted it yet" : "the cluster has not converged";
  return [`${self.address} is ${self.status} in cluster ${clusterId}: ${reason}`];
}

function explainConvergence(facts: ExplainFacts): string[] {
  const { view, missing } = facts;
  if (!isMember(facts)) return ["this node is not a member of a cluster"];
  if (view.converged) return ["converged: all reachable members have seen the current state"];
  return [
    `not converged: ${missing.length} of ${view.members.length} members have not confirmed the ` +
    `current state: ${names(missing)}`,
  ];
}

function explainReachability(facts: ExplainFacts): string[] {
  const { view, health } = facts;
  const lines: string[] = [];
  for (const address of [...view.unreachable].sort()) {
    const { reason, observers } = view.unreachability.get(address) ??
      { reason: "silent", observers: [] };
    lines.push(`${address} is unreachable (${reason}); observers: ${names(observers)}`);
  }
  for (const { address, accused, silentFor, phi } of health.peers) {
    if (!accused || view.unreachable.has(address)) continue;
    lines.push(
      `this node accuses ${address} (no message for ${Math.round(silentFor)} ms, phi ` +
        `${phi.toFixed(1)}), but it counts as reachable until a second observer agrees, or while ` +
        "it refutes the accusation",
    );
  }
  if (health.abstains) lines.push("this node was stalled itself, so it makes no accusations now");
  return lines.length > 0 ? lines : ["all members are reachable"];
}

function explainDowning(facts: ExplainFacts): string[] {
  const { view, health, outlook } = facts;
  const lines: string[] = [];
  for (const { address, status, evidence } of view.members) {
    if (status !== "down") continue;
    lines.push(`${address} was declared down by ${evidence?.by}: ${evidence?.why}`);
  }
  if (view.unreachable.size === 0) {
    return lines.length > 0 ? lines : ["no downing is pending"];
  }
  const stalled = [...view.unreachability].filter(([, { reason }]) => reason === "stalled")
    .map(([address]) => address).sort();
  if (stalled.length > 0) {
    lines.push(`stalled, and not downed before the stall limit: ${names(stalled)}`);
  }
  if (health.abstains) {
    lines.push("this node was stalled itself, so it takes no downing decision now");
  }
  if (!view.converged) {
    lines.push("the leader waits for convergence before it declares members down");
  }
  if (view.leader !== view.self.address) {
    lines.push(`the leader ${view.leader ?? "(none)"} declares members down, not this node`);
  }
  if (outlook !== undefined) lines.push(verdictOf(outlook));
  return lines;
}

const consequences: Readonly<Record<DowningOutcome, string>> = {
  keep: "no member is downed",
  downUnreachable: "the unreachable members are downed",
  downSelf: "this side stops",
  acquireLease: "the side that acquires the lease survives",
};

function verdictOf({ strategy, outcome, why, stableAfter, remaining }: DowningOutlook): string {
  const when = remaining > 0
    ? `in ${(remaining / 1_000).toFixed(1)} s if reachability does not change`
    : "now";
  return `${strategy} decides: ${
    consequences[outcome]
  } (${why}); effective ${when}, once the set ` +
    `of unreachable members is stable for ${stableAfter} ms`;
}

function names(addresses: readonly string[]): string {
  if (addresses.length === 0) return "none";
  const shown = addresses.slice(0, maxNames).join(", ");
  const rest = addresses.length - maxNames;
  return rest > 0 ? `${shown} and ${rest} more` : shown;
}
