import type { ActorRef } from "../actor/ref/ref.ts";
import { localActorOf, whenLocalStopped } from "../actor/ref/local_ref.ts";
import { TopicError } from "./errors.ts";
import type { TopicFacts } from "./topic.ts";
import { TopicSubscription, type TopicSubscriptionOptions } from "./topic_subscription.ts";

/**
 * A topic as one node or client uses it.
 *
 * A message is delivered at most once to each subscriber of the cluster, and the messages of one node
 * or client in the order in which it has published them. Between publishers there is no order. One copy
 * travels to each other node that has subscribers, and one to each client.
 *
 * @example
 * ```ts
 * import { Behaviors, ClusteredActorSystem, Topic } from "@casty/casty";
 *
 * type OrderEvent = { type: "placed" | "paid"; order: string };
 * const Orders = Topic<OrderEvent>("orders");
 * const heard = Promise.withResolvers<string>();
 * const billing = Behaviors.receive<OrderEvent>((_context, { type, order }) => {
 *   heard.resolve(`${order} was ${type}`);
 *   return Behaviors.same();
 * });
 *
 * await using system = await ClusteredActorSystem.start({
 *   name: "example",
 *   host: "127.0.0.1",
 *   port: 0,
 * });
 * const orders = system.topic(Orders);
 * orders.subscribe(system.spawn(billing, "billing"));
 * orders.publish({ type: "placed", order: "order-1" });
 * console.assert(await heard.promise === "order-1 was placed");
 * ```
 */
export interface TopicHandle<in out M> {
  /** The name of the topic. */
  readonly name: string;
  /** What it is, and what is claimed of it. */
  toString(): string;
  /**
   * Sends a message to all subscribers that are known here. Never blocks and never throws; the message
   * must be plain data and must not be changed afterwards. What cannot be sent is a dead letter.
   */
  publish(message: M): void;
  /**
   * Subscribes an actor of this node or client until it stops; an actor that restarts stays subscribed.
   * It gets the messages themselves, the retained ones first. A second call changes nothing. Returns a
   * function that ends the subscription.
   *
   * @throws {TopicError} code `notLocal`: an actor of another system subscribes there.
   */
  subscribe(subscriber: ActorRef<M>): () => void;
  /**
   * Subscribes a reader: `for await (const message of topic.subscribe())`. The retained messages come
   * first.
   *
   * @throws {OptionError}
   */
  subscribe(options?: TopicSubscriptionOptions): TopicSubscription<M>;
}

/** What a {@linkcode LocalTopic} is used with. */
export interface LocalTopicPort {
  /** The address of the node or client. */
  address(): string;
  /** Sends a message on its way. */
  publish(message: unknown): void;
  /** The messages that a new subscriber gets. */
  retained(): readonly unknown[];
  /** There are subscribers now, or none any more. */
  changed(): void;
  /** A slow reader has lost a message. */
  dropped(message: unknown): void;
}

/** See {@linkcode TopicHandle}: the subscribers of one topic at one node or client. */
export class LocalTopic implements TopicHandle<unknown> {
  readonly name: string;
  readonly #retain: number;
  readonly #port: LocalTopicPort;
  /** Actors, each with how to stop waiting for its end. */
  readonly #actors = new Map<ActorRef<unknown>, () => void>();
  readonly #readers = new Set<TopicSubscription<unknown>>();
  #closed = false;

  /** Nobody has subscribed yet. */
  constructor({ name, retain }: TopicFacts, port: LocalTopicPort) {
    this.name = name;
    this.#retain = retain;
    this.#port = port;
  }

  /** How many actors and readers have subscribed. */
  get subscribers(): number {
    return this.#actors.size + this.#readers.size;
  }

  toString(): string {
    const retained = this.#retain === 0 ? "" : `; the latest ${this.#retain} are retained`;
    return `topic "${this.name}" (at most once, in the order of each publisher${retained})`;
  }

  publish(message: unknown): void {
    this.#port.publish(message);
  }

  subscribe(subscriber: ActorRef<unknown>): () => void;
  subscribe(options?: TopicSubscriptionOptions): TopicSubscription<unknown>;
  subscribe(
    what?: ActorRef<unknown> | TopicSubscriptionOptions,
  ): (() => void) | TopicSubscription<unknown> {
    return isRef(what) ? this.#subscribeActor(what) : this.#subscribeReader(what);
  }

  /** A message for all subscribers. Returns how many there are. */
  deliver(message: unknown): number {
    for (const actor of this.#actors.keys()) actor.tell(message);
    for (const reader of this.#readers) reader.offer(message);
    return this.subscribers;
  }

  /** The node or client ends. */
  close(): void {
    this.#closed = true;
    for (const reader of [...this.#readers]) reader.end();
    for (const forget of this.#actors.values()) forget();
    this.#actors.clear();
  }

  #subscribeActor(actor: ActorRef<unknown>): () => void {
    if (localActorOf(actor)?.address !== this.#port.address()) throw notLocal(this.name, actor);
    const end = () => {
      const forget = this.#actors.get(actor);
      if (forget === undefined || !this.#actors.delete(actor)) return;
      forget();
      this.#onLeft();
    };
    if (this.#closed || this.#actors.has(actor)) return end;
    this.#actors.set(actor, () => {});
    // An actor that has stopped ends the subscription within this call.
    const forget = whenLocalStopped(actor, end);
    if (!this.#actors.has(actor)) return end;
    if (forget !== undefined) this.#actors.set(actor, forget);
    for (const message of this.#port.retained()) actor.tell(message);
    this.#onJoined();
    return end;
  }

  #subscribeReader(options: TopicSubscriptionOptions | undefined): TopicSubscription<unknown> {
    const reader = new TopicSubscription<unknown>(this.name, options, {
      onEnd: () => {
        if (this.#readers.delete(reader)) this.#onLeft();
      },
      onDropped: (message) => this.#port.dropped(message),
    });
    if (this.#closed) {
      reader.end();
      return reader;
    }
    this.#readers.add(reader);
    for (const message of this.#port.retained()) reader.offer(message);
    this.#onJoined();
    return reader;
  }

  #onJoined(): void {
    if (this.subscribers === 1) this.#port.changed();
  }

  #onLeft(): void {
    if (this.subscribers === 0 && !this.#closed) this.#port.changed();
  }
}

function isRef(value: unknown): value is ActorRef<unknown> {
  return typeof value === "object" && value !== null && "tell" in value;
}

function notLocal(topic: string, ref: ActorRef<never>): TopicError {
  return new TopicError("notLocal", `${String(ref)} is not an actor of this system`, {
    value: ref,
    remedy: `subscribe it to the topic "${topic}" with its own system`,
  });
}
