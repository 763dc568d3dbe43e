import {
  compareVersions,
  type ConfigVersion,
  type HolderId,
  holderKey,
  sameHolder,
} from "../../../lib/sharding/lease/lease_config.ts";
import { LeaseConfiguration } from "../../../lib/sharding/lease/lease_configuration.ts";
import { compareTerms, noTerm, sameTerm, type Term } from "../../../lib/sharding/routing/term.ts";
import type { LeaseMessage } from "./lease_message.ts";
import type { LeaseNode } from "./lease_node.ts";

type Report = LeaseMessage & { type: "report" };

interface Entry {
  owner: HolderId | undefined;
  epoch: number;
  phase: "granted" | "running" | "handingOff";
}

/**
 * The least coordinator that grants shards by leases: one register for each shard, "who owns it".
 * It is malicious in all that must not matter: it excludes live holders, moves shards and changes
 * voters without need, and does not wait for members that hold no lease.
 */
export class LeaseCoordinator {
  readonly #node: LeaseNode;
  readonly config: LeaseConfiguration;
  term: Term = noTerm;
  #highest = 0;
  #epoch = 0;
  #wasActive = false;
  readonly #table: Entry[];
  readonly #reports = new Map<string, { readonly from: HolderId; readonly report: Report }>();
  readonly #stamps = new Map<string, number>();
  /** What each holder has claimed and not stopped, whichever holder the entry of the shard names. */
  readonly #claims = new Map<string, Map<number, number>>();
  /** The version of the configuration that the term began with. */
  base: ConfigVersion | undefined;
  #newestReported: ConfigVersion | undefined;

  constructor(node: LeaseNode) {
    this.#node = node;
    this.config = new LeaseConfiguration(node.world.timing);
    this.#table = [];
  }

  get leads(): boolean {
    return this.term !== noTerm;
  }

  /** May grant shards. */
  get active(): boolean {
    if (!this.leads || !this.config.established) return false;
    if (this.config.unaccounted(this.#node.now).length > 0) return false;
    if (!this.#node.world.awaitsMembers || this.#wasActive) return true;
    return this.#node.members().every((id) =>
      this.#reports.has(holderKey(id)) || this.config.hasEnded(id, this.#node.now)
    );
  }

  isComplete(): boolean {
    return this.#table.every(({ owner, phase }) => owner !== undefined && phase === "running");
  }

  /** Every owner, for the check that all shards are granted. */
  owners(): readonly (HolderId | undefined)[] {
    return this.#table.map(({ owner }) => owner);
  }

  lead(leads: boolean): void {
    if (leads === this.leads) return;
    if (leads) this.#begin();
    else {
      this.term = noTerm;
      this.config.end();
    }
  }

  #begin(): void {
    const { world, id } = this.#node;
    this.#highest = Math.max(this.#highest + 1, Math.ceil(world.time * 1_000));
    this.term = [this.#highest, id.address];
    this.config.begin(id, this.term);
    this.#epoch = this.#highest * 1_000;
    this.#wasActive = false;
    this.#reports.clear();
    this.#stamps.clear();
    this.#claims.clear();
    this.base = this.#newestReported = undefined;
    this.#table.length = 0;
    for (let shard = 0; shard < world.shards; shard++) {
      this.#table.push({ owner: undefined, epoch: 0, phase: "running" });
    }
    this.#requestReports();
  }

  #requestReports(): void {
    for (const to of this.#node.members()) {
      if (!this.#reports.has(holderKey(to))) this.#request(to);
    }
  }

  #request(to: HolderId): void {
    const config = this.config.proposed ?? this.#node.voter.adopted;
    this.#node.send(to, { type: "requestReport", term: this.term, config });
  }

  onOutdated(term: Term): void {
    this.#highest = Math.max(this.#highest, term[0]);
    if (this.leads && term[0] >= this.term[0] && !sameTerm(term, this.term)) this.#begin();
  }

  onReport(from: HolderId, report: Report): void {
    if (!this.leads || !this.#node.isMember(from)) return;
    if (!sameTerm(report.term, this.term)) {
      if (compareTerms(report.term, this.term) > 0) this.onOutdated(report.term);
      else this.#request(from);
      return;
    }
    const key = holderKey(from);
    if (report.stamp < (this.#stamps.get(key) ?? 0)) return;
    this.#stamps.set(key, report.stamp);
    this.#reports.set(key, { from, report });
    const { config } = report;
    if (config !== undefined && compareTerms(config.version[0], this.term) < 0) {
      const known = this.#newestReported;
      if (known === undefined || compareVersions(config.version, known) > 0) {
        this.#newestReported = config.version;
      }
    }
    this.config.onReport(from, config, report.holders, this.#node.now);
    this.#claims.set(key, new Map(report.claims));
    this.#takeClaims(from, report);
    this.step();
  }

  onAdopted(from: HolderId, message: LeaseMessage & { type: "adopted" }): void {
    if (!this.leads) return;
    this.config.onAdopted(from, message.version, message.holders, this.#node.now);
    this.step();
  }

  onStarted(from: HolderId, shard: number, epoch: number, stamp: number): void {
    const entry = this.#confirmed(from, shard, epoch, stamp);
    if (entry?.phase === "granted") entry.phase = "running";
  }

  onStopped(from: HolderId, shard: number, epoch: number, stamp: number): void {
    const entry = this.#confirmed(from, shard, epoch, stamp);
    if (entry !== undefined) entry.owner = undefined;
    const claims = this.#claims.get(holderKey(from));
    if (this.leads && (claims?.get(shard) ?? Infinity) <= epoch) claims!.delete(shard);
    this.step();
  }

  #confirmed(from: HolderId, shard: number, epoch: number, stamp: number): Entry | undefined {
    if (!this.leads) return undefined;
    const key = holderKey(from);
    this.#stamps.set(key, Math.max(stamp, this.#stamps.get(key) ?? 0));
    const entry = this.#table[shard]!;
    return entry.owner !== undefined && sameHolder(entry.owner, from) && entry.epoch === epoch
      ? entry
      : undefined;
  }

  /** A report is complete: its sender has stopped all shards that it does not name. */
  #takeClaims(from: HolderId, { claims, config }: Report): void {
    this.#table.forEach((entry, shard) => {
      if (entry.owner === undefined || !sameHolder(entry.owner, from)) return;
      if (entry.phase === "granted" || claims.some(([claimed]) => claimed === shard)) return;
      entry.owner = undefined;
    });
    const isExcluded = this.config.isExcluded(from);
    if (isExcluded && (this.active || !this.#node.world.rules.readmitsWhenActive)) {
      const hasConflicts = claims.some((claim) => !this.#isFree(from, claim));
      const isReadmitted = this.config.readmit(from, config?.version, hasConflicts);
      this.#node.world.count(`${isReadmitted ? "readmitted" : "not"} ${hasConflicts}`);
    }
    // What has not ended may still run.
    if (!this.config.hasEnded(from, this.#node.now)) this.#adopt(from, claims);
    // What others know of its former lease must not let it renew that.
    if (!this.#resolve(from, claims) && this.#node.world.rules.conflictsExclude) {
      this.config.exclude(from);
    }
  }

  #isFree(from: HolderId, [shard, epoch]: readonly [number, number]): boolean {
    const { rules } = this.#node.world;
    if (rules.formerClaimsConflict && this.config.wasExcludedBefore(from)) return false;
    const entry = this.#table[shard]!;
    if (epoch < entry.epoch) return false;
    if (entry.owner === undefined || sameHolder(entry.owner, from)) return true;
    // An active coordinator may have admitted the owner.
    return rules.claimsDisplaceNoOwner
      ? !this.#wasActive && epoch > entry.epoch
      : epoch > entry.epoch;
  }

  #adopt(from: HolderId, claims: Report["claims"]): void {
    for (const claim of claims) {
      const [shard, epoch] = claim;
      const entry = this.#table[shard]!;
      const isFree = this.#isFree(from, claim);
      if (!isFree && entry.owner !== undefined) continue;
      const isSame = entry.epoch === epoch && entry.owner !== undefined;
      if (isSame && entry.phase === "handingOff") continue;
      entry.owner = from;
      entry.epoch = Math.max(epoch, entry.epoch);
      entry.phase = isFree ? "running" : "handingOff";
    }
  }

  /** Claims that were lost are to be given up. Returns whether there are none. */
  #resolve(from: HolderId, claims: Report["claims"]): boolean {
    let clean = true;
    for (const [shard, epoch] of claims) {
      const entry = this.#table[shard]!;
      if (entry.owner !== undefined && sameHolder(entry.owner, from) && entry.epoch >= epoch) {
        continue;
      }
      const waits = this.config.isExcluded(from) && this.#isFree(from, [shard, epoch]);
      clean = false;
      if (waits) continue;
      this.#node.send(from, { type: "handOff", term: this.term, shard, epoch });
    }
    return clean;
  }

  tick(): void {
    if (!this.leads) return;
    this.#requestReports();
    this.#exclude();
    this.step();
    if (!this.active) return;
    for (const { from, report } of this.#reports.values()) {
      if (!this.#node.isMember(from) || this.config.isExcluded(from)) continue;
      if (!this.#resolve(from, report.claims)) continue;
      if (compareTerms(report.admitted, this.term) < 0) {
        this.#node.send(from, { type: "admit", term: this.term, config: this.config.proposed });
      }
    }
    this.#table.forEach((entry, shard) => this.#repeat(entry, shard));
  }

  #repeat(entry: Entry, shard: number): void {
    const { owner, epoch, phase } = entry;
    if (owner === undefined) return;
    const { term } = this;
    const { world } = this.#node;
    if (phase === "granted") {
      // The version of the grant must be older than the exclusion.
      if (!this.config.isExcluded(owner)) this.#start(owner, shard, epoch);
    } else if (phase === "handingOff") {
      this.#node.send(owner, { type: "handOff", term, shard, epoch });
    } else if (this.#reports.get(holderKey(owner))?.report.retiring || world.chaos(0.02)) {
      entry.phase = "handingOff";
      this.#node.send(owner, { type: "handOff", term, shard, epoch });
    }
  }

  #start(owner: HolderId, shard: number, epoch: number): void {
    const { term } = this;
    const version = this.config.version!;
    this.#node.send(owner, { type: "start", term, version, shard, epoch });
  }

  #exclude(): void {
    const { config } = this;
    const node = this.#node;
    if (!config.established) return;
    const owners = this.#table.flatMap(({ owner }) => owner ?? []);
    for (const [key, { from }] of this.#reports) {
      if (this.#claims.get(key)!.size > 0) owners.push(from);
    }
    const live = config.unaccounted(node.now);
    for (const id of [...owners, ...live]) if (!node.isMember(id)) config.exclude(id);
    for (const id of node.members()) {
      const mustEnd = [...owners, ...live].some((other) => sameHolder(other, id)) ||
        !this.#reports.has(holderKey(id));
      const isSilent = mustEnd && !node.world.reaches(node, id) && !node.world.chaos(0.7);
      if (isSilent || node.world.chaos(0.004)) config.exclude(id);
    }
  }

  step(): void {
    if (!this.leads) return;
    const { config } = this;
    const node = this.#node;
    const { world, now } = node;
    if (world.isFounder(node.id)) config.found(true);
    else if (node.founderGoneSince + world.timing.lostVoterWait < now) config.found(false);
    config.want(this.#wanted());
    const before = config.version;
    for (const { to, ...proposal } of config.step(now)) {
      node.send(to, { type: "adopt", ...proposal });
    }
    if (before === undefined && config.version !== undefined) {
      this.base = this.#newestReported ?? [noTerm, 0];
      world.began(this);
    }
    if (config.committed !== undefined) world.committed(this, config.committed);
    if (this.active) {
      if (!this.#wasActive) this.#excludeLosers();
      this.#wasActive = true;
      this.config.activate();
      this.#grant();
    }
    const deadline = config.nextDeadline(now);
    if (deadline !== undefined) node.wakeAt(deadline);
  }

  /** Holders whose claims were lost to later reports. */
  #excludeLosers(): void {
    if (!this.#node.world.rules.conflictsExclude) return;
    for (const { from, report } of this.#reports.values()) {
      if (!this.#resolve(from, report.claims)) this.config.exclude(from);
    }
  }

  /** Whether a holder whose lease may not have ended still runs the shard, by its last report. */
  #isClaimed(shard: number): boolean {
    if (!this.#node.world.rules.claimsDelayGrants) return false;
    return [...this.#reports].some(([key, { from }]) =>
      this.#claims.get(key)!.has(shard) && !this.config.hasEnded(from, this.#node.now)
    );
  }

  #wanted(): readonly HolderId[] {
    const { world } = this.#node;
    const reported = this.#node.upMembers().filter((id) => {
      const report = this.#reports.get(holderKey(id))?.report;
      return report !== undefined && !report.retiring;
    });
    const voters = this.config.proposed?.voters ?? [];
    if (!world.calm && voters.length > 0 && !world.chaos(0.02)) {
      // Keep what was wanted at random, or the set would change with each event.
      return this.#lastWanted.length > 0 ? this.#lastWanted : reported;
    }
    this.#lastWanted = world.calm ? reported : world.subset(reported);
    return this.#lastWanted;
  }
  #lastWanted: readonly HolderId[] = [];

  #grant(): void {
    const node = this.#node;
    this.#table.forEach((entry, shard) => {
      const { owner } = entry;
      if (owner !== undefined && this.config.hasEnded(owner, node.now)) entry.owner = undefined;
      if (entry.owner !== undefined || this.#isClaimed(shard)) return;
      const candidates = node.upMembers().filter((id) => {
        const report = this.#reports.get(holderKey(id))?.report;
        return report !== undefined && !report.retiring && !this.config.isExcluded(id) &&
          node.world.reaches(node, id);
      });
      if (candidates.length === 0) return;
      const to = node.world.pick(candidates);
      Object.assign(entry, { owner: to, epoch: ++this.#epoch, phase: "granted" });
      this.#start(to, shard, entry.epoch);
    });
  }
}
