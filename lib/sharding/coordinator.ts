/**
 * The coordinator decides which node runs which shard. Every node has one; the leader's is at
 * work, the others sleep. It keeps nothing that the regions could not tell its successor: a new
 * leader first asks every member what it runs, and grants nothing before all have answered or are
 * gone. So a coordinator's death loses no grant and makes no second owner.
 *
 * Pure: `step` takes an event and gives effects. Each grant has its own epoch.
 *
 * @module
 */
import type { RegionReport } from "./protocol.ts";
import { ShardTable } from "./shard_table.ts";

/** What the coordinator needs to know of the cluster. Addresses are unique and sorted. */
export interface CoordinatorView {
  readonly self: string;
  readonly leader: string | undefined;
  /** Members that may own shards: up or on their way out, reachable or not. */
  readonly members: readonly string[];
  /** Members that may be granted new shards: up and reachable. */
  readonly candidates: readonly string[];
}

/** What happens to the coordinator. */
export type CoordinatorEvent =
  | { readonly type: "view"; readonly view: CoordinatorView }
  | { readonly type: "report"; readonly from: string; readonly regions: readonly RegionReport[] }
  | {
    readonly type: "locate";
    readonly from: string;
    readonly shardType: string;
    readonly numShards: number;
    readonly shard: number;
  }
  | {
    readonly type: "hosting";
    readonly from: string;
    readonly shardType: string;
    readonly shard: number;
    readonly epoch: number;
  }
  | { readonly type: "tick" };

/** What the coordinator wants done. `to` is a node's address. */
export type CoordinatorEffect =
  | { readonly type: "askReport"; readonly to: string }
  | {
    readonly type: "host";
    readonly to: string;
    readonly shardType: string;
    readonly shard: number;
    readonly epoch: number;
  }
  | {
    readonly type: "location";
    readonly to: string;
    readonly shardType: string;
    readonly shard: number;
    readonly owner: string;
    readonly epoch: number;
  }
  | {
    readonly type: "refused";
    readonly to: string;
    readonly shardType: string;
    readonly reason: string;
  };

/** How many shard types one coordinator keeps; reports of more are refused. */
export const maxShardTypes = 1_000;

/** See the module's text. */
export class Coordinator {
  #view: CoordinatorView | undefined;
  /** Members whose report a new leader still waits for. */
  readonly #awaiting = new Set<string>();
  /** Members that have reported since this node leads. */
  readonly #reported = new Set<string>();
  readonly #tables = new Map<string, ShardTable>();
  #effects: CoordinatorEffect[] = [];

  /** `asleep`: another node leads. `recovering`: reports are missing. `active`: grants shards. */
  get phase(): "asleep" | "recovering" | "active" {
    if (this.#view === undefined || this.#view.leader !== this.#view.self) return "asleep";
    return this.#awaiting.size > 0 ? "recovering" : "active";
  }

  /** The table of a shard type, for inspection. */
  table(shardType: string): ShardTable | undefined {
    return this.#tables.get(shardType);
  }

  /** Takes one event; answers what is to be done. */
  step(event: CoordinatorEvent): readonly CoordinatorEffect[] {
    this.#effects = [];
    if (event.type === "view") this.#onView(event.view);
    else if (this.phase !== "asleep") this.#onEvent(event);
    return this.#effects;
  }

  #onEvent(event: Exclude<CoordinatorEvent, { type: "view" }>): void {
    switch (event.type) {
      case "report":
        return this.#onReport(event.from, event.regions);
      case "locate":
        return this.#onLocate(event.from, event.shardType, event.numShards, event.shard);
      case "hosting":
        for (
          const to of this.#tables.get(event.shardType)
            ?.confirm(event.shard, event.from, event.epoch) ?? []
        ) this.#answer(to, event.shardType, event.shard);
        return;
      case "tick":
        return this.#onTick();
    }
  }

  #onView(view: CoordinatorView): void {
    const ledBefore = this.phase !== "asleep";
    this.#view = view;
    if (view.leader !== view.self) {
      this.#awaiting.clear();
      this.#reported.clear();
      this.#tables.clear();
      return;
    }
    const present = new Set(view.members);
    for (const node of this.#known()) {
      if (present.has(node)) continue;
      this.#awaiting.delete(node);
      this.#reported.delete(node);
      for (const table of this.#tables.values()) table.drop(node);
    }
    for (const node of view.members) {
      if (this.#reported.has(node) || this.#awaiting.has(node)) continue;
      // Who joins later runs nothing yet: its report adds a region and is not waited for.
      if (!ledBefore) this.#awaiting.add(node);
      this.#effects.push({ type: "askReport", to: node });
    }
    this.#grantWaiting();
  }

  #onReport(from: string, regions: readonly RegionReport[]): void {
    if (!this.#view!.members.includes(from)) return;
    this.#reported.add(from);
    // A report is the whole truth about its sender: what it does not name, it has given up.
    const named = new Map(regions.map((region) => [region.shardType, region]));
    for (const [shardType, table] of this.#tables) {
      const region = named.get(shardType);
      if (region === undefined) table.drop(from);
      else table.retain(from, new Set(region.shards.map(([shard]) => shard)));
    }
    for (const region of regions) this.#adoptRegion(from, region);
    this.#awaiting.delete(from);
    this.#grantWaiting();
  }

  #adoptRegion(from: string, report: RegionReport): void {
    const table = this.#tableFor(from, report.shardType, report.numShards);
    if (table === undefined) return;
    table.regions.add(from);
    table.raiseEpoch(report.lastEpoch);
    for (const [shard, epoch] of report.shards) {
      if (shard >= table.numShards) continue;
      // A refused claim is answered with the newer grant, which makes the claimant stop.
      if (!table.adopt(shard, from, epoch)) this.#answer(from, report.shardType, shard);
      for (const to of table.takeWaiters(shard)) this.#answer(to, report.shardType, shard);
    }
  }

  #onLocate(from: string, shardType: string, numShards: number, shard: number): void {
    // A type that no region has reported is not made up here: whoever asks, asks again.
    if (!this.#tables.has(shardType)) return;
    const table = this.#tableFor(from, shardType, numShards);
    if (table === undefined || shard >= table.numShards) return;
    if (table.grant(shard)?.confirmed) return this.#answer(from, shardType, shard);
    table.wait(shard, from);
    if (this.phase === "active") this.#grant(shardType, table, shard);
  }

  #onTick(): void {
    for (const node of this.#view!.members) {
      if (!this.#reported.has(node)) this.#effects.push({ type: "askReport", to: node });
    }
    for (const [shardType, table] of this.#tables) {
      for (const { shard, owner, epoch } of table.unconfirmed()) {
        this.#effects.push({ type: "host", to: owner, shardType, shard, epoch });
      }
    }
    this.#grantWaiting();
  }

  #grantWaiting(): void {
    if (this.phase !== "active") return;
    for (const [shardType, table] of this.#tables) {
      for (const shard of [...table.unowned()]) this.#grant(shardType, table, shard);
    }
  }

  #grant(shardType: string, table: ShardTable, shard: number): void {
    if (table.grant(shard) !== undefined) return;
    const candidates = this.#view!.candidates.filter((node) => table.regions.has(node));
    const grant = table.allocate(shard, candidates);
    if (grant === undefined) return;
    this.#effects.push({ type: "host", to: grant.owner, shardType, shard, epoch: grant.epoch });
  }

  #answer(to: string, shardType: string, shard: number): void {
    const grant = this.#tables.get(shardType)?.grant(shard);
    if (grant === undefined) return;
    const { owner, epoch } = grant;
    this.#effects.push({ type: "location", to, shardType, shard, owner, epoch });
  }

  #tableFor(from: string, shardType: string, numShards: number): ShardTable | undefined {
    let table = this.#tables.get(shardType);
    if (table === undefined && this.#tables.size < maxShardTypes) {
      table = new ShardTable(numShards);
      this.#tables.set(shardType, table);
    }
    if (table?.numShards === numShards) return table;
    const reason = table === undefined
      ? `the cluster has ${maxShardTypes} shard types already`
      : `"${shardType}" has ${table.numShards} shards in this cluster, not ${numShards}; ` +
        `use the same numShards everywhere`;
    this.#effects.push({ type: "refused", to: from, shardType, reason });
    return undefined;
  }

  *#known(): IterableIterator<string> {
    yield* [...this.#awaiting];
    yield* [...this.#reported];
  }
}
