/**
 * The coordinator decides which node runs which shard. Every node has one; the leader's is at
 * work, the others sleep. It keeps nothing that the regions could not tell its successor: a new
 * leader first has every member promise itself to a new term and tell what it runs, and grants
 * nothing before all have answered or are gone. So a coordinator's death loses no grant and makes no
 * second owner, and one that was deposed without knowing can change nothing.
 *
 * Pure: `step` takes an event and gives effects. Each grant has its own epoch, each shard type its
 * own table.
 *
 * @module
 */
import { type AllocationNode, type AllocationStrategy, leastShards } from "./allocation.ts";
import type { CoordinatorEffect, CoordinatorEvent } from "./coordinator_event.ts";
import { type CoordinatorTiming, defaultCoordinatorTiming } from "./coordinator_timing.ts";
import type { CoordinatorView, ViewMember } from "./coordinator_view.ts";
import { type CoordinatedNode, maxShardTypes } from "./coordinated_node.ts";
import type { RegionReport, ReportMessage } from "../routing/protocol.ts";
import { ShardTable } from "./shard_table.ts";
import { takeShardTableDelta } from "./shard_table_delta.ts";
import { compareStamps, compareTerms, noTerm, type Stamp, type Term } from "../routing/term.ts";
import { rules } from "../../runtime/rules.ts";

/** Grants that a coordinator can make before it meets the numbers of the next term: 2^26. */
const epochsPerTerm = 67_108_864;

/** See the module's text. */
export class Coordinator {
  readonly #timing: CoordinatorTiming;
  readonly #strategies = new Map<string, AllocationStrategy>();
  readonly #tables = new Map<string, ShardTable>();
  readonly #nodes = new Map<string, CoordinatedNode>();
  /** Members whose report a new leader still waits for. */
  readonly #awaiting = new Set<string>();
  #view: CoordinatorView | undefined;
  #term: Term = noTerm;
  /** The highest term that was heard of. */
  #heard = 0;
  #now = 0;
  #shape = "";
  /** Since when the same nodes can own shards. */
  #calmSince = 0;
  #effects: CoordinatorEffect[] = [];

  /** Sleeps. */
  constructor(timing: Partial<CoordinatorTiming> = {}) {
    this.#timing = { ...defaultCoordinatorTiming, ...timing };
  }

  /** `asleep`: another node leads. `recovering`: reports are missing. `active`: grants shards. */
  get phase(): "asleep" | "recovering" | "active" {
    if (this.#view === undefined || this.#view.leader !== this.#view.self) return "asleep";
    return this.#awaiting.size > 0 && rules.coordinatorAwaitsReports ? "recovering" : "active";
  }

  /** The table of a shard type, for inspection. */
  table(shardType: string): ShardTable | undefined {
    return this.#tables.get(shardType);
  }

  /** Says where shards of a type go. Default {@linkcode leastShards}. */
  setStrategy(shardType: string, strategy: AllocationStrategy): void {
    this.#strategies.set(shardType, strategy);
  }

  /** Takes one event; answers what is to be done. */
  step(event: CoordinatorEvent, now: number): readonly CoordinatorEffect[] {
    this.#effects = [];
    this.#now = now;
    if (event.type === "view") this.#onView(event.view);
    else if (event.type === "outdatedTerm") this.#onOutdated(event.term);
    else if (this.phase !== "asleep") this.#onEvent(event);
    return this.#effects;
  }

  #onEvent(event: Exclude<CoordinatorEvent, { type: "view" | "outdatedTerm" }>): void {
    switch (event.type) {
      case "shardReport":
        return this.#onReport(event.from, event);
      case "locate":
        return this.#onLocate(event.from, event.shardType, event.numShards, event.shard);
      case "started":
      case "stopped": {
        if (!this.#takeStamp(event.from, event.stamp)) return;
        const table = this.#tables.get(event.shardType);
        if (table === undefined) return;
        const { from, shardType, shard, epoch } = event;
        if (event.type === "started") this.#confirm(shardType, table, shard, from, epoch);
        else if (table.free(shard, from, epoch)) this.#onFreed(shardType, [shard], from, "stopped");
        return this.#grantWaiting(shardType, table);
      }
      case "tick":
        return this.#onTick();
    }
  }

  #onView(view: CoordinatorView): void {
    const ledBefore = this.phase !== "asleep";
    this.#view = view;
    if (view.leader !== view.self) {
      this.#awaiting.clear();
      this.#nodes.clear();
      this.#tables.clear();
      return;
    }
    if (!ledBefore) this.#begin();
    this.#retainNodes(view.members);
    for (const member of view.members) this.#meet(member, !ledBefore);
    if (view.converged) { for (const node of this.#nodes.values()) node.settled = true; }
    this.#noteShape();
    this.#grantAllWaiting();
  }

  /** A new term: what ran under an earlier one is heard from the nodes. */
  #begin(): void {
    this.#heard = Math.max(this.#heard, this.#term[0]) + 1;
    this.#term = [this.#heard, this.#view!.self];
    for (const [shardType, { numShards, lastEpoch }] of [...this.#tables]) {
      this.#tables.set(shardType, new ShardTable(numShards, Math.max(lastEpoch, this.#floor)));
    }
    for (const node of this.#nodes.values()) node.reported = false;
    for (const address of this.#nodes.keys()) this.#awaiting.add(address);
  }

  /**
   * What epochs of this term begin above: a deposed coordinator may have made grants that its
   * successor cannot hear of, and theirs must differ, the later above the earlier.
   */
  get #floor(): number {
    return (this.#term[0] - 1) * epochsPerTerm;
  }

  #retainNodes(members: readonly ViewMember[]): void {
    const lives = new Map(members.map(({ address, incarnation }) => [address, incarnation]));
    for (const [address, { incarnation }] of this.#nodes) {
      if (lives.get(address) === incarnation) continue;
      this.#nodes.delete(address);
      this.#awaiting.delete(address);
      for (const [shardType, table] of this.#tables) {
        this.#onFreed(shardType, table.drop(address), address, "ownerGone");
      }
    }
  }

  #meet({ address, incarnation }: ViewMember, wait: boolean): void {
    if (this.#nodes.has(address)) return;
    this.#nodes.set(address, {
      incarnation,
      reported: false,
      settled: false,
      retiring: false,
      stamp: [incarnation, 0],
    });
    // Who joins later runs nothing yet: its report adds a region and is not waited for.
    if (wait) this.#awaiting.add(address);
    this.#effects.push({ type: "requestReport", to: address, term: this.#term });
  }

  /** Calm begins anew when another set of nodes can own shards. */
  #noteShape(): void {
    const able: string[] = [];
    for (const { address, eligible } of this.#view!.members) {
      const node = this.#nodes.get(address);
      if (eligible && node?.reported && !node.retiring) able.push(address);
    }
    const shape = able.join();
    if (shape === this.#shape) return;
    this.#shape = shape;
    this.#calmSince = this.#now;
  }

  #takeStamp(from: string, stamp: Stamp): boolean {
    const node = this.#nodes.get(from);
    if (node === undefined || stamp[0] !== node.incarnation) return false;
    // Confirmations name an epoch, so an old one does no harm; reports are looked at more closely.
    if (compareStamps(stamp, node.stamp) > 0) node.stamp = stamp;
    return true;
  }

  /** There is another term: this one must have a higher number. */
  #onOutdated(term: Term): void {
    this.#heard = Math.max(this.#heard, term[0]);
    if (this.phase === "asleep" || term[0] < this.#term[0]) return;
    if (compareTerms(term, this.#term) === 0) return;
    this.#begin();
    for (const to of this.#nodes.keys()) {
      this.#effects.push({ type: "requestReport", to, term: this.#term });
    }
  }

  #onReport(from: string, { term, stamp, retiring, regions }: ReportMessage): void {
    const node = this.#nodes.get(from);
    if (node === undefined || stamp[0] !== node.incarnation) return;
    if (compareTerms(term, this.#term) !== 0) {
      if (compareTerms(term, this.#term) > 0) return this.#onOutdated(term);
      return void this.#effects.push({ type: "requestReport", to: from, term: this.#term });
    }
    // What was said before something that is known already is not the whole truth any more.
    if (compareStamps(stamp, node.stamp) < 0) return;
    node.stamp = stamp;
    node.reported = true;
    node.retiring = retiring;
    this.#awaiting.delete(from);
    this.#noteShape();
    // A report is the whole truth about its sender: what it does not name, it has given up.
    const named = new Map(regions.map((region) => [region.shardType, region]));
    for (const [shardType, table] of this.#tables) {
      const region = named.get(shardType);
      const gone = region === undefined
        ? table.drop(from)
        : table.retain(from, new Set(region.shards.map(([shard]) => shard)));
      this.#onFreed(shardType, gone, from, "stopped");
    }
    for (const region of regions) this.#adoptRegion(from, region);
    this.#grantAllWaiting();
  }

  #adoptRegion(from: string, { shardType, numShards, shards, lastEpoch }: RegionReport): void {
    const table = this.#tableFor(from, shardType, numShards);
    if (table === undefined) return;
    if (!table.regions.has(from)) table.newcomers.add(from);
    table.regions.add(from);
    table.raiseEpoch(lastEpoch);
    for (const [shard, epoch, stopping] of shards) {
      if (shard >= table.numShards) continue;
      if (!table.adopt(shard, from, epoch, stopping === 1)) {
        // A refused claim is answered with the newer grant, which makes the claimant stop at once.
        this.#answer(from, shardType, table, shard);
        this.#effects.push({
          type: "handOff",
          to: from,
          term: this.#term,
          shardType,
          shard,
          epoch,
        });
        continue;
      }
      if (stopping === 0) this.#answerWaiters(shardType, table, shard);
    }
  }

  #onLocate(from: string, shardType: string, numShards: number, shard: number): void {
    // A type that no region has reported is not made up here: whoever asks, asks again.
    if (!this.#tables.has(shardType)) return;
    const table = this.#tableFor(from, shardType, numShards);
    if (table === undefined || shard >= table.numShards) return;
    if (table.grant(shard)?.phase === "running") return this.#answer(from, shardType, table, shard);
    table.wait(shard, from);
    this.#grant(shardType, table, shard);
  }

  #confirm(shardType: string, table: ShardTable, shard: number, from: string, epoch: number): void {
    const waiters = table.confirm(shard, from, epoch);
    if (waiters === undefined) return;
    for (const to of waiters) this.#answer(to, shardType, table, shard);
    this.#effects.push({
      type: "event",
      event: { type: "shardAllocated", shardType, shard, owner: from, epoch },
    });
  }

  #onTick(): void {
    for (const [to, { reported }] of this.#nodes) {
      if (!reported) this.#effects.push({ type: "requestReport", to, term: this.#term });
    }
    for (const [shardType, table] of this.#tables) {
      const { retryInterval } = this.#timing;
      for (const grant of table.takeOverdue(this.#now - retryInterval, this.#now)) {
        const { shard, owner: to, epoch, phase } = grant;
        if (phase === "granted") this.#host(to, shardType, shard, epoch);
        else this.#effects.push({ type: "handOff", to, term: this.#term, shardType, shard, epoch });
      }
      this.#grantWaiting(shardType, table);
      if (this.phase !== "active") continue;
      this.#rebalance(shardType, table);
      this.#effects.push(...takeShardTableDelta(shardType, table));
    }
  }

  /** Moves some shards, when nothing else moves and the nodes are the same for a while. */
  #rebalance(shardType: string, table: ShardTable): void {
    const since = Math.max(this.#calmSince, table.balancedAt);
    if (table.busy > 0 || this.#now - since < this.#timing.rebalanceInterval) return;
    table.balancedAt = this.#now;
    // While a new version is rolled out, what moves now would have to move again.
    if (new Set(this.#view!.members.map(({ appVersion }) => appVersion)).size > 1) return;
    const limit = Math.max(1, Math.floor(table.numShards * this.#timing.rebalanceShare));
    const nodes = this.#candidates(table);
    let moves = this.#ask(shardType, (strategy) => strategy.rebalance?.(nodes, limit)) ?? [];
    moves = moves.filter(({ to }) => nodes.some(({ address }) => address === to));
    for (const { shard, to } of moves.slice(0, limit)) {
      const grant = table.grant(shard);
      if (grant?.owner === to) continue;
      this.#handOff(shardType, table, shard, to);
    }
  }

  #handOff(shardType: string, table: ShardTable, shard: number, to: string): void {
    if (!table.handOff(shard, to, this.#now)) return;
    const { owner, epoch } = table.grant(shard)!;
    // Whatever reaches the owner meanwhile waits there: it wants to know first.
    table.wait(shard, owner);
    this.#effects.push({ type: "handOff", to: owner, term: this.#term, shardType, shard, epoch }, {
      type: "event",
      event: { type: "shardHandOffStarted", shardType, shard, from: owner, epoch },
    });
  }

  #onFreed(
    shardType: string,
    shards: readonly number[],
    from: string,
    reason: "stopped" | "ownerGone",
  ): void {
    for (const shard of shards) {
      this.#effects.push({
        type: "event",
        event: { type: "shardFreed", shardType, shard, from, reason },
      });
    }
  }

  #grantAllWaiting(): void {
    for (const [shardType, table] of this.#tables) this.#grantWaiting(shardType, table);
  }

  #grantWaiting(shardType: string, table: ShardTable): void {
    if (this.phase !== "active") return;
    for (const shard of table.unowned()) this.#grant(shardType, table, shard);
  }

  #grant(shardType: string, table: ShardTable, shard: number): void {
    if (this.phase !== "active" || table.grant(shard) !== undefined) return;
    const nodes = this.#candidates(table);
    if (nodes.length === 0) return;
    const able = (address: string | undefined) =>
      address !== undefined && nodes.some((node) => node.address === address);
    let owner = table.targetOf(shard);
    if (!able(owner)) {
      owner = this.#ask(shardType, (strategy) => strategy.allocate(shard, nodes));
    }
    if (!able(owner)) owner = leastShards().allocate(shard, nodes);
    const { epoch } = table.allocate(shard, owner!, this.#now);
    this.#host(owner!, shardType, shard, epoch);
  }

  /** Names the incarnation that is meant: an order that comes late must not reach the next one. */
  #host(to: string, shardType: string, shard: number, epoch: number): void {
    const incarnation = this.#nodes.get(to)?.incarnation ?? 0;
    this.#effects.push({
      type: "startShard",
      to,
      term: this.#term,
      incarnation,
      shardType,
      shard,
      epoch,
    });
  }

  /** Nodes that may be given shards of a type. */
  #candidates(table: ShardTable): AllocationNode[] {
    const able = this.#view!.members.filter(({ address, eligible }) => {
      const node = this.#nodes.get(address);
      return eligible && node?.reported && node.settled && !node.retiring &&
        table.regions.has(address);
    });
    const shards = table.shardsOf(able.map(({ address }) => address));
    return able.map(({ address, roles }) => ({ address, roles, shards: shards.get(address)! }));
  }

  /** A user's function that fails must not keep shards from being granted. */
  #ask<T>(shardType: string, question: (strategy: AllocationStrategy) => T): T | undefined {
    try {
      return question(this.#strategies.get(shardType) ?? leastShards());
    } catch (error) {
      this.#effects.push({ type: "strategyFailed", shardType, error });
      return undefined;
    }
  }

  #answerWaiters(shardType: string, table: ShardTable, shard: number): void {
    for (const to of table.takeWaiters(shard)) this.#answer(to, shardType, table, shard);
  }

  #answer(to: string, shardType: string, table: ShardTable, shard: number): void {
    const grant = table.grant(shard);
    if (grant === undefined) return;
    const { owner, epoch } = grant;
    this.#effects.push({ type: "location", to, shardType, shard, owner, epoch });
  }

  #tableFor(from: string, shardType: string, numShards: number): ShardTable | undefined {
    let table = this.#tables.get(shardType);
    if (table === undefined && this.#tables.size < maxShardTypes) {
      table = new ShardTable(numShards, this.#floor);
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
}
