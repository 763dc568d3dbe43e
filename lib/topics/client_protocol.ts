/**
 * What clients and nodes say about topics.
 *
 * @module
 */
import { isNumber, isTopicName } from "./published_message.ts";

/** Path at which nodes take requests of clients. */
export const topicRequestPath = "/_topic-requests";
/**
 * Path at which clients take messages of topics, in the form that nodes send each other, and answers.
 * References in them may be forged by other clients, so they permit a client nothing.
 */
export const clientTopicPath = "/_topic-messages";

/** Topics in one list of a client. */
export const maxTopicsPerList = 10_000;

/** What a client sends to its node. */
export type TopicRequest =
  /**
   * Replaces the subscriptions of the client. `again`: it may have missed messages, so that what is
   * retained is sent again.
   */
  | {
    readonly type: "subscribe";
    readonly counter: number;
    readonly topics: readonly string[];
    readonly again: boolean;
  }
  /** Nothing has changed since the list with this number. */
  | { readonly type: "renew"; readonly counter: number }
  | {
    readonly type: "publish";
    readonly topic: string;
    /** Counts the messages of the client in this topic. */
    readonly number: number;
    readonly message: unknown;
  };

/** Why a node does not do what a client wants. */
export type TopicRefusal =
  /** The policy of the topic does not permit it. */
  | "unauthorized"
  /** The node has not opened the topic. */
  | "unknownTopic"
  /** The limits of the client's certificate do not permit it. */
  | "tooMuch";

/** What a node answers. */
export type TopicAnswer =
  /** The node does not know the list that was renewed. */
  | { readonly type: "resend" }
  /** Subscriptions were refused. */
  | {
    readonly type: "refused";
    readonly topics: readonly string[];
    readonly reason: TopicRefusal;
  }
  /** A message was refused. */
  | {
    readonly type: "unpublished";
    readonly topic: string;
    readonly number: number;
    readonly reason: TopicRefusal;
  };

/** The request, or undefined if the value is none. */
export function parseTopicRequest(value: unknown): TopicRequest | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { type, counter, topics, again, topic, number, message } = value as Record<string, unknown>;
  switch (type) {
    case "publish":
      return isTopicName(topic) && isNumber(number) ? { type, topic, number, message } : undefined;
    case "renew":
      return isNumber(counter) ? { type, counter } : undefined;
    case "subscribe":
      if (!isNumber(counter) || !areTopics(topics) || typeof again !== "boolean") return undefined;
      return { type, counter, topics, again };
  }
  return undefined;
}

/** The answer, or undefined if the value is none. */
export function parseTopicAnswer(value: unknown): TopicAnswer | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { type, topic, topics, reason, number } = value as Record<string, unknown>;
  if (type === "resend") return { type };
  if (!isRefusal(reason)) return undefined;
  if (type === "unpublished") {
    return isTopicName(topic) && isNumber(number) ? { type, topic, number, reason } : undefined;
  }
  if (type !== "refused" || !areTopics(topics)) return undefined;
  return { type, topics, reason };
}

function areTopics(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.length <= maxTopicsPerList && value.every(isTopicName);
}

function isRefusal(value: unknown): value is TopicRefusal {
  return value === "unauthorized" || value === "unknownTopic" || value === "tooMuch";
}
