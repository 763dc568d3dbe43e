/**
 * Topics at a node. A message goes to the nodes that have announced the topic, one copy each, and from
 * there to their actors, readers and clients.
 *
 * @module
 */
import { checkOptions } from "../options/check_options.ts";
import { openTopicTable } from "../options/tables/topic_tables.ts";
import type {
  ExtensionContext,
  ExtensionPeer,
  NodeExtension,
} from "../cluster/node/node_extension.ts";
import { isAlive } from "../membership/state/member.ts";
import type { MembershipView } from "../membership/state/view.ts";
import { rules } from "../runtime/rules.ts";
import type { Timer } from "../runtime/clock.ts";
import { instruments } from "../runtime/instruments.ts";
import { clientTopicPath } from "./client_protocol.ts";
import { type InterestEffect, InterestExchange } from "./interest_exchange.ts";
import { interestPath } from "./interest_protocol.ts";
import { type OpenTopic, OpenTopics, topicTarget } from "./open_topic.ts";
import { fieldsOf, parsePublished, type PublishedMessage } from "./published_message.ts";
import { ClientTopicAccess } from "./topic_access.ts";
import { maySendFor, namedByTaker, publisherName } from "./publisher_name.ts";
import { TopicClients } from "./topic_clients.ts";
import type { TopicHandle } from "./topic_handle.ts";
import { type OpenTopicOptions, type TopicFacts, topicsKey } from "./topics.ts";
import type { Topic } from "./topic.ts";

/** Path at which nodes take messages of topics. */
export const topicPath = "/_topics";
/** Milliseconds between two rounds of what repeats itself. */
const tickInterval = 2_000;

/** See the module's text. */
export class TopicsExtension implements NodeExtension {
  readonly name = "topics";
  #node!: ExtensionContext;
  #topics!: OpenTopics;
  #exchange!: InterestExchange;
  #clients!: TopicClients;
  /** Nodes that are in the cluster, with their incarnations. */
  #incarnations: ReadonlyMap<string, number> = new Map();
  /** The same as texts, `address#incarnation`. */
  #present: ReadonlySet<string> = new Set();
  /** It publishes nothing any more. */
  #hasLeft = false;
  #flushing = false;
  #timer: Timer | undefined;
  #endMeasuring = (): void => {};

  /** Opens the paths at which nodes and clients send. */
  install(node: ExtensionContext): void {
    this.#node = node;
    const { address, limits, runtime: { clock, telemetry } } = node;
    this.#exchange = new InterestExchange();
    this.#topics = new OpenTopics(limits, {
      address: () => address,
      publish: (_topic, published) => this.#forward(published),
      changed: (topic) => this.#onSubscribersChanged(topic),
      dropped: ({ target }, message) => node.deadLetter("bufferFull", target, message),
      publisher: () => this.#publisher(),
      refused: ({ target }, message) => node.deadLetter("stopped", target, message),
      wallTime: () => clock.wallTime(),
      now: () => clock.now(),
    });
    this.#clients = new TopicClients({
      node,
      limits,
      topic: (name) => this.#topics.get(name),
      self: () => publisherName(address, node.view.self.incarnation),
      forward: (published) => this.#forward(published),
      changed: (topic) => this.#onSubscribersChanged(topic),
    });
    node.reserve(interestPath, { own: true });
    node.reserve(clientTopicPath, { grants: false });
    node.handleNodes(interestPath, (from, message) => {
      this.#carryOut(this.#exchange.step({ type: "message", from, message }));
    });
    node.handleNodes(topicPath, (peer, value) => this.#onPublished(peer, value));
    for (const path of [topicPath, clientTopicPath]) {
      node.handleUndelivered(path, () => false, (_path, message) => contentsOf(message));
    }
    node.expose(topicsKey, {
      open: (topic, options) => this.#open(topic, options),
      list: (limit) => this.#list(limit),
    });
    if (telemetry?.enabled) {
      this.#endMeasuring = telemetry.gauge(instruments.topics, (observe) => {
        observe(this.#topics.size);
      });
    }
    this.#scheduleTick();
  }

  /** Members that have gone have no subscribers any more. */
  onView({ members, unreachable }: MembershipView): void {
    const present = members.filter(isAlive);
    this.#incarnations = new Map(present.map(({ address, incarnation }) => [address, incarnation]));
    this.#present = new Set(present.map(({ address, incarnation }) => viaOf(address, incarnation)));
    const others = new Map(
      present.filter(({ address }) => address !== this.#node.address)
        .map(({ address, incarnation }) => [address, incarnation]),
    );
    this.#carryOut(this.#exchange.step({ type: "members", members: others, unreachable }));
  }

  /** Ends all subscriptions. */
  afterLeave(): void {
    this.#hasLeft = true;
    this.#timer?.cancel();
    this.#endMeasuring();
    this.#topics.close();
  }

  /** Topics, with their subscribers. */
  explain(): readonly string[] {
    const lines = [...this.#topics.values()].slice(0, 100).map(({ name, handle, log }) => {
      const nodes = [...this.#exchange.nodesOf(name)].sort().join(", ") || "none";
      const clients = this.#clients.of(name).size;
      return `topic "${name}": ${handle.subscribers} local subscribers, ${clients} clients, ` +
        `${log.size} retained, other nodes: ${nodes}` +
        this.#exchange.differencesOf(name).map((line) => `; ${line}`).join("");
    });
    const { announcedTopics } = this.#exchange;
    return [
      `${this.#topics.size} topics are open here, and ${announcedTopics} at other nodes`,
      ...lines,
    ];
  }

  #list(limit: number): TopicFacts[] {
    return [...this.#topics.values()].slice(0, limit).map(({ name, handle, log }) => ({
      name,
      subscribers: handle.subscribers,
      clients: this.#clients.of(name).size,
      retained: log.size,
    }));
  }

  #open<M>(topic: Topic<M>, options: OpenTopicOptions = {}): TopicHandle<M> {
    checkOptions(openTopicTable, options);
    const open = this.#topics.open(topic);
    if (options.clients !== undefined) {
      this.#clients.setAccess(open, new ClientTopicAccess(options.clients));
    }
    this.#onSubscribersChanged(open);
    if (this.#hasLeft) open.handle.close();
    return open.handle as unknown as TopicHandle<M>;
  }

  /** Of the messages of this node. */
  #publisher(): string | undefined {
    if (this.#hasLeft) return undefined;
    return publisherName(this.#node.address, this.#node.view.self.incarnation);
  }

  #onPublished(peer: ExtensionPeer, value: unknown): void {
    const parsed = parsePublished(value);
    if (parsed === undefined) return;
    const { isRetained } = parsed;
    const publisher = isRetained
      ? parsed.published.publisher
      : namedByTaker(parsed.published.publisher, publisherName(peer.address, peer.incarnation));
    const published = { ...parsed.published, publisher };
    const passed = { publisher: published.publisher, from: peer.address, isRetained };
    if (!maySendFor(passed, this.#incarnations) && rules.membersPublishAsThemselves) return;
    const via = viaOf(peer.address, peer.incarnation);
    const isNew = this.#topics.get(published.topic)?.receive(published, { via, isRetained });
    if (isNew) this.#clients.send(published);
  }

  /** Sends a message of this node or of one of its clients to the others. */
  #forward(published: PublishedMessage): void {
    const fields = fieldsOf(published, false);
    for (const node of this.#exchange.nodesOf(published.topic)) {
      this.#node.send(node, topicPath, fields);
    }
    this.#clients.send(published);
  }

  /** What is retained must be kept up to date, so a topic that retains counts as subscribed to. */
  #onSubscribersChanged({ name, retain, handle }: OpenTopic): void {
    if (this.#hasLeft) return;
    const isOpen = retain > 0 || handle.subscribers > 0 || this.#clients.of(name).size > 0;
    const options = { topic: name, retain, clients: this.#clients.hasPolicy(name) };
    this.#carryOut(this.#exchange.step({ type: "options", ...options }));
    this.#carryOut(
      this.#exchange.step(isOpen ? { type: "open", ...options } : { type: "close", topic: name }),
    );
    if (this.#flushing) return;
    this.#flushing = true;
    this.#node.runtime.clock.defer(() => {
      this.#flushing = false;
      if (!this.#hasLeft) this.#carryOut(this.#exchange.step({ type: "flush" }));
    });
  }

  #carryOut(effects: readonly InterestEffect[]): void {
    for (const effect of effects) {
      if (effect.type === "send") this.#node.send(effect.to, interestPath, effect.message);
      else if (effect.type === "differs") this.#tellDifference(effect);
      else for (const name of effect.topics) this.#sendRetained(effect.node, name);
    }
  }

  #tellDifference(
    { topic, node, option, here, there }: Extract<InterestEffect, { type: "differs" }>,
  ): void {
    const { logger } = this.#node.runtime;
    if (option === "retain") {
      const remedy = "make the topic once, in a module that all import";
      const fields = { topic, node, here, there, remedy };
      return logger.log("warn", "topics", "nodes retain different numbers of messages", fields);
    }
    logger.log("warn", "topics", "not all nodes have a policy for the clients of a topic", {
      topic,
      node,
      here: policy(here),
      there: policy(there),
      remedy: "give `clients` where each node opens the topic",
    });
  }

  /** In order before everything that is published from now on. */
  #sendRetained(node: string, name: string): void {
    const log = this.#topics.get(name)?.log;
    if (log === undefined || !rules.retainedAreSentFirst) return;
    for (const published of log.retainedFor((via) => this.#present.has(via))) {
      this.#node.send(node, topicPath, fieldsOf(published, true));
    }
  }

  #scheduleTick(): void {
    const { clock } = this.#node.runtime;
    this.#timer = clock.schedule(tickInterval, () => {
      this.#carryOut(this.#exchange.step({ type: "tick" }));
      this.#clients.tick();
      this.#scheduleTick();
    });
  }
}

/** The dead letter of a message that was not sent. */
function contentsOf(
  value: unknown,
): { readonly path: string; readonly message: unknown } | undefined {
  const published = parsePublished(value)?.published;
  return published && { path: topicTarget(published.topic), message: published.message };
}

function policy(isThere: unknown): string {
  return isThere === true ? "a policy" : "no policy: all clients publish and subscribe";
}

function viaOf(address: string, incarnation: number): string {
  return `${address}#${incarnation}`;
}
