/**
 * Which topics each node has subscribers for. A node announces every change of its own topics to all
 * members, and the number of its latest change from time to time, so that a lost announcement is
 * requested again.
 *
 * @module
 */
import { rules } from "../runtime/rules.ts";
import { type InterestMessage, maxTopicsPerNode, parseInterest } from "./interest_protocol.ts";

/** Nodes in the set of early senders. */
const maxEarly = 1_000;

/** A node as its connection has proved it. */
export interface InterestSender {
  readonly address: string;
  readonly incarnation: number;
}

/** What happens at a node. */
export type InterestEvent =
  /** From now on this node has subscribers for the topic, or none any more. */
  | { readonly type: "open"; readonly topic: string; readonly retain: number }
  | { readonly type: "close"; readonly topic: string }
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
  /** The node retains another number of messages than this one, which nodes have to agree on. */
  | {
    readonly type: "differs";
    readonly node: string;
    readonly topic: string;
    readonly here: number;
    readonly there: number;
  };

interface NodeTopics {
  readonly incarnation: number;
  counter: number;
  topics: Set<string>;
}

/** See the module's text. Pure: `step` says what to do. */
export class InterestExchange {
  readonly #own = new Set<string>();
  /** How many messages this node retains of each topic that it has ever had. */
  readonly #retain = new Map<string, number>();
  /** Topics of which it is known that nodes retain different numbers. */
  readonly #differing = new Set<string>();
  /** Changes that were not announced. */
  #added = new Set<string>();
  #removed = new Set<string>();
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

  /** How many topics other nodes have subscribers for. */
  get announcedTopics(): number {
    return this.#nodesOf.size;
  }

  /** Takes an event; returns what is to be done. */
  step(event: InterestEvent): readonly InterestEffect[] {
    switch (event.type) {
      case "open":
        return this.#open(event.topic, event.retain);
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

  #open(topic: string, retain: number): readonly InterestEffect[] {
    if (this.#own.has(topic)) return none;
    this.#retain.set(topic, retain);
    this.#own.add(topic);
    if (!this.#removed.delete(topic)) this.#added.add(topic);
    return none;
  }

  #close(topic: string): readonly InterestEffect[] {
    if (!this.#own.delete(topic)) return none;
    if (!this.#added.delete(topic)) this.#removed.add(topic);
    return none;
  }

  #flush(): readonly InterestEffect[] {
    if (this.#added.size + this.#removed.size === 0) return none;
    const since = this.#counter++;
    const message: InterestMessage = {
      type: "topics",
      counter: this.#counter,
      since,
      added: [...this.#added],
      removed: [...this.#removed],
      ...this.#retained([...this.#added]),
    };
    this.#added = new Set();
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
        const topics = [...this.#remote.get(to)?.topics ?? []];
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
    { counter, since, added, removed, retain }: Extract<InterestMessage, { type: "topics" }>,
  ): readonly InterestEffect[] {
    const known = this.#remote.get(address);
    if (known !== undefined && known.incarnation > incarnation) return none;
    const same = known?.incarnation === incarnation ? known : undefined;
    if (counter <= (same?.counter ?? 0)) return none;
    if (since !== 0 && since !== same?.counter) {
      return rules.lostTopicsAreRequested ? [this.#sync(address)] : none;
    }
    let had: ReadonlySet<string> = nothing;
    if (since === 0 || same === undefined) {
      if (same !== undefined) had = new Set(same.topics);
      this.#forget(address);
    }
    const node = this.#remote.get(address) ?? { incarnation, counter, topics: new Set<string>() };
    this.#remote.set(address, node);
    node.counter = counter;
    for (const topic of removed) this.#removeTopic(node, topic, address);
    const opened = added.filter((topic) => this.#addTopic(node, topic, address) && !had.has(topic));
    const differences = this.#differences(address, added, retain);
    return opened.length === 0
      ? differences
      : [...differences, { type: "opened", node: address, topics: opened }];
  }

  /** Whether it was added. */
  #addTopic({ topics }: NodeTopics, topic: string, node: string): boolean {
    if (topics.has(topic) || topics.size >= maxTopicsPerNode) return false;
    topics.add(topic);
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
    for (const topic of known.topics) this.#removeTopic(known, topic, node);
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
      ...this.#retained(added),
    };
  }

  #retained(topics: readonly string[]): { readonly retain?: readonly number[] } {
    const retain = topics.map((topic) => this.#retain.get(topic) ?? 0);
    return retain.some((count) => count > 0) ? { retain } : {};
  }

  /** Topics of another node that are open here with another number; each is told once. */
  #differences(
    node: string,
    topics: readonly string[],
    retain: readonly number[] | undefined,
  ): readonly InterestEffect[] {
    if (retain === undefined) return none;
    return topics.flatMap((topic, at): InterestEffect[] => {
      const [here, there] = [this.#retain.get(topic), retain[at]!];
      const isKnown = !this.#own.has(topic) || this.#differing.has(topic);
      if (isKnown || here === undefined || here === there) return [];
      this.#differing.add(topic);
      return [{ type: "differs", node, topic, here, there }];
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

const none: readonly InterestEffect[] = [];
const nothing: ReadonlySet<string> = new Set();
