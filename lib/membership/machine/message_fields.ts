/**
 * Parses fields of messages from peers, which are authenticated but may be faulty. Each function
 * returns `undefined` for a value that it does not accept, never throws, and copies known fields
 * only.
 *
 * @module
 */
import { parseAddress } from "../../runtime/address.ts";
import {
  type MemberRecord,
  type Reachability,
  type Seen,
  type Subject,
  unreachableReasons,
} from "../state/gossip_state.ts";
import {
  type DownEvidence,
  type Member,
  type MemberStatus,
  memberStatuses,
} from "../state/member.ts";

/** Limits of message fields. */
export const fieldLimits = {
  /** Characters of an address. */
  address: 300,
  /** Characters of a label, role, key or cluster id; at least one. */
  shortText: 255,
  /** Characters of a sentence. */
  sentence: 1_000,
  /** Roles of one member. */
  roles: 64,
  /** Members, tombstones, or accusations by one observer. */
  members: 10_000,
  /** Accusations in one message. */
  accusations: 200_000,
  /** Suspicion, on the phi scale. */
  phi: 1_000,
  /** Observers named as evidence. */
  observers: 100,
  /** Entries of a cluster configuration. */
  configEntries: 256,
  /** Characters of a value in a cluster configuration. */
  configValue: 1_024,
} as const;

/** An object with unchecked fields. */
export type Fields = Readonly<Record<string, unknown>>;

/** The value as an object; undefined for arrays and other types. */
export function asFields(value: unknown): Fields | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? value as Fields
    : undefined;
}

/** Whether the value is `"host:port"`. */
export function isAddress(value: unknown): value is string {
  if (typeof value !== "string" || value.length > fieldLimits.address) return false;
  try {
    parseAddress(value);
    return true;
  } catch {
    return false;
  }
}

/** Whether the value is a text of 1 to 255 characters. */
export function isShortText(value: unknown): value is string {
  return typeof value === "string" && value.length > 0 && value.length <= fieldLimits.shortText;
}

/** Whether the value is a text of at most 1 000 characters. */
export function isSentence(value: unknown): value is string {
  return typeof value === "string" && value.length <= fieldLimits.sentence;
}

/** Whether the value is an integer of at least 0. */
export function isIncarnation(value: unknown): value is number {
  return isCount(value);
}

/** Whether the value is a fingerprint as `digest.ts` writes it. */
export function isDigest(value: unknown): value is string {
  return typeof value === "string" && /^[0-9a-f]{16}$/.test(value);
}

/** Parses a list; undefined if it is too long or one item is not accepted. */
export function parseList<T>(
  value: unknown,
  limit: number,
  parse: (item: unknown) => T | undefined,
): readonly T[] | undefined {
  if (!Array.isArray(value) || value.length > limit) return undefined;
  const items: T[] = [];
  for (const item of value) {
    const parsed = parse(item);
    if (parsed === undefined) return undefined;
    items.push(parsed);
  }
  return items;
}

/** Parses a member that is in the table. */
export function parseMember(value: unknown): Member | undefined {
  const fields = asFields(value);
  if (fields === undefined) return undefined;
  const { address, nodeId, incarnation, status, upNumber } = fields;
  const roles = parseList(fields.roles, fieldLimits.roles, shortText);
  const evidence = parseEvidence(fields.evidence);
  if (
    !isAddress(address) || !isShortText(nodeId) || !isCount(incarnation) || !isCount(upNumber) ||
    !isStatus(status) || roles === undefined || evidence === undefined
  ) return undefined;
  const { appVersion, zone, statusRefutation, inheritedNumber } = fields;
  if (statusRefutation !== undefined && !isCount(statusRefutation)) return undefined;
  if (!isLabel(appVersion) || !isLabel(zone)) return undefined;
  if (inheritedNumber !== undefined && !isCount(inheritedNumber)) return undefined;
  const member: Member = {
    address,
    nodeId,
    incarnation,
    status,
    roles,
    upNumber,
    ...(appVersion !== undefined && { appVersion }),
    ...(zone !== undefined && { zone }),
    ...(statusRefutation !== undefined && { statusRefutation }),
    ...(inheritedNumber !== undefined && { inheritedNumber }),
  };
  return evidence === "none" ? member : { ...member, evidence };
}

/** Parses the record of a member. */
export function parseRecord(value: unknown): MemberRecord | undefined {
  const fields = asFields(value);
  const member = parseMember(fields?.member);
  const seen = parseSeen(fields?.seen);
  const reachability = parseReachability(fields?.reachability);
  if (member === undefined || seen === undefined || reachability === undefined) return undefined;
  return { member, seen, reachability };
}

/** Parses downing evidence; `"none"` if it is absent. */
export function parseEvidence(value: unknown): DownEvidence | "none" | undefined {
  if (value === undefined) return "none";
  const fields = asFields(value);
  const observers = parseList(fields?.observers, fieldLimits.observers, address);
  if (!isAddress(fields?.by) || !isSentence(fields?.why) || observers === undefined) {
    return undefined;
  }
  const { by, why } = fields;
  if (fields.phi === undefined) return { by, why, observers };
  const phi = parseList(fields.phi, fieldLimits.observers, suspicion);
  return phi?.length === observers.length ? { by, why, observers, phi } : undefined;
}

/** Parses a cluster configuration. */
export function parseClusterConfig(value: unknown): Readonly<Record<string, string>> | undefined {
  const fields = asFields(value);
  if (fields === undefined) return undefined;
  const entries = Object.entries(fields);
  if (entries.length > fieldLimits.configEntries) return undefined;
  for (const [key, text] of entries) {
    if (!isShortText(key)) return undefined;
    if (typeof text !== "string" || text.length > fieldLimits.configValue) return undefined;
  }
  // Defines own properties, so that no key can reach a prototype.
  return Object.fromEntries(entries) as Record<string, string>;
}

/** Whether the value is a safe integer of at least 0. */
export function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function parseSeen(value: unknown): Seen | undefined {
  const fields = asFields(value);
  if (!isCount(fields?.counter)) return undefined;
  if (fields.digest !== "" && !isDigest(fields.digest)) return undefined;
  return { counter: fields.counter, digest: fields.digest };
}

function parseReachability(value: unknown): Reachability | undefined {
  const fields = asFields(value);
  const unreachable = parseList(fields?.unreachable, fieldLimits.members, parseSubject);
  if (!isCount(fields?.version) || unreachable === undefined) return undefined;
  const { version, refutation } = fields;
  if (refutation === undefined) return { version, unreachable };
  return isCount(refutation) ? { version, unreachable, refutation } : undefined;
}

function parseSubject(value: unknown): Subject | undefined {
  const fields = asFields(value);
  if (!isAddress(fields?.address) || !isCount(fields.incarnation)) return undefined;
  const { address, incarnation, refutation, reason } = fields;
  if (refutation !== undefined && !isCount(refutation)) return undefined;
  const phi = fields.phi === undefined ? undefined : suspicion(fields.phi);
  if (fields.phi !== undefined && phi === undefined) return undefined;
  // Later versions may know more reasons.
  const known = unreachableReasons.find((one) => one === reason);
  return {
    address,
    incarnation,
    ...(refutation !== undefined && { refutation }),
    ...(known !== undefined && { reason: known }),
    ...(phi !== undefined && { phi }),
    ...(fields.early === true && { early: true }),
  };
}

function isStatus(value: unknown): value is MemberStatus {
  return value !== "removed" && memberStatuses.includes(value as MemberStatus);
}

function isLabel(value: unknown): value is string | undefined {
  return value === undefined || isShortText(value);
}

function shortText(value: unknown): string | undefined {
  return isShortText(value) ? value : undefined;
}

function address(value: unknown): string | undefined {
  return isAddress(value) ? value : undefined;
}

function suspicion(value: unknown): number | undefined {
  return typeof value === "number" && value >= 0 && value <= fieldLimits.phi ? value : undefined;
}
