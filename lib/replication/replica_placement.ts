/**
 * The coordinator's part: which nodes shall have the copies of each shard of a type, and which of them
 * should own it. A request only: the copies themselves store which of them count, so nothing that a
 * coordinator forgets, and nothing that a deposed one still orders, loses an entry. Pure.
 *
 * @module
 */
import type { ReplicaStatus } from "./primary.ts";
import { compareReplicaVersions, type ReplicaConfig } from "./replica_config.ts";
import { chooseReplicas, type PlacementNode } from "./replica_choice.ts";

/** What the owner of a shard is told. */
export interface ReplicaOrder {
  readonly shard: number;
  readonly to: string;
  readonly epoch: number;
  readonly addresses: readonly string[];
}

interface Entry {
  owner: string;
  epoch: number;
  replicas: readonly string[];
  config: ReplicaConfig | undefined;
  /** When the order was sent last; it is repeated until a status shows it. */
  sentAt: number;
  isKnown: boolean;
  /** A node that has more of the log than the owner. */
  preferred: string | undefined;
  /** A node that shall have a copy, so that it can own the shard. */
  wanted: string | undefined;
}

/** How long a node that has lagged gets no copy if there is another one, in milliseconds. */
export const lagPenalty = 30_000;

/** See the module's text. */
export class ReplicaPlacement {
  readonly #shardType: string;
  readonly #replicas: number;
  readonly #minAcks: number;
  readonly #retryInterval: number;
  readonly #entries = new Map<number, Entry>();
  /** Copies of all shards, by address. */
  readonly #load = new Map<string, number>();
  /** Until when a node is avoided, by address. */
  readonly #lagging = new Map<string, number>();
  #nodes: readonly Omit<PlacementNode, "copies">[] = [];
  /** Something that decides has changed since the copies of all shards were chosen. */
  #isStale = false;

  /**
   * @param replicas copies besides the owner's.
   * @param minAcks how many of them an acknowledgement needs.
   */
  constructor(shardType: string, replicas: number, minAcks: number, retryInterval = 1_000) {
    this.#minAcks = minAcks;
    this.#shardType = shardType;
    this.#replicas = replicas;
    this.#retryInterval = retryInterval;
  }

  /** The nodes that may have copies. Answers the orders that follow. */
  nodes(nodes: readonly Omit<PlacementNode, "copies">[], now: number): ReplicaOrder[] {
    this.#nodes = nodes;
    return this.#reorder(now);
  }

  /** A shard was granted. Answers the nodes that go with the grant. */
  granted(shard: number, owner: string, epoch: number, now: number): readonly string[] {
    const before = this.#entries.get(shard);
    if (before !== undefined && before.epoch >= epoch) return before.replicas;
    const entry: Entry = {
      owner,
      epoch,
      replicas: [],
      config: before?.config,
      sentAt: now,
      isKnown: false,
      preferred: undefined,
      wanted: undefined,
    };
    if (before !== undefined) this.#count(before, -1);
    entry.replicas = this.#choose(shard, entry, before?.replicas ?? [], now);
    this.#count(entry, 1);
    this.#entries.set(shard, entry);
    this.#isStale = true;
    return entry.replicas;
  }

  /** What an owner has said of its shard. Answers the orders that follow. */
  status(shard: number, from: string, status: ReplicaStatus, now: number): ReplicaOrder[] {
    let entry = this.#entries.get(shard);
    if (entry !== undefined && entry.epoch > status.epoch) return [];
    if (entry === undefined || entry.epoch < status.epoch) {
      // Granted by another coordinator.
      this.granted(shard, from, status.epoch, now);
      entry = this.#entries.get(shard)!;
    }
    // Whatever others have said: the owner has the newest one.
    if (status.config !== undefined) this.#setConfig(entry, status.config);
    entry.isKnown = sameAddresses(status.replicas, entry.replicas);
    for (const address of status.lagging) {
      this.#lagging.set(address, now + lagPenalty);
      this.#isStale = true;
    }
    if (status.phase !== "open") return [];
    return this.#reorderOne(shard, entry, now);
  }

  /** A node has a copy with this configuration. */
  noteConfig(shard: number, config: ReplicaConfig | undefined): void {
    const entry = this.#entries.get(shard);
    if (entry === undefined || config === undefined) return;
    const { config: known } = entry;
    if (known === undefined || compareReplicaVersions(known.version, config.version) < 0) {
      this.#setConfig(entry, config);
    }
  }

  #setConfig(entry: Entry, config: ReplicaConfig): void {
    const { config: known } = entry;
    if (known !== undefined && compareReplicaVersions(known.version, config.version) === 0) return;
    entry.config = config;
    this.#isStale = true;
  }

  /** Whether the present grant is this one. */
  isGranted(shard: number, owner: string, epoch: number): boolean {
    const entry = this.#entries.get(shard);
    return entry?.owner === owner && entry.epoch === epoch;
  }

  /** A node shall have a copy, in the place of another one if need be. The next `tick` orders it. */
  want(shard: number, address: string): void {
    const entry = this.#entries.get(shard);
    if (entry === undefined) return;
    entry.wanted = address;
    this.#isStale = true;
  }

  /** The owner has found that another node has more of the log. */
  preferOwner(shard: number, epoch: number, address: string): void {
    const entry = this.#entries.get(shard);
    if (entry?.epoch === epoch) entry.preferred = address;
  }

  /** Which of the candidates should own a shard: one with an in-sync copy. Undefined: any. */
  ownerOf(shard: number, candidates: readonly string[]): string | undefined {
    const entry = this.#entries.get(shard);
    if (entry === undefined) return undefined;
    const { preferred, config, owner } = entry;
    if (preferred !== undefined && candidates.includes(preferred)) return preferred;
    const inSync = (config?.inSync ?? []).map(({ address }) => address);
    const able = candidates.filter((address) => inSync.includes(address));
    return able.find((address) => address !== owner) ?? able[0];
  }

  /** Orders that no status has shown yet, and those of laggards that are trusted again. */
  tick(now: number): ReplicaOrder[] {
    for (const [address, until] of this.#lagging) {
      if (until > now) continue;
      this.#lagging.delete(address);
      this.#isStale = true;
    }
    const orders = this.#isStale ? this.#reorder(now) : [];
    for (const [shard, entry] of this.#entries) {
      if (entry.isKnown || now - entry.sentAt < this.#retryInterval) continue;
      orders.push(this.#order(shard, entry, now));
    }
    return orders;
  }

  #reorder(now: number): ReplicaOrder[] {
    const orders = [...this.#entries]
      .flatMap(([shard, entry]) => this.#reorderOne(shard, entry, now));
    // Each choice counts for the next ones.
    this.#isStale = orders.length > 0;
    return orders;
  }

  #reorderOne(shard: number, entry: Entry, now: number): ReplicaOrder[] {
    // Its own copies do not speak against a node.
    this.#count(entry, -1);
    const replicas = this.#choose(shard, entry, entry.replicas, now);
    const isSame = sameAddresses(replicas, entry.replicas);
    if (!isSame) entry.replicas = replicas;
    this.#count(entry, 1);
    if (isSame) return [];
    this.#isStale = true;
    entry.isKnown = false;
    return [this.#order(shard, entry, now)];
  }

  #order(shard: number, entry: Entry, now: number): ReplicaOrder {
    entry.sentAt = now;
    const { owner: to, epoch, replicas: addresses } = entry;
    return { shard, to, epoch, addresses };
  }

  #choose(
    shard: number,
    { owner, config, wanted }: Entry,
    before: readonly string[],
    now: number,
  ): readonly string[] {
    const inSync = (config?.inSync ?? []).map(({ address }) => address);
    const trusted = this.#nodes.filter(({ address }) =>
      address === owner || (this.#lagging.get(address) ?? 0) <= now
    );
    // Without laggards fewer copies are needed to open the log, as long as there are enough to write it.
    const nodes = (trusted.length > this.#minAcks ? trusted : this.#nodes)
      .map((node) => ({ ...node, copies: this.#load.get(node.address) ?? 0 }));
    const chosen = chooseReplicas({
      shardType: this.#shardType,
      shard,
      owner,
      count: this.#replicas,
      nodes,
      current: [...inSync, ...before],
    });
    if (wanted === undefined || wanted === owner || chosen.includes(wanted)) return chosen;
    if (!nodes.some(({ address }) => address === wanted)) return chosen;
    if (chosen.length < this.#replicas) return [...chosen, wanted].sort();
    // In the place of the one with the most copies.
    const copiesOf = (address: string) => this.#load.get(address) ?? 0;
    const most = chosen.reduce((a, b) => copiesOf(b) > copiesOf(a) ? b : a);
    return chosen.map((address) => address === most ? wanted : address).sort();
  }

  /** Adds the copies of a shard to those of their nodes, or takes them off. */
  #count({ owner, replicas }: Entry, by: 1 | -1): void {
    for (const address of [owner, ...replicas]) {
      this.#load.set(address, (this.#load.get(address) ?? 0) + by);
    }
  }
}

function sameAddresses(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((address) => b.includes(address));
}
