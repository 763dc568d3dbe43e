/**
 * Which topics each node has subscribers for. A node announces every change of its own topics to all
 * members, and the number of its latest change from time to time, so that a lost announcement is
 * requested again.
 *
 * @module
 */
import { rules } from "../runtime/rules.ts";
import { type InterestMessage, maxTopicsPerNode, parseInterest } from "./interest_protocol.ts";

/** Nodes that `differencesOf` names. */
const maxExplained = 5;
/** Nodes in the set of early senders. */
const maxEarly = 1_000;

/** A node as its connection has proved it. */
export interface InterestSender {
  readonly address: string;
  readonly incarnation: number;
}

/** Options of a topic on which nodes have to agree. */
export interface TopicSettings {
  /** How many messages are retained. */
  readonly retain: number;
  /** Whether there is a policy for clients. */
  readonly clients: boolean;
}

/** What happens at a node. */
export type InterestEvent =
  /** From now on this node has subscribers for the topic, or none any more. */
  | (
    & { readonly type: "open"; readonly topic: string }
    & Pick<TopicSettings, "retain">
    & Partial<TopicSettings>
  )
  | { readonly type: "close"; readonly topic: string }
  /** The topic is open at this node, with or without subscribers, and has these options from now on. */
  | ({ readonly type: "options"; readonly topic: string } & TopicSettings)
  /** Changes of this node are announced together. */
  | { readonly type: "flush" }
  /** The other members with their incarnations, and those that cannot be reached. */
  | {
    readonly type: "members";
    readonly members: ReadonlyMap<string, number>;
    readonly unreachable: ReadonlySet<string>;
  }
  | { readonly type: "message"; readonly from: InterestSender; readonly message: unknown }
  /** Periodic. */
  | { readonly type: "tick" };

/** What a node does about it. */
export type InterestEffect =
  | { readonly type: "send"; readonly to: string; readonly message: InterestMessage }
  /** The node has subscribers for these topics that it had none for, or may have missed messages. */
  | { readonly type: "opened"; readonly node: string; readonly topics: readonly string[] }
  /** The node has another option than this one, on which nodes have to agree. */
  | ({ readonly type: "differs"; readonly node: string; readonly topic: string } & Difference);

interface Difference {
  readonly option: keyof TopicSettings;
  readonly here: number | boolean;
  readonly there: number | boolean;
}

interface NodeTopics {
  readonly incarnation: number;
  counter: number;
  /** With the options that it has announced, none of which may be known. */
  readonly topics: Map<string, Partial<TopicSettings>>;
}

/** See the module's text. Pure: `step` says what to do. */
export class InterestExchange {
  readonly #own = new Set<string>();
  /** The options of each topic that this node has ever opened. */
  readonly #options = new Map<string, TopicSettings>();
  /** Options of topics of which it was said that nodes differ. */
  readonly #told = new Set<string>();
  /** Changes that were not announced. */
  #added = new Set<string>();
  #removed = new Set<string>();
  /** Topics that were announced with other options. */
  #changed = new Set<string>();
  #counter = 0;
  readonly #remote = new Map<string, NodeTopics>();
  /** The nodes that have subscribers for a topic. */
  readonly #nodesOf = new Map<string, Set<string>>();
  #members: ReadonlyMap<string, number> = new Map();
  #unreachable: ReadonlySet<string> = new Set();
  /** Nodes that have sent before they were members here. */
  readonly #early = new Set<string>();

  /** The other nodes that have subscribers for a topic. */
  nodesOf(topic: string): ReadonlySet<string> {
    return this.#nodesOf.get(topic) ?? nothing;
  }

  /** Whether the topic is announced by this node, or will be. */
  isOpen(topic: string): boolean {
    return this.#own.has(topic);
  }

  /** Options of a topic that are not those of other nodes, in words; the first of many. */
  differencesOf(topic: string): readonly string[] {
    const lines: string[] = [];
    for (const node of this.nodesOf(topic)) {
      const there = this.#remote.get(node)?.topics.get(topic);
      for (const { option, here, there: other } of this.#compare(topic, there)) {
        if (lines.length < maxExplained) lines.push(`${option}: ${here} here, ${other} at ${node}`);
      }
    }
    return lines;
  }

  /** How many topics other nodes have subscribers for. */
  get announcedTopics(): number {
    return this.#nodesOf.size;
  }

  /** Takes an event; returns what is to be done. */
  step(event: InterestEvent): readonly InterestEffect[] {
    switch (event.type) {
      case "open":
        return this.#open(event);
      case "options":
        return this.#onOptions(event);
      case "close":
        return this.#close(event.topic);
      case "flush":
        return this.#flush();
      case "members":
        return this.#onMembers(event.members, event.unreachable);
      case "message":
        return this.#onMessage(event.from, event.message);
      case "tick":
        return this.#onTick();
    }
  }

  #open(
    { topic, retain, clients = false }: Extract<InterestEvent, { type: "open" }>,
  ): readonly InterestEffect[] {
    if (!this.#own.has(topic)) {
      this.#own.add(topic);
      // It was announced, perhaps with other options.
      if (this.#removed.delete(topic)) this.#changed.add(topic);
      else this.#added.add(topic);
    }
    return this.#onOptions({ topic, retain, clients });
  }

  #onOptions({ topic, retain, clients }: TopicSettings & { readonly topic: string }) {
    const before = this.#options.get(topic);
    if (before?.retain === retain && before.clients === clients) return none;
    this.#options.set(topic, { retain, clients });
    if (this.#own.has(topic) && !this.#added.has(topic)) this.#changed.add(topic);
    return [...this.nodesOf(topic)].flatMap((node) => this.#tellDifferences(node, topic));
  }

  #close(topic: string): readonly InterestEffect[] {
    if (!this.#own.delete(topic)) return none;
    this.#changed.delete(topic);
    if (!this.#added.delete(topic)) this.#removed.add(topic);
    return none;
  }

  #flush(): readonly InterestEffect[] {
    if (this.#added.size + this.#removed.size + this.#changed.size === 0) return none;
    const since = this.#counter++;
    const added = [...this.#added, ...this.#changed];
    const message: InterestMessage = {
      type: "topics",
      counter: this.#counter,
      since,
      added,
      removed: [...this.#removed],
      ...this.#optionsOf(added),
    };
    this.#added = new Set();
    this.#changed = new Set();
    this.#removed = new Set();
    return [...this.#members.keys()].map((to) => ({ type: "send", to, message }));
  }

  #onMembers(
    members: ReadonlyMap<string, number>,
    unreachable: ReadonlySet<string>,
  ): readonly InterestEffect[] {
    const before = this.#members;
    const lost = this.#unreachable;
    this.#members = members;
    this.#unreachable = unreachable;
    for (const [node, { incarnation }] of this.#remote) {
      const current = members.get(node);
      const isGone = current === undefined || incarnation < current;
      if (isGone && rules.topicInterestEndsWithNode) this.#forget(node);
    }
    const effects: InterestEffect[] = [];
    for (const [to, current] of members) {
      const isNew = before.get(to) !== current;
      const isBack = lost.has(to) && !unreachable.has(to);
      const wasEarly = isNew && this.#early.delete(to);
      if (wasEarly || ((isNew || isBack) && this.#counter > 0)) effects.push(this.#sync(to));
      if (!isNew && isBack) {
        const topics = [...this.#remote.get(to)?.topics.keys() ?? []];
        if (topics.length > 0) effects.push({ type: "opened", node: to, topics });
      }
    }
    return effects;
  }

  /** A node that has never had a topic has nothing to say: it is asked by those that have. */
  #onTick(): readonly InterestEffect[] {
    if (this.#counter === 0) return none;
    return [...this.#members.keys()].map((to) => this.#sync(to));
  }

  #onMessage(from: InterestSender, value: unknown): readonly InterestEffect[] {
    const message = parseInterest(value);
    if (message === undefined) return none;
    const current = this.#members.get(from.address);
    if (current === undefined) {
      if (this.#early.size >= maxEarly) this.#early.clear();
      this.#early.add(from.address);
      return none;
    }
    if (from.incarnation < current) return none;
    if (message.type === "sync") return this.#onSync(from, message);
    return this.#onTopics(from, message);
  }

  #onSync(
    { address, incarnation }: InterestSender,
    { counter, have }: Extract<InterestMessage, { type: "sync" }>,
  ): readonly InterestEffect[] {
    const effects: InterestEffect[] = [];
    if (have !== this.#counter) effects.push({ type: "send", to: address, message: this.#list() });
    const known = this.#remote.get(address);
    if (known !== undefined && known.incarnation < incarnation) this.#forget(address);
    const isBehind = counter !== (this.#remote.get(address)?.counter ?? 0);
    if (isBehind && rules.lostTopicsAreRequested) effects.push(this.#sync(address));
    return effects;
  }

  #onTopics(
    { address, incarnation }: InterestSender,
    message: Extract<InterestMessage, { type: "topics" }>,
  ): readonly InterestEffect[] {
    const { counter, since, added, removed } = message;
    const known = this.#remote.get(address);
    if (known !== undefined && known.incarnation > incarnation) return none;
    const same = known?.incarnation === incarnation ? known : undefined;
    if (counter <= (same?.counter ?? 0)) return none;
    if (since !== 0 && since !== same?.counter) {
      return rules.lostTopicsAreRequested ? [this.#sync(address)] : none;
    }
    let had: ReadonlySet<string> = nothing;
    if (since === 0 || same === undefined) {
      if (same !== undefined) had = new Set(same.topics.keys());
      this.#forget(address);
    }
    const node: NodeTopics = this.#remote.get(address) ??
      { incarnation, counter, topics: new Map() };
    this.#remote.set(address, node);
    node.counter = counter;
    for (const topic of removed) this.#removeTopic(node, topic, address);
    const opened = added.filter((topic, at) =>
      this.#addTopic(node, topic, optionsAt(message, at), address) && !had.has(topic)
    );
    const differences = added.flatMap((topic) => this.#tellDifferences(address, topic));
    return opened.length === 0
      ? differences
      : [...differences, { type: "opened", node: address, topics: opened }];
  }

  /** Whether it was added. */
  #addTopic(
    { topics }: NodeTopics,
    topic: string,
    options: Partial<TopicSettings>,
    node: string,
  ): boolean {
    const isNew = !topics.has(topic);
    if (isNew && topics.size >= maxTopicsPerNode) return false;
    topics.set(topic, options);
    if (!isNew) return false;
    const nodes = this.#nodesOf.get(topic);
    if (nodes === undefined) this.#nodesOf.set(topic, new Set([node]));
    else nodes.add(node);
    return true;
  }

  #removeTopic({ topics }: NodeTopics, topic: string, node: string): void {
    if (!topics.delete(topic)) return;
    const nodes = this.#nodesOf.get(topic);
    if (nodes?.delete(node) && nodes.size === 0) this.#nodesOf.delete(topic);
  }

  #forget(node: string): void {
    const known = this.#remote.get(node);
    if (known === undefined) return;
    for (const topic of known.topics.keys()) this.#removeTopic(known, topic, node);
    this.#remote.delete(node);
  }

  /** The whole list, without changes that are announced with the next `flush`. */
  #list(): InterestMessage {
    const added = this.#announced();
    return {
      type: "topics",
      counter: this.#counter,
      since: 0,
      added,
      removed: [],
      ...this.#optionsOf(added),
    };
  }

  #optionsOf(
    topics: readonly string[],
  ): Pick<Extract<InterestMessage, { type: "topics" }>, "retain" | "clients"> {
    const options = topics.map((topic) => this.#options.get(topic) ?? notOpen);
    const retain = options.map((known) => known.retain);
    return {
      ...(retain.some((count) => count > 0) && { retain }),
      clients: options.map(({ clients }) => clients),
    };
  }

  /** Options of a topic that another node has and this one has not; each is told once. */
  #tellDifferences(node: string, topic: string): readonly InterestEffect[] {
    const there = this.#remote.get(node)?.topics.get(topic);
    return this.#compare(topic, there).flatMap((difference): InterestEffect[] => {
      const key = `${difference.option} ${topic}`;
      if (this.#told.has(key)) return [];
      this.#told.add(key);
      return [{ type: "differs", node, topic, ...difference }];
    });
  }

  #compare(topic: string, there: Partial<TopicSettings> = {}): readonly Difference[] {
    const here = this.#options.get(topic);
    if (here === undefined) return [];
    return compared.flatMap((option): Difference[] => {
      const other = there[option];
      return other === undefined || other === here[option]
        ? []
        : [{ option, here: here[option], there: other }];
    });
  }

  /** The topics as of the latest announcement. */
  #announced(): readonly string[] {
    const topics = [...this.#own].filter((topic) => !this.#added.has(topic));
    return [...topics, ...this.#removed];
  }

  #sync(to: string): InterestEffect {
    const known = this.#remote.get(to);
    const isCurrent = known !== undefined && known.incarnation >= (this.#members.get(to) ?? 0);
    const have = isCurrent ? known.counter : 0;
    return { type: "send", to, message: { type: "sync", counter: this.#counter, have } };
  }
}

/** The options of the topic at a place of an announcement; a node of an earlier version says nothing. */
function optionsAt(
  { retain, clients }: Extract<InterestMessage, { type: "topics" }>,
  at: number,
): Partial<TopicSettings> {
  if (clients === undefined) return retain === undefined ? {} : { retain: retain[at]! };
  return { retain: retain?.[at] ?? 0, clients: clients[at]! };
}

const notOpen: TopicSettings = { retain: 0, clients: false };
const compared = ["retain", "clients"] as const;
const none: readonly InterestEffect[] = [];
const nothing: ReadonlySet<string> = new Set();
