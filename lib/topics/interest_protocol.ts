/**
 * What nodes say about the topics that they have subscribers for.
 *
 * @module
 */
import { isTopicName } from "./published_message.ts";

/** Path of announcements. */
export const interestPath = "/_cluster/topics";

/** Topics that one node may announce. */
export const maxTopicsPerNode = 10_000;

/** What nodes send each other. */
export type InterestMessage =
  /** The number of the sender's latest change, and of the receiver's that the sender has. */
  | { readonly type: "sync"; readonly counter: number; readonly have: number }
  /** The changes behind the change `since`; 0: `added` is the whole list. */
  | {
    readonly type: "topics";
    readonly counter: number;
    readonly since: number;
    readonly added: readonly string[];
    readonly removed: readonly string[];
    /** How many messages the sender retains of each that is added; undefined: of none, or an older node. */
    readonly retain?: readonly number[];
    /** Whether the sender has a policy for clients of each that is added; undefined: an older node. */
    readonly clients?: readonly boolean[];
  };

/** The message, or undefined if the value is none. */
export function parseInterest(value: unknown): InterestMessage | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { type, counter, have, since, added, removed, retain, clients } = value as Record<
    string,
    unknown
  >;
  if (!isCount(counter)) return undefined;
  if (type === "sync") return isCount(have) ? { type, counter, have } : undefined;
  if (type !== "topics" || !isCount(since)) return undefined;
  if (!areTopics(added) || !areTopics(removed)) return undefined;
  if (retain !== undefined && !areRetained(retain, added.length)) return undefined;
  if (clients !== undefined && !areFlags(clients, added.length)) return undefined;
  return {
    type,
    counter,
    since,
    added,
    removed,
    ...(retain !== undefined && { retain }),
    ...(clients !== undefined && { clients }),
  };
}

function areFlags(value: unknown, length: number): value is readonly boolean[] {
  return Array.isArray(value) && value.length === length &&
    value.every((flag) => typeof flag === "boolean");
}

function areRetained(value: unknown, length: number): value is readonly number[] {
  return Array.isArray(value) && value.length === length && value.every(isCount);
}

function areTopics(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.length <= maxTopicsPerNode && value.every(isTopicName);
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
