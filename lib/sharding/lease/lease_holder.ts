import { rules } from "../../runtime/rules.ts";
import { compareTerms, noTerm, sameTerm, type Term } from "../routing/term.ts";
import {
  compareVersions,
  type ConfigVersion,
  type Electorate,
  excludes,
  type HolderId,
  isQuorum,
  type LeaseConfig,
  sameHolder,
  votersOf,
} from "./lease_config.ts";
import { defaultLeaseTiming, type LeaseTiming } from "./lease_timing.ts";
import type { LeaseRenewal } from "./lease_voter.ts";

/** Rounds that a voter gets although it answers none; then it gets one of so many. */
const patientRounds = 8;
const roundsPerProbe = 4;

/** One round of renewals, to be sent to each voter, this node included. */
export interface LeaseRound {
  readonly to: readonly HolderId[];
  readonly renewal: LeaseRenewal;
}

interface SentRound {
  readonly round: number;
  readonly at: number;
  /** Wall time minus monotonic time. */
  readonly offset: number;
}

/** A voter of the newest known configuration. */
interface Acknowledgement {
  readonly voter: HolderId;
  /** When the newest round that it has acknowledged was sent; -Infinity: none. */
  at: number;
}

/**
 * The lease of one incarnation of a node. It may run what lives once only while
 * {@linkcode LeaseHolder.holds}.
 *
 * Invariant: a lease ends `leaseDuration` after a time at which, or after which, a quorum of a
 * configuration has been sent the rounds that it acknowledged.
 */
export class LeaseHolder {
  readonly #self: HolderId;
  readonly #timing: LeaseTiming;
  #config: LeaseConfig | undefined;
  #admitted: Term = noTerm;
  #excludedAt: ConfigVersion | undefined;
  #round = 0;
  #sent: SentRound[] = [];
  /** Of each voter once; others get no rounds, and what they acknowledge does not count. */
  #acknowledged: readonly Acknowledgement[] = [];
  /** The same by the sets of the configuration. */
  #electorate: Electorate<Acknowledgement> = { voters: [] };
  /** Rounds that were sent to each voter since it was heard last, by address. */
  readonly #unanswered = new Map<string, number>();
  #endsAt = -Infinity;
  #released = false;

  constructor(self: HolderId, timing: LeaseTiming = defaultLeaseTiming) {
    this.#self = self;
    this.#timing = timing;
  }

  /** The newest configuration that this node knows, committed or not. */
  get config(): LeaseConfig | undefined {
    return this.#config;
  }

  /** The newest term whose coordinator has admitted this node. */
  get admitted(): Term {
    return this.#admitted;
  }

  /** No coordinator has admitted this incarnation yet, so it renews nothing. */
  get awaitsAdmission(): boolean {
    return !this.#released && sameTerm(this.#admitted, noTerm);
  }

  /**
   * The newest known configuration that excluded this node. A grant that was made under an earlier one
   * must be refused: its shard may have been granted anew.
   */
  get excludedAt(): ConfigVersion | undefined {
    return this.#excludedAt;
  }

  /** Whether the newest known configuration excludes this node. */
  get isExcluded(): boolean {
    return this.#config !== undefined && excludes(this.#config, this.#self);
  }

  /** When the lease ends; `-Infinity`: there is none. */
  get endsAt(): number {
    return this.#endsAt;
  }

  /** Whether this node holds a lease. */
  holds(now: number): boolean {
    return now < this.#endsAt;
  }

  /** Learns a configuration. Returns whether it is newer than the known one. */
  learn(config: LeaseConfig): boolean {
    if (this.#config !== undefined && compareVersions(config.version, this.#config.version) <= 0) {
      return false;
    }
    this.#config = config;
    this.#setVoters(config);
    this.#unanswered.clear();
    if (this.isExcluded) {
      this.#excludedAt = config.version;
      this.expire();
    }
    return true;
  }

  /** A coordinator has admitted this incarnation. Returns whether the term is newer. */
  admit(term: Term): boolean {
    if (compareTerms(term, this.#admitted) <= 0) return false;
    this.#admitted = term;
    return true;
  }

  /**
   * Begins a round. Undefined: nobody would acknowledge it. `wallTime`: see {@linkcode look}.
   */
  renewals(now: number, wallTime: number): LeaseRound | undefined {
    this.look(now, wallTime);
    if (this.#released || this.#config === undefined || this.awaitsAdmission) return undefined;
    const round = ++this.#round;
    this.#sent = this.#sent.filter(({ at }) => now - at < this.#timing.leaseDuration);
    this.#sent.push({ round, at: now, offset: wallTime - now });
    const { version } = this.#config;
    const to = votersOf(this.#config).filter(({ address }) => this.#isAsked(address));
    return { to, renewal: { round, version, admitted: this.#admitted } };
  }

  /** A voter is there: it gets each round. */
  heard(address: string): void {
    this.#unanswered.delete(address);
  }

  /** A voter that does not answer gets some of the rounds only: each is lost while it is unreachable. */
  #isAsked(address: string): boolean {
    const unanswered = this.#unanswered.get(address) ?? 0;
    this.#unanswered.set(address, unanswered + 1);
    return unanswered < patientRounds || unanswered % roundsPerProbe === 0;
  }

  /** A voter has acknowledged a round. Returns whether the lease now ends later. */
  onRenewed(from: HolderId, round: number, now: number): boolean {
    this.heard(from.address);
    const sent = this.#sent.find((other) => other.round === round);
    if (sent === undefined || this.#config === undefined || this.isExcluded) return false;
    const known = this.#acknowledged.find(({ voter }) => sameHolder(voter, from));
    if (known === undefined) return false;
    const at = rules.leaseCountsFromSend ? sent.at : now;
    known.at = Math.max(at, known.at);
    const endsAt = this.#quorumAt() + this.#timing.leaseDuration;
    if (!(endsAt > this.#endsAt)) return false;
    this.#endsAt = endsAt;
    return true;
  }

  /**
   * Compares the clocks: a machine that was suspended may have stopped the monotonic one, so a gain of
   * wall time ends the lease. Returns whether it did.
   */
  look(now: number, wallTime: number): boolean {
    const offset = wallTime - now;
    const jumped = this.#sent.some((sent) => offset - sent.offset > this.#timing.clockJump);
    if (!jumped || !rules.clockJumpsEndLeases) return false;
    this.expire();
    return true;
  }

  /** Ends the lease. Rounds that were sent before obtain no other. */
  expire(): void {
    this.#sent = [];
    for (const known of this.#acknowledged) known.at = -Infinity;
    this.#endsAt = -Infinity;
  }

  /** Ends the lease for good. The voters are to be told. */
  release(): readonly HolderId[] {
    this.expire();
    this.#released = true;
    return this.#config === undefined ? [] : votersOf(this.#config);
  }

  /** The latest time such that a quorum has acknowledged rounds sent then or later. */
  #quorumAt(): number {
    let latest = -Infinity;
    for (const { at: time } of this.#acknowledged) {
      if (time > latest && isQuorum(this.#electorate, ({ at }) => at >= time)) latest = time;
    }
    return latest;
  }

  /** A voter of the former configuration stays one with what it has acknowledged. */
  #setVoters(config: LeaseConfig): void {
    const former = this.#acknowledged;
    const known = votersOf(config).map((voter) =>
      former.find((other) => sameHolder(other.voter, voter)) ?? { voter, at: -Infinity }
    );
    const of = (set: readonly HolderId[]) =>
      set.map((id) => known.find(({ voter }) => sameHolder(voter, id))!);
    this.#acknowledged = known;
    this.#electorate = {
      voters: of(config.voters),
      previous: config.previous && of(config.previous),
    };
  }
}
