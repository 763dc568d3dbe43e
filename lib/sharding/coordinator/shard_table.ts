import type { ShardGrant } from "../routing/shard_grant.ts";

/**
 * The state of a grant: not confirmed by the owner yet, running, or being handed off.
 */
export type GrantPhase = "granted" | "running" | "handingOff";

/** A grant, as its coordinator knows it. */
export interface TableGrant extends ShardGrant {
  readonly phase: GrantPhase;
  /** The owner runs the shard, or hands it off. */
  readonly confirmed: boolean;
}

interface Entry {
  owner: string | undefined;
  epoch: number;
  /** Of the grant before; 0: not known. */
  previous: number;
  phase: GrantPhase;
  /** The node that the shard should move to. */
  target: string | undefined;
  /** It had an owner, so it may have entities to restart. */
  orphaned: boolean;
  /** The former owner, by `holderKey`: the shard is not granted before its lease has ended. */
  held: string | undefined;
  /** The former owner had not confirmed the grant, which may be on its way to it still. */
  unconfirmed: boolean;
  /** When the grant or hand-off was sent last. */
  sentAt: number;
  /** Nodes that wait for the location. */
  readonly waiters: Set<string>;
}

/** The grants of one shard type, as its coordinator knows them. Holds no clock and sends nothing. */
export class ShardTable {
  /** Nodes that can own shards of this type. */
  readonly regions: Set<string> = new Set();
  readonly numShards: number;
  /** When the first region was reported. */
  readonly openedAt: number;
  /** Whether any shard was ever granted, by this coordinator or another one. */
  used = false;
  /** When the last round of rebalancing was, or had nothing to move. */
  balancedAt = 0;
  /** Shards whose owner has changed since the last delta. */
  readonly changed: Set<number> = new Set();
  /** Nodes that have not got the whole table yet. */
  readonly newcomers: Set<string> = new Set();
  readonly #entries = new Map<number, Entry>();
  #lastEpoch = 0;
  #busy = 0;
  #owned = 0;

  /** An empty table. */
  constructor(numShards: number, lastEpoch = 0, openedAt = 0) {
    this.numShards = numShards;
    this.openedAt = openedAt;
    this.#lastEpoch = lastEpoch;
  }

  /** The newest epoch that was reported or granted. */
  get lastEpoch(): number {
    return this.#lastEpoch;
  }

  /** How many shards have a grant that is not running. */
  get busy(): number {
    return this.#busy;
  }

  /** How many shards have an owner. */
  get owned(): number {
    return this.#owned;
  }

  /** Grants that are made here overrule all up to this epoch. */
  raiseEpoch(epoch: number): void {
    if (epoch > this.#lastEpoch) this.#lastEpoch = epoch;
  }

  /** Whether no node owns a shard, and none may run one under a lease that has not ended. */
  get isVacant(): boolean {
    if (this.#owned > 0) return false;
    for (const { held } of this.#entries.values()) if (held !== undefined) return false;
    return true;
  }

  /** The current grant, whether confirmed or not. */
  grant(shard: number): TableGrant | undefined {
    const entry = this.#entries.get(shard);
    if (entry?.owner === undefined) return undefined;
    const { owner, epoch, phase } = entry;
    return { owner, epoch, phase, confirmed: phase !== "granted" };
  }

  /**
   * The epoch of the last grant before the one that was made here; 0: there is none, or it is not known. All
   * that a node has done with the shard before, it has done by that grant or an earlier one.
   */
  previousOf(shard: number): number {
    return this.#entries.get(shard)?.previous ?? 0;
  }

  /** The node that a shard was to move to, if it was moved on purpose. */
  targetOf(shard: number): string | undefined {
    return this.#entries.get(shard)?.target;
  }

  /**
   * Takes over a shard that a region has reported, unless a newer grant is known, ended or not: epochs
   * of a shard never go back.
   */
  adopt(shard: number, owner: string, epoch: number, stopping: boolean): boolean {
    this.raiseEpoch(epoch);
    const entry = this.#entry(shard);
    if (entry.epoch > epoch) return false;
    if (entry.owner !== undefined && entry.epoch === epoch && entry.owner !== owner) return false;
    this.used = true;
    // A later grant than that of the former owner was made when its lease had ended.
    entry.held = undefined;
    if (entry.owner === undefined) this.#owned++;
    const isNew = entry.owner !== owner || entry.epoch !== epoch || entry.phase === "granted";
    entry.owner = owner;
    entry.epoch = epoch;
    if (stopping || entry.phase !== "handingOff") {
      this.#phase(entry, stopping ? "handingOff" : "running");
    }
    if (isNew) this.changed.add(shard);
    return true;
  }

  /** Grants an unowned shard, with a new epoch. */
  allocate(shard: number, owner: string, now: number): ShardGrant {
    const entry = this.#entry(shard);
    this.used = true;
    if (entry.owner === undefined) this.#owned++;
    entry.owner = owner;
    entry.previous = entry.epoch;
    entry.epoch = ++this.#lastEpoch;
    entry.target = undefined;
    entry.orphaned = false;
    entry.sentAt = now;
    this.#phase(entry, "granted");
    return { owner, epoch: entry.epoch };
  }

  /** The owner runs the shard now. Returns the nodes that waited; undefined if that was known. */
  confirm(shard: number, owner: string, epoch: number): readonly string[] | undefined {
    const entry = this.#entries.get(shard);
    if (entry?.owner !== owner || entry.epoch !== epoch || entry.phase !== "granted") {
      return undefined;
    }
    this.#phase(entry, "running");
    this.changed.add(shard);
    return this.takeWaiters(shard);
  }

  /** The owner has to hand the shard off. False if the grant is not running. */
  handOff(shard: number, target: string | undefined, now: number): boolean {
    const entry = this.#entries.get(shard);
    if (entry?.owner === undefined || entry.phase !== "running") return false;
    entry.target = target;
    entry.sentAt = now;
    this.#phase(entry, "handingOff");
    return true;
  }

  /**
   * The owner runs no entities of the shard under that grant, and never will. False: that was
   * known.
   */
  free(shard: number, owner: string, epoch: number): boolean {
    const entry = this.#entries.get(shard);
    if (entry?.owner !== owner || entry.epoch !== epoch) return false;
    this.#orphan(entry);
    return true;
  }

  /** `node` waits for the location of the shard. */
  wait(shard: number, node: string): void {
    this.#entry(shard).waiters.add(node);
  }

  /** Takes out the nodes that wait. */
  takeWaiters(shard: number): readonly string[] {
    const waiters = this.#entries.get(shard)?.waiters;
    if (waiters === undefined || waiters.size === 0) return [];
    const list = [...waiters];
    waiters.clear();
    return list;
  }

  /** Whether a shard can be granted: it has no owner, and the lease of the last one has ended. */
  isFree(shard: number): boolean {
    const entry = this.#entries.get(shard);
    return entry === undefined || (entry.owner === undefined && entry.held === undefined);
  }

  /** Shards that can be granted, and are waited for or had an owner. */
  unowned(): number[] {
    const shards: number[] = [];
    for (const [shard, { owner, held, orphaned, waiters }] of this.#entries) {
      if (owner !== undefined || held !== undefined) continue;
      if (orphaned || waiters.size > 0) shards.push(shard);
    }
    return shards;
  }

  /** Up to `limit` shards that can be granted, whether anything waits for them or not. */
  vacant(limit: number): number[] {
    const shards: number[] = [];
    if (this.#owned === this.numShards) return shards;
    for (let shard = 0; shard < this.numShards && shards.length < limit; shard++) {
      if (this.isFree(shard)) shards.push(shard);
    }
    return shards;
  }

  /** Grants that are not running and were sent before `before`: they are to be sent again. */
  takeOverdue(before: number, now: number): (TableGrant & { readonly shard: number })[] {
    const overdue: (TableGrant & { readonly shard: number })[] = [];
    if (this.#busy === 0) return overdue;
    for (const [shard, entry] of this.#entries) {
      const { owner, epoch, phase, sentAt } = entry;
      if (owner === undefined || phase === "running" || sentAt > before) continue;
      entry.sentAt = now;
      overdue.push({ shard, owner, epoch, phase, confirmed: phase !== "granted" });
    }
    return overdue;
  }

  /**
   * A node owns these shards and no others; grants that it has not confirmed are under way. Answers
   * the shards that it has stopped.
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

  /** Whether a node owns shards, confirmed or not. */
  hasShardsOf(node: string): boolean {
    for (const { owner } of this.#entries.values()) if (owner === node) return true;
    return false;
  }

  /** The shards of a node have no owner any more, and are held until its lease has ended. */
  hold(node: string, holder: string): void {
    for (const entry of this.#entries.values()) {
      if (entry.owner !== node) continue;
      entry.unconfirmed = entry.phase === "granted";
      this.#orphan(entry);
      entry.held = holder;
    }
  }

  /**
   * A holder that may still run a shard claims it, and must not keep it: the shard is held until its
   * lease has ended, unless a later grant is known. Returns the owner of an older one, if there is one.
   *
   * Invariant: of several that claim a shard, only the one with the latest grant can hold a lease, so one
   * is enough (`docs/decisions/0016-leases-for-owners.md`, F).
   */
  claim(shard: number, holder: string, epoch: number): string | undefined {
    this.raiseEpoch(epoch);
    const entry = this.#entry(shard);
    if (epoch < entry.epoch || (epoch === entry.epoch && entry.owner !== undefined)) {
      return undefined;
    }
    const { owner } = entry;
    this.used = true;
    if (owner !== undefined) this.#orphan(entry);
    entry.epoch = epoch;
    entry.orphaned = true;
    entry.held = holder;
    entry.unconfirmed = false;
    return owner;
  }

  /** The lease of a holder has ended. Answers the shards that were held for it. */
  release(holder: string): number[] {
    return this.#release(holder, () => true);
  }

  /**
   * A holder has reported these shards, and has stopped the others. Answers those that were held for it.
   *
   * @param refusesGrants it takes no grant any more that it has not confirmed. Before, one that is on its
   * way may arrive after the report was sent, so its shard is held on.
   */
  releaseBut(holder: string, claimed: ReadonlySet<number>, refusesGrants: boolean): number[] {
    return this.#release(
      holder,
      (shard, { unconfirmed }) => !claimed.has(shard) && (refusesGrants || !unconfirmed),
    );
  }

  #release(holder: string, isStopped: (shard: number, entry: Entry) => boolean): number[] {
    const freed: number[] = [];
    for (const [shard, entry] of this.#entries) {
      if (entry.held !== holder || !isStopped(shard, entry)) continue;
      entry.held = undefined;
      freed.push(shard);
    }
    return freed;
  }

  /** Shards without a known owner may have had one that did not report them: they are granted soon. */
  orphanVacant(): void {
    if (!this.used) return;
    for (let shard = 0; shard < this.numShards; shard++) {
      const entry = this.#entry(shard);
      if (entry.owner === undefined) entry.orphaned = true;
    }
  }

  /** An epoch above all others, which no grant will have. */
  voidEpoch(): number {
    return ++this.#lastEpoch;
  }

  /** Forgets a node: its region, its shards, its waiting. Epochs stay. Answers its shards. */
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

  /** The shards of each node, including shards that move there. */
  shardsOf(nodes: Iterable<string>): Map<string, Set<number>> {
    const sets = new Map<string, Set<number>>();
    for (const node of nodes) sets.set(node, new Set());
    for (const [shard, { owner, target }] of this.#entries) {
      sets.get(target ?? owner ?? "")?.add(shard);
    }
    return sets;
  }

  /** All shards that have an owner, with their grants. */
  *grants(): IterableIterator<TableGrant & { readonly shard: number }> {
    for (const shard of this.#entries.keys()) {
      const grant = this.grant(shard);
      if (grant !== undefined) yield { shard, ...grant };
    }
  }

  #orphan(entry: Entry): void {
    this.#phase(entry, "running");
    this.#owned--;
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
        previous: 0,
        phase: "running",
        target: undefined,
        orphaned: false,
        held: undefined,
        unconfirmed: false,
        sentAt: 0,
        waiters: new Set(),
      };
      this.#entries.set(shard, entry);
    }
    return entry;
  }
}
