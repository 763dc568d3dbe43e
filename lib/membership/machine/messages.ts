/**
 * Messages of the membership protocol. No message names its sender: the connection proves it.
 * `incarnation` is the sender's own unless said otherwise.
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

/** Requests to join. */
export interface JoinMessage {
  readonly type: "join";
  /** The sender itself, with status `joining`. */
  readonly member: Member;
  readonly clusterConfig: Readonly<Record<string, string>>;
  /** Whether the sender is the node that bootstraps if there is no cluster. Default false. */
  readonly bootstraps?: boolean;
}

/**
 * Why a join is rejected:
 *
 * - `configConflict`: a key of the cluster configuration has another value here.
 * - `staleIncarnation`: a later incarnation at that address is, or was, a member.
 * - `clusterFull`: `maxMembers` is reached.
 * - `clockAhead`: the incarnation is more than 1 000 years ahead of the clock here.
 */
export type JoinRefusal = typeof joinRefusals[number];

const joinRefusals = ["configConflict", "staleIncarnation", "clusterFull", "clockAhead"] as const;

/** Rejects a `join`. */
export interface JoinRefusedMessage {
  readonly type: "joinRefused";
  readonly code: JoinRefusal;
  /** One sentence. */
  readonly reason: string;
  /** The incarnation that the cluster knows of the sender's address; with `staleIncarnation`. */
  readonly known: number;
}

/** Answers a `join` while the receiver is no full member itself. */
export interface NotReadyMessage {
  readonly type: "notReady";
  /** Whether the sender is the node that bootstraps if there is no cluster. */
  readonly bootstraps: boolean;
  /** Whether the sender votes for the asker as bootstrap node. Default false. */
  readonly vote?: boolean;
  /**
   * Present if the sender is a member that cannot admit nodes: full members that it reaches, which
   * can; at most {@linkcode maxContacts}.
   */
  readonly contacts?: readonly string[];
}

/** Maximum number of members that one `notReady` names. */
export const maxContacts = 3;

/** Accepts a `join`. */
export interface WelcomeMessage {
  readonly type: "welcome";
  readonly clusterId: string;
  readonly state: GossipContent;
}

/** Carries the state of the sender, or a part of it. */
export interface GossipMessage {
  readonly type: "gossip";
  readonly clusterId: string;
  readonly incarnation: number;
  readonly state: GossipContent;
  /** Whether the receiver answers with newer records. */
  readonly reply: boolean;
  /** Records that the sender requests: fingerprints of addresses; see `summary.ts`. */
  readonly requested?: { readonly salt: number; readonly addresses: Uint8Array };
}

/** Starts an exchange: a receiver with another digest answers with a summary. */
export interface DigestMessage {
  readonly type: "digest";
  readonly clusterId: string;
  readonly incarnation: number;
  /** `fullDigest` of the sender's state. */
  readonly digest: string;
}

/** Lists the records of the sender: a receiver with others answers with gossip and a request. */
export interface SummaryMessage {
  readonly type: "summary";
  readonly clusterId: string;
  readonly incarnation: number;
  /** `fullDigest` of the sender's state. */
  readonly digest: string;
  /** Salt of the fingerprints, different in each exchange; 32 bits. */
  readonly salt: number;
  /** See `summary.ts`. */
  readonly entries: Uint8Array;
}

/** Requests a heartbeat acknowledgement. */
export interface HeartbeatMessage {
  readonly type: "heartbeat";
  readonly clusterId: string;
  readonly incarnation: number;
}

/** Acknowledges a heartbeat. */
export interface HeartbeatAckMessage {
  readonly type: "heartbeatAck";
  readonly incarnation: number;
  /** Port of the sender's stall responder on the same host; absent: it has none. */
  readonly stallPort?: number;
  /**
   * Whether the sender's address leads to it through a translation (an advertised host or port):
   * a refused connection then proves nothing about the sender. Default false.
   */
  readonly translated?: boolean;
}

/** Requests that the receiver probes a member for the sender (SWIM). */
export interface IndirectProbeMessage {
  readonly type: "indirectProbe";
  readonly clusterId: string;
  readonly incarnation: number;
  /** Address of the member to probe. */
  readonly target: string;
  /** Echoed in the answer. */
  readonly sequence: number;
}

/** Answers an indirect probe. */
export interface IndirectAnswerMessage {
  readonly type: "indirectAnswer";
  readonly clusterId: string;
  readonly incarnation: number;
  readonly target: string;
  readonly sequence: number;
  /** Whether the target has answered the sender. */
  readonly alive: boolean;
}

/** The sender is not, or no longer, a member of this cluster. */
export interface LeftMessage {
  readonly type: "left";
  readonly clusterId: string;
  readonly incarnation: number;
}

/** Notifies the receiver of its own removal. */
export interface RemovedMessage {
  readonly type: "removed";
  readonly clusterId: string;
  /** The removed incarnation of the receiver; earlier ones are removed too. */
  readonly incarnation: number;
  /** Absent if the receiver has left. */
  readonly evidence?: DownEvidence;
}

/** Any message of the membership protocol. */
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

/** The wire form of a gossip state: lists, and ages instead of times. */
export interface GossipContent {
  readonly members: readonly MemberRecord[];
  readonly tombstones: readonly TombstoneContent[];
}

/** The wire form of a tombstone. */
export interface TombstoneContent {
  readonly address: string;
  readonly incarnation: number;
  /** Milliseconds since the member was removed, on the sender's clock. */
  readonly age: number;
  readonly evidence?: DownEvidence;
}

/**
 * Parses a message from a peer; `undefined` if it is malformed. Never throws. Unknown fields are
 * dropped, so that later versions may add some.
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

function parseNotReady(
  { bootstraps, vote = false, contacts: named }: Fields,
): NotReadyMessage | undefined {
  if (typeof bootstraps !== "boolean" || typeof vote !== "boolean") return undefined;
  if (named === undefined) return { type: "notReady", bootstraps, vote };
  const contacts = parseList(named, maxContacts, (one) => isAddress(one) ? one : undefined);
  return contacts && { type: "notReady", bootstraps, vote, contacts };
}

function parseJoin(fields: Fields): JoinMessage | undefined {
  const member = parseMember(fields.member);
  const clusterConfig = parseClusterConfig(fields.clusterConfig);
  if (member === undefined || clusterConfig === undefined) return undefined;
  if (member.status !== "joining" || member.upNumber !== 0 || member.evidence !== undefined) {
    return undefined;
  }
  if (member.statusRefutation !== undefined) return undefined;
  // Only the admitting member knows whose vote the node inherits.
  if (member.inheritedNumber !== undefined) return undefined;
  const { bootstraps = false } = fields;
  if (typeof bootstraps !== "boolean") return undefined;
  return { type: "join", member, clusterConfig, ...(bootstraps && { bootstraps }) };
}

function parseJoinRefused(fields: Fields): JoinRefusedMessage | undefined {
  const { code, reason, known } = fields;
  const refusal = joinRefusals.find((one) => one === code);
  if (refusal === undefined) return undefined;
  if (!isSentence(reason) || !isIncarnation(known)) return undefined;
  return { type: "joinRefused", code: refusal, reason, known };
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

function parseHeartbeatAck(fields: Fields): HeartbeatAckMessage | undefined {
  const { incarnation, stallPort } = fields;
  if (!isIncarnation(incarnation)) return undefined;
  const translated = fields.translated === true && { translated: true };
  if (stallPort === undefined) return { type: "heartbeatAck", incarnation, ...translated };
  if (!isCount(stallPort) || stallPort < 1 || stallPort > 65_535) return undefined;
  return { type: "heartbeatAck", incarnation, stallPort, ...translated };
}

function parseIndirect<T extends { readonly type: string }>(fields: Fields, rest: T) {
  const { target, sequence } = fields;
  if (!isAddress(target) || !isCount(sequence)) return undefined;
  return withSender(fields, { ...rest, target, sequence });
}

/** Adds the fields that most messages share. */
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

/** `<address>#<incarnation>` of the bootstrap node. */
function isClusterId(value: unknown): value is string {
  return typeof value === "string" && value.length > 0 &&
    value.length <= fieldLimits.address + 20;
}
