/**
 * Messages of leases: renewals between holders and voters, and what the coordinator decides about
 * them. All of them are checked on arrival.
 *
 * @module
 */
import { isCount, isName, isRecord } from "../routing/message_fields.ts";
import type { ConfigVersion, HolderAge, HolderId, LeaseConfig } from "./lease_config.ts";
import type { LeaseRefusal, LeaseRenewal } from "./lease_voter.ts";
import { isTerm, type Term } from "../routing/term.ts";

/** Where nodes renew their leases, on the control lane. */
export const leasePath = "/_cluster/lease";

/** Between nodes, at {@linkcode leasePath}. */
export type LeaseMessage =
  /** Holder to voter: acknowledge that I may run what I own. */
  | RenewLeaseMessage
  /** Voter to holder: the round is acknowledged. */
  | { readonly type: "leaseRenewed"; readonly incarnation: number; readonly round: number }
  | LeaseRefusedMessage
  /** Holder to voter: I run nothing any more, and never will. */
  | { readonly type: "releaseLease"; readonly incarnation: number };

/** Holder to voter: see {@linkcode LeaseMessage}. */
export interface RenewLeaseMessage extends LeaseRenewal {
  readonly type: "renewLease";
  readonly incarnation: number;
  /** I run entities of no type: my lease protects nothing now. */
  readonly idle?: true;
}

/** Voter to holder: the round is not acknowledged. */
export interface LeaseRefusedMessage {
  readonly type: "leaseRefused";
  readonly incarnation: number;
  readonly round: number;
  readonly reason: LeaseRefusal;
  /** What the voter has adopted. */
  readonly config?: LeaseConfig;
}

/** Coordinator to voter: adopt this configuration, and say when holders were acknowledged last. */
export interface AdoptLeasesMessage {
  readonly type: "adoptLeases";
  readonly config: LeaseConfig;
  /** The last acknowledgements that the coordinator knows of. */
  readonly holders: readonly HolderAge[];
}

/** Voter to coordinator: it is adopted. */
export interface LeasesAdoptedMessage {
  readonly type: "leasesAdopted";
  readonly incarnation: number;
  readonly version: ConfigVersion;
  /** The last acknowledgements of this voter. */
  readonly holders: readonly HolderAge[];
}

/** Coordinator to node: it has reported in this term, and may begin to hold a lease. */
export interface AdmitHolderMessage {
  readonly type: "admitHolder";
  readonly term: Term;
  readonly config: LeaseConfig;
}

/** The longest list of voters. */
export const maxVoters = 16;
/** The longest lists of holders: twice as many as there can be members. */
const maxHolders = 20_000;

const reasons: readonly LeaseRefusal[] = [
  "notMember",
  "excluded",
  "outdatedConfig",
  "notAdmitted",
  "noConfig",
];

/** The message, or `undefined` if it is none. */
export function parseLeaseMessage(value: unknown): LeaseMessage | undefined {
  if (!isRecord(value) || !isCount(value.incarnation)) return undefined;
  const { type, incarnation, round } = value;
  if (type === "releaseLease") return { type, incarnation };
  if (!isCount(round)) return undefined;
  switch (type) {
    case "renewLease": {
      const { version, admitted } = value;
      if (!isVersion(version) || !isTerm(admitted)) return undefined;
      const idle = value.idle === true ? { idle: true } as const : {};
      return { type, incarnation, round, version, admitted, ...idle };
    }
    case "leaseRenewed":
      return { type, incarnation, round };
    case "leaseRefused": {
      const reason = reasons.find((known) => known === value.reason);
      if (reason === undefined) return undefined;
      if (value.config === undefined) return { type, incarnation, round, reason };
      const config = parseLeaseConfig(value.config);
      return config && { type, incarnation, round, reason, config };
    }
    default:
      return undefined;
  }
}

/** The message, or `undefined` if it is none. */
export function parseAdoptLeases(value: Record<string, unknown>): AdoptLeasesMessage | undefined {
  const config = parseLeaseConfig(value.config);
  const holders = parseHolderAges(value.holders);
  return config && holders && { type: "adoptLeases", config, holders };
}

/** The message, or `undefined` if it is none. */
export function parseLeasesAdopted(
  { incarnation, version, holders: given }: Record<string, unknown>,
): LeasesAdoptedMessage | undefined {
  const holders = parseHolderAges(given);
  if (holders === undefined || !isCount(incarnation) || !isVersion(version)) return undefined;
  return { type: "leasesAdopted", incarnation, version, holders };
}

/** The message, or `undefined` if it is none. */
export function parseAdmitHolder(value: Record<string, unknown>): AdmitHolderMessage | undefined {
  const config = parseLeaseConfig(value.config);
  if (config === undefined || !isTerm(value.term)) return undefined;
  return { type: "admitHolder", term: value.term, config };
}

/** The configuration, or `undefined` if it is none. */
export function parseLeaseConfig(value: unknown): LeaseConfig | undefined {
  if (!isRecord(value) || !isVersion(value.version)) return undefined;
  const voters = parseHolders(value.voters, maxVoters);
  const excluded = parseHolders(value.excluded, maxHolders);
  if (voters === undefined || voters.length === 0 || excluded === undefined) return undefined;
  const { version } = value;
  if (value.previous === undefined) return { version, voters, excluded };
  const previous = parseHolders(value.previous, maxVoters);
  if (previous === undefined || previous.length === 0) return undefined;
  return { version, voters, previous, excluded };
}

/** The list, or `undefined` if it is none. */
export function parseHolderAges(value: unknown): readonly HolderAge[] | undefined {
  if (!Array.isArray(value) || value.length > maxHolders) return undefined;
  const ages: HolderAge[] = [];
  for (const entry of value) {
    if (!isRecord(entry) || !isHolder(entry.holder)) return undefined;
    const { holder: { address, incarnation }, age } = entry;
    if (typeof age !== "number" || !(age >= 0)) return undefined;
    ages.push({ holder: { address, incarnation }, age });
  }
  return ages;
}

function parseHolders(value: unknown, limit: number): readonly HolderId[] | undefined {
  if (!Array.isArray(value) || value.length > limit) return undefined;
  const holders: HolderId[] = [];
  for (const entry of value) {
    if (!isHolder(entry)) return undefined;
    holders.push({ address: entry.address, incarnation: entry.incarnation });
  }
  return holders;
}

function isHolder(value: unknown): value is HolderId {
  return isRecord(value) && isName(value.address) && isCount(value.incarnation);
}

/** Whether a value that a peer has sent is a version. */
export function isVersion(value: unknown): value is ConfigVersion {
  return Array.isArray(value) && value.length === 2 && isTerm(value[0]) && isCount(value[1]);
}
