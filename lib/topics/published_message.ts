/** A message of a topic, as nodes keep it and send it. */
export interface PublishedMessage {
  /** The name of the topic. */
  readonly topic: string;
  /**
   * Who has published it: the address of a node and its incarnation, `address@incarnation`; or the address of
   * a client and the node that has taken it, `client:...|address@incarnation`.
   */
  readonly publisher: string;
  /** Counts the messages of one publisher in one topic, from 1. */
  readonly number: number;
  /** When it was published, wall time of its node in milliseconds. Orders retained messages. */
  readonly at: number;
  /** What was published. */
  readonly message: unknown;
}

/** The order of the fields on the wire; a copy of a retained message has a last element `true`. */
export type PublishedFields = readonly [string, string, number, number, unknown, true?];

/** Longest text that names a publisher. */
const maxPublisher = 1_500;
const maxTopic = 256;

/** The form on the wire. */
export function fieldsOf(published: PublishedMessage, isRetained: boolean): PublishedFields {
  const { topic, publisher, number, at, message } = published;
  return isRetained
    ? [topic, publisher, number, at, message, true]
    : [topic, publisher, number, at, message];
}

/** The client that has published it; undefined: a node has. */
export function clientOf({ publisher }: Pick<PublishedMessage, "publisher">): string | undefined {
  if (!publisher.startsWith("client:")) return undefined;
  const end = publisher.lastIndexOf("|");
  return end < 0 ? publisher : publisher.slice(0, end);
}

/** The message, and whether it is a copy of a retained one; undefined if the value is none. */
export function parsePublished(
  value: unknown,
): { readonly published: PublishedMessage; readonly isRetained: boolean } | undefined {
  if (!Array.isArray(value) || value.length < 5) return undefined;
  const [topic, publisher, number, at, message, retained] = value as readonly unknown[];
  if (!isTopicName(topic) || !isText(publisher, maxPublisher)) return undefined;
  if (!isNumber(number) || typeof at !== "number" || !Number.isFinite(at)) return undefined;
  return { published: { topic, publisher, number, at, message }, isRetained: retained === true };
}

/** Whether it can be the number of a message. */
export function isNumber(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) > 0;
}

/** Whether it can be the name of a topic. */
export function isTopicName(value: unknown): value is string {
  return isText(value, maxTopic) && value.length > 0;
}

function isText(value: unknown, longest: number): value is string {
  return typeof value === "string" && value.length <= longest;
}
