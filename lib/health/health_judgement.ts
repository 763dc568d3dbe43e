import type { ExtensionHealth } from "../cluster/node/node_extension.ts";
import type { MemberStatus } from "../membership/state/member.ts";

/** A question that an orchestrator asks about a node; the probes of Kubernetes have these names. */
export type HealthCheck = "live" | "ready" | "startup";

/** What the checks are judged by: facts of one node about itself. */
export interface HealthFacts {
  /** How far the node's process is; `stopping` from the first phase of its shutdown on. */
  readonly phase: "starting" | "running" | "stopping" | "stopped";
  /** Whether it was up once. */
  readonly wasUp: boolean;
  /** Its status in its own view. Undefined: its port is not open yet. */
  readonly status: MemberStatus | undefined;
  /** Why it is no member, in sentences. Empty: not known. */
  readonly explanation: readonly string[];
  /** Whether its extensions work, by name. */
  readonly extensions: Readonly<Record<string, ExtensionHealth>>;
}

/**
 * The reasons why a check fails; empty: it passes. Only the node's own state counts. Whether others
 * are unreachable, leave or join, and whether the cluster has converged, does not: otherwise all nodes
 * would turn unready while one is replaced, and a rollout would take the service down.
 */
export function judgeHealth(check: HealthCheck, facts: HealthFacts): readonly string[] {
  if (check === "live") return facts.phase === "stopped" ? [endOf(facts)] : [];
  if (check === "startup") return facts.wasUp ? [] : membershipReasons(facts);
  const reasons = membershipReasons(facts);
  return reasons.length > 0 ? reasons : extensionReasons(facts);
}

function membershipReasons(facts: HealthFacts): readonly string[] {
  const { phase, status, explanation } = facts;
  if (phase === "stopped") return [endOf(facts)];
  if (phase === "stopping") return ["the node is shutting down"];
  if (status === undefined) return ["the node has not opened its port yet"];
  if (status === "up" || status === "weaklyUp") return [];
  if (status === "leaving" || status === "exiting") return ["the node is leaving the cluster"];
  return explanation.length > 0 ? explanation : [`the node is ${status}`];
}

/** Why a node that has stopped did so. */
function endOf({ wasUp, status, explanation }: HealthFacts): string {
  if (!wasUp) return "the node did not start";
  if (status === "down") return explanation[0] ?? "the node was declared down";
  return "the node has stopped";
}

function extensionReasons({ extensions }: HealthFacts): readonly string[] {
  return Object.entries(extensions)
    .filter(([, { healthy }]) => !healthy)
    .map(([name, { reason }]) => `${name}: ${reason ?? "it does not work"}`);
}
