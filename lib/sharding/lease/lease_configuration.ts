/**
 * The coordinator's part of the leases: finds the newest configuration when its term begins, changes
 * it, and knows when the lease of an excluded holder has ended. Pure: `step` gives the messages.
 *
 * Why no newer configuration is overlooked: a configuration is committed when a quorum has adopted
 * it. A report is a promise to adopt nothing of an earlier term, and names what was adopted, so a
 * quorum of reports names every committed configuration or keeps it from being committed (Paxos). A
 * change of voters needs quorums of both sets before the new set decides alone (Raft).
 *
 * Dead voters have lost what they had adopted. A quorum of the living only could miss a configuration
 * whose other adopters are elsewhere. So if the living are no quorum, *every* member of the view must
 * take part; then what nobody among them knows, no living node has adopted.
 *
 * @module
 */
import { rules } from "../../runtime/rules.ts";
import { compareTerms, noTerm, sameTerm, type Term } from "../routing/term.ts";
import {
  compareVersions,
  type ConfigVersion,
  type HolderAge,
  type HolderId,
  holderKey,
  isQuorum,
  type LeaseConfig,
  sameVoters,
  votersOf,
} from "./lease_config.ts";
import { LeaseMembers } from "./lease_members.ts";
import { defaultLeaseTiming, type LeaseTiming } from "./lease_timing.ts";

/** A configuration for one member, with the acknowledgements that the coordinator knows of. */
export interface LeaseProposal {
  readonly to: HolderId;
  readonly config: LeaseConfig;
  readonly holders: readonly HolderAge[];
}

/** The acknowledged term and the configuration in a report of a member. */
interface Reported {
  readonly id: HolderId;
  readonly config: LeaseConfig | undefined;
}

interface Bound {
  readonly id: HolderId;
  /** No acknowledgement that is known is later. */
  at: number;
}

/** An exclusion of the present configuration. */
interface Exclusion {
  readonly id: HolderId;
  /** The count of the version that began it; -1: an earlier term did. */
  readonly since: number;
  ended: boolean;
}

/** So many excluded holders that are members no more call for a new term, which forgets them. */
const maxFormerExcluded = 64;

/** See the module's text. */
export class LeaseConfiguration {
  readonly #timing: LeaseTiming;
  readonly #members: LeaseMembers;
  #self: HolderId | undefined;
  #term: Term = noTerm;
  readonly #reports = new Map<string, Reported>();
  readonly #adopted = new Map<string, number>();
  readonly #bounds = new Map<string, Bound>();
  /** Holders that have ended their leases, and when: voters may not know yet. */
  readonly #released = new Map<string, number>();
  readonly #exclusions = new Map<string, Exclusion>();
  /** Holders that an earlier term has excluded, and that hold no lease, as of the begin of this one. */
  readonly #forgotten = new Set<string>();
  readonly #sent = new Map<string, { readonly count: number; readonly at: number }>();
  #config: LeaseConfig | undefined;
  #committed: LeaseConfig | undefined;
  /** The count of the newest version that a quorum has adopted; -1: none. */
  #committedCount = -1;
  /** The count of the version that introduced the present voters. */
  #votersSince = 0;
  #wanted: readonly HolderId[] = [];
  #founding: "no" | "founder" | "everyone" = "no";
  /** Shards are granted: see `activate`. */
  #active = false;

  constructor(timing: LeaseTiming = defaultLeaseTiming) {
    this.#timing = timing;
    this.#members = new LeaseMembers(timing);
  }

  /** The members of the view that are not down. To be told at each view, also while idle. */
  members(members: readonly HolderId[], now: number): void {
    this.#members.update(members, now);
  }

  /** A new term: what is known of the one before does not count. */
  begin(self: HolderId, term: Term): void {
    this.end();
    this.#self = self;
    this.#term = term;
  }

  /** This node does not lead any more. */
  end(): void {
    this.#self = undefined;
    this.#term = noTerm;
    for (const map of [this.#reports, this.#adopted, this.#bounds, this.#exclusions, this.#sent]) {
      map.clear();
    }
    this.#forgotten.clear();
    this.#config = this.#committed = undefined;
    this.#committedCount = -1;
    this.#votersSince = 0;
    this.#wanted = [];
    this.#founding = "no";
    this.#active = false;
  }

  /** A quorum has adopted a configuration of this term. */
  get established(): boolean {
    return this.#committedCount >= 0;
  }

  /** The newest configuration that is known to be committed. */
  get committed(): LeaseConfig | undefined {
    return this.#committed;
  }

  /** The newest configuration that was proposed in this term. */
  get proposed(): LeaseConfig | undefined {
    return this.#config;
  }

  /** The version of the newest proposal; grants name it. */
  get version(): ConfigVersion | undefined {
    return this.#config?.version;
  }

  /** Whether nothing is under way. */
  get idle(): boolean {
    const config = this.#config;
    return config !== undefined && config === this.#committed && config.previous === undefined &&
      !this.#wantsOthers(config);
  }

  /** Whether so many holders are excluded that a new term, which forgets them, is worth it. */
  get needsNewTerm(): boolean {
    const former = [...this.#exclusions.values()].filter(({ id }) => !this.#members.has(id));
    return former.length > maxFormerExcluded;
  }

  /** A member has acknowledged the term: what it has adopted, and which holders it knows to be live. */
  onReport(
    from: HolderId,
    config: LeaseConfig | undefined,
    holders: readonly HolderAge[],
    now: number,
  ): void {
    if (this.#self === undefined) return;
    this.#reports.set(holderKey(from), { id: from, config });
    this.#note(holders, now);
    if (config !== undefined) this.#noteAdopted(from, config.version);
  }

  /** A member has adopted a configuration. */
  onAdopted(
    from: HolderId,
    version: ConfigVersion,
    holders: readonly HolderAge[],
    now: number,
  ): void {
    if (this.#self === undefined || !sameTerm(version[0], this.#term)) return;
    this.#note(holders, now);
    this.#noteAdopted(from, version);
  }

  /** A holder has ended its lease for good. To be told also while another node coordinates. */
  release(id: HolderId, now: number): void {
    const key = holderKey(id);
    this.#released.set(key, now);
    this.#bounds.delete(key);
    for (const [other, at] of this.#released) {
      if (now - at > 2 * this.#timing.takeoverWait) this.#released.delete(other);
    }
  }

  /**
   * If no member has a configuration, this node may make the first one.
   *
   * @param isFounder this incarnation has bootstrapped the cluster. Otherwise the founder is gone, and
   * every member of the view must have reported.
   */
  found(isFounder: boolean): void {
    this.#founding = isFounder ? "founder" : "everyone";
  }

  /**
   * Shards are granted from now on: all live holders have reported or ended, and those whose claims
   * were lost are excluded. A holder that becomes known later, and has not reported, had no lease then:
   * only a minority had acknowledged it. It is excluded. Voters change from now on only: a minority
   * that still acknowledges a holder of an earlier term could be a quorum of the new set.
   */
  activate(): void {
    this.#active = true;
  }

  /** The members that should have a vote, the oldest first. */
  want(voters: readonly HolderId[]): void {
    this.#wanted = voters;
  }

  /** No voter shall acknowledge the holder any more. */
  exclude(id: HolderId): void {
    const key = holderKey(id);
    if (this.#exclusions.has(key)) return;
    const config = this.#config;
    this.#exclusions.set(key, { id, since: (config?.version[1] ?? -1) + 1, ended: false });
    if (config !== undefined) this.#propose(config.voters, config.previous);
  }

  /**
   * An excluded holder has reported, and may hold a lease again. To be called only when all awaited
   * members have reported, since one that reports later may own its shards.
   *
   * @param version of the configuration in its report.
   * @param hasConflicts it claims a shard that is not its own any more.
   * @returns false: not by this report. One that may be older than the exclusion, delayed or
   * duplicated, does not name the shards that were granted between them.
   */
  readmit(id: HolderId, version: ConfigVersion | undefined, hasConflicts: boolean): boolean {
    const key = holderKey(id);
    const exclusion = this.#exclusions.get(key);
    if (exclusion === undefined) return true;
    if (this.#config === undefined) return false;
    if (hasConflicts && rules.conflictsDelayReadmission) return false;
    const { since } = exclusion;
    const isNew = since < 0 ||
      (version !== undefined && compareVersions(version, [this.#term, since]) >= 0);
    if (!isNew && rules.readmissionNeedsNewReport) return false;
    this.#exclusions.delete(key);
    this.#propose(this.#config.voters, this.#config.previous);
    return true;
  }

  /** Whether the newest proposal, or the first one to be made, excludes a holder. */
  isExcluded(id: HolderId): boolean {
    return this.#exclusions.has(holderKey(id));
  }

  /** Whether an earlier term has excluded a holder: its shards may have been granted anew since. */
  wasExcludedBefore(id: HolderId): boolean {
    return (this.#exclusions.get(holderKey(id))?.since ?? 0) < 0;
  }

  /**
   * The version that began the exclusion of a holder; of one that an earlier term has excluded, the
   * first of this term. Undefined: it is not excluded, or nothing is proposed yet.
   */
  excludedSince(id: HolderId): ConfigVersion | undefined {
    const exclusion = this.#exclusions.get(holderKey(id));
    if (exclusion === undefined || this.#config === undefined) return undefined;
    return [this.#term, Math.max(0, exclusion.since)];
  }

  /** Whether an excluded holder holds no lease any more, on any clock. */
  hasEnded(id: HolderId, now: number): boolean {
    const key = holderKey(id);
    const exclusion = this.#exclusions.get(key);
    if (exclusion === undefined) return this.#forgotten.has(key);
    // A late answer makes the bound younger; what has ended stays ended.
    if (!exclusion.ended) exclusion.ended = now >= this.#endOf(exclusion);
    return exclusion.ended;
  }

  /** The latest acknowledgement of a holder that is known, by this node's clock. */
  boundOf(id: HolderId): number | undefined {
    return this.#bounds.get(holderKey(id))?.at;
  }

  /** Whether a holder has reported in this term. */
  hasReported(id: HolderId): boolean {
    return this.#reports.has(holderKey(id));
  }

  /** Holders that may be live and have not reported: no shard may be granted before they have, or end. */
  unaccounted(now: number): HolderId[] {
    if (!rules.liveHoldersAreAwaited) return [];
    const ids = [...this.#bounds.values()].map(({ id }) => id);
    return ids.filter((id) => !this.#reports.has(holderKey(id)) && !this.hasEnded(id, now));
  }

  /** Voters whose report or adoption is missing. */
  missingVotes(): HolderId[] {
    const config = this.#config ?? this.#base();
    if (config === undefined) return [];
    const has = this.#config === undefined
      ? (id: HolderId) => this.#reports.has(holderKey(id))
      : this.#hasAdopted(config.version[1]);
    return votersOf(config).filter((id) => !has(id));
  }

  /** What is to be sent now. To be called after each event, and at {@linkcode nextDeadline}. */
  step(now: number): LeaseProposal[] {
    this.#advance(now);
    return this.#messages(now, (key, count) => {
      const sent = this.#sent.get(key);
      if ((this.#adopted.get(key) ?? -1) >= count) return false;
      return sent?.count !== count || now - sent.at >= this.#timing.retryInterval;
    });
  }

  /** Sends the present configuration again, since each answer tells the live holders. */
  inquire(now: number): LeaseProposal[] {
    return this.#messages(now, () => true);
  }

  /** When `step` or a query may have another result, though nothing happens. */
  nextDeadline(now: number): number | undefined {
    let next = Infinity;
    const consider = (at: number) => {
      if (at > now && at < next) next = at;
    };
    for (const exclusion of this.#exclusions.values()) {
      if (!exclusion.ended) consider(this.#endOf(exclusion));
    }
    const config = this.#config ?? this.#base();
    if (config !== undefined && config !== this.#committed) {
      for (const id of votersOf(config)) consider(this.#members.deadAt(id, now));
    }
    if (config !== this.#committed || config === undefined) consider(this.#members.allDeadAt(now));
    for (const [key, { count, at }] of this.#sent) {
      if ((this.#adopted.get(key) ?? -1) < count) consider(at + this.#timing.retryInterval);
    }
    return next === Infinity ? undefined : next;
  }

  #messages(now: number, isDue: (key: string, count: number) => boolean): LeaseProposal[] {
    const config = this.#config;
    if (config === undefined) return [];
    const messages: LeaseProposal[] = [];
    let holders: HolderAge[] | undefined;
    const [, count] = config.version;
    for (const [key, { id: to }] of this.#reports) {
      if (!this.#members.has(to) || !isDue(key, count)) continue;
      holders ??= this.#ages(now);
      this.#sent.set(key, { count, at: now });
      messages.push({ to, config, holders });
    }
    return messages;
  }

  #advance(now: number): void {
    if (this.#self === undefined) return;
    if (this.#config === undefined && !this.#begun(now)) return;
    this.#commit(now);
    if (this.#votersSince > this.#committedCount) return;
    const { voters, previous } = this.#config!;
    if (previous !== undefined) this.#changeVoters(voters);
    else if (this.#wantsOthers(this.#config!)) {
      this.#changeVoters(this.#wanted, rules.votersChangeJointly ? voters : undefined);
    }
  }

  /** Proposes the newest known configuration under a version of this term. False: not yet. */
  #begun(now: number): boolean {
    const base = this.#base();
    const has = (id: HolderId) => this.#reports.has(holderKey(id));
    if (base === undefined) {
      if (!this.#mayFound(has, now)) return false;
      this.#propose([this.#self!]);
      return true;
    }
    if (!this.#decides(base, has, now)) return false;
    for (const id of base.excluded) {
      this.#exclusions.set(holderKey(id), { id, since: -1, ended: false });
    }
    this.#propose(base.voters, base.previous);
    return true;
  }

  #mayFound(has: (id: HolderId) => boolean, now: number): boolean {
    if (this.#founding === "founder") return has(this.#self!);
    return this.#founding === "everyone" && this.#isEveryone(has, now);
  }

  /** The newest configuration that a member has reported. */
  #base(): LeaseConfig | undefined {
    let base: LeaseConfig | undefined;
    for (const { config } of this.#reports.values()) {
      if (config === undefined || compareTerms(config.version[0], this.#term) >= 0) continue;
      if (base === undefined || compareVersions(config.version, base.version) > 0) base = config;
    }
    return base;
  }

  #propose(voters: readonly HolderId[], previous?: readonly HolderId[]): void {
    const count = (this.#config?.version[1] ?? -1) + 1;
    const excluded = [...this.#exclusions.values()].map(({ id }) => id);
    this.#config = {
      version: [this.#term, count],
      voters,
      ...(previous && { previous }),
      excluded,
    };
  }

  #changeVoters(voters: readonly HolderId[], previous?: readonly HolderId[]): void {
    this.#propose(voters, previous);
    this.#votersSince = this.#config!.version[1];
  }

  #wantsOthers({ voters }: LeaseConfig): boolean {
    const mayChange = this.#active || !rules.votersChangeWhenActive;
    return mayChange && this.#wanted.length > 0 && !sameVoters(voters, this.#wanted);
  }

  /** Notes which versions are committed: a later one stands for all before it. */
  #commit(now: number): void {
    const wasEstablished = this.established;
    const config = this.#config!;
    for (const count of new Set([...this.#adopted.values()].sort((a, b) => b - a))) {
      if (count <= this.#committedCount) break;
      if (!this.#decides(config, this.#hasAdopted(count), now)) continue;
      this.#committedCount = count;
      break;
    }
    if (this.#committedCount === config.version[1]) this.#committed = config;
    if (!wasEstablished && this.established) this.#forgetFormer(now);
  }

  /**
   * Forgets holders that an earlier term has excluded, that are no members, and that nobody has
   * acknowledged lately: they would have to be admitted in this term, which only members are.
   */
  #forgetFormer(now: number): void {
    let changed = false;
    for (const [key, { id, since }] of this.#exclusions) {
      const isLive = now - (this.boundOf(id) ?? -Infinity) < this.#timing.takeoverWait;
      if (since >= 0 || isLive || this.#members.has(id)) continue;
      this.#exclusions.delete(key);
      this.#forgotten.add(key);
      changed = true;
    }
    if (changed) this.#propose(this.#config!.voters, this.#config!.previous);
  }

  #decides(config: LeaseConfig, has: (id: HolderId) => boolean, now: number): boolean {
    if (isQuorum(config, has)) return true;
    const all = votersOf(config);
    if (!rules.coordinatorNeedsQuorum) return all.some(has);
    const isDead = (id: HolderId) => now >= this.#members.deadAt(id, now);
    if (rules.recoveryNeedsEveryone) {
      return this.#isEveryone(has, now) && all.every((id) => has(id) || isDead(id));
    }
    const { voters, previous } = config;
    const living = (set: readonly HolderId[]) => set.filter((id) => !isDead(id));
    return isQuorum({ voters: living(voters), previous: previous && living(previous) }, has);
  }

  /** Whether nobody who lives can know more than those for whom `has` holds. */
  #isEveryone(has: (id: HolderId) => boolean, now: number): boolean {
    return this.#members.has(this.#self!) && [...this.#members.all()].every(has) &&
      now >= this.#members.allDeadAt(now);
  }

  #hasAdopted(count: number): (id: HolderId) => boolean {
    return (id) => (this.#adopted.get(holderKey(id)) ?? -1) >= count;
  }

  #noteAdopted(from: HolderId, [term, count]: ConfigVersion): void {
    if (!sameTerm(term, this.#term)) return;
    const key = holderKey(from);
    if (count > (this.#adopted.get(key) ?? -1)) this.#adopted.set(key, count);
  }

  #note(holders: readonly HolderAge[], now: number): void {
    for (const { holder: id, age } of holders) {
      const key = holderKey(id);
      if (this.#released.has(key)) continue;
      const at = now - age;
      const bound = this.#bounds.get(key);
      if (bound === undefined) {
        this.#bounds.set(key, { id, at });
        const isLate = this.#active && !this.#reports.has(key);
        if (isLate && rules.lateHoldersAreExcluded) this.exclude(id);
      } else if (at > bound.at) bound.at = at;
    }
  }

  #ages(now: number): HolderAge[] {
    const ages: HolderAge[] = [];
    for (const { id: holder, at } of this.#bounds.values()) {
      const age = Math.max(0, now - at);
      if (age <= this.#timing.takeoverWait) ages.push({ holder, age });
    }
    return ages;
  }

  /** When the lease of an excluded holder ends; `Infinity`: its exclusion is not committed. */
  #endOf({ id, since }: Exclusion): number {
    if (Math.max(0, since) > this.#committedCount) return Infinity;
    const bound = this.boundOf(id);
    if (bound === undefined || !rules.takeoverWaitsForLease) return -Infinity;
    return bound + this.#timing.takeoverWait;
  }
}
