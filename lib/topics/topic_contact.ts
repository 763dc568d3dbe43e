/**
 * Which node a client gets its topics from, and what it sends there.
 *
 * @module
 */
import { rules } from "../runtime/rules.ts";
import type { TopicRequest } from "./client_protocol.ts";

/** Milliseconds between two renewals. */
const renewInterval = 3_000;

/** What happens at a client. */
export type TopicContactEvent =
  /** The client is subscribed to these topics from now on. */
  | { readonly type: "topics"; readonly topics: readonly string[] }
  /** The node that the client is connected to; undefined: none. */
  | { readonly type: "contact"; readonly node: string | undefined }
  /** The connection to a node is lost: messages may be. */
  | { readonly type: "lost"; readonly node: string }
  /** A node does not know the list of the client. */
  | { readonly type: "resend"; readonly node: string }
  /** A node has refused some topics; it may open them later. */
  | { readonly type: "refused"; readonly node: string }
  /** Periodic. */
  | { readonly type: "tick" };

/** A request to a node. */
export interface TopicContactEffect {
  readonly to: string;
  readonly request: TopicRequest;
}

/** See the module's text. Pure: `step` says what to send. */
export class TopicContact {
  #topics: readonly string[] = [];
  #counter = 1;
  #node: string | undefined;
  #sentAt = -Infinity;
  /** Whether messages may have been missed since the last list. */
  #again = false;
  /** Whether the node has refused a topic of the last list. */
  #refused = false;

  /** The node that takes what the client publishes. */
  get node(): string | undefined {
    return this.#node;
  }

  /** Takes an event at a time of the clock. */
  step(event: TopicContactEvent, now: number): readonly TopicContactEffect[] {
    switch (event.type) {
      case "topics":
        this.#topics = event.topics;
        this.#counter++;
        return this.#send(now);
      case "contact":
        return event.node === this.#node ? [] : this.#onContact(event.node, now);
      case "lost":
        if (event.node === this.#node) this.#again = true;
        return [];
      case "resend":
        return event.node === this.#node && this.#topics.length > 0 ? this.#send(now) : [];
      case "refused":
        if (event.node === this.#node) this.#refused = true;
        return [];
      case "tick":
        return this.#onTick(now);
    }
  }

  #onContact(node: string | undefined, now: number): readonly TopicContactEffect[] {
    const before = this.#node;
    if (!rules.clientsFollowTheirContact && before !== undefined) return [];
    this.#node = node;
    if (this.#topics.length === 0) return [];
    // The node before would send a second copy of everything until the subscription ends there.
    const request: TopicRequest = {
      type: "subscribe",
      counter: ++this.#counter,
      topics: [],
      again: false,
    };
    const end = before === undefined ? [] : [{ to: before, request }];
    return [...this.#send(now), ...end];
  }

  #onTick(now: number): readonly TopicContactEffect[] {
    if (this.#node === undefined || this.#topics.length === 0) return [];
    if (now - this.#sentAt < renewInterval) return [];
    if (this.#refused || this.#again) return this.#send(now);
    this.#sentAt = now;
    return [{ to: this.#node, request: { type: "renew", counter: this.#counter } }];
  }

  #send(now: number): readonly TopicContactEffect[] {
    if (this.#node === undefined) return [];
    this.#sentAt = now;
    const request: TopicRequest = {
      type: "subscribe",
      counter: this.#counter,
      topics: this.#topics,
      again: this.#again,
    };
    this.#again = false;
    this.#refused = false;
    return [{ to: this.#node, request }];
  }
}
