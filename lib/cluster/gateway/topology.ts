import { type ActorRef, Ref } from "../../actor/ref/ref.ts";

/** The cluster as clients see it: members, leader and services. */
export interface Topology {
  /** Members that are up, or weakly up, and reachable, oldest first. */
  readonly members: readonly TopologyMember[];
  /** Addresses of reachable members that are leaving or exiting. */
  readonly leaving: readonly string[];
  /** Members that are in the cluster and not in `members`: nothing on them has ended. */
  readonly others: readonly OtherMember[];
  /** Address of the leader. */
  readonly leader: string | undefined;
  /** Services registered with the receptionists of the cluster. */
  readonly services: readonly TopologyService[];
}

/** One member, as clients see it. */
export interface TopologyMember {
  /** `"host:port"`. */
  readonly address: string;
  /** A label for people. */
  readonly nodeId: string;
  /** Distinguishes restarts of a node at one address: the higher is the later. */
  readonly incarnation: number;
  /** Labels for placing work. */
  readonly roles: readonly string[];
  /** Version of its application. */
  readonly appVersion?: string;
  /** Availability zone. */
  readonly zone?: string;
}

/** Why a member takes no new work of clients; see {@linkcode OtherMember}. */
export type OtherMemberState = "joining" | "leaving" | "unreachable";

/** A member to which clients send no new work. */
export interface OtherMember {
  /** `"host:port"`. */
  readonly address: string;
  /** Distinguishes restarts of a node at one address: the higher is the later. */
  readonly incarnation: number;
  /**
   * `joining`: it is not up yet. `leaving`: it leaves in order, and its actors run until it has.
   * `unreachable`: other nodes do not reach it; it may come back.
   */
  readonly state: OtherMemberState;
}

/** The actors that offer one service. */
export interface TopologyService {
  /** The id of the service's key. */
  readonly key: string;
  /** The actors, in a stable order. */
  readonly refs: readonly ActorRef<never>[];
}

/** A topology without members. */
export const emptyTopology: Topology = Object.freeze({
  members: [],
  leaving: [],
  others: [],
  leader: undefined,
  services: [],
});

/** Path at which nodes receive requests of clients. */
export const gatewayPath = "/_gateway";
/** Path at which clients receive the topology. */
export const clientTopologyPath = "/_topology";

/** A request of a client to a node. */
export type GatewayRequest =
  /** Requests the topology, now and after each change. */
  | {
    readonly type: "subscribe";
    /** The address by which the client knows the node. */
    readonly asked: string;
    /** The revision that the client has from this node; 0: none. */
    readonly have: number;
  }
  /** Ends the subscription. */
  | { readonly type: "unsubscribe" }
  /** Only opens a connection. */
  | { readonly type: "meet" }
  /** The client uses this revision from now on, or a later one of another node. */
  | { readonly type: "confirm"; readonly have: number }
  /** The client ends: what it has here ends with it. */
  | { readonly type: "close" };

/** A topology update from a node to a client. */
export interface TopologyPush {
  /** The address by which the client knows the node. */
  readonly asked: string;
  /** Counts the topologies of this node. */
  readonly revision: number;
  /** The node is about to leave: the client switches to another. */
  readonly draining: boolean;
  /** Undefined: the client has this revision already. */
  readonly topology: Topology | undefined;
}

const maxMembers = 100_000;
const maxServices = 100_000;
const maxRefs = 1_000_000;
const maxText = 1_000;

/** The request, or `undefined` if the value is none. */
export function parseGatewayRequest(value: unknown): GatewayRequest | undefined {
  if (!isRecord(value)) return undefined;
  const { type, asked = "", have = 0 } = value;
  if (type === "unsubscribe" || type === "meet" || type === "close") return { type };
  if (type === "confirm") return isCount(have) ? { type, have } : undefined;
  if (type !== "subscribe" || !isText(asked) || !isCount(have)) return undefined;
  return { type, asked, have };
}

/** The push, or `undefined` if the value is none. */
export function parseTopologyPush(value: unknown): TopologyPush | undefined {
  if (!isRecord(value)) return undefined;
  const { asked, revision, draining, topology } = value;
  if (!isText(asked) || !isCount(revision) || typeof draining !== "boolean") return undefined;
  if (topology === undefined) return { asked, revision, draining, topology };
  const parsed = parseTopology(topology);
  return parsed && { asked, revision, draining, topology: parsed };
}

/** The topology, or `undefined` if the value is none. */
export function parseTopology(value: unknown): Topology | undefined {
  if (!isRecord(value)) return undefined;
  const { members, leaving = [], others = [], leader, services = [] } = value;
  if (!Array.isArray(members) || members.length > maxMembers) return undefined;
  if (!isTexts(leaving, maxMembers) || (leader !== undefined && !isText(leader))) return undefined;
  if (!Array.isArray(services) || services.length > maxServices) return undefined;
  if (!Array.isArray(others) || others.length > maxMembers) return undefined;
  if (!members.every(isMember) || !others.every(isOther)) return undefined;
  if (!services.every(isService)) return undefined;
  return { members, leaving, others, leader, services };
}

function isOther(value: unknown): value is OtherMember {
  return isRecord(value) && isText(value.address) && isCount(value.incarnation) &&
    (value.state === "joining" || value.state === "leaving" || value.state === "unreachable");
}

function isMember(value: unknown): value is TopologyMember {
  return isRecord(value) && isText(value.address) && isText(value.nodeId) &&
    isCount(value.incarnation) && isTexts(value.roles, maxText) &&
    isLabel(value.appVersion) && isLabel(value.zone);
}

function isService(value: unknown): value is TopologyService {
  return isRecord(value) && isText(value.key) && Array.isArray(value.refs) &&
    value.refs.length <= maxRefs && value.refs.every((ref) => ref instanceof Ref);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value.length <= maxText;
}

function isLabel(value: unknown): value is string | undefined {
  return value === undefined || isText(value);
}

function isTexts(value: unknown, max: number): value is string[] {
  return Array.isArray(value) && value.length <= max && value.every(isText);
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
