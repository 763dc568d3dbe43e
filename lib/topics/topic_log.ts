import { estimateSize } from "../actor/cell/message_size.ts";
import { rules } from "../runtime/rules.ts";
import { ClientTakers } from "./client_takers.ts";
import { clientOf, type PublishedMessage } from "./published_message.ts";
import type { RetainedBytes } from "./retained_bytes.ts";

/** Publishers whose latest number is remembered; the one that was silent longest is forgotten first. */
const maxPublishers = 1_024;
/** Bytes of a retained message besides its content. */
const overhead = 96;

interface Retained {
  readonly published: PublishedMessage;
  /** The node that has sent it here: its address and incarnation. */
  readonly via: string;
  readonly account: string | undefined;
  readonly bytes: number;
}

/** The sender of messages of this node or client, and of the clients that are connected to it. */
export const ownVia = "self";

/** Where a message has come from. */
export interface MessageOrigin {
  /** The node that has sent it, `address#incarnation`; another text for messages of this node. */
  readonly via: string;
  /** Whether it is a copy of a message that the sender has retained. */
  readonly isRetained: boolean;
}

/**
 * Decides which messages of one topic are delivered at this node or client, and which are retained.
 *
 * Invariant: the numbers of one publisher that were accepted grow, so that its messages stay in order
 * and none is delivered twice. What comes late is dropped.
 */
export class TopicLog {
  readonly retain: number;
  readonly #bytes: RetainedBytes;
  /** The latest number of each publisher, the most silent one first. */
  readonly #latest = new Map<string, number>();
  readonly #takers = new ClientTakers();
  /** By time; those of one publisher by number. */
  #retained: Retained[] = [];
  #bytesHere = 0;

  /** `bytes`: what is retained in all topics. */
  constructor(retain: number, bytes: RetainedBytes) {
    this.retain = retain;
    this.#bytes = bytes;
  }

  /** Whether the message is delivered. `now`: milliseconds of a clock that does not jump. */
  accept(published: PublishedMessage, origin: MessageOrigin, now = 0): boolean {
    const { via, isRetained } = origin;
    const { publisher, number } = published;
    const latest = this.#latest.get(publisher) ?? this.#latestRetained(publisher);
    if (number <= latest && rules.topicNumbersGrow) return false;
    // A later subscriber gets the newest messages of all publishers, so an older copy comes too late.
    if (isRetained && this.#isTooOld(published)) return false;
    if (this.#isBehindNewTaker(published, origin, now)) return false;
    this.#remember(publisher, number);
    if (this.retain > 0) this.#keep(published, via);
    return true;
  }

  /** How many are retained. */
  get size(): number {
    return this.#retained.length;
  }

  /** What a new subscriber gets, oldest first. */
  retained(): readonly PublishedMessage[] {
    return this.#retained.map(({ published }) => published);
  }

  /**
   * What this node sends to one that has opened the topic: what it has sent to all itself, and what nodes
   * have sent that are not present any more. The nodes that are present send theirs.
   */
  retainedFor(isPresent: (via: string) => boolean): readonly PublishedMessage[] {
    return this.#retained
      .filter(({ via }) => !isPresent(via))
      .map(({ published }) => published);
  }

  /** Forgets what is retained: the topic is closed. */
  clear(): void {
    for (const { account, bytes } of this.#retained) this.#bytes.add(account, -bytes);
    this.#retained = [];
    this.#bytesHere = 0;
  }

  #isTooOld({ at }: PublishedMessage): boolean {
    const oldest = this.#retained[0];
    return oldest !== undefined && this.#retained.length >= this.retain &&
      at < oldest.published.at;
  }

  /** A client that has changed the node that takes its messages: what the node before sends late. */
  #isBehindNewTaker(
    published: PublishedMessage,
    { via, isRetained }: MessageOrigin,
    now: number,
  ): boolean {
    const client = clientOf(published);
    if (client === undefined) return false;
    const { publisher, number } = published;
    const taken = { client, publisher, number };
    // The client is connected to this node: nobody knows better.
    const isBehind = via !== ownVia &&
      this.#takers.isBehind(taken, now, (other) => this.#latest.get(other) ?? 0);
    // Copies may name nodes that have gone, which nobody can check.
    if (!isBehind && !isRetained) this.#takers.take(taken, now);
    return isBehind;
  }

  /** The latest number that is retained, of a publisher that was forgotten. */
  #latestRetained(publisher: string): number {
    for (let index = this.#retained.length - 1; index >= 0; index--) {
      const { published } = this.#retained[index]!;
      if (published.publisher === publisher) return published.number;
    }
    return 0;
  }

  #remember(publisher: string, number: number): void {
    this.#latest.delete(publisher);
    this.#latest.set(publisher, number);
    dropOldest(this.#latest, maxPublishers);
  }

  #keep(published: PublishedMessage, via: string): void {
    const account = clientAccount(published);
    const bytes = overhead + estimateSize(published.message);
    if (bytes > this.#bytes.limits.maxBytesPerTopic) return;
    this.#insert({ published, via, account, bytes });
    while (
      this.#retained.length > this.retain ||
      this.#bytesHere > this.#bytes.limits.maxBytesPerTopic ||
      (this.#bytes.isOver && this.#retained.length > 0)
    ) this.#removeAt(0);
    while (this.#bytes.isAccountOver(account)) {
      const oldest = this.#retained.findIndex((one) => one.account === account);
      if (oldest < 0) break;
      this.#removeAt(oldest);
    }
  }

  /** Behind all that are as old, and behind all of the same publisher. */
  #insert(added: Retained): void {
    const { publisher, at } = added.published;
    let index = this.#retained.length;
    for (; index > 0; index--) {
      const before = this.#retained[index - 1]!.published;
      if (before.at <= at || before.publisher === publisher) break;
    }
    this.#retained.splice(index, 0, added);
    this.#bytesHere += added.bytes;
    this.#bytes.add(added.account, added.bytes);
  }

  #removeAt(index: number): void {
    const [{ account, bytes }] = this.#retained.splice(index, 1) as [Retained];
    this.#bytesHere -= bytes;
    this.#bytes.add(account, -bytes);
  }
}

/** Whom the limit of retained messages counts for: the certificate that the address of a client names. */
function clientAccount(published: PublishedMessage): string | undefined {
  const client = clientOf(published);
  if (client === undefined) return undefined;
  const end = client.lastIndexOf("#");
  return end < 0 ? client : client.slice(0, end);
}

function dropOldest(map: Map<string, unknown>, most: number): void {
  if (map.size <= most) return;
  for (const oldest of map.keys()) {
    map.delete(oldest);
    break;
  }
}
