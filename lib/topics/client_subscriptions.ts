/**
 * The clients that a node sends the messages of topics to. A client renews its subscriptions every few
 * seconds; otherwise they end, so that a node keeps nothing for a client that is gone.
 *
 * @module
 */
import { rules } from "../runtime/rules.ts";
import { Tally } from "../transport/base/tally.ts";

/** Milliseconds after which subscriptions end that were not renewed. */
export const subscriptionTimeout = 10_000;

interface Subscriber {
  /** Whom the limit counts for. */
  readonly account: string;
  /** The number of the list that it has sent last. */
  counter: number;
  renewedAt: number;
  topics: ReadonlySet<string>;
}

/** What a list of topics has changed. */
export interface SubscriptionChange {
  /** Topics that the client was not subscribed to. */
  readonly added: readonly string[];
  /** Topics that the client is not subscribed to any more. */
  readonly removed: readonly string[];
  /** Topics beyond the limit. */
  readonly refused: readonly string[];
}

/** See the module's text. Pure: times are parameters. */
export class ClientSubscriptions {
  readonly #maxPerAccount: number;
  readonly #subscribers = new Map<string, Subscriber>();
  readonly #clientsOf = new Map<string, Set<string>>();
  /** Subscriptions by account. */
  readonly #ofAccount = new Tally();

  /** Clients with one certificate have at most `maxPerAccount` subscriptions here. */
  constructor(maxPerAccount: number) {
    this.#maxPerAccount = maxPerAccount;
  }

  /** The clients that are subscribed to a topic. */
  clientsOf(topic: string): ReadonlySet<string> {
    return this.#clientsOf.get(topic) ?? nobody;
  }

  /** How many clients are subscribed to something. */
  get size(): number {
    return this.#subscribers.size;
  }

  /** Renews the subscriptions of a client. False: its list is not known here. */
  renew(client: string, counter: number, now: number): boolean {
    const known = this.#subscribers.get(client);
    if (known === undefined || known.counter !== counter) return false;
    known.renewedAt = now;
    return true;
  }

  /** From now on no list is known, so that all clients send theirs again when they renew it. */
  forgetLists(): void {
    for (const subscriber of this.#subscribers.values()) subscriber.counter = 0;
  }

  /** Whether a client is subscribed to a topic. */
  has(client: string, topic: string): boolean {
    return this.#clientsOf.get(topic)?.has(client) ?? false;
  }

  /** Sets all subscriptions of a client. */
  set(
    { client, account, counter }: {
      readonly client: string;
      readonly account: string;
      readonly counter: number;
    },
    topics: readonly string[],
    now: number,
  ): SubscriptionChange {
    const known = this.#subscribers.get(client);
    const before = known?.topics ?? nobody;
    const others = this.#ofAccount.of(account) - before.size;
    const distinct = [...new Set(topics)];
    const after = new Set(distinct.slice(0, Math.max(0, this.#maxPerAccount - others)));
    const added = [...after].filter((topic) => !before.has(topic));
    const removed = [...before].filter((topic) => !after.has(topic));
    this.#ofAccount.add(account, after.size - before.size);
    if (after.size === 0) this.#subscribers.delete(client);
    else this.#subscribers.set(client, { account, counter, renewedAt: now, topics: after });
    this.#index(client, added, removed);
    return { added, removed, refused: distinct.filter((topic) => !after.has(topic)) };
  }

  /** Ends what was not renewed in time. Returns topics that have lost a subscriber. */
  expire(now: number): readonly string[] {
    const lost: string[] = [];
    for (const [client, { account, renewedAt, topics }] of this.#subscribers) {
      if (now - renewedAt < subscriptionTimeout || !rules.topicSubscriptionsExpire) continue;
      this.#subscribers.delete(client);
      this.#ofAccount.add(account, -topics.size);
      this.#index(client, [], [...topics]);
      lost.push(...topics);
    }
    return lost;
  }

  #index(client: string, added: readonly string[], removed: readonly string[]): void {
    for (const topic of added) {
      const clients = this.#clientsOf.get(topic);
      if (clients === undefined) this.#clientsOf.set(topic, new Set([client]));
      else clients.add(client);
    }
    for (const topic of removed) {
      const clients = this.#clientsOf.get(topic);
      if (clients?.delete(client) && clients.size === 0) this.#clientsOf.delete(topic);
    }
  }
}

const nobody: ReadonlySet<string> = new Set();
