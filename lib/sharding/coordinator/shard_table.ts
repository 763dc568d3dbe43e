import type { ShardGrant } from "../routing/shard_grant.ts";

/**
 * How far a grant is: the owner has not confirmed it yet, runs the shard, or was told to give it up.
 */
export type GrantPhase = "granted" | "running" | "handingOff";

/** A grant as the coordinator sees it. */
export interface TableGrant extends ShardGrant {
  readonly phase: GrantPhase;
  /** The owner runs the shard, or is giving it up. */
  readonly confirmed: boolean;
}

interface Entry {
  owner: string | undefined;
  epoch: number;
  phase: GrantPhase;
  /** The node that the shard should move to. */
  target: string | undefined;
  /** It had an owner: whatever ran there may be missed. */
  orphaned: boolean;
  /** When the coordinator has last asked for something to be done about it. */
  askedAt: number;
  /** Who waits to hear where the shard is. */
  readonly waiters: Set<string>;
}

/** What the coordinator knows of one shard type. Holds no clock and sends nothing. */
export class ShardTable {
  /** Nodes that can own shards of this type. */
  readonly regions: Set<string> = new Set();
  readonly numShards: number;
  /** When shards were moved to even out last, or could not be for lack of calm. */
  balancedAt = 0;
  /** Shards whose place has changed since that was told last. */
  readonly changed: Set<number> = new Set();
  /** Nodes that have not been told the whole table. */
  readonly newcomers: Set<string> = new Set();
  readonly #entries = new Map<number, Entry>();
  #lastEpoch = 0;
  #busy = 0;

  /** An empty table. */
  constructor(numShards: number, lastEpoch = 0) {
    this.numShards = numShards;
    this.#lastEpoch = lastEpoch;
  }

  /** The newest epoch that anybody has reported or that was granted here. */
  get lastEpoch(): number {
    return this.#lastEpoch;
  }

  /** How many shards have grants that are not at rest. */
  get busy(): number {
    return this.#busy;
  }

  /** Makes sure that grants made here overrule all that the reporter knows of. */
  raiseEpoch(epoch: number): void {
    if (epoch > this.#lastEpoch) this.#lastEpoch = epoch;
  }

  /** The current grant, whether confirmed or not. */
  grant(shard: number): TableGrant | undefined {
    const entry = this.#entries.get(shard);
    if (entry?.owner === undefined) return undefined;
    const { owner, epoch, phase } = entry;
    return { owner, epoch, phase, confirmed: phase !== "granted" };
  }

  /** The node that a shard was to move to, if it was moved on purpose. */
  targetOf(shard: number): string | undefined {
    return this.#entries.get(shard)?.target;
  }

  /** Takes over what a region says that it runs, unless a newer grant is known. */
  adopt(shard: number, owner: string, epoch: number, stopping: boolean): boolean {
    this.raiseEpoch(epoch);
    const entry = this.#entry(shard);
    if (entry.owner !== undefined) {
      if (entry.epoch > epoch) return false;
      if (entry.epoch === epoch && entry.owner !== owner) return false;
    }
    const news = entry.owner !== owner || entry.epoch !== epoch || entry.phase === "granted";
    entry.owner = owner;
    entry.epoch = epoch;
    if (stopping || entry.phase !== "handingOff") {
      this.#phase(entry, stopping ? "handingOff" : "running");
    }
    if (news) this.changed.add(shard);
    return true;
  }

  /** Grants an unowned shard, with a new epoch. */
  allocate(shard: number, owner: string, now: number): ShardGrant {
    const entry = this.#entry(shard);
    entry.owner = owner;
    entry.epoch = ++this.#lastEpoch;
    entry.target = undefined;
    entry.orphaned = false;
    entry.askedAt = now;
    this.#phase(entry, "granted");
    return { owner, epoch: entry.epoch };
  }

  /** The owner runs the shard now. Answers who waited for it, or undefined if that is no news. */
  confirm(shard: number, owner: string, epoch: number): readonly string[] | undefined {
    const entry = this.#entries.get(shard);
    if (entry?.owner !== owner || entry.epoch !== epoch || entry.phase !== "granted") {
      return undefined;
    }
    this.#phase(entry, "running");
    this.changed.add(shard);
    return this.takeWaiters(shard);
  }

  /** The owner is to give the shard up. False if it is not at rest. */
  handOff(shard: number, target: string | undefined, now: number): boolean {
    const entry = this.#entries.get(shard);
    if (entry?.owner === undefined || entry.phase !== "running") return false;
    entry.target = target;
    entry.askedAt = now;
    this.#phase(entry, "handingOff");
    return true;
  }

  /** The owner runs nothing of the shard under that grant, and never will. False: no news. */
  free(shard: number, owner: string, epoch: number): boolean {
    const entry = this.#entries.get(shard);
    if (entry?.owner !== owner || entry.epoch !== epoch) return false;
    this.#orphan(entry);
    return true;
  }

  /** Remembers that `node` wants to know where the shard is. */
  wait(shard: number, node: string): void {
    this.#entry(shard).waiters.add(node);
  }

  /** Those who wait, once. */
  takeWaiters(shard: number): readonly string[] {
    const waiters = this.#entries.get(shard)?.waiters;
    if (waiters === undefined || waiters.size === 0) return [];
    const list = [...waiters];
    waiters.clear();
    return list;
  }

  /** Shards that have no owner, and are waited for or had one. */
  unowned(): number[] {
    const shards: number[] = [];
    for (const [shard, { owner, orphaned, waiters }] of this.#entries) {
      if (owner === undefined && (orphaned || waiters.size > 0)) shards.push(shard);
    }
    return shards;
  }

  /** Grants that are not at rest and were asked about before `before`; notes that they are now. */
  takeOverdue(before: number, now: number): (TableGrant & { readonly shard: number })[] {
    const overdue: (TableGrant & { readonly shard: number })[] = [];
    if (this.#busy === 0) return overdue;
    for (const [shard, entry] of this.#entries) {
      const { owner, epoch, phase, askedAt } = entry;
      if (owner === undefined || phase === "running" || askedAt > before) continue;
      entry.askedAt = now;
      overdue.push({ shard, owner, epoch, phase, confirmed: phase !== "granted" });
    }
    return overdue;
  }

  /**
   * A node owns these shards and no others; grants that it has not confirmed are on their way.
   * Answers what it has given up.
   */
  retain(node: string, shards: ReadonlySet<number>): number[] {
    const gone: number[] = [];
    for (const [shard, entry] of this.#entries) {
      if (entry.owner !== node || entry.phase === "granted" || shards.has(shard)) continue;
      this.#orphan(entry);
      gone.push(shard);
    }
    return gone;
  }

  /** Forgets a node: its region, its shards, what it waits for. Epochs stay. Answers its shards. */
  drop(node: string): number[] {
    this.regions.delete(node);
    this.newcomers.delete(node);
    const gone: number[] = [];
    for (const [shard, entry] of this.#entries) {
      entry.waiters.delete(node);
      if (entry.target === node) entry.target = undefined;
      if (entry.owner !== node) continue;
      this.#orphan(entry);
      gone.push(shard);
    }
    return gone;
  }

  /** The shards of each node, those on their way included. */
  shardsOf(nodes: Iterable<string>): Map<string, Set<number>> {
    const sets = new Map<string, Set<number>>();
    for (const node of nodes) sets.set(node, new Set());
    for (const [shard, { owner, target }] of this.#entries) {
      sets.get(target ?? owner ?? "")?.add(shard);
    }
    return sets;
  }

  /** All shards that a node runs or gives up, with their grants. */
  *grants(): IterableIterator<TableGrant & { readonly shard: number }> {
    for (const shard of this.#entries.keys()) {
      const grant = this.grant(shard);
      if (grant !== undefined) yield { shard, ...grant };
    }
  }

  #orphan(entry: Entry): void {
    this.#phase(entry, "running");
    entry.owner = undefined;
    entry.orphaned = true;
  }

  #phase(entry: Entry, phase: GrantPhase): void {
    if (entry.phase !== "running") this.#busy--;
    if (phase !== "running") this.#busy++;
    entry.phase = phase;
  }

  #entry(shard: number): Entry {
    let entry = this.#entries.get(shard);
    if (entry === undefined) {
      entry = {
        owner: undefined,
        epoch: 0,
        phase: "running",
        target: undefined,
        orphaned: false,
        askedAt: 0,
        waiters: new Set(),
      };
      this.#entries.set(shard, entry);
    }
    return entry;
  }
}
