/**
 * What admins ask of nodes, and what nodes answer.
 *
 * @module
 */

/** Path at which nodes take requests of admins. */
export const adminPath = "/_admin";
/** Path at which admins take the answers. */
export const adminAnswerPath = "/_admin-answers";

/** Entries of a list in one answer; the rest is asked for with `from`. */
export const pageLength = 500;
/** Actors in one answer to `top`, of each order. */
export const maxTopEntities = 200;
/** Characters of a topic: the name of a type, and an entity id. */
export const maxTopic = 800;
const maxName = 300;
const maxReason = 1_000;

interface Numbered {
  /** Chosen by the admin; the answer repeats it. */
  readonly request: number;
}

/** The node itself, in short. */
export interface StatusRequest extends Numbered {
  readonly type: "status";
  readonly request: number;
}

/** The members that the node knows, from the one with this index on. */
export interface MembersRequest extends Numbered {
  readonly type: "members";
  readonly request: number;
  readonly from: number;
}

/** The shards of a type, from this one on; an empty type: the types that the node runs. */
export interface ShardsRequest extends Numbered {
  readonly type: "shards";
  readonly request: number;
  readonly shardType: string;
  readonly from: number;
}

/** Why things are as they are. */
export interface ExplainRequest extends Numbered {
  readonly type: "explain";
  readonly request: number;
  readonly topic: string;
}

/** The busiest actors of the node since the last such request. */
export interface TopRequest extends Numbered {
  readonly type: "top";
  readonly request: number;
  readonly limit: number;
}

/** Declares a member down. `force`: also if it is reachable. */
export interface DownRequest extends Numbered {
  readonly type: "down";
  readonly request: number;
  readonly address: string;
  readonly force: boolean;
}

/** The node leaves the cluster and stops. */
export interface LeaveRequest extends Numbered {
  readonly type: "leave";
  readonly request: number;
}

/** What an admin sends to a node. */
export type AdminRequest =
  | StatusRequest
  | MembersRequest
  | ShardsRequest
  | ExplainRequest
  | TopRequest
  | DownRequest
  | LeaveRequest;

/** What a node answers. */
export type AdminAnswer =
  /** The answer, see `node_report.ts`. */
  | { readonly type: "report"; readonly request: number; readonly value: unknown }
  /** The node does not do it. */
  | {
    readonly type: "adminRefused";
    readonly request: number;
    /** Stable, see `AdminErrorCode`. */
    readonly code: string;
    readonly reason: string;
    readonly remedy: string;
  };

/** The request, or undefined if the value is none. */
export function parseAdminRequest(value: unknown): AdminRequest | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { type, request, from, shardType, topic, limit, address, force } = value as Record<
    string,
    unknown
  >;
  if (!isIndex(request)) return undefined;
  switch (type) {
    case "status":
    case "leave":
      return { type, request };
    case "members":
      return isIndex(from) ? { type, request, from } : undefined;
    case "shards":
      if (!isText(shardType, maxName) || !isIndex(from)) return undefined;
      return { type, request, shardType, from };
    case "explain":
      return isText(topic, maxTopic) ? { type, request, topic } : undefined;
    case "top":
      if (!isIndex(limit) || limit < 1 || limit > maxTopEntities) return undefined;
      return { type, request, limit };
    case "down":
      if (!isText(address, maxName) || typeof force !== "boolean") return undefined;
      return { type, request, address, force };
  }
  return undefined;
}

/** The answer, or undefined if the value is none. */
export function parseAdminAnswer(answer: unknown): AdminAnswer | undefined {
  if (typeof answer !== "object" || answer === null) return undefined;
  const { type, request, value, code, reason, remedy } = answer as Record<string, unknown>;
  if (!isIndex(request)) return undefined;
  if (type === "report") return { type, request, value };
  if (type !== "adminRefused") return undefined;
  if (!isText(code, maxName) || !isText(reason, maxReason) || !isText(remedy, maxReason)) {
    return undefined;
  }
  return { type, request, code, reason, remedy };
}

function isIndex(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isText(value: unknown, max: number): value is string {
  return typeof value === "string" && value.length <= max;
}
