import type { ClusterMember, ClusterState } from "../../cluster/node/cluster_state.ts";
import { nearestName } from "../../options/nearest_name.ts";
import type { ExplainPort } from "./explain_port.ts";
import { type Explanation, explanation } from "./explanation.ts";

/** Explains the state of one member, which is named by its address or its label. */
export function explainMember(port: ExplainPort, name: string): Explanation {
  const topic = `member ${name}`;
  const state = port.state();
  const member = memberNamed(state, name);
  if (member === undefined) return unknownMember(state, topic, name);
  const facts = factsOf(state, member);
  const { address, status, reachable } = member;
  const { outlookFacts, nextSteps } = stepsOf(port, state, member);
  const ok = status === "up" && reachable && !state.missing.includes(address);
  return explanation(topic, ok, summaryOf(state, member), {
    facts: [...facts, ...outlookFacts],
    nextSteps,
    // A member knows best why it does not join, and its observers why they accuse it.
    askAlso: reachable && status !== "down" && address !== port.address
      ? [address]
      : (member.unreachable?.observers ?? []).filter((one) => one !== port.address).slice(0, 2),
  });
}

/** The member with an address or label; of several with one label the one that joined last. */
export function memberNamed({ members }: ClusterState, name: string): ClusterMember | undefined {
  return members.find(({ address }) => address === name) ??
    members.findLast(({ nodeId }) => nodeId === name);
}

function summaryOf({ missing }: ClusterState, member: ClusterMember): string {
  const { address, status, unreachable, evidence } = member;
  if (status === "down") {
    return evidence === undefined
      ? `${address} is down`
      : `${address} was declared down by ${evidence.by}: ${evidence.why}`;
  }
  if (unreachable !== undefined) return `${address} is unreachable (${unreachable.reason})`;
  if (status !== "up") return `${address} is ${status}`;
  if (missing.includes(address)) return `${address} is up, and has not confirmed the current state`;
  return `${address} is up and reachable`;
}

function factsOf({ leader, missing }: ClusterState, member: ClusterMember): string[] {
  const { address, nodeId, status, incarnation, roles, appVersion, zone, health } = member;
  const facts = [
    `${address} ("${nodeId}") is ${status}, incarnation ${incarnation}` +
    (roles.length > 0 ? `, roles ${roles.join(", ")}` : "") +
    (zone === undefined ? "" : `, zone ${zone}`) +
    (appVersion === undefined ? "" : `, version ${appVersion}`),
  ];
  if (leader === address) facts.push("it leads the cluster");
  const { evidence, unreachable } = member;
  if (evidence !== undefined) {
    facts.push(
      `declared down by ${evidence.by}: ${evidence.why}` +
        (evidence.observers.length > 0 ? `; observers: ${evidence.observers.join(", ")}` : ""),
    );
  }
  if (unreachable !== undefined) {
    facts.push(`unreachable (${unreachable.reason}), say ${unreachable.observers.join(", ")}`);
  }
  if (health !== undefined) {
    const { phi, silentFor, accused, vouchedFor, stalledFor } = health;
    facts.push(
      `this node monitors it: last message ${Math.round(silentFor)} ms ago, phi ${phi.toFixed(1)}` +
        (accused ? ", accused" : ", not accused") +
        (vouchedFor ? ", others reach it" : "") +
        (stalledFor === undefined ? "" : `, its event loop stands still for ${stalledFor} ms`),
    );
  }
  if (missing.includes(address)) facts.push("it has not confirmed the current state");
  return facts;
}

function stepsOf(
  port: ExplainPort,
  { missing }: ClusterState,
  { address, status, reachable, unreachable }: ClusterMember,
): { readonly outlookFacts: readonly string[]; readonly nextSteps: readonly string[] } {
  if (status === "down") {
    return {
      outlookFacts: [],
      nextSteps: ["restart the node: it joins with a new incarnation; see its log for the reason"],
    };
  }
  if (!reachable) {
    const steps = unreachable?.reason === "stalled"
      ? [
        "its event loop is busy: see its log for slow handlers, and casty top --contact " + address,
      ]
      : [
        `check that its process runs, and that ${address} can be reached from the observers`,
        `if the process has certainly ended: casty down ${address}`,
      ];
    return { outlookFacts: port.sentences("downing"), nextSteps: steps };
  }
  if (status === "joining" || status === "weaklyUp") {
    return {
      outlookFacts: port.sentences("convergence"),
      nextSteps: ["casty why convergence", "casty why reachability"],
    };
  }
  if (missing.includes(address)) {
    return {
      outlookFacts: [],
      nextSteps: ["wait some seconds; gossip takes a few rounds. If it stays so, see its log"],
    };
  }
  return { outlookFacts: [], nextSteps: [] };
}

function unknownMember({ members }: ClusterState, topic: string, name: string): Explanation {
  const names = members.flatMap(({ address, nodeId }) => [address, nodeId]);
  const nearest = nearestName(name, names);
  return explanation(topic, false, `this node knows no member "${name}"`, {
    facts: [
      `this node knows no member "${name}"`,
      `it knows ${members.map(({ address }) => address).slice(0, 20).join(", ") || "none"}`,
    ],
    nextSteps: [
      ...(nearest === undefined ? [] : [`did you mean ${nearest}?`]),
      "if it should be one: casty why joining --contact " + name,
    ],
  });
}
