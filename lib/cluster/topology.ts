/** What a client may know of the cluster: who is up, and who leads. */
export interface Topology {
  /** Members that are up and reachable, oldest first. */
  readonly members: readonly TopologyMember[];
  /** Address of the leader. */
  readonly leader: string | undefined;
}

/** One member, as clients see it. */
export interface TopologyMember {
  /** `"host:port"`. */
  readonly address: string;
  /** A label for people. */
  readonly nodeId: string;
  /** Labels for placing work. */
  readonly roles: readonly string[];
}

/** Where clients ask for the topology. */
export const gatewayPath = "/_gateway";
/** Where a client hears of the topology. */
export const clientTopologyPath = "/_topology";

/** The topology, or `undefined` if the value is none. */
export function parseTopology(value: unknown): Topology | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { members, leader } = value as Record<string, unknown>;
  if (!Array.isArray(members) || members.length > 100_000) return undefined;
  if (leader !== undefined && typeof leader !== "string") return undefined;
  for (const member of members) {
    if (typeof member?.address !== "string" || typeof member.nodeId !== "string") return undefined;
    if (!Array.isArray(member.roles)) return undefined;
    if (!member.roles.every((role: unknown) => typeof role === "string")) return undefined;
  }
  return { members: members as TopologyMember[], leader };
}
