/**
 * What nodes say to each other about membership. No message names its sender: the connection knows
 * who speaks. `incarnation` is the sender's own unless said otherwise.
 *
 * @module
 */
import type { MemberRecord } from "../state/gossip_state.ts";
import type { DownEvidence, Member } from "../state/member.ts";
import {
  asFields,
  fieldLimits,
  type Fields,
  isAddress,
  isCount,
  isDigest,
  isIncarnation,
  isSentence,
  parseClusterConfig,
  parseEvidence,
  parseList,
  parseMember,
  parseRecord,
} from "./message_fields.ts";
import { isRequest, isSummary } from "../state/summary.ts";

/** Asks to become a member. */
export interface JoinMessage {
  readonly type: "join";
  /** The sender itself, with status `joining`. */
  readonly member: Member;
  readonly clusterConfig: Readonly<Record<string, string>>;
  /** Whether the sender bootstraps a cluster if there is none. Default false. */
  readonly bootstraps?: boolean;
}

/**
 * Why a node may not join:
 *
 * - `configConflict`: a key of the cluster configuration has another value here.
 * - `staleIncarnation`: a later life of that address is, or was, a member.
 * - `clusterFull`: `maxMembers` is reached.
 */
export type JoinRefusal = "configConflict" | "staleIncarnation" | "clusterFull";

/** Answers `join` with no. */
export interface JoinRefusedMessage {
  readonly type: "joinRefused";
  readonly code: JoinRefusal;
  /** One sentence. */
  readonly reason: string;
  /** The incarnation that the cluster knows of the sender's address; with `staleIncarnation`. */
  readonly known: number;
}

/** Answers `join` when the asked node belongs to no cluster itself. */
export interface NotReadyMessage {
  readonly type: "notReady";
  /** Whether it will found a cluster if it finds none. */
  readonly bootstraps: boolean;
  /** Whether it lets the asker found one, and nobody else for a while. Default false. */
  readonly vote?: boolean;
}

/** Answers `join` with yes. */
export interface WelcomeMessage {
  readonly type: "welcome";
  readonly clusterId: string;
  readonly state: GossipContent;
}

/** Tells (a part of) what the sender knows. */
export interface GossipMessage {
  readonly type: "gossip";
  readonly clusterId: string;
  readonly incarnation: number;
  readonly state: GossipContent;
  /** Whether the sender wants to hear where this is out of date. */
  readonly reply: boolean;
  /** What the sender wants to hear besides: fingerprints of addresses; see `summary.ts`. */
  readonly requested?: { readonly salt: number; readonly addresses: Uint8Array };
}

/** Offers gossip: whoever has another digest answers with a summary. */
export interface DigestMessage {
  readonly type: "digest";
  readonly clusterId: string;
  readonly incarnation: number;
  /** `fullDigest` of the sender's state. */
  readonly digest: string;
}

/** Tells which records the sender has: whoever has others answers with gossip and wishes. */
export interface SummaryMessage {
  readonly type: "summary";
  readonly clusterId: string;
  readonly incarnation: number;
  /** `fullDigest` of the sender's state. */
  readonly digest: string;
  /** Sets the fingerprints of this exchange apart from those of others; 32 bits. */
  readonly salt: number;
  /** See `summary.ts`. */
  readonly entries: Uint8Array;
}

/** Asks for a sign of life. */
export interface HeartbeatMessage {
  readonly type: "heartbeat";
  readonly clusterId: string;
  readonly incarnation: number;
}

/** A sign of life. */
export interface HeartbeatAckMessage {
  readonly type: "heartbeatAck";
  readonly incarnation: number;
  /** Where the sender's stall responder listens, on the same host; absent: it has none. */
  readonly stallPort?: number;
}

/** Asks for a heartbeat to somebody whom the sender does not hear. */
export interface IndirectProbeMessage {
  readonly type: "indirectProbe";
  readonly clusterId: string;
  readonly incarnation: number;
  /** Address of the member in question. */
  readonly target: string;
  /** Comes back in the answer. */
  readonly sequence: number;
}

/** Answers an indirect probe. */
export interface IndirectAnswerMessage {
  readonly type: "indirectAnswer";
  readonly clusterId: string;
  readonly incarnation: number;
  readonly target: string;
  readonly sequence: number;
  /** Whether the sender has heard the target. */
  readonly alive: boolean;
}

/** The sender is no member of this cluster any more, or never was, and will not answer again. */
export interface LeftMessage {
  readonly type: "left";
  readonly clusterId: string;
  readonly incarnation: number;
}

/** Tells the receiver that it is no member any more. */
export interface RemovedMessage {
  readonly type: "removed";
  readonly clusterId: string;
  /** The incarnation of the receiver that was removed, and those before it. */
  readonly incarnation: number;
  /** Absent when it left of its own will. */
  readonly evidence?: DownEvidence;
}

/** All that nodes say to each other about membership. */
export type MembershipMessage =
  | JoinMessage
  | JoinRefusedMessage
  | NotReadyMessage
  | WelcomeMessage
  | GossipMessage
  | DigestMessage
  | SummaryMessage
  | HeartbeatMessage
  | HeartbeatAckMessage
  | IndirectProbeMessage
  | IndirectAnswerMessage
  | LeftMessage
  | RemovedMessage;

/** A gossip state as it travels: lists, and ages instead of times. */
export interface GossipContent {
  readonly members: readonly MemberRecord[];
  readonly tombstones: readonly TombstoneContent[];
}

/** A tombstone as it travels. */
export interface TombstoneContent {
  readonly address: string;
  readonly incarnation: number;
  /** Milliseconds since the member was removed, as the sender counts them. */
  readonly age: number;
  readonly evidence?: DownEvidence;
}

/**
 * Reads a message from a peer. Answers `undefined` for anything that is none; never throws.
 * Unknown fields are dropped, so that later versions may add some.
 */
export function parseMembershipMessage(value: unknown): MembershipMessage | undefined {
  const fields = asFields(value);
  if (fields === undefined) return undefined;
  switch (fields.type) {
    case "join":
      return parseJoin(fields);
    case "joinRefused":
      return parseJoinRefused(fields);
    case "notReady":
      return parseNotReady(fields);
    case "welcome":
      return parseWelcome(fields);
    case "gossip":
      return parseGossip(fields);
    case "digest":
      return isDigest(fields.digest)
        ? withSender(fields, { type: "digest", digest: fields.digest })
        : undefined;
    case "summary":
      return parseSummary(fields);
    case "heartbeat":
      return withSender(fields, { type: "heartbeat" });
    case "heartbeatAck":
      return parseHeartbeatAck(fields);
    case "indirectProbe":
      return parseIndirect(fields, { type: "indirectProbe" });
    case "indirectAnswer":
      return typeof fields.alive === "boolean"
        ? parseIndirect(fields, { type: "indirectAnswer", alive: fields.alive })
        : undefined;
    case "left":
      return withSender(fields, { type: "left" });
    case "removed":
      return parseRemoved(fields);
    default:
      return undefined;
  }
}

function parseNotReady({ bootstraps, vote = false }: Fields): NotReadyMessage | undefined {
  return typeof bootstraps === "boolean" && typeof vote === "boolean"
    ? { type: "notReady", bootstraps, vote }
    : undefined;
}

function parseJoin(fields: Fields): JoinMessage | undefined {
  const member = parseMember(fields.member);
  const clusterConfig = parseClusterConfig(fields.clusterConfig);
  if (member === undefined || clusterConfig === undefined) return undefined;
  if (member.status !== "joining" || member.upNumber !== 0 || member.evidence !== undefined) {
    return undefined;
  }
  const { bootstraps = false } = fields;
  if (typeof bootstraps !== "boolean") return undefined;
  return { type: "join", member, clusterConfig, ...(bootstraps && { bootstraps }) };
}

function parseJoinRefused(fields: Fields): JoinRefusedMessage | undefined {
  const { code, reason, known } = fields;
  if (code !== "configConflict" && code !== "staleIncarnation" && code !== "clusterFull") {
    return undefined;
  }
  if (!isSentence(reason) || !isIncarnation(known)) return undefined;
  return { type: "joinRefused", code, reason, known };
}

function parseWelcome(fields: Fields): WelcomeMessage | undefined {
  const state = parseContent(fields.state);
  if (!isClusterId(fields.clusterId) || state === undefined) return undefined;
  return { type: "welcome", clusterId: fields.clusterId, state };
}

function parseGossip(fields: Fields): GossipMessage | undefined {
  const state = parseContent(fields.state);
  const { reply } = fields;
  if (state === undefined || typeof reply !== "boolean") return undefined;
  if (fields.requested === undefined) return withSender(fields, { type: "gossip", state, reply });
  const { salt, addresses } = asFields(fields.requested) ?? {};
  if (!isSalt(salt) || !isRequest(addresses, fieldLimits.members)) return undefined;
  return withSender(fields, { type: "gossip", state, reply, requested: { salt, addresses } });
}

function parseSummary(fields: Fields): SummaryMessage | undefined {
  const { digest, salt, entries } = fields;
  if (!isDigest(digest) || !isSalt(salt) || !isSummary(entries, fieldLimits.members)) {
    return undefined;
  }
  return withSender(fields, { type: "summary", digest, salt, entries });
}

function isSalt(value: unknown): value is number {
  return isCount(value) && value <= 0xffff_ffff;
}

function parseRemoved(fields: Fields): RemovedMessage | undefined {
  const evidence = parseEvidence(fields.evidence);
  if (evidence === undefined) return undefined;
  return withSender(fields, {
    type: "removed" as const,
    ...(evidence !== "none" && { evidence }),
  });
}

function parseHeartbeatAck({ incarnation, stallPort }: Fields): HeartbeatAckMessage | undefined {
  if (!isIncarnation(incarnation)) return undefined;
  if (stallPort === undefined) return { type: "heartbeatAck", incarnation };
  if (!isCount(stallPort) || stallPort < 1 || stallPort > 65_535) return undefined;
  return { type: "heartbeatAck", incarnation, stallPort };
}

function parseIndirect<T extends { readonly type: string }>(fields: Fields, rest: T) {
  const { target, sequence } = fields;
  if (!isAddress(target) || !isCount(sequence)) return undefined;
  return withSender(fields, { ...rest, target, sequence });
}

/** Adds what most messages begin with. */
function withSender<T extends { readonly type: string }>(
  { clusterId, incarnation }: Fields,
  rest: T,
): T & { readonly clusterId: string; readonly incarnation: number } | undefined {
  if (!isClusterId(clusterId) || !isIncarnation(incarnation)) return undefined;
  return { ...rest, clusterId, incarnation };
}

function parseContent(value: unknown): GossipContent | undefined {
  const fields = asFields(value);
  const members = parseList(fields?.members, fieldLimits.members, parseRecord);
  const tombstones = parseList(fields?.tombstones, fieldLimits.members, parseTombstone);
  if (members === undefined || tombstones === undefined) return undefined;
  const addresses = new Set<string>();
  let accusations = 0;
  for (const { member, reachability } of members) {
    addresses.add(member.address);
    accusations += reachability.unreachable.length;
  }
  for (const { address } of tombstones) addresses.add(address);
  if (addresses.size !== members.length + tombstones.length) return undefined;
  if (accusations > fieldLimits.accusations) return undefined;
  return { members, tombstones };
}

function parseTombstone(value: unknown): TombstoneContent | undefined {
  const fields = asFields(value);
  if (fields === undefined) return undefined;
  const { address, incarnation, age } = fields;
  const evidence = parseEvidence(fields.evidence);
  if (!isAddress(address) || !isIncarnation(incarnation) || evidence === undefined) {
    return undefined;
  }
  if (typeof age !== "number" || !(age >= 0 && age < Infinity)) return undefined;
  return { address, incarnation, age, ...(evidence !== "none" && { evidence }) };
}

/** An address and an incarnation, with a sign in between. */
function isClusterId(value: unknown): value is string {
  return typeof value === "string" && value.length > 0 &&
    value.length <= fieldLimits.address + 20;
}
