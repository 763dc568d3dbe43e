/**
 * The views of the dashboard: JSON, made from what this node knows and what others answer.
 *
 * @module
 */
import type { NodeAnswer } from "../inspection/inspection.ts";
import { regionPath } from "../sharding/routing/protocol.ts";
import type { ShardFacts } from "../inspection/facts/shard_facts.ts";
import { entityTime, type ObservedNode } from "./observed_node.ts";

/** Types that a page offers. */
const maxTypes = 50;

/** Parameters of a view, from the address. */
export type ViewParameters = Readonly<Record<string, string>>;

/** Makes one view, or a promise of it. */
export type View = (node: ObservedNode, parameters: ViewParameters) => unknown;

/** All views by name. */
export const views: Readonly<Record<string, View>> = Object.assign(Object.create(null), {
  cluster: clusterView,
  phi: (node: ObservedNode) => node.phi.samples(),
  shards: shardsView,
  entities: entitiesView,
  entity: entityView,
  services: (node: ObservedNode) => ofAll(node, "services"),
  clients: (node: ObservedNode) => ofAll(node, "clients"),
  certificates: (node: ObservedNode) => ofAll(node, "certificates"),
  deadLetters: (node: ObservedNode, { node: of }: ViewParameters) => ofOne(node, of, "deadLetters"),
  asks: (node: ObservedNode, { node: of }: ViewParameters) => ofOne(node, of, "asks"),
  logs: (node: ObservedNode, { node: of, level = "info" }: ViewParameters) =>
    ofOne(node, of, "logs", { level }),
  trace: traceView,
});

/** What each page shows at its top. */
export function summaryView({ source, internals: { view } }: ObservedNode): unknown {
  const { members, unreachable, leader, converged, self } = view;
  return {
    name: source.name,
    self: source.address,
    status: self.status,
    leader,
    converged,
    unreachable: [...unreachable].sort(),
    members: members.map(({ address, nodeId, status }) => ({ address, nodeId, status })),
  };
}

async function clusterView(node: ObservedNode): Promise<unknown> {
  const { source } = node;
  const { cluster } = source;
  const answers = await node.askAll("health");
  const { clusterId, leader, converged, missing, members } = cluster.state();
  return {
    at: source.runtime.clock.wallTime(),
    name: source.name,
    self: source.address,
    clusterId,
    leader,
    converged,
    missing,
    members,
    observers: answers,
    extensions: cluster.health.extensions,
    explain: ["joining", "convergence", "reachability", "downing"].flatMap((topic) =>
      cluster.explain(topic)
    ),
  };
}

/** The coordinator knows all shards; without one, what this node knows is shown. */
async function shardsView(node: ObservedNode): Promise<unknown> {
  const { source, shards: { leader } } = node;
  const own = source.address;
  const from = leader ?? own;
  const [table, moves] = await Promise.all([node.ask(from, "shards"), node.ask(from, "moves")]);
  const isFallback = table.missing !== undefined && from !== own;
  const shown = isFallback ? await node.ask(own, "shards") : table;
  const facts = shown.missing === undefined ? shown.facts as ShardFacts : undefined;
  return {
    at: source.runtime.clock.wallTime(),
    self: own,
    leader,
    source: shown.node,
    complete: facts?.coordinates === true,
    problem: table.missing && `could not ask the coordinator ${table.node}: ${table.why}`,
    types: facts?.types ?? [],
    moves: moves.missing === undefined ? moves.facts : [],
    movesMissing: moves.missing && `${moves.node} does not tell of moves: ${moves.why}`,
    explain: source.cluster.explain("sharding"),
    members: source.cluster.state().members.map(({ address, nodeId, zone }) => ({
      address,
      nodeId,
      zone,
    })),
  };
}

async function entitiesView(
  node: ObservedNode,
  { type = "", search = "" }: ViewParameters,
): Promise<unknown> {
  const types = node.shards.names(maxTypes).map((shardType) => ({ shardType }));
  const chosen = type === "" ? types[0]?.shardType ?? "" : type;
  const answers = chosen === "" ? [] : await node.askAll("entities", { type: chosen, search });
  return { self: node.source.address, types, type: chosen, answers };
}

/** This node, the coordinator and the owner are asked, in this order, until one knows. */
async function entityView(
  node: ObservedNode,
  { type = "", id = "" }: ViewParameters,
): Promise<unknown> {
  const { source: { address }, shards: { leader } } = node;
  let place = await node.ask(address, "place", { type, id });
  let owner = ownerIn(place);
  if (owner === undefined && leader !== undefined && leader !== address) {
    place = await node.ask(leader, "place", { type, id });
    owner = ownerIn(place);
  }
  if (owner === undefined) return { type, id, place };
  const [there, state] = await Promise.all([
    owner === place.node ? place : node.ask(owner, "place", { type, id }),
    node.ask(owner, "state", { type, id }, entityTime),
  ]);
  return { type, id, owner, place, there, state };
}

function ownerIn(
  { missing, facts }: NodeAnswer & { readonly facts?: unknown },
): string | undefined {
  const owner = missing === undefined ? (facts as { owner?: unknown } | null)?.owner : undefined;
  return typeof owner === "string" ? owner : undefined;
}

async function ofAll(node: ObservedNode, topic: string): Promise<unknown> {
  const { source } = node;
  const answers = await node.askAll(topic);
  return {
    at: source.runtime.clock.wallTime(),
    self: source.address,
    nodes: labels(node),
    answers,
  };
}

async function ofOne(
  node: ObservedNode,
  of: string | undefined,
  topic: string,
  parameters: ViewParameters = {},
): Promise<object> {
  const { source } = node;
  const asked = of === undefined || of === "" ? source.address : of;
  const isKnown = asked === source.address ||
    node.internals.view.members.some(({ address }) => address === asked);
  const answer = isKnown
    ? await node.ask(asked, topic, parameters)
    : { node: asked, missing: "failed", why: "it is no member" };
  return { self: source.address, nodes: labels(node), answer };
}

/** No actor is observed before a path is named. */
async function traceView(
  node: ObservedNode,
  { node: of, path = "" }: ViewParameters,
): Promise<unknown> {
  const { system, shards, source: { address } } = node;
  const offering = system.receptionist.listings().flatMap(({ refs }) =>
    refs.map(({ path }) => path)
  );
  const suggestions = [
    ...shards.names(maxTypes).map(regionPath),
    ...offering.slice(0, 50),
  ];
  if (path === "") return { self: address, nodes: labels(node), suggestions };
  return { ...await ofOne(node, of, "trace", { path }), suggestions };
}

function labels({ internals: { view: { members } } }: ObservedNode): unknown {
  return members.map(({ address, nodeId, status }) => ({ address, nodeId, status }));
}
