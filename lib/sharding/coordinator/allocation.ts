/** A node to which shards may be granted. */
export interface AllocationNode {
  /** `"host:port"`. */
  readonly address: string;
  /** Its labels. */
  readonly roles: readonly string[];
  /** Its option `zone`: nodes that fail together have the same. */
  readonly zone?: string;
  /** Shards of the type that it owns, or that move there. */
  readonly shards: ReadonlySet<number>;
}

/** A shard and the node that should own it. */
export interface ShardMove {
  /** Number of the shard, from 0. */
  readonly shard: number;
  /** Address of the node. */
  readonly to: string;
}

/**
 * Decides where shards go. Both functions must be pure: another node may become coordinator at any
 * time, and continues with its own instance.
 */
export interface AllocationStrategy {
  /**
   * The node for a shard that has none, by its address.
   *
   * @param nodes those that may own it, at least one, sorted by address.
   * @returns the address of one of `nodes`; anything else is no preference.
   */
  allocate(shard: number, nodes: readonly AllocationNode[]): string | undefined;
  /**
   * Shards that should move, the most urgent first. Without this method no shard moves.
   *
   * @param limit how many the coordinator moves at most; further ones are left to the next round.
   */
  rebalance?(nodes: readonly AllocationNode[], limit: number): readonly ShardMove[];
}

/**
 * The default: a shard goes to the node with the fewest; of several, to the one whose address sorts
 * first. Moves shards when a node has at least two more than another could have.
 *
 * @example
 * ```ts
 * import { leastShards } from "@casty/casty";
 *
 * const nodes = [
 *   { address: "a:1", roles: [], shards: new Set([0, 1]) },
 *   { address: "b:1", roles: [], shards: new Set([2]) },
 * ];
 * console.assert(leastShards().allocate(3, nodes) === "b:1");
 * ```
 */
export function leastShards(): AllocationStrategy {
  return { allocate: (_shard, nodes) => least(nodes)?.address, rebalance: evenOut };
}

/**
 * A function of the user decides. Shards move where it answers another node than their owner.
 *
 * @param place answers the address of one of the nodes; anything else leaves it to
 * {@linkcode leastShards}, and moves no shards.
 * @example
 * ```ts
 * import { externalAllocation } from "@casty/casty";
 *
 * const pinned = externalAllocation((shard) => shard < 10 ? "10.0.0.1:25520" : undefined);
 * console.assert(pinned.allocate(3, []) === "10.0.0.1:25520");
 * ```
 */
export function externalAllocation(
  place: (shard: number, nodes: readonly AllocationNode[]) => string | undefined,
): AllocationStrategy {
  return {
    allocate: place,
    rebalance: (nodes) =>
      nodes.flatMap(({ address, shards }) =>
        [...shards].flatMap((shard) => {
          const to = place(shard, nodes);
          return to === undefined || to === address ? [] : [{ shard, to }];
        })
      ),
  };
}

/**
 * Nodes with a role come first: others own shards only while there is none with it.
 *
 * @example
 * ```ts
 * import { preferRole } from "@casty/casty";
 *
 * const nodes = [
 *   { address: "a:1", roles: [], shards: new Set<number>() },
 *   { address: "b:1", roles: ["fast"], shards: new Set([1, 2, 3]) },
 * ];
 * console.assert(preferRole("fast").allocate(0, nodes) === "b:1");
 * ```
 */
export function preferRole(role: string): AllocationStrategy {
  const preferred = (nodes: readonly AllocationNode[]) => {
    const fitting = nodes.filter(({ roles }) => roles.includes(role));
    return fitting.length > 0 ? fitting : nodes;
  };
  return {
    allocate: (_shard, nodes) => least(preferred(nodes))?.address,
    rebalance: (nodes, limit) => {
      const wanted = preferred(nodes);
      const misplaced = nodes.filter((node) => !wanted.includes(node));
      return moveAll(misplaced, wanted, limit) ?? evenOut(wanted, limit);
    },
  };
}

/**
 * Spreads shards evenly over zones first, then over the nodes of each zone. The zone of a node is its
 * option `zone`; without it, its first role that begins with `prefix`. Nodes without either are a zone
 * of their own.
 *
 * @param prefix default `"zone-"`.
 * @example
 * ```ts
 * import { zoneAware } from "@casty/casty";
 *
 * const nodes = [
 *   { address: "a:1", roles: [], zone: "x", shards: new Set([0]) },
 *   { address: "b:1", roles: [], zone: "x", shards: new Set<number>() },
 *   { address: "c:1", roles: [], zone: "y", shards: new Set<number>() },
 * ];
 * console.assert(zoneAware().allocate(1, nodes) === "c:1");
 * ```
 */
export function zoneAware(prefix = "zone-"): AllocationStrategy {
  const zones = (nodes: readonly AllocationNode[]): AllocationNode[][] => {
    const byZone = new Map<string, AllocationNode[]>();
    for (const node of nodes) {
      const zone = node.zone ?? node.roles.find((role) => role.startsWith(prefix)) ?? "";
      byZone.set(zone, [...byZone.get(zone) ?? [], node]);
    }
    return [...byZone].toSorted(([a], [b]) => a < b ? -1 : 1).map(([, members]) => members);
  };
  const asOne = (members: readonly AllocationNode[]): AllocationNode => {
    const shards = new Set(members.flatMap((node) => [...node.shards]));
    return { address: members[0]!.address, roles: [], shards };
  };
  const inZone = (nodes: readonly AllocationNode[]) => {
    const all = zones(nodes);
    const wanted = least(all.map(asOne));
    return all.find((members) => members[0]!.address === wanted?.address) ?? [];
  };
  return {
    allocate: (_shard, nodes) => least(inZone(nodes))?.address,
    rebalance: (nodes, limit) => {
      const all = zones(nodes);
      const between = evenOut(all.map(asOne), limit).map(({ shard, to }) => {
        const members = all.find(([first]) => first!.address === to)!;
        return { shard, to: least(members)!.address };
      });
      return between.length > 0
        ? between
        : all.flatMap((members) => evenOut(members, limit)).slice(0, limit);
    },
  };
}

/** The node with the fewest shards; among equals the first address. */
function least(nodes: readonly AllocationNode[]): AllocationNode | undefined {
  let chosen: AllocationNode | undefined;
  for (const node of nodes) {
    const fewer = chosen === undefined || node.shards.size < chosen.shards.size;
    if (fewer || (node.shards.size === chosen!.shards.size && node.address < chosen!.address)) {
      chosen = node;
    }
  }
  return chosen;
}

/** Moves all shards of `from` to the nodes of `to` with the fewest; undefined if there are none. */
function moveAll(
  from: readonly AllocationNode[],
  to: readonly AllocationNode[],
  limit: number,
): ShardMove[] | undefined {
  const shards = from.flatMap((node) => [...node.shards]);
  if (shards.length === 0) return undefined;
  const counts = new Map(to.map((node) => [node.address, node.shards.size]));
  return shards.slice(0, limit).map((shard) => {
    const [address, count] = [...counts].reduce((a, b) => b[1] < a[1] ? b : a);
    counts.set(address, count + 1);
    return { shard, to: address };
  });
}

/** Moves from the fullest to the emptiest until they differ by one at most. */
function evenOut(nodes: readonly AllocationNode[], limit: number): ShardMove[] {
  const loads = nodes.map(({ address, shards }) => ({
    address,
    shards: [...shards],
    count: shards.size,
  }));
  const moves: ShardMove[] = [];
  while (moves.length < limit && loads.length > 1) {
    const full = loads.reduce((a, b) => b.count > a.count ? b : a);
    const empty = loads.reduce((a, b) => b.count < a.count ? b : a);
    if (full.count - empty.count < 2) break;
    moves.push({ shard: full.shards.pop()!, to: empty.address });
    full.count--;
    empty.count++;
  }
  return moves;
}
