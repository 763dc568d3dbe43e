import { hashText } from "../runtime/fnv.ts";

/** A node that may have copies. */
export interface PlacementNode {
  /** `"host:port"`. */
  readonly address: string;
  /** Nodes that fail together have the same. Undefined: it fails alone. */
  readonly zone?: string;
  /** How many copies of the type it has, or shall have. */
  readonly copies: number;
}

/** What decides where the copies of a shard are. */
export interface ReplicaChoice {
  readonly shardType: string;
  readonly shard: number;
  /** Address of the owner; its zone counts as used. */
  readonly owner: string;
  /** How many copies besides the owner's. */
  readonly count: number;
  /** All nodes that may have copies, the owner too. */
  readonly nodes: readonly PlacementNode[];
  /** Addresses that have copies, or were chosen before. */
  readonly current: readonly string[];
}

/**
 * The nodes that shall have copies besides the owner: in other zones first; of those that are equal in
 * that, where copies are already; then where the fewest are; then in an order that differs from shard to
 * shard, so that the copies of one node's shards are spread over all others. Pure: each coordinator
 * chooses the same.
 *
 * @returns addresses, fewer than `count` if there are not so many nodes.
 */
export function chooseReplicas(choice: ReplicaChoice): readonly string[] {
  const { shardType, shard, owner, count, nodes, current } = choice;
  const zones = new Map<string, number>();
  const useZone = (node: PlacementNode | undefined) => {
    if (node === undefined) return;
    const zone = zoneOf(node);
    zones.set(zone, (zones.get(zone) ?? 0) + 1);
  };
  useZone(nodes.find(({ address }) => address === owner));
  const rest = nodes.filter(({ address }) => address !== owner).map((node) => ({
    node,
    isNew: current.includes(node.address) ? 0 : 1,
    order: hashText(`${shardType}/${shard}/${node.address}`),
  }));
  const chosen: string[] = [];
  while (chosen.length < count && rest.length > 0) {
    const used = (node: PlacementNode) => zones.get(zoneOf(node)) ?? 0;
    rest.sort((a, b) =>
      used(a.node) - used(b.node) || a.isNew - b.isNew || a.node.copies - b.node.copies ||
      a.order - b.order
    );
    const { node } = rest.shift()!;
    chosen.push(node.address);
    useZone(node);
  }
  return chosen.sort();
}

/** A node without a zone is one of its own. */
function zoneOf({ zone, address }: PlacementNode): string {
  return zone === undefined ? `node ${address}` : `zone ${zone}`;
}
