import type { HolderAge, HolderId, LeaseConfig } from "../lease/lease_config.ts";
import { compareVersions, holderKey, isQuorum, sameHolder } from "../lease/lease_config.ts";
import { LeaseConfiguration, type LeaseProposal } from "../lease/lease_configuration.ts";
import { defaultLeaseTiming } from "../lease/lease_timing.ts";
import type { CoordinatedNodes } from "./coordinated_nodes.ts";
import type { CoordinatorView, ViewMember } from "./coordinator_view.ts";
import type { Term } from "../routing/term.ts";

/** Milliseconds for which a silent owner must have renewed its lease with nobody. */
const silentWait = 5_000;
/** All full members have a vote up to this many; above, a few of the oldest. */
const maxVoters = 16;
const votersOfMany = 7;
/** Milliseconds between two inquiries after silent owners. */
const inquiryInterval = 500;

/**
 * Whether a member owns shards, or may own some: it has not reported in this term, and its lease may
 * not have ended.
 */
export type Holding = (member: HolderId) => boolean;

/**
 * The leases of a cluster, as its coordinator manages them: who has a vote, which owners are excluded
 * because they are gone or cannot be reached, and when their leases have ended, so that their shards
 * may be granted anew. The evidence for an owner's end decides only how soon it is excluded; its
 * shards wait for the end of its lease in any case.
 */
export class CoordinatedLeases {
  readonly #config = new LeaseConfiguration();
  /** Excluded holders whose leases have not ended yet, as far as is known. */
  readonly #ending = new Map<string, HolderId>();
  #view: CoordinatorView | undefined;
  /** The last inquiry after silent owners, and which voters have answered it. */
  #inquiry = { at: -Infinity, answers: new Set<string>() };
  /** When the last inquiry was made that a quorum has answered. */
  #knownAt = -Infinity;
  /** Since when members are silent. */
  readonly #silentSince = new Map<string, number>();
  /** Since when no member of the view has founded the cluster. */
  #founderGone: number | undefined;

  /** Whether a quorum of the voters has taken over the configuration for this term. */
  get established(): boolean {
    return this.#config.established;
  }

  /** The newest configuration of this term. */
  get proposed(): LeaseConfig | undefined {
    return this.#config.proposed;
  }

  /** Whether so many holders are excluded that a new term should forget them. */
  get needsNewTerm(): boolean {
    return this.#config.needsNewTerm;
  }

  /** Voters whose acknowledgement is missing. */
  missingVotes(): readonly HolderId[] {
    return this.#config.missingVotes();
  }

  /** Excluded owners whose leases have not ended yet. */
  ending(): Iterable<HolderId> {
    return this.#ending.values();
  }

  /** Holders that may be live, and have not reported in this term. */
  unaccounted(now: number): readonly HolderId[] {
    const live = this.#config.unaccounted(now);
    if (this.#ending.size === 0) return live;
    const keys = new Set(live.map(holderKey));
    const unknown = [...this.#ending.values()].filter((id) =>
      !keys.has(holderKey(id)) && !this.#config.hasReported(id) && !this.#config.hasEnded(id, now)
    );
    return [...live, ...unknown];
  }

  /** When something may change although nothing happens. */
  nextDeadline(now: number): number | undefined {
    return this.#config.nextDeadline(now);
  }

  /** The members have changed. Call it on all nodes, so that a new coordinator knows who is gone. */
  onView(view: CoordinatorView, now: number): void {
    this.#view = view;
    this.#config.members(view.members, now);
    const hasFounder = view.members.some(({ upNumber }) => upNumber === 1);
    this.#noteSilent(view.members, now);
    if (hasFounder) this.#founderGone = undefined;
    else this.#founderGone ??= now;
  }

  /** A new term begins: its configuration has to be established. */
  begin(self: HolderId, term: Term): void {
    this.#config.begin(self, term);
    this.#ending.clear();
    this.#inquiry = { at: -Infinity, answers: new Set() };
    this.#knownAt = -Infinity;
  }

  /** This node does not lead any more. */
  end(): void {
    this.#config.end();
    this.#ending.clear();
  }

  /** A member has acknowledged the term. */
  onReport(
    from: HolderId,
    config: LeaseConfig | undefined,
    holders: readonly HolderAge[],
    now: number,
  ): void {
    this.#config.onReport(from, config, holders, now);
  }

  /** A member has adopted a configuration. */
  onAdopted(
    from: HolderId,
    version: LeaseConfig["version"],
    holders: readonly HolderAge[],
    now: number,
  ): void {
    this.#config.onAdopted(from, version, holders, now);
    const { at, answers } = this.#inquiry;
    answers.add(holderKey(from));
    const { committed } = this.#config;
    if (committed !== undefined && isQuorum(committed, (id) => answers.has(holderKey(id)))) {
      this.#knownAt = at;
    }
  }

  /** Shards are granted: holders that become known from now on had no lease, and get none. */
  activate(): void {
    this.#config.activate();
  }

  /** A holder has ended its lease for good. */
  release(id: HolderId, now: number): void {
    this.#config.release(id, now);
  }

  /** Whether a holder has reported in this term, so that its shards are known. */
  hasReported(id: HolderId): boolean {
    return this.#config.hasReported(id);
  }

  /** Whether no voter acknowledges the holder. */
  isExcluded(id: HolderId): boolean {
    return this.#config.isExcluded(id);
  }

  /** Whether the sender of a report with this configuration knew that it is excluded. */
  knowsExclusion(id: HolderId, config: LeaseConfig | undefined): boolean {
    const since = this.#config.excludedSince(id);
    return since !== undefined && config !== undefined &&
      compareVersions(config.version, since) >= 0;
  }

  /** Whether an earlier coordinator has excluded the holder: its shards may have had others since. */
  isExcludedBefore(id: HolderId): boolean {
    return this.#config.wasExcludedBefore(id);
  }

  /** Whether an excluded holder has no lease any more, on any clock. */
  hasEnded(id: HolderId, now: number): boolean {
    return this.#config.hasEnded(id, now);
  }

  /** The holder's lease must end. */
  exclude(id: HolderId): void {
    this.#config.exclude(id);
    if (!this.#config.isExcluded(id)) return;
    this.#ending.set(holderKey(id), id);
  }

  /** An excluded holder has reported again; false: it stays excluded. */
  readmit(id: HolderId, config: LeaseConfig | undefined, conflicts: boolean): boolean {
    if (!this.#config.readmit(id, config?.version, conflicts)) return false;
    this.#ending.delete(holderKey(id));
    return true;
  }

  /**
   * Decides which members are excluded: those that have gone or cannot be reached, and own shards or
   * may do so. Returns them, and what has to be sent.
   */
  review(
    nodes: CoordinatedNodes,
    mayOwn: Holding,
    now: number,
  ): { readonly excluded: readonly HolderId[]; readonly messages: readonly LeaseProposal[] } {
    const excluded: HolderId[] = [];
    const exclude = (id: HolderId) => {
      this.exclude(id);
      excluded.push({ address: id.address, incarnation: id.incarnation });
    };
    this.#found(nodes);
    if (this.established) {
      this.#want(nodes);
      for (const member of this.#view!.members) {
        if (member.unreachable === undefined || !mayOwn(member)) continue;
        if (this.#isLost(member, now)) exclude(member);
      }
      for (const id of this.#config.unaccounted(now)) if (!this.#isMember(id)) exclude(id);
    }
    const before = this.established;
    const messages = [...this.#config.step(now)];
    if (!before && this.established) this.#onEstablished();
    if (this.#awaitsSilence(mayOwn) && now - this.#inquiry.at >= inquiryInterval) {
      this.#inquiry = { at: now, answers: new Set() };
      messages.push(...this.#config.inquire(now));
    }
    return { excluded, messages };
  }

  /** What the configuration proposes now. */
  step(now: number): readonly LeaseProposal[] {
    return this.#config.step(now);
  }

  /** Whether nobody else has a vote. */
  isOnlyVoter(address: string): boolean {
    const { committed } = this.#config;
    return this.#config.idle && committed !== undefined &&
      committed.voters.every((id) => id.address === address);
  }

  /** Takes out the excluded holders whose leases have ended. */
  takeEnded(now: number): readonly HolderId[] {
    const ended: HolderId[] = [];
    for (const [key, id] of this.#ending) {
      if (!this.#config.hasEnded(id, now)) continue;
      this.#ending.delete(key);
      ended.push(id);
    }
    return ended;
  }

  #onEstablished(): void {
    for (const id of this.#config.proposed?.excluded ?? []) this.#ending.set(holderKey(id), id);
  }

  #found(nodes: CoordinatedNodes): void {
    const { self, members } = this.#view!;
    if (this.established || !nodes.hasReported(self)) return;
    const isFounder = members.some(({ address, upNumber }) => address === self && upNumber === 1);
    if (isFounder) this.#config.found(true);
  }

  /** A member without a configuration makes the first one, if the founder is gone for good. */
  foundWithoutFounder(now: number): void {
    if (this.#founderGone === undefined || this.established) return;
    if (now - this.#founderGone >= defaultLeaseTiming.lostVoterWait) this.#config.found(false);
  }

  /**
   * Full members have a vote when they have reported, until they leave; the oldest first. Where all
   * leave, the coordinator is the last one.
   */
  #want(nodes: CoordinatedNodes): void {
    const { voters = [] } = this.#config.proposed ?? {};
    const { self, members } = this.#view!;
    const remain = members.some(({ address, full }) => full && !nodes.isRetiring(address));
    const wanted = members.filter((member) =>
      member.full && (remain ? !nodes.isRetiring(member.address) : member.address === self) &&
      (nodes.hasReported(member.address) || voters.some((id) => sameHolder(id, member)))
    ).toSorted((a, b) => a.upNumber - b.upNumber || (a.address < b.address ? -1 : 1));
    const limit = wanted.length > maxVoters ? votersOfMany : maxVoters;
    this.#config.want(
      wanted.slice(0, limit).map(({ address, incarnation }) => ({ address, incarnation })),
    );
  }

  /** Whether a member that cannot be reached is taken for lost, so that others may take over. */
  #isLost(member: ViewMember, now: number): boolean {
    if (member.unreachable === "gone") return true;
    if (member.unreachable !== "silent") return false;
    // Voters have said since then when they have acknowledged it last.
    if (this.#knownAt < (this.#silentSince.get(holderKey(member)) ?? now)) return false;
    const last = this.#config.boundOf(member);
    return last === undefined || now - last >= silentWait;
  }

  #noteSilent(members: readonly ViewMember[], now: number): void {
    const silent = members.filter(({ unreachable }) => unreachable === "silent").map(holderKey);
    for (const key of this.#silentSince.keys()) {
      if (!silent.includes(key)) this.#silentSince.delete(key);
    }
    for (const key of silent) if (!this.#silentSince.has(key)) this.#silentSince.set(key, now);
  }

  #awaitsSilence(mayOwn: Holding): boolean {
    return this.established &&
      this.#view!.members.some((member) =>
        member.unreachable === "silent" && mayOwn(member) && !this.isExcluded(member)
      );
  }

  #isMember(id: HolderId): boolean {
    return this.#view!.members.some((member) => sameHolder(member, id));
  }
}
