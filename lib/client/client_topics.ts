import type { ActorRef } from "../actor/ref/ref.ts";
import type { DeadLetterReason } from "../actor/services/dead_letter.ts";
import { withDefaults } from "../options/check_options.ts";
import { transportDefaults } from "../options/tables/transport_tables.ts";
import {
  clientTopicPath,
  parseTopicAnswer,
  parseTopicRequest,
  type TopicAnswer,
  type TopicRefusal,
  topicRequestPath,
} from "../topics/client_protocol.ts";
import { type OpenTopic, OpenTopics, topicTarget } from "../topics/open_topic.ts";
import { parsePublished, type PublishedMessage } from "../topics/published_message.ts";
import type { Topic } from "../topics/topic.ts";
import { TopicContact, type TopicContactEvent } from "../topics/topic_contact.ts";
import type { TopicHandle } from "../topics/topic_handle.ts";
import type { TransportLimits } from "../transport/base/limits.ts";
import type { ClientContext, ClientExtension } from "./client_extension.ts";

/**
 * Topics at a client: it publishes and subscribes through one of the nodes that it is subscribed to. When
 * it changes the node, or has lost the connection, it subscribes again.
 */
export class ClientTopics implements ClientExtension {
  readonly name = "topics";
  readonly #topics: OpenTopics;
  readonly #contact = new TopicContact();
  #client: ClientContext | undefined;
  #changing = false;
  #closed = false;
  /** Refusals that were logged, until the topics change. */
  readonly #logged = new Set<string>();

  /** `limits`: of the client. */
  constructor(limits: Partial<TransportLimits> = {}) {
    this.#topics = new OpenTopics(withDefaults(transportDefaults, limits), {
      address: () => this.#client!.address,
      publish: (topic, published) => this.#publish(topic, published),
      changed: () => this.#onChanged(),
      dropped: ({ target }, message) => this.#client?.deadLetter("bufferFull", target, message),
      publisher: () => this.#closed ? undefined : this.#client?.address,
      refused: ({ target }, message) => this.#client?.deadLetter("stopped", target, message),
      wallTime: () => this.#client!.runtime.clock.wallTime(),
      now: () => this.#client!.runtime.clock.now(),
    });
  }

  /** Opens the path at which nodes send. */
  install(client: ClientContext): void {
    this.#client = client;
    client.handle(clientTopicPath, (from, value) => this.#receive(from, value));
    client.reserve(topicRequestPath);
    client.handleUndelivered(
      topicRequestPath,
      (to, value) => this.#onUndelivered(to, value),
      (_path, value) => contentsOf(value),
    );
  }

  /** Opens a topic, or returns the one that is open. */
  open<M>(topic: Topic<M>): TopicHandle<M> {
    const open = this.#topics.open(topic);
    if (this.#closed) open.handle.close();
    return open.handle as unknown as TopicHandle<M>;
  }

  onNodesChanged(): void {
    this.#choose();
  }

  onNodeGone(): void {}

  onClusterReplaced(): void {}

  onConnectionLost(node: string): void {
    this.#step({ type: "lost", node });
  }

  /** No reference leads to a topic. */
  sends(_target: ActorRef<never>): boolean {
    return false;
  }

  tick(): void {
    this.#choose();
    this.#step({ type: "tick" });
  }

  /** The node hears at once that the subscriptions have ended. */
  close(): void {
    if (this.#closed) return;
    this.#step({ type: "topics", topics: [] });
    this.#closed = true;
    this.#topics.close();
  }

  #choose(): void {
    this.#step({ type: "contact", node: this.#client?.contacts()[0] });
  }

  /** Changes of one turn are sent together. */
  #onChanged(): void {
    if (this.#changing || this.#client === undefined) return;
    this.#changing = true;
    this.#client.runtime.clock.defer(() => {
      this.#changing = false;
      const subscribed = [...this.#topics.values()].filter(({ handle }) => handle.subscribers > 0);
      this.#logged.clear();
      this.#choose();
      this.#step({ type: "topics", topics: subscribed.map(({ name }) => name) });
    });
  }

  #step(event: TopicContactEvent): void {
    const client = this.#client;
    if (client === undefined || this.#closed) return;
    for (const { to, request } of this.#contact.step(event, client.runtime.clock.now())) {
      if (client.isPresent(to)) client.send(to, topicRequestPath, request);
    }
  }

  #publish({ target }: OpenTopic, { topic, number, message }: PublishedMessage): void {
    this.#choose();
    const { node } = this.#contact;
    if (node === undefined) return this.#client!.deadLetter("disconnected", target, message);
    this.#client!.send(node, topicRequestPath, { type: "publish", topic, number, message });
  }

  /** What was certainly not read goes to another node. A newer message may have overtaken it: then it is dropped there. */
  #onUndelivered(to: string, value: unknown): boolean {
    const request = parseTopicRequest(value);
    if (request?.type !== "publish") return true;
    this.#choose();
    const { node } = this.#contact;
    if (node === undefined || node === to || this.#closed) return false;
    this.#client!.send(node, topicRequestPath, request);
    return true;
  }

  #receive(from: string, value: unknown): void {
    const parsed = parsePublished(value);
    if (parsed === undefined) {
      const answer = parseTopicAnswer(value);
      if (answer !== undefined) this.#onAnswer(from, answer);
      return;
    }
    const { published, isRetained } = parsed;
    this.#topics.get(published.topic)?.receive(published, { via: from, isRetained });
  }

  #onAnswer(node: string, answer: TopicAnswer): void {
    switch (answer.type) {
      case "resend":
        return this.#step({ type: "resend", node });
      case "refused":
        this.#logRefusal(node, answer.topics, answer.reason);
        return this.#step({ type: "refused", node });
      case "unpublished":
        if (this.#topics.get(answer.topic) === undefined) return;
        this.#client!.deadLetter(
          reasons[answer.reason],
          topicTarget(answer.topic),
          undefined,
          `${node} has not published message ${answer.number}: ${answer.reason}`,
        );
    }
  }

  #logRefusal(node: string, topics: readonly string[], reason: TopicRefusal): void {
    const key = `${reason} ${topics.join()}`;
    if (this.#logged.has(key)) return;
    if (this.#logged.size < 100) this.#logged.add(key);
    const fields = { node, reason, topics: topics.slice(0, 10).join(", ") };
    this.#client!.runtime.logger.log("warn", "topics", "subscriptions were refused", fields);
  }
}

const reasons: Readonly<Record<TopicRefusal, DeadLetterReason>> = {
  unauthorized: "unauthorized",
  unknownTopic: "noSuchActor",
  tooMuch: "bufferFull",
};

function contentsOf(
  value: unknown,
): { readonly path: string; readonly message: unknown } | undefined {
  const request = parseTopicRequest(value);
  if (request?.type !== "publish") return undefined;
  return { path: topicTarget(request.topic), message: request.message };
}
