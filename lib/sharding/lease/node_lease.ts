import { LeaseHolder } from "./lease_holder.ts";
import {
  type AdmitHolderMessage,
  type AdoptLeasesMessage,
  type LeaseMessage,
  leasePath,
  type LeaseRefusedMessage,
} from "./lease_protocol.ts";
import {
  compareVersions,
  type HolderAge,
  type HolderId,
  type LeaseConfig,
  sameHolder,
  votersOf,
} from "./lease_config.ts";
import { LeaseVoter } from "./lease_voter.ts";
import { shardingPath } from "../routing/protocol.ts";
import { readClocks } from "../../runtime/clock_reading.ts";
import { rules } from "../../runtime/rules.ts";
import { compareTerms, noTerm, sameTerm, type Term } from "../routing/term.ts";

/** Dependencies of {@linkcode NodeLease}. */
export interface NodeLeasePort {
  /** This node's address. */
  readonly self: string;
  /** Milliseconds on the runtime's clock. */
  now(): number;
  /** Milliseconds since the Unix epoch. */
  wallTime(): number;
  send(to: string, path: string, message: unknown): void;
  /** Whether a node coordinates the shards, as this node sees it. */
  isCoordinator(address: string): boolean;
  /** Whether this node sees such a member, which is not down. */
  isMember(holder: HolderId): boolean;
  /**
   * A configuration of a later term than the acknowledged one is known: the term has to be acknowledged,
   * so that its successor learns of it. Returns false if the term cannot be true.
   */
  onLaterTerm(term: Term): boolean;
  /** A voter wants the admission of a coordinator: this node has to report its shards. */
  onNotAdmitted(): void;
  /** Whether entities of any type may run at this node. Default: they may. */
  runsTypes?(): boolean;
  /** The lease was obtained or extended, or ended before its time; -Infinity: there is none. */
  onLease(until: number): void;
}

/** Ticks between two reports of a node that no coordinator has admitted. */
const ticksPerRequest = 2;
/** Voters of which a configuration is kept that no other has named. */
const maxTold = 64;

/** What a report says about leases. */
export interface LeaseReport {
  readonly config?: LeaseConfig;
  readonly holders: readonly HolderAge[];
}

/**
 * The lease of one node, and its part in those of others: renews its own with the voters, and
 * acknowledges as a voter. Each incarnation of the node begins anew, as another holder and another
 * voter: it knows nothing of what the former one has acknowledged.
 */
export class NodeLease {
  readonly #port: NodeLeasePort;
  #voter = new LeaseVoter();
  #holder: LeaseHolder | undefined;
  #incarnation = 0;
  #acknowledged: Term = noTerm;
  /** Why the last round was refused, by any voter. */
  #refusal: string | undefined;
  #mayReport = true;
  /** Ticks since which this node waits for its first admission. */
  #unadmitted = 0;
  /** The newer configurations that voters have named, one of each. */
  readonly #told = new Map<string, string>();
  /** The incarnations of members that run entities of no type, by address. */
  readonly #idle = new Map<string, number>();
  #end = -Infinity;

  /** No lease. */
  constructor(port: NodeLeasePort) {
    this.#port = port;
  }

  /** This node as a holder; none while it is no member. */
  get self(): HolderId {
    return { address: this.#port.self, incarnation: this.#incarnation };
  }

  /** When the lease ends, or -Infinity. */
  get until(): number {
    return this.#end;
  }

  /** Whether this node may run what it owns. */
  get holds(): boolean {
    return this.#end > this.#port.now();
  }

  /** Which leases count, as far as this node knows. */
  get config(): LeaseConfig | undefined {
    return this.#holder?.config;
  }

  /** Whether leases of others need this node. */
  get votes(): boolean {
    const { config } = this;
    return config !== undefined && votersOf(config).some((voter) => sameHolder(voter, this.self));
  }

  /** Whether a holder has said in its last renewal here that it runs entities of no type. */
  isIdle({ address, incarnation }: HolderId): boolean {
    return this.#idle.get(address) === incarnation;
  }

  /** Forgets what others than these members have said. */
  retain(members: readonly HolderId[]): void {
    if (this.#idle.size === 0) return;
    const present = new Set(members.map(({ address }) => address));
    for (const address of this.#idle.keys()) if (!present.has(address)) this.#idle.delete(address);
  }

  /** Why this node has no lease, for people; undefined if it has one. */
  get missing(): string | undefined {
    if (this.holds) return undefined;
    const holder = this.#holder;
    if (holder === undefined) return "it is no member";
    if (holder.config === undefined) return "no coordinator has told it who acknowledges leases";
    if (sameTerm(holder.admitted, noTerm)) return "no coordinator has admitted it yet";
    if (this.#refusal === "excluded") return "it was excluded, and has not been readmitted yet";
    if (this.#refusal === "notAdmitted") return "it needs the admission of the new coordinator";
    const voters = holder.config.voters.map(({ address }) => address).join(", ");
    return `no majority of the voters answers it (${voters})`;
  }

  /** What this node tells a coordinator of leases. */
  report(): LeaseReport {
    const config = this.#voter.adopted;
    const holders = this.#voter.holders(this.#port.now());
    return { holders, ...(config && { config }) };
  }

  /** Which incarnation of this node is a member; 0: none. */
  setIncarnation(incarnation: number): void {
    if (incarnation === this.#incarnation) return;
    this.#incarnation = incarnation;
    this.#voter = new LeaseVoter();
    this.#voter.acknowledge(this.#acknowledged);
    this.#holder = incarnation === 0 ? undefined : new LeaseHolder(this.self);
    this.#setEnd();
  }

  /** This node has acknowledged a term: as a voter, it adopts nothing of an earlier one. */
  acknowledge(term: Term): void {
    this.#acknowledged = term;
    this.#voter.acknowledge(term);
  }

  /**
   * Whether a grant counts that was made under the configuration with this count, in the acknowledged
   * term. If this node was excluded since, its shard may have been granted to another.
   */
  accepts(count: number): boolean {
    const [term, excluded] = this.#holder?.excludedAt ?? [noTerm, 0];
    return !sameTerm(term, this.#acknowledged) || count > excluded;
  }

  /** A coordinator proposes who acknowledges leases, and whose are not acknowledged any more. */
  onAdopt(from: string, { config, holders }: AdoptLeasesMessage): void {
    const now = this.#port.now();
    if (this.#incarnation !== 0 && this.#voter.adopt(config, holders, now)) {
      this.#port.send(from, shardingPath, {
        type: "leasesAdopted",
        incarnation: this.#incarnation,
        version: config.version,
        holders: this.#voter.holders(now),
      });
    }
    this.#learn(config);
  }

  /** The coordinator of the acknowledged term knows what this node owns. */
  onAdmit({ term, config }: AdmitHolderMessage): void {
    if (this.#holder === undefined || !sameTerm(term, this.#acknowledged)) return;
    const isNewer = this.#holder.learn(config);
    if (this.#holder.admit(term) || isNewer) this.#renew();
  }

  /** A message of another node about a lease. */
  receive(from: string, message: LeaseMessage): void {
    const { incarnation } = message;
    const peer = { address: from, incarnation };
    const now = this.#port.now();
    this.#holder?.heard(from);
    switch (message.type) {
      case "renewLease": {
        if (this.#incarnation === 0) return;
        const { round, version, admitted } = message;
        const isMember = this.#port.isMember(peer);
        const renewal = { round, version, admitted };
        if (isMember && message.idle) this.#idle.set(from, incarnation);
        else this.#idle.delete(from);
        const answer = this.#voter.renew(peer, renewal, now, isMember);
        const own = { incarnation: this.#incarnation };
        const { type: _, ...about } = answer;
        const type = answer.type === "renewed" ? "leaseRenewed" : "leaseRefused";
        return this.#send(from, { type, ...own, ...about } as LeaseMessage);
      }
      case "leaseRenewed":
        this.#look();
        this.#holder?.onRenewed(peer, message.round, now);
        return this.#setEnd();
      case "leaseRefused":
        return this.#onRefused(from, message);
      case "releaseLease":
        return this.#voter.release(peer, now);
    }
  }

  /** Renews the lease. Call it each 250 ms. */
  tick(): void {
    this.#mayReport = true;
    this.#renew();
    this.#requestAdmission();
  }

  /**
   * The first admission may be lost, or have come before this node knew its coordinator. No voter tells
   * a node that renews nothing that it lacks the admission: it reports again until it is admitted.
   */
  #requestAdmission(): void {
    const isReported = !sameTerm(this.#acknowledged, noTerm);
    if (!isReported || this.#holder?.awaitsAdmission !== true) this.#unadmitted = 0;
    else if (++this.#unadmitted % ticksPerRequest === 0 && rules.admissionIsRequested) {
      this.#port.onNotAdmitted();
    }
  }

  /** The machine was suspended, whether the lease seems valid or not: it is not. */
  expire(): void {
    this.#holder?.expire();
    this.#setEnd();
    this.#renew();
  }

  /** This node runs nothing any more, and renews its lease no more. */
  release(): void {
    for (const { address } of this.#holder?.release() ?? []) {
      this.#send(address, { type: "releaseLease", incarnation: this.#incarnation });
    }
    this.#setEnd();
  }

  #onRefused(from: string, { reason, config }: LeaseRefusedMessage): void {
    this.#refusal = reason;
    if (config !== undefined && this.#isConfirmed(from, config)) this.#learn(config);
    if (reason !== "notAdmitted" || !this.#mayReport) return;
    this.#mayReport = false;
    this.#port.onNotAdmitted();
  }

  /**
   * Whether to believe a voter what configuration it has adopted: a false one of a later version would
   * keep the true ones out. Two must name the same, since a quorum has adopted what counts.
   */
  #isConfirmed(from: string, config: LeaseConfig): boolean {
    if (this.#port.isCoordinator(from) || !rules.refusalsAreConfirmed) return true;
    const known = this.#holder?.config;
    if (known !== undefined && compareVersions(config.version, known.version) <= 0) return false;
    const text = JSON.stringify(config);
    for (const [other, told] of this.#told) {
      if (other !== from && told === text) {
        this.#told.clear();
        return true;
      }
    }
    if (this.#told.size >= maxTold) this.#told.clear();
    this.#told.set(from, text);
    return false;
  }

  #learn(config: LeaseConfig): void {
    const [term] = config.version;
    if (compareTerms(term, this.#acknowledged) > 0 && !this.#port.onLaterTerm(term)) return;
    if (!this.#holder?.learn(config)) return;
    this.#setEnd();
    this.#renew();
  }

  #look(): void {
    const { now, wallTime } = readClocks(this.#port);
    this.#holder?.look(now, wallTime);
  }

  #renew(): void {
    const { now, wallTime } = readClocks(this.#port);
    const next = this.#holder?.renewals(now, wallTime);
    this.#setEnd();
    if (next === undefined) return;
    const message = {
      type: "renewLease",
      incarnation: this.#incarnation,
      ...next.renewal,
      ...(this.#port.runsTypes?.() === false && { idle: true as const }),
    } as const;
    for (const { address } of next.to) this.#send(address, message);
  }

  #setEnd(): void {
    const end = this.#holder?.endsAt ?? -Infinity;
    if (end === this.#end) return;
    this.#end = end;
    if (this.holds) this.#refusal = undefined;
    this.#port.onLease(end);
  }

  #send(to: string, message: LeaseMessage): void {
    this.#port.send(to, leasePath, message);
  }
}
