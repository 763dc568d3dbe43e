import { senderOf } from "../actor/ref/message_sender.ts";
import type { ExtensionContext, ExtensionPeer } from "../cluster/node/node_extension.ts";
import { accountOf } from "../transport/base/peer.ts";
import type { TransportLimits } from "../transport/base/limits.ts";
import type { DeadLetterReason } from "../actor/services/dead_letter.ts";
import {
  clientTopicPath,
  parseTopicRequest,
  type TopicAnswer,
  type TopicRefusal,
  type TopicRequest,
  topicRequestPath,
} from "./client_protocol.ts";
import { rules } from "../runtime/rules.ts";
import { holdsForeignRef } from "./foreign_refs.ts";
import { ClientSubscriptions } from "./client_subscriptions.ts";
import { type OpenTopic, topicTarget } from "./open_topic.ts";
import { TokenBuckets } from "../runtime/token_buckets.ts";
import { clientOf, fieldsOf, type PublishedMessage } from "./published_message.ts";
import { clientPublisherName } from "./publisher_name.ts";
import { ClientTopicAccess } from "./topic_access.ts";
import { ownVia } from "./topic_log.ts";

/** Names in a list of a client, or retained messages sent to it, that cost as much as a message. */
const namesPerMessage = 10;
const everyone = new ClientTopicAccess(undefined);

/** What a {@linkcode TopicClients} is used with. */
export interface TopicClientsPort {
  readonly node: Pick<
    ExtensionContext,
    "runtime" | "send" | "deadLetter" | "handlePeers"
  >;
  readonly limits: Pick<TransportLimits, "maxTopicsPerIdentity" | "maxPublishRatePerIdentity">;
  /** The name of this node as a publisher. */
  self(): string;
  /** An open topic. */
  topic(name: string): OpenTopic | undefined;
  /** Sends a message that a client has published to the other nodes and to all clients. */
  forward(published: PublishedMessage): void;
  /** Clients have subscribed to the topic, or none is left. */
  changed(topic: OpenTopic): void;
}

/**
 * The clients of a node that publish to topics, or are subscribed. They reach the topics that the node
 * has opened, so that a client cannot make topics.
 */
export class TopicClients {
  readonly #port: TopicClientsPort;
  readonly #subscriptions: ClientSubscriptions;
  readonly #budget: TokenBuckets;
  readonly #access = new Map<string, ClientTopicAccess>();

  /** Opens the path at which clients send. */
  constructor(port: TopicClientsPort) {
    const { node, limits } = port;
    this.#port = port;
    this.#subscriptions = new ClientSubscriptions(limits.maxTopicsPerIdentity);
    this.#budget = new TokenBuckets(limits.maxPublishRatePerIdentity);
    node.handlePeers(topicRequestPath, (peer, value) => {
      const request = parseTopicRequest(value);
      if (request !== undefined && peer.role === "client") this.#onRequest(peer, request);
    });
  }

  /** The clients that are subscribed to a topic. */
  of(topic: string): ReadonlySet<string> {
    return this.#subscriptions.clientsOf(topic);
  }

  /** From now on clients may do this with the topic; those that are subscribed stay until they renew. */
  setAccess({ name }: OpenTopic, access: ClientTopicAccess): void {
    this.#access.set(name, access);
    this.#subscriptions.forgetLists();
  }

  /** Whether a policy says what clients may do with a topic. */
  hasPolicy(topic: string): boolean {
    return this.#access.has(topic);
  }

  /** Sends a message to all clients that are subscribed, except the one that has published it. */
  send(published: PublishedMessage): void {
    const clients = this.of(published.topic);
    if (clients.size === 0) return;
    const publisher = clientOf(published);
    for (const client of clients) {
      if (client !== publisher) this.#sendTo(client, published, false);
    }
  }

  /** Periodic: ends subscriptions that were not renewed. */
  tick(): void {
    const now = this.#now();
    this.#budget.prune(now);
    this.#onChanged(this.#subscriptions.expire(now));
  }

  #onRequest(peer: ExtensionPeer, request: TopicRequest): void {
    switch (request.type) {
      case "publish":
        return this.#onPublish(peer, request);
      case "renew":
        return this.#onRenew(peer, request.counter);
      case "subscribe":
        return this.#onSubscribe(peer, request);
    }
  }

  #onRenew({ address }: ExtensionPeer, counter: number): void {
    if (this.#subscriptions.renew(address, counter, this.#now())) return;
    this.#answer(address, { type: "resend" });
  }

  #onSubscribe(
    peer: ExtensionPeer,
    { counter, topics, again }: Extract<TopicRequest, { type: "subscribe" }>,
  ): void {
    const { address: client } = peer;
    const account = accountOf(peer);
    const now = this.#now();
    const sorted = this.#sort(peer, topics);
    const isSent = (name: string) => again || !this.#subscriptions.has(client, name);
    const retained = sorted.open.filter(isSent)
      .reduce((sum, name) => sum + (this.#port.topic(name)?.log.size ?? 0), 0);
    // The client sends its list again when it hears that the list is not known here.
    const cost = 1 + (topics.length + retained) / namesPerMessage;
    if (!this.#budget.take(account, now, cost)) return;
    const toSend = new Set(sorted.open.filter(isSent));
    const change = this.#subscriptions.set({ client, account, counter }, sorted.open, now);
    this.#refuse(client, sorted.unknown, "unknownTopic");
    this.#refuse(client, sorted.closed, "unauthorized");
    this.#refuse(client, change.refused, "tooMuch");
    this.#onChanged([...change.added, ...change.removed]);
    for (const name of toSend) {
      if (this.#subscriptions.has(client, name)) this.#sendRetained(client, name);
    }
  }

  #sort(peer: ExtensionPeer, topics: readonly string[]): Readonly<
    Record<"open" | "unknown" | "closed", readonly string[]>
  > {
    const sorted = { open: [] as string[], unknown: [] as string[], closed: [] as string[] };
    for (const name of new Set(topics)) {
      if (this.#port.topic(name) === undefined) sorted.unknown.push(name);
      else if (!this.#permits(peer, name, "subscribe")) sorted.closed.push(name);
      else sorted.open.push(name);
    }
    return sorted;
  }

  #sendRetained(client: string, name: string): void {
    for (const published of this.#port.topic(name)?.log.retained() ?? []) {
      // It has its own already.
      if (clientOf(published) !== client) this.#sendTo(client, published, true);
    }
  }

  #sendTo(client: string, published: PublishedMessage, isRetained: boolean): void {
    this.#port.node.send(client, clientTopicPath, fieldsOf(published, isRetained));
  }

  #onPublish(
    peer: ExtensionPeer,
    { topic: name, number, message }: Extract<TopicRequest, { type: "publish" }>,
  ): void {
    const now = this.#now();
    // Refused messages cost as much.
    if (!this.#budget.take(accountOf(peer), now, 1)) {
      return this.#unpublished(peer, { topic: name, number, message }, "tooMuch", "bufferFull");
    }
    const topic = this.#port.topic(name);
    if (topic === undefined) {
      return this.#unpublished(
        peer,
        { topic: name, number, message },
        "unknownTopic",
        "noSuchActor",
      );
    }
    if (!this.#permits(peer, name, "publish")) {
      return this.#unpublished(
        peer,
        { topic: name, number, message },
        "unauthorized",
        "unauthorized",
      );
    }
    if (rules.clientsPublishOwnRefs && holdsForeignRef(message, peer.address)) {
      return this.#unpublished(
        peer,
        { topic: name, number, message },
        "unauthorized",
        "unauthorized",
      );
    }
    const at = topic.retain > 0 ? this.#port.node.runtime.clock.wallTime() : 0;
    const publisher = clientPublisherName(peer.address, this.#port.self());
    const published = { topic: name, publisher, number, at, message };
    const isNew = topic.receive(published, { via: ownVia, isRetained: false });
    if (isNew) this.#port.forward(published);
  }

  #unpublished(
    { address }: ExtensionPeer,
    { topic, number, message }: { topic: string; number: number; message: unknown },
    reason: TopicRefusal,
    deadLetter: DeadLetterReason,
  ): void {
    this.#port.node.deadLetter(deadLetter, topicTarget(topic), message);
    this.#answer(address, { type: "unpublished", topic, number, reason });
  }

  #permits(peer: ExtensionPeer, topic: string, what: "publish" | "subscribe"): boolean {
    return (this.#access.get(topic) ?? everyone).permits(senderOf(peer), what);
  }

  #refuse(client: string, topics: readonly string[], reason: TopicRefusal): void {
    if (topics.length > 0) this.#answer(client, { type: "refused", topics, reason });
  }

  #answer(client: string, answer: TopicAnswer): void {
    this.#port.node.send(client, clientTopicPath, answer);
  }

  #onChanged(topics: readonly string[]): void {
    for (const name of topics) {
      const topic = this.#port.topic(name);
      if (topic !== undefined) this.#port.changed(topic);
    }
  }

  #now(): number {
    return this.#port.node.runtime.clock.now();
  }
}
