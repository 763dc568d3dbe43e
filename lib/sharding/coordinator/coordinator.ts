/**
 * The coordinator decides which node owns which shard. Every node has one; the leader's is active,
 * the others are idle. All its state can be rebuilt from the reports of the regions: a new leader
 * first requests that every member acknowledge a new term and report its shards, and grants no
 * shard before all have reported or hold no lease any more. So the crash of a coordinator loses no
 * grant and creates no second owner, and a deposed coordinator that does not know it can change
 * nothing.
 *
 * What makes a grant safe: every member that could own the shard has acknowledged this term and
 * reported, or its lease has ended, so no older owner is overlooked; and the new owner is up, so every
 * later leader has it in its view, as joining at least, and awaits its report. Convergence of the view
 * adds nothing to that (`docs/decisions/0014-grants-without-convergence.md`). A quorum of the voters
 * must have acknowledged the term, too (`docs/decisions/0016-leases-for-owners.md`).
 *
 * Pure: `step` takes an event and gives effects. Each grant has its own epoch, each shard type its
 * own table.
 *
 * @module
 */
import { type AllocationNode, type AllocationStrategy, leastShards } from "./allocation.ts";
import { CoordinatedLeases } from "./coordinated_leases.ts";
import { CoordinatedNodes } from "./coordinated_nodes.ts";
import type { CoordinatorEffect, CoordinatorEvent } from "./coordinator_event.ts";
import type { CoordinatorView } from "./coordinator_view.ts";
import type { RegionReport, ReportMessage } from "./coordination_protocol.ts";
import { type HolderId, holderKey, type LeaseConfig } from "../lease/lease_config.ts";
import type { LeaseProposal } from "../lease/lease_configuration.ts";
import type { ShardMove } from "../shard_replicator.ts";
import { ShardTable } from "./shard_table.ts";
import { takeShardTableDelta } from "./shard_table_delta.ts";
import { TypeAgreement } from "./type_options.ts";
import { maxKnownTypes, otherNumber } from "../routing/protocol.ts";
import { epochBefore, epochsPerTerm, termCountOf } from "../routing/epoch.ts";
import {
  compareTerms,
  isPlausibleTerm,
  nextTermCount,
  noTerm,
  sameTerm,
  type Term,
} from "../routing/term.ts";
import { rules } from "../../runtime/rules.ts";

/** Intervals and timeouts of the coordinator. Times are milliseconds. */
export interface CoordinatorTiming {
  /** After which a grant or hand-off that was not confirmed is repeated. Default 500. */
  readonly retryInterval: number;
  /**
   * Between two rounds of rebalancing, and between a change of the nodes and the first round. Default
   * 10 000.
   */
  readonly rebalanceInterval: number;
  /** The part of all shards of a type that one round moves, at least one. Default 0.1. */
  readonly rebalanceShare: number;
  /**
   * How long the first grant of a type waits for members that have no region of it yet, so that the
   * first node does not get all shards. Default 1 000.
   */
  readonly formationWait: number;
  /**
   * How many grants of one type may be unconfirmed while shards are granted that nobody has requested
   * yet; 0: only requested shards are granted. Default 128.
   */
  readonly eagerGrants: number;
  /**
   * How long the nodes must have been the same before such shards are granted: while a cluster forms,
   * the first nodes would get all shards, which would move again soon. Default 5 000.
   */
  readonly eagerWait: number;
}

const defaultTiming: CoordinatorTiming = {
  retryInterval: 500,
  rebalanceInterval: 10_000,
  rebalanceShare: 0.1,
  formationWait: 1_000,
  eagerGrants: 128,
  eagerWait: 5_000,
};

/** How many shard types one coordinator keeps; reports of more are rejected. */
const maxShardTypes = 1_000;

/** See the module's text. */
export class Coordinator {
  readonly #timing: CoordinatorTiming;
  readonly #strategies = new Map<string, AllocationStrategy>();
  readonly #tables = new Map<string, ShardTable>();
  readonly #agreement = new TypeAgreement();
  readonly #nodes = new CoordinatedNodes();
  readonly #leases = new CoordinatedLeases();
  #view: CoordinatorView | undefined;
  #term: Term = noTerm;
  /** The highest number of a term that was seen. */
  #highestTerm = 0;
  #now = 0;
  #wallTime = 0;
  /** Whether the last review has found it active; only then are grants made. */
  #wasActive = false;
  /** It was active in this term, so holders were admitted. */
  #hasAdmitted = false;
  #effects: CoordinatorEffect[] = [];

  /** Idle until a view says that this node leads. */
  constructor(timing: Partial<CoordinatorTiming> = {}) {
    this.#timing = { ...defaultTiming, ...timing };
  }

  /** `idle`: another node leads. `recovering`: reports are missing. `active`: grants shards. */
  get phase(): "idle" | "recovering" | "active" {
    if (this.#view === undefined || this.#view.leader !== this.#view.self) return "idle";
    if (!this.#leases.established || this.#leases.unaccounted(this.#now).length > 0) {
      return "recovering";
    }
    return this.#nodes.awaitsReports && rules.coordinatorAwaitsReports ? "recovering" : "active";
  }

  /** When the coordinator has something to do although nothing happens, on the clock of `step`. */
  get nextDeadline(): number | undefined {
    return this.phase === "idle" ? undefined : this.#leases.nextDeadline(this.#now);
  }

  /** What keeps shards from being granted, in sentences; empty: nothing does. */
  explain(): readonly string[] {
    if (this.phase === "idle") return [];
    const lines: string[] = [];
    const names = (ids: Iterable<{ readonly address: string }>) =>
      Array.from(ids, ({ address }) => address).join(", ");
    const votes = names(this.#leases.missingVotes());
    if (!this.#leases.established && votes !== "") {
      lines.push(
        `it grants no shard before a majority of the voters has answered; missing: ${votes}`,
      );
    }
    const awaited = [...this.#nodes.awaited()].join(", ");
    if (awaited !== "") {
      lines.push(`it grants no shard before all members have reported theirs; missing: ${awaited}`);
    }
    const live = names(this.#leases.unaccounted(this.#now));
    if (live !== "") lines.push(`it waits for reports of nodes that may hold a lease: ${live}`);
    const ending = names(this.#leases.ending());
    if (ending !== "") {
      lines.push(`shards of lost nodes are granted anew when their leases have ended: ${ending}`);
    }
    lines.push(...this.#agreement.explain());
    return lines;
  }

  /** Whether all members leave, none owns a shard any more, and only this one has a vote still. */
  get isLast(): boolean {
    if (this.phase !== "active") return false;
    const { self, members } = this.#view!;
    if (members.some(({ address, full }) => full && !this.#nodes.isRetiring(address))) return false;
    for (const { owned } of this.#tables.values()) if (owned > 0) return false;
    return this.#leases.isOnlyVoter(self);
  }

  /** The table of a shard type, for inspection. */
  table(shardType: string): ShardTable | undefined {
    return this.#tables.get(shardType);
  }

  /** The shard types that nodes have reported, for inspection. */
  get shardTypes(): readonly string[] {
    return [...this.#tables.keys()];
  }

  /** The highest number of a term that was seen. */
  get highestTerm(): number {
    return Math.max(this.#highestTerm, this.#term[0]);
  }

  /** The incarnation of a member, as this coordinator knows it; 0 if it is none. */
  incarnationOf(address: string): number {
    return this.#nodes.incarnationOf(address);
  }

  /** Decides where shards of a type go. Default {@linkcode leastShards}. */
  setStrategy(shardType: string, strategy: AllocationStrategy): void {
    this.#strategies.set(shardType, strategy);
  }

  /**
   * Handles one event.
   *
   * @param wallTime milliseconds since the Unix epoch, so that terms grow across restarts of all nodes.
   */
  step(event: CoordinatorEvent, now: number, wallTime = 0): readonly CoordinatorEffect[] {
    this.#effects = [];
    this.#now = now;
    this.#wallTime = wallTime;
    if (event.type === "view") this.#onView(event.view);
    else if (event.type === "outdatedTerm") this.#onOutdated(event.term);
    else if (event.type === "released") this.#leases.release(event.holder, now);
    else if (this.phase !== "idle") this.#onEvent(event);
    if (this.phase !== "idle") this.#reviewLeases();
    return this.#effects;
  }

  #onEvent(event: Exclude<CoordinatorEvent, { type: "view" | "outdatedTerm" | "released" }>): void {
    switch (event.type) {
      case "shardReport":
        return this.#onReport(event.from, event);
      case "leasesAdopted": {
        const { from: address, incarnation, version, holders } = event;
        return this.#leases.onAdopted({ address, incarnation }, version, holders, this.#now);
      }
      case "locate":
        return this.#onLocate(event.from, event.shardType, event.numShards, event.shard);
      case "started":
      case "stopped": {
        if (!this.#nodes.confirmed(event.from, event.stamp)) return;
        const table = this.#tables.get(event.shardType);
        if (table === undefined) return;
        const { from, shardType, shard, epoch } = event;
        if (event.type === "started") this.#confirm(shardType, table, shard, from, epoch);
        else if (table.free(shard, from, epoch)) this.#onFreed(shardType, [shard], from, "stopped");
        return this.#grantWaiting(shardType, table);
      }
      case "moveShard":
        return this.#onMoveShard(event);
      case "balance": {
        const table = this.#tables.get(event.shardType);
        if (table !== undefined && this.phase === "active") this.#moveSome(event.shardType, table);
        return;
      }
      case "tick":
        return this.#onTick();
      case "wake": // Leases are reviewed with each event.
        return;
    }
  }

  #onView(view: CoordinatorView): void {
    const ledBefore = this.phase !== "idle";
    this.#view = view;
    this.#leases.onView(view, this.#now);
    if (view.leader !== view.self) {
      this.#nodes.clear();
      this.#tables.clear();
      this.#agreement.clear();
      this.#leases.end();
      return;
    }
    if (!ledBefore) this.#beginTerm();
    for (const { id, reported } of this.#nodes.retain(view.members)) this.#onGone(id, reported);
    for (const member of view.members) {
      // A member that joins later owns nothing yet: its report is not awaited.
      const awaited = !ledBefore && (!member.joining || rules.joiningMembersReport);
      if (this.#nodes.add(member, awaited)) this.#requestReport(member.address);
    }
    this.#nodes.noteAble(view.members, this.#now);
    this.#grantAllWaiting();
  }

  /** A member is gone, or has a new incarnation: what it owned waits for the end of its lease. */
  #onGone(id: HolderId, reported: boolean): void {
    const { address } = id;
    if (!reported || this.#hasShards(address)) this.#leases.exclude(id);
    this.#holdShards(id);
    this.#agreement.forget(address);
    for (const table of this.#tables.values()) table.drop(address);
  }

  /** What a node owns is held until its lease has ended. */
  #holdShards(id: HolderId): void {
    for (const table of this.#tables.values()) table.hold(id.address, holderKey(id));
  }

  #hasEnded(id: HolderId): boolean {
    return this.#leases.hasEnded(id, this.#now);
  }

  #hasShards(address: string): boolean {
    for (const table of this.#tables.values()) if (table.hasShardsOf(address)) return true;
    return false;
  }

  /** Excludes lost owners, frees shards whose leases have ended, and admits holders. */
  #reviewLeases(): void {
    const mayOwn = ({ address, incarnation }: HolderId) =>
      this.#hasShards(address) ||
      !(this.#nodes.hasReported(address) || this.#hasEnded({ address, incarnation }));
    const wereEstablished = this.#leases.established;
    if (!this.#nodes.awaitsReports) this.#leases.foundWithoutFounder(this.#now);
    const { excluded, messages } = this.#leases.review(this.#nodes, mayOwn, this.#now);
    for (const id of excluded) {
      // A later incarnation at the address has its own shards.
      if (this.#nodes.incarnationOf(id.address) === id.incarnation) this.#holdShards(id);
    }
    this.#send(messages);
    if (!wereEstablished && this.#leases.established) this.#holdOfExcluded();
    const ended = this.#leases.takeEnded(this.#now);
    for (const id of ended) {
      const hasReported = this.#leases.hasReported(id);
      this.#nodes.excuse(id);
      for (const [shardType, table] of this.#tables) {
        if (!hasReported) table.orphanVacant();
        this.#onFreed(shardType, table.release(holderKey(id)), id.address, "ownerGone");
      }
    }
    const isActive = this.phase === "active";
    const becameActive = isActive && !this.#wasActive;
    this.#wasActive = isActive;
    if (becameActive) this.#activate();
    if (becameActive || ended.length > 0) this.#grantAllWaiting();
  }

  /** All reports are in: those whose claims have lost are excluded before the others are admitted. */
  #activate(): void {
    for (const id of this.#nodes.conflicting()) this.#leases.exclude(id);
    this.#hasAdmitted = true;
    this.#leases.activate();
    for (const { address } of this.#nodes.settled()) this.#admit(address);
    this.#propose();
  }

  /** Holders that an earlier coordinator has excluded get nothing back that they claim. */
  #holdOfExcluded(): void {
    for (const { address, incarnation } of this.#view!.members) {
      const id = { address, incarnation };
      if (!this.#leases.isExcludedBefore(id) || !this.#hasShards(address)) continue;
      this.#holdShards(id);
      this.#nodes.noteConflicts(address, true);
    }
  }

  /** Sends what the configuration proposes now. */
  #propose(): void {
    this.#send(this.#leases.step(this.#now));
  }

  #send(proposals: readonly LeaseProposal[]): void {
    for (const { to, config, holders } of proposals) {
      this.#effects.push({ type: "adoptLeases", to: to.address, config, holders });
    }
  }

  /** The holder has reported in this term, so it may hold a lease, unless it is excluded. */
  #admit(to: string): void {
    const config = this.#leases.proposed;
    if (config === undefined) return;
    this.#effects.push({ type: "admitHolder", to, term: this.#term, config });
  }

  /** A new term: the nodes report the shards that they own under earlier terms. */
  #beginTerm(): void {
    this.#highestTerm = nextTermCount(Math.max(this.#highestTerm, this.#term[0]), this.#wallTime);
    this.#term = [this.#highestTerm, this.#view!.self];
    const { self, members } = this.#view!;
    const incarnation = members.find(({ address }) => address === self)?.incarnation ?? 0;
    this.#leases.begin({ address: self, incarnation }, this.#term);
    this.#wasActive = this.#hasAdmitted = false;
    for (const [shardType, { numShards, lastEpoch }] of [...this.#tables]) {
      this.#tables.set(shardType, this.#newTable(numShards, lastEpoch));
    }
    this.#nodes.awaitAll();
  }

  #newTable(numShards: number, lastEpoch = 0): ShardTable {
    return new ShardTable(numShards, Math.max(lastEpoch, epochBefore(this.#term)), this.#now);
  }

  #requestReport(to: string): void {
    this.#effects.push({ type: "requestReport", to, term: this.#term });
  }

  /** Another term was acknowledged somewhere: this one must have a higher number. */
  #onOutdated(term: Term): void {
    if (!isPlausibleTerm(term, this.#highestTerm, this.#wallTime)) return;
    this.#highestTerm = Math.max(this.#highestTerm, term[0]);
    if (this.phase === "idle" || term[0] < this.#term[0]) return;
    if (sameTerm(term, this.#term)) return;
    this.#renewTerm();
  }

  #renewTerm(): void {
    this.#beginTerm();
    for (const to of this.#nodes.addresses()) this.#requestReport(to);
  }

  #onReport(from: string, report: ReportMessage): void {
    const { term, stamp, retiring, regions, config, holders } = report;
    if (!this.#nodes.isCurrent(from, stamp)) return;
    if (!sameTerm(term, this.#term)) {
      if (compareTerms(term, this.#term) > 0) return this.#onOutdated(term);
      return this.#requestReport(from);
    }
    if (!this.#nodes.reported(from, stamp, retiring)) return;
    this.#nodes.noteAble(this.#view!.members, this.#now);
    const id = { address: from, incarnation: stamp[0] };
    this.#leases.onReport(id, config, holders, this.#now);
    // A report is complete: its sender has stopped all shards that it does not name.
    const named = new Map(regions.map((region) => [region.shardType, region]));
    for (const [shardType, table] of this.#tables) {
      const region = named.get(shardType);
      const gone = region === undefined
        ? table.drop(from)
        : table.retain(from, new Set(region.shards.map(([shard]) => shard)));
      this.#onFreed(shardType, gone, from, "stopped");
    }
    let conflicts = 0;
    for (const region of regions) conflicts += this.#adoptRegion(id, region);
    this.#nodes.noteConflicts(from, conflicts > 0);
    // Its lease may rest on a minority only, of which a quorum is not to learn as of a live one.
    if (conflicts > 0 && rules.conflictsDelayReadmission) this.#leases.exclude(id);
    this.#releaseUnclaimed(id, named, config);
    if (this.phase === "active" && this.#wasActive) this.#onSettled(id, config, conflicts > 0);
    this.#grantAllWaiting();
  }

  /** What an excluded holder does not claim any more, it has stopped. */
  #releaseUnclaimed(
    id: HolderId,
    named: ReadonlyMap<string, RegionReport>,
    config: LeaseConfig | undefined,
  ): void {
    // Then it refuses all grants that were made before it.
    const knowsExclusion = this.#leases.knowsExclusion(id, config);
    for (const [shardType, table] of this.#tables) {
      const claimed = new Set(named.get(shardType)?.shards.map(([shard]) => shard));
      const freed = table.releaseBut(holderKey(id), claimed, knowsExclusion);
      this.#onFreed(shardType, freed, id.address, "stopped");
    }
  }

  /** A report while shards are granted: its sender is admitted, and readmitted if it was excluded. */
  #onSettled(id: HolderId, config: LeaseConfig | undefined, conflicts: boolean): void {
    const member = this.#view!.members.find(({ address }) => address === id.address);
    if (member?.unreachable !== undefined) return;
    if (this.#leases.isExcluded(id) && !this.#leases.readmit(id, config, conflicts)) return;
    if (!conflicts || !rules.conflictsDelayReadmission) this.#admit(id.address);
  }

  /** Returns how many shards the sender claims that are not its own any more. */
  #adoptRegion(id: HolderId, region: RegionReport): number {
    const { shardType, numShards, shards, lastEpoch } = region;
    const { address: from } = id;
    this.#yieldTo(id, region);
    const table = this.#tableFor(from, shardType, numShards);
    if (table === undefined) return this.#stopShards(from, region);
    for (const difference of this.#agreement.report(shardType, from, region.options)) {
      this.#effects.push({ type: "differs", difference });
    }
    if (!table.regions.has(from)) table.newcomers.add(from);
    table.regions.add(from);
    table.raiseEpoch(lastEpoch);
    if (lastEpoch > 0) table.used = true;
    // Shards of a holder that an earlier coordinator has excluded may have had later owners, which
    // nobody knows who lives.
    const mayAdopt = !this.#leases.isExcludedBefore(id);
    let conflicts = 0;
    for (const [shard, epoch, stopping] of shards) {
      if (shard >= table.numShards) continue;
      if (mayAdopt && this.#adopt(table, shard, from, epoch, stopping === 1)) {
        if (stopping === 0) this.#answerWaiters(shardType, table, shard);
        continue;
      }
      conflicts++;
      if (!mayAdopt && !this.#hasEnded(id)) {
        const loser = table.claim(shard, holderKey(id), epoch);
        if (loser !== undefined) this.#nodes.noteConflicts(loser, true);
      }
      this.#refuseClaim(from, shardType, table, shard, epoch);
    }
    return conflicts;
  }

  /**
   * Nodes that run shards of a type decide how many it has, in whatever order the reports come: a new
   * coordinator whose own node has another number must not grant those entities a second time. When the
   * last node that runs the type has gone, another may have another number.
   */
  #yieldTo(id: HolderId, { shardType, numShards, shards }: RegionReport): void {
    const table = this.#tables.get(shardType);
    if (table === undefined || table.numShards === numShards || !table.isVacant) return;
    // The claims of a node whose lease has ended are void.
    const runsSome = shards.length > 0 && !this.#hasEnded(id);
    if (!runsSome && table.regions.size > 0) return;
    // The others are refused when they send next.
    this.#tables.set(shardType, this.#newTable(numShards, table.lastEpoch));
  }

  /** The shards of a region that is refused, if it runs some, have no place in the table of the type. */
  #stopShards(to: string, { shardType, shards }: RegionReport): number {
    for (const [shard, epoch] of shards) {
      this.#effects.push({ type: "handOff", to, term: this.#term, shardType, shard, epoch });
    }
    return shards.length;
  }

  /**
   * Of two claims the later grant wins while reports come in. When holders have been admitted, no claim
   * takes a shard from another owner, which may run it by now.
   */
  #adopt(
    table: ShardTable,
    shard: number,
    from: string,
    epoch: number,
    stopping: boolean,
  ): boolean {
    const before = table.grant(shard)?.owner;
    const isOthers = before !== undefined && before !== from;
    if (isOthers && this.#hasAdmitted) return false;
    if (!table.adopt(shard, from, epoch, stopping)) return false;
    if (isOthers) this.#nodes.noteConflicts(before, true);
    return true;
  }

  /** The claim is older than another grant: its sender has to stop the shard at once. */
  #refuseClaim(
    from: string,
    shardType: string,
    table: ShardTable,
    shard: number,
    claimed: number,
  ): void {
    const grant = table.grant(shard);
    const isLater = grant !== undefined && grant.owner !== from && grant.epoch > claimed;
    const isKnown = grant?.confirmed === true || !rules.locationsAreConfirmed;
    // An owner that does not know its grant yet would send back what arrives by it, as if the grant
    // were one of an earlier incarnation: then the sender would not use it for a while.
    if (isLater && isKnown) this.#answer(from, shardType, table, shard);
    // A node that is to hand off by a later grant than it has stops the shard at once.
    const epoch = grant === undefined
      ? table.voidEpoch()
      : isLater && !isKnown
      ? grant.epoch
      : claimed;
    this.#effects.push({ type: "handOff", to: from, term: this.#term, shardType, shard, epoch });
  }

  #onLocate(from: string, shardType: string, numShards: number, shard: number): void {
    if (!this.#tables.has(shardType)) return this.#onUnknownType(from, shardType, numShards);
    const table = this.#tableFor(from, shardType, numShards);
    if (table === undefined || shard >= table.numShards) return;
    if (table.grant(shard)?.phase === "running") return this.#answer(from, shardType, table, shard);
    table.wait(shard, from);
    this.#grant(shardType, table, [shard]);
  }

  /**
   * No region has reported the type. The sender retries: a node that has just started may not have
   * spawned it yet.
   */
  #onUnknownType(to: string, shardType: string, numShards: number): void {
    if (this.phase !== "active") return;
    const known = [...this.#tables.keys()].sort().slice(0, maxKnownTypes);
    this.#effects.push({ type: "unknownType", to, shardType, numShards, known });
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
    for (const to of this.#nodes.unreported()) this.#requestReport(to);
    for (const { address, incarnation, unreachable } of this.#view!.members) {
      // It is readmitted with its next report.
      const isExcluded = this.#leases.isExcluded({ address, incarnation });
      if (isExcluded && unreachable === undefined) this.#requestReport(address);
    }
    if (this.#leases.needsNewTerm) this.#renewTerm();
    for (const [shardType, table] of this.#tables) {
      const { retryInterval } = this.#timing;
      for (const grant of table.takeOverdue(this.#now - retryInterval, this.#now)) {
        const { shard, owner: to, epoch, phase } = grant;
        if (phase === "granted") this.#startShard(to, shardType, table, shard, epoch);
        else this.#effects.push({ type: "handOff", to, term: this.#term, shardType, shard, epoch });
      }
      this.#grantWaiting(shardType, table);
      if (this.phase !== "active") continue;
      this.#grantVacant(shardType, table);
      this.#rebalance(shardType, table);
      this.#effects.push(...takeShardTableDelta(shardType, table, (to) => this.incarnationOf(to)));
    }
  }

  /** Moves some shards, when no other moves and the nodes have been the same for a while. */
  #rebalance(shardType: string, table: ShardTable): void {
    const since = Math.max(this.#nodes.stableSince, table.balancedAt);
    if (table.busy > 0 || this.#now - since < this.#timing.rebalanceInterval) return;
    table.balancedAt = this.#now;
    // While a new version is rolled out, shards that move now would have to move again.
    if (new Set(this.#view!.members.map(({ appVersion }) => appVersion)).size > 1) return;
    this.#moveSome(shardType, table);
  }

  /** One round of rebalancing. */
  #moveSome(shardType: string, table: ShardTable): void {
    const nodes = this.#candidates(table);
    const limit = this.#movesOfRound(table, nodes);
    let moves = this.#consult(shardType, (strategy) => strategy.rebalance?.(nodes, limit)) ?? [];
    moves = moves.filter(({ to }) => nodes.some(({ address }) => address === to));
    for (const { shard, to } of moves.slice(0, limit)) {
      const grant = table.grant(shard);
      if (grant?.owner === to) continue;
      this.#handOff(shardType, table, shard, to);
    }
  }

  /** A node that has no shards gets its whole share at once. */
  #movesOfRound({ numShards }: ShardTable, nodes: readonly AllocationNode[]): number {
    const limit = Math.max(1, Math.floor(numShards * this.#timing.rebalanceShare));
    const empty = nodes.filter(({ shards }) => shards.size === 0).length;
    return Math.max(limit, Math.floor(empty * numShards / Math.max(1, nodes.length)));
  }

  #onMoveShard({ shardType, shard, epoch, to, above }: ShardMove): void {
    const table = this.#tables.get(shardType);
    if (table === undefined || this.phase !== "active") return;
    table.raiseEpoch(above);
    const grant = table.grant(shard);
    if (grant?.epoch !== epoch) return;
    this.#handOff(shardType, table, shard, to ?? grant.owner);
  }

  #handOff(shardType: string, table: ShardTable, shard: number, to: string): void {
    if (!table.handOff(shard, to, this.#now)) return;
    const { owner, epoch } = table.grant(shard)!;
    // Messages that reach the owner meanwhile wait there: it needs the new location first.
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
    if (this.phase === "active") this.#grant(shardType, table, table.unowned());
  }

  /** Grants what nobody has requested yet, so that no message waits for it later. */
  #grantVacant(shardType: string, table: ShardTable): void {
    if (this.#now - this.#nodes.stableSince < this.#timing.eagerWait) return;
    const limit = this.#timing.eagerGrants - table.busy;
    if (limit > 0) this.#grant(shardType, table, table.vacant(limit));
  }

  #grant(shardType: string, table: ShardTable, shards: readonly number[]): void {
    // Not before the holders are excluded whose claims have lost: see `#activate`.
    if (this.phase !== "active" || !this.#wasActive) return;
    if (shards.length === 0 || !this.#isFormed(table)) return;
    const nodes = this.#candidates(table);
    if (nodes.length === 0) return;
    const byAddress = new Map(nodes.map((node) => [node.address, node]));
    for (const shard of shards) {
      if (!table.isFree(shard)) continue;
      if (table.lastEpoch >= epochBefore(this.#term) + epochsPerTerm - 1) {
        // A report may have named an epoch of a later term.
        this.#highestTerm = Math.max(this.#highestTerm, termCountOf(table.lastEpoch));
        return this.#renewTerm();
      }
      let owner = byAddress.get(table.targetOf(shard) ?? "") ??
        byAddress.get(
          this.#consult(shardType, (strategy) => strategy.allocate(shard, nodes)) ?? "",
        );
      owner ??= byAddress.get(leastShards().allocate(shard, nodes)!)!;
      const { epoch } = table.allocate(shard, owner.address, this.#now);
      owner.shards.add(shard);
      this.#startShard(owner.address, shardType, table, shard, epoch);
    }
  }

  /** Whether the first grant of a type need not wait: all that could own shards of it are known. */
  #isFormed(table: ShardTable): boolean {
    if (table.used || this.#now - table.openedAt >= this.#timing.formationWait) return true;
    return this.#view!.members.every(({ address, eligible, joining }) =>
      table.regions.has(address) || !(eligible || joining)
    );
  }

  /** Names the incarnation: a grant that arrives late must not count for the next one. */
  #startShard(
    to: string,
    shardType: string,
    table: ShardTable,
    shard: number,
    epoch: number,
  ): void {
    const previous = table.previousOf(shard);
    const incarnation = this.#nodes.incarnationOf(to);
    // It might arrive when the shard has been granted to another: it is repeated after readmission.
    if (this.#leases.isExcluded({ address: to, incarnation })) return;
    this.#effects.push({
      type: "startShard",
      to,
      term: this.#term,
      config: this.#leases.proposed?.version[1] ?? 0,
      incarnation,
      shardType,
      shard,
      epoch,
      ...(previous > 0 && { previous }),
    });
  }

  /** Nodes that may be given shards of a type. */
  #candidates(table: ShardTable): (AllocationNode & { readonly shards: Set<number> })[] {
    const able = this.#view!.members.filter((member) =>
      this.#nodes.mayOwn(member) && table.regions.has(member.address) &&
      !this.#leases.isExcluded(member)
    );
    const shards = table.shardsOf(able.map(({ address }) => address));
    return able.map(({ address, roles, zone }) => ({
      address,
      roles,
      ...(zone !== undefined && { zone }),
      shards: shards.get(address)!,
    }));
  }

  /** A user's function that fails must not keep shards from being granted. */
  #consult<T>(shardType: string, decide: (strategy: AllocationStrategy) => T): T | undefined {
    try {
      return decide(this.#strategies.get(shardType) ?? leastShards());
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
    const incarnation = this.incarnationOf(owner);
    this.#effects.push({ type: "location", to, shardType, shard, owner, incarnation, epoch });
  }

  #tableFor(from: string, shardType: string, numShards: number): ShardTable | undefined {
    let table = this.#tables.get(shardType);
    if (table === undefined && this.#tables.size < maxShardTypes) {
      table = this.#newTable(numShards);
      this.#tables.set(shardType, table);
    }
    if (table?.numShards === numShards) return table;
    if (table === undefined) {
      const reason = `the cluster has ${maxShardTypes} shard types already`;
      this.#effects.push({ type: "refused", to: from, shardType, reason });
    } else {
      // The machine adds the number of the request.
      const { numShards: _, ...refused } = otherNumber(shardType, numShards, table.numShards);
      this.#effects.push({ ...refused, to: from });
    }
    return undefined;
  }
}
