import { rules } from "../../runtime/rules.ts";

/** Bound here, since members are sorted often. */
const oldestLeads = rules.oldestLeads;

/**
 * Lifecycle status of a member. It only moves forward, in this order, and may skip steps:
 *
 * - `joining`: admitted; the leader has not confirmed it yet.
 * - `weaklyUp`: admitted while other members are unreachable. Takes work; owns no shards and has no
 *   vote. Becomes `up` on convergence without unreachable members.
 * - `up`: a full member.
 * - `leaving`: has announced that it leaves.
 * - `exiting`: all others have seen that it leaves; it may stop.
 * - `down`: declared down by the others, or by itself as part of a minority.
 * - `removed`: no longer a member. Only events carry this status; the table keeps a tombstone.
 */
export type MemberStatus =
  | "joining"
  | "weaklyUp"
  | "up"
  | "leaving"
  | "exiting"
  | "down"
  | "removed";

/** All statuses in lifecycle order. */
export const memberStatuses: readonly MemberStatus[] = [
  "joining",
  "weaklyUp",
  "up",
  "leaving",
  "exiting",
  "down",
  "removed",
];

const ranks: ReadonlyMap<MemberStatus, number> = new Map(
  memberStatuses.map((status, index) => [status, index]),
);

/** Index of a status in the order of {@linkcode MemberStatus}. */
export function statusRank(status: MemberStatus): number {
  return ranks.get(status)!;
}

/** Why a member was declared down, and by which member. */
export interface DownEvidence {
  /** Address of the deciding member. */
  readonly by: string;
  /** The reason in one sentence. */
  readonly why: string;
  /** Addresses of the observers that could not reach the member. */
  readonly observers: readonly string[];
  /**
   * Phi value of each observer's accusation, at most 1 000; in the order of `observers`, 0 where it is
   * not known. Default: not known.
   */
  readonly phi?: readonly number[];
}

/** One node of the cluster. Immutable. */
export interface Member {
  /** `"host:port"`; unique among members. */
  readonly address: string;
  /** A label for people. */
  readonly nodeId: string;
  /**
   * Distinguishes restarts of a node at one address: the higher is the later. Only the node itself
   * sets it.
   */
  readonly incarnation: number;
  /** Lifecycle status. */
  readonly status: MemberStatus;
  /** Labels for placing work. */
  readonly roles: readonly string[];
  /** Version of the application that the node runs. */
  readonly appVersion?: string;
  /** Availability zone: nodes that fail together have the same. */
  readonly zone?: string;
  /** 0 until up; then the order in which members became up, from 1. The lowest is the oldest. */
  readonly upNumber: number;
  /**
   * Raised by the member when others have moved its status although it does not leave: statuses with
   * a lower number are refuted. Default 0.
   */
  readonly statusRefutation?: number;
  /**
   * Present if this incarnation has replaced a member with a vote: the up number of that member. The
   * node has its vote, at its age, from the start: a restart does not change the votes.
   */
  readonly inheritedNumber?: number;
  /** Present when the member was declared down. */
  readonly evidence?: DownEvidence;
}

/** Whether the member is neither down nor removed. */
export function isAlive(member: Member): boolean {
  return member.status !== "down" && member.status !== "removed";
}

/** Whether the member takes work: it is up or weakly up. */
export function isWorking({ status }: Member): boolean {
  return status === "up" || status === "weaklyUp";
}

/** Whether the member has a number: it is, or was, a full member. */
export function isNumbered({ upNumber }: Member): boolean {
  return upNumber > 0;
}

/** Whether the member is leaving gracefully. */
export function isLeaving(member: Member): boolean {
  return member.status === "leaving" || member.status === "exiting";
}

/** Orders members by age: the oldest first, members that were never up last. */
export function compareAge(a: Member, b: Member): number {
  if (a.upNumber !== b.upNumber && oldestLeads) {
    if (a.upNumber === 0) return 1;
    if (b.upNumber === 0) return -1;
    return a.upNumber - b.upNumber;
  }
  if (a.upNumber === 0 && a.incarnation !== b.incarnation) return a.incarnation - b.incarnation;
  return compareText(a.address, b.address);
}

/** Orders texts by UTF-16 code units, equally on every machine. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/**
 * The least upper bound of two versions of one member. The higher incarnation wins; within one
 * incarnation each field is merged separately, so the order of merging does not matter. Returns `a`
 * itself if `b` adds nothing.
 */
export function mergeMember(a: Member, b: Member): Member {
  if (a === b) return a;
  if (a.incarnation !== b.incarnation) return a.incarnation > b.incarnation ? a : b;
  const { status, statusRefutation } = mergeStatus(a, b);
  const upNumber = mergeUpNumber(a.upNumber, b.upNumber);
  const named = compareLabels(a, b) >= 0 ? a : b;
  const evidence = mergeEvidence(a.evidence, b.evidence);
  for (const member of [a, b]) {
    if (
      status === member.status && upNumber === member.upNumber &&
      statusRefutation === (member.statusRefutation ?? 0) &&
      compareLabels(named, member) === 0 && compareEvidence(evidence, member.evidence) === 0
    ) return member;
  }
  const { evidence: _, statusRefutation: _refutation, ...labels } = named;
  const merged: Member = {
    ...labels,
    status,
    upNumber,
    ...(statusRefutation > 0 && { statusRefutation }),
  };
  return evidence === undefined ? merged : { ...merged, evidence };
}

/** A refuted status does not count, unless it is `down`, which is final. */
function mergeStatus(a: Member, b: Member): { status: MemberStatus; statusRefutation: number } {
  const [ofA, ofB] = [a.statusRefutation ?? 0, b.statusRefutation ?? 0];
  const statusRefutation = Math.max(ofA, ofB);
  if (!isAlive(a) || !isAlive(b) || ofA === ofB) {
    const status = statusRank(a.status) >= statusRank(b.status) ? a.status : b.status;
    return { status, statusRefutation };
  }
  return { status: ofA > ofB ? a.status : b.status, statusRefutation };
}

/** Two leaders may have numbered a member concurrently: the smaller number wins; 0 is none. */
function mergeUpNumber(a: number, b: number): number {
  if (a === 0 || b === 0) return a + b;
  return Math.min(a, b);
}

function compareLabels(a: Member, b: Member): number {
  if (a.nodeId !== b.nodeId) return compareText(a.nodeId, b.nodeId);
  if (
    a.roles === b.roles && a.appVersion === b.appVersion && a.zone === b.zone &&
    a.inheritedNumber === b.inheritedNumber
  ) return 0;
  return compareText(labelsText(a), labelsText(b));
}

function labelsText({ inheritedNumber, roles, appVersion, zone }: Member): string {
  return JSON.stringify([inheritedNumber ?? 0, roles, appVersion, zone]);
}

/** The evidence that wins if two members have downed a third one concurrently. */
export function mergeEvidence(
  a: DownEvidence | undefined,
  b: DownEvidence | undefined,
): DownEvidence | undefined {
  return compareEvidence(a, b) >= 0 ? a : b;
}

/** A total order on evidence; none comes first. */
export function compareEvidence(
  a: DownEvidence | undefined,
  b: DownEvidence | undefined,
): number {
  if (a === b) return 0;
  if (a === undefined) return -1;
  if (b === undefined) return 1;
  return compareText(evidenceText(a), evidenceText(b));
}

function evidenceText({ by, why, observers }: DownEvidence): string {
  return JSON.stringify([by, why, observers]);
}
