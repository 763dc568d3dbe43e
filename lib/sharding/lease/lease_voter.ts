import { rules } from "../../runtime/rules.ts";
import { compareTerms, noTerm, sameTerm, type Term } from "../routing/term.ts";
import {
  compareVersions,
  type ConfigVersion,
  excludes,
  type HolderAge,
  type HolderId,
  holderKey,
  type LeaseConfig,
} from "./lease_config.ts";
import { defaultLeaseTiming, type LeaseTiming } from "./lease_timing.ts";

/** What a holder sends to each voter in a round. */
export interface LeaseRenewal {
  readonly round: number;
  /** Of the configuration that the holder knows. */
  readonly version: ConfigVersion;
  /** The newest term whose coordinator has admitted the holder. */
  readonly admitted: Term;
}

/** Why a voter does not acknowledge a renewal. */
export type LeaseRefusal =
  /** The voter's view has no such member, or has it down. */
  | "notMember"
  /** The voter has adopted no configuration yet. */
  | "noConfig"
  /** The coordinator has excluded the holder. */
  | "excluded"
  /** The holder knows an older configuration than the voter. */
  | "outdatedConfig"
  /** The coordinator whose term the voter has acknowledged must admit the holder first. */
  | "notAdmitted";

/** The voter's answer. A refusal carries the voter's configuration, if it has one. */
export type LeaseAnswer =
  | { readonly type: "renewed"; readonly round: number }
  | {
    readonly type: "refused";
    readonly round: number;
    readonly reason: LeaseRefusal;
    readonly config?: LeaseConfig;
  };

interface HolderRecord {
  readonly holder: HolderId;
  /** When it was acknowledged last, by anybody. Never earlier than in truth. */
  at: number;
  /** When this voter acknowledged it last. */
  ownAt: number;
}

/**
 * Acknowledges the leases of holders, and keeps when it did so last. Every node has one, whether it
 * has a vote or not, because it may get one.
 *
 * Invariant: a holder that is acknowledged without having been admitted in the acknowledged term was
 * in the report of the term, so its coordinator knows of it.
 */
export class LeaseVoter {
  readonly #timing: LeaseTiming;
  readonly #records = new Map<string, HolderRecord>();
  /** Holders that have ended their leases, and when: a coordinator may not know yet. */
  readonly #released = new Map<string, number>();
  #term: Term = noTerm;
  #adopted: LeaseConfig | undefined;

  constructor(timing: LeaseTiming = defaultLeaseTiming) {
    this.#timing = timing;
  }

  /** The configuration that this node has adopted last. */
  get adopted(): LeaseConfig | undefined {
    return this.#adopted;
  }

  /** This node has promised to follow no coordinator of an earlier term. */
  acknowledge(term: Term): void {
    if (compareTerms(term, this.#term) > 0) this.#term = term;
  }

  /**
   * Adopts a configuration of the acknowledged term, and the acknowledgements that its coordinator
   * knows of. Returns whether this node has now adopted it or a later one of the term, which is to be
   * answered with `holders`.
   */
  adopt(config: LeaseConfig, holders: readonly HolderAge[], now: number): boolean {
    if (!sameTerm(config.version[0], this.#term)) return false;
    if (rules.holdersTravelWithConfigs) {
      for (const { holder, age } of holders) {
        if (!this.#released.has(holderKey(holder))) this.#record(holder, now - age);
      }
    }
    const known = this.#adopted;
    if (known === undefined || compareVersions(config.version, known.version) > 0) {
      this.#adopted = config;
    }
    return true;
  }

  /** Answers a renewal. `isMember`: the holder is a member of this node's view, and not down. */
  renew(holder: HolderId, renewal: LeaseRenewal, now: number, isMember: boolean): LeaseAnswer {
    const { round } = renewal;
    const reason = this.#refusal(holder, renewal, now, isMember);
    if (reason === undefined) {
      this.#record(holder, now).ownAt = now;
      return { type: "renewed", round };
    }
    const config = this.#adopted;
    return { type: "refused", round, reason, ...(config && { config }) };
  }

  /** The holder has ended its lease itself, and will not renew it. */
  release(holder: HolderId, now: number): void {
    const key = holderKey(holder);
    this.#records.delete(key);
    this.#released.set(key, now);
  }

  /** The holders whose leases may not have ended, by this node's acknowledgements. */
  holders(now: number): HolderAge[] {
    for (const [key, at] of this.#released) {
      if (now - at > 2 * this.#timing.takeoverWait) this.#released.delete(key);
    }
    const ages: HolderAge[] = [];
    for (const [key, { holder, at }] of this.#records) {
      const age = Math.max(0, now - at);
      if (age > this.#timing.takeoverWait) this.#records.delete(key);
      else ages.push({ holder, age });
    }
    return ages;
  }

  #refusal(
    holder: HolderId,
    { version, admitted }: LeaseRenewal,
    now: number,
    isMember: boolean,
  ): LeaseRefusal | undefined {
    const config = this.#adopted;
    if (!isMember) return "notMember";
    if (config === undefined) return "noConfig";
    if (excludes(config, holder) && rules.excludedAreRefused) return "excluded";
    if (compareVersions(version, config.version) < 0 && rules.oldConfigsAreRefused) {
      return "outdatedConfig";
    }
    const record = this.#records.get(holderKey(holder));
    // What others acknowledged does not count: that may be a minority, of an earlier term.
    const isContinuing = record !== undefined && now - record.ownAt <= this.#timing.takeoverWait;
    if (isContinuing || !rules.firstAckNeedsAdmission) return undefined;
    return compareTerms(admitted, this.#term) >= 0 ? undefined : "notAdmitted";
  }

  #record(holder: HolderId, at: number): HolderRecord {
    const key = holderKey(holder);
    let record = this.#records.get(key);
    if (record === undefined) {
      record = { holder, at, ownAt: -Infinity };
      this.#records.set(key, record);
    }
    record.at = Math.max(at, record.at);
    return record;
  }
}
