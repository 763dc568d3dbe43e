import { checkValue, resolveOptions } from "../options/check_options.ts";
import { refusedOption } from "../options/explain.ts";
import { topicName, topicTable } from "../options/tables/topic_tables.ts";
import type { TransportLimits } from "../transport/base/limits.ts";
import { TopicError } from "./errors.ts";
import type { PublishedMessage } from "./published_message.ts";
import { RetainedBytes } from "./retained_bytes.ts";
import type { TopicFacts } from "./topic.ts";
import { LocalTopic } from "./topic_handle.ts";
import { type MessageOrigin, ownVia, TopicLog } from "./topic_log.ts";

/** What happens to an open topic. */
export interface OpenTopicPort {
  /** The address of the node or client. */
  address(): string;
  /** A message of this node or client, which has been delivered here. */
  publish(topic: OpenTopic, published: PublishedMessage): void;
  /** It has subscribers now, or none any more. */
  changed(topic: OpenTopic): void;
  /** A slow reader has lost a message. */
  dropped(topic: OpenTopic, message: unknown): void;
  /** Who publishes here; undefined: nothing can be published any more. */
  publisher(): string | undefined;
  /** A message was published although nothing can be. */
  refused(topic: OpenTopic, message: unknown): void;
  /** Wall time, milliseconds. */
  wallTime(): number;
  /** Milliseconds of a clock that does not jump. */
  now(): number;
}

/** A topic that is open at one node or client: its subscribers, and what is retained. */
export class OpenTopic {
  readonly name: string;
  readonly handle: LocalTopic;
  readonly log: TopicLog;
  readonly #port: OpenTopicPort;
  /** Messages that were published here. */
  #number = 0;

  /** `bytes`: what is retained in all topics. */
  constructor(topic: TopicFacts, bytes: RetainedBytes, port: OpenTopicPort) {
    this.name = topic.name;
    this.#port = port;
    this.log = new TopicLog(topic.retain, bytes);
    this.handle = new LocalTopic(topic, {
      address: () => port.address(),
      publish: (message) => this.#publish(message),
      retained: () => this.log.retained().map(({ message }) => message),
      changed: () => port.changed(this),
      dropped: (message) => port.dropped(this, message),
    });
  }

  /** How many messages are kept for later subscribers. */
  get retain(): number {
    return this.log.retain;
  }

  /** The name in dead letters. */
  get target(): string {
    return topicTarget(this.name);
  }

  /** Delivers a message of another publisher here. False: it is late, or has come twice. */
  receive(published: PublishedMessage, origin: MessageOrigin): boolean {
    const now = this.#port.now();
    if (!this.log.accept(this.#notOfTheFuture(published), origin, now)) return false;
    this.handle.deliver(published.message);
    return true;
  }

  /** A node whose clock is ahead, or that lies, would have its messages retained in the place of others. */
  #notOfTheFuture(published: PublishedMessage): PublishedMessage {
    if (this.retain === 0) return published;
    const now = this.#port.wallTime();
    return published.at > now ? { ...published, at: now } : published;
  }

  #publish(message: unknown): void {
    const publisher = this.#port.publisher();
    if (publisher === undefined) return this.#port.refused(this, message);
    const number = ++this.#number;
    const at = this.retain > 0 ? this.#port.wallTime() : 0;
    const published = { topic: this.name, publisher, number, at, message };
    this.receive(published, { via: ownVia, isRetained: false });
    this.#port.publish(this, published);
  }
}

/** The target of a dead letter of a topic. */
export function topicTarget(name: string): string {
  return `/_topics/${name}`;
}

/** The open topics of one node or client. */
export class OpenTopics {
  readonly #topics = new Map<string, OpenTopic>();
  readonly #bytes: RetainedBytes;
  readonly #maxTopics: number;
  readonly #port: OpenTopicPort;

  /** Bounded by the limits. */
  constructor(
    limits: Pick<
      TransportLimits,
      "maxTopics" | "maxRetainedBytes" | "maxRetainedBytesPerIdentity"
    >,
    port: OpenTopicPort,
  ) {
    const { maxTopics, maxRetainedBytes: maxBytes, maxRetainedBytesPerIdentity } = limits;
    this.#maxTopics = maxTopics;
    this.#port = port;
    this.#bytes = new RetainedBytes({
      maxBytes,
      maxBytesPerTopic: Math.ceil(maxBytes / 8),
      maxBytesPerIdentity: maxRetainedBytesPerIdentity,
    });
  }

  /** How many are open. */
  get size(): number {
    return this.#topics.size;
  }

  /** Estimated size of what is retained. */
  get retainedBytes(): number {
    return this.#bytes.total;
  }

  /** The open topic of that name. */
  get(name: string): OpenTopic | undefined {
    return this.#topics.get(name);
  }

  /** All of them. */
  values(): Iterable<OpenTopic> {
    return this.#topics.values();
  }

  /**
   * Opens a topic, or returns the one that is open.
   *
   * @throws {OptionError}
   * @throws {TopicError} codes `topicMismatch`, `tooManyTopics`.
   */
  open(topic: TopicFacts): OpenTopic {
    if (typeof topic !== "object" || topic === null || !("retain" in topic)) {
      throw refusedOption("topic", topic, 'use what Topic("orders") returns');
    }
    const name = checkValue("topic: name", topicName, topic.name);
    const { retain } = resolveOptions(topicTable, { retain: topic.retain });
    const known = this.#topics.get(name);
    if (known !== undefined) {
      if (known.retain !== retain) throw mismatch(name, known.retain, retain);
      return known;
    }
    if (this.#topics.size >= this.#maxTopics) throw tooMany(name, this.#maxTopics);
    const made = new OpenTopic({ name, retain }, this.#bytes, this.#port);
    this.#topics.set(name, made);
    return made;
  }

  /** Ends all subscriptions. */
  close(): void {
    for (const { handle, log } of this.#topics.values()) {
      handle.close();
      log.clear();
    }
  }
}

function mismatch(name: string, before: number, now: number): TopicError {
  return new TopicError(
    "topicMismatch",
    `the topic "${name}" retains ${now} messages, and is open here with ${before}`,
    { value: now, remedy: "make it once, in a module that all import" },
  );
}

function tooMany(name: string, maxTopics: number): TopicError {
  return new TopicError("tooManyTopics", `the topic "${name}" is one more than ${maxTopics}`, {
    value: maxTopics,
    remedy: "use fewer topics, or raise transport.maxTopics",
  });
}
