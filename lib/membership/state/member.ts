import { rules } from "../../runtime/rules.ts";

/** Bound here, since members are sorted often. */
const oldestLeads = rules.oldestLeads;

/**
 * How far a member is in its life. It only moves forward, in this order, and may skip steps:
 *
 * - `joining`: has asked to come in; the leader has not confirmed it yet.
 * - `weaklyUp`: let in while others are unreachable, so that not all could agree. Takes part in
 *   ordinary work; owns no shards and has no vote. Becomes `up` when all have agreed.
 * - `up`: a full member.
 * - `leaving`: has announced that it goes.
 * - `exiting`: all others know that it goes; it may stop now.
 * - `down`: declared dead by the others, or by itself as part of a minority.
 * - `removed`: no member any more. Only events carry this status; the table keeps a tombstone.
 */
export type MemberStatus =
  | "joining"
  | "weaklyUp"
  | "up"
  | "leaving"
  | "exiting"
  | "down"
  | "removed";

/** All statuses, in the order in which a member goes through them. */
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

/** Place of a status in the order of {@linkcode MemberStatus}, from 0. */
export function statusRank(status: MemberStatus): number {
  return ranks.get(status)!;
}

/** Who declared a member down, and on what grounds. */
export interface DownEvidence {
  /** Address of the member that took the decision. */
  readonly by: string;
  /** One sentence. */
  readonly why: string;
  /** Addresses of those who could not reach the member. */
  readonly observers: readonly string[];
  /**
   * How suspicious its silence was to each of them when they said so first, on the phi scale, at most
   * 1 000; in the order of `observers`, 0 where it is not known. Default: not known.
   */
  readonly phi?: readonly number[];
}

/** One node of the cluster, as the others know it. Never changed in place. */
export interface Member {
  /** `"host:port"`; unique among members. */
  readonly address: string;
  /** A label for people. */
  readonly nodeId: string;
  /** Tells lives of a node at one address apart: the higher is the later. Raised only by itself. */
  readonly incarnation: number;
  /** How far it has come. */
  readonly status: MemberStatus;
  /** Labels for placing work. */
  readonly roles: readonly string[];
  /** Of the application that the node runs, as its owner has named it. */
  readonly appVersion?: string;
  /** Where the node runs: what fails together has one name. */
  readonly zone?: string;
  /** 0 until up; then the order in which members became up, from 1. The lowest leads. */
  readonly upNumber: number;
  /** Present when the member was declared down. */
  readonly evidence?: DownEvidence;
}

/** Whether the member still takes part: it is neither down nor removed. */
export function isAlive(member: Member): boolean {
  return member.status !== "down" && member.status !== "removed";
}

/** Whether ordinary work may be given to the member. */
export function isWorking({ status }: Member): boolean {
  return status === "up" || status === "weaklyUp";
}

/** Whether the member is on its way out by its own will. */
export function isLeaving(member: Member): boolean {
  return member.status === "leaving" || member.status === "exiting";
}

/** Orders members by age: the oldest first, those that are not up yet last. */
export function compareAge(a: Member, b: Member): number {
  if (a.upNumber !== b.upNumber && oldestLeads) {
    if (a.upNumber === 0) return 1;
    if (b.upNumber === 0) return -1;
    return a.upNumber - b.upNumber;
  }
  if (a.upNumber === 0 && a.incarnation !== b.incarnation) return a.incarnation - b.incarnation;
  return compareText(a.address, b.address);
}

/** Orders texts by their UTF-16 code units, the same on every machine. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/**
 * The least upper bound of two accounts of one member. The higher incarnation wins; within one
 * incarnation each field is joined by itself, so that the order of merging does not matter.
 * Answers `a` itself when `b` adds nothing.
 */
export function mergeMember(a: Member, b: Member): Member {
  if (a === b) return a;
  if (a.incarnation !== b.incarnation) return a.incarnation > b.incarnation ? a : b;
  const status = statusRank(a.status) >= statusRank(b.status) ? a.status : b.status;
  const upNumber = mergeUpNumber(a.upNumber, b.upNumber);
  const named = compareLabels(a, b) >= 0 ? a : b;
  const evidence = mergeEvidence(a.evidence, b.evidence);
  for (const member of [a, b]) {
    if (
      status === member.status && upNumber === member.upNumber &&
      compareLabels(named, member) === 0 && compareEvidence(evidence, member.evidence) === 0
    ) return member;
  }
  const { evidence: _, ...labels } = named;
  const merged: Member = { ...labels, status, upNumber };
  return evidence === undefined ? merged : { ...merged, evidence };
}

/** Two leaders may have numbered a member at once: the smaller number counts, 0 is none. */
function mergeUpNumber(a: number, b: number): number {
  if (a === 0 || b === 0) return a + b;
  return Math.min(a, b);
}

function compareLabels(a: Member, b: Member): number {
  if (a.nodeId !== b.nodeId) return compareText(a.nodeId, b.nodeId);
  if (a.roles === b.roles && a.appVersion === b.appVersion && a.zone === b.zone) return 0;
  return compareText(labelsText(a), labelsText(b));
}

function labelsText({ roles, appVersion, zone }: Member): string {
  return JSON.stringify([roles, appVersion, zone]);
}

/** The evidence that all keep when two members have downed a third at once. */
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
