import type { AskOptions, LiteralOf } from "../../actor/behavior/ask_options.ts";
import type { ReplyOf } from "../../actor/behavior/reply_of.ts";
import { type ActorRef, Ref } from "../../actor/ref/ref.ts";
import type { SentMessage } from "../../actor/ref/sent_message.ts";
import { checkValue } from "../../options/check_options.ts";
import { entityIdText } from "../../options/tables/sharding_tables.ts";
import { entityPath } from "./entity_address.ts";

/**
 * A reference to one sharded entity, wherever it runs: it outlives the incarnations of the entity and
 * the moves of its shard, so it cannot be watched. In a message it arrives as a reference by which its
 * receiver, a node or a client, sends to the owner of the entity itself.
 *
 * @example
 * ```ts
 * import {
 *   type ActorRef,
 *   type Behavior,
 *   Behaviors,
 *   ClusteredActorSystem,
 *   entityType,
 * } from "@casty/casty";
 *
 * type Counter = { type: "add"; amount: number } | { type: "get"; replyTo: ActorRef<number> };
 * const counting = (count: number): Behavior<Counter> =>
 *   Behaviors.receive((_context, message) => {
 *     if (message.type === "add") return counting(count + message.amount);
 *     message.replyTo.tell(count);
 *     return Behaviors.same();
 *   });
 *
 * const Counters = entityType<Counter>("counters", { numShards: 20 });
 * await using system = await ClusteredActorSystem.start({
 *   name: "example",
 *   host: "127.0.0.1",
 *   port: 0,
 * });
 * const counters = system.spawn(Behaviors.sharded(Counters, () => counting(0)));
 * const hits = counters.entity("hits");
 * hits.tell({ type: "add", amount: 2 });
 * console.assert(await hits.ask((replyTo) => ({ type: "get", replyTo })) === 2);
 * console.assert(hits.equals(system.entity(Counters, "hits")));
 * ```
 */
export interface EntityRef<M, O extends AskOptions = AskOptions> extends ActorRef<M> {
  /** The name of its type. */
  readonly entityType: string;
  /** 1 to 512 characters. */
  readonly entityId: string;
  /**
   * Sends the message of `factory` to the entity and resolves with the first reply, as `ask` of the
   * node or client that uses the reference.
   *
   * @throws {AskTimeoutError} if no reply arrives in time.
   * @throws {AskError} if the message was lost or the ask aborted.
   */
  ask<R, const Q extends LiteralOf<M> = LiteralOf<M>>(
    factory: (replyTo: ActorRef<R>) => Q,
    options?: O,
  ): Promise<ReplyOf<M, R, Q>>;
}

/** Sends messages to the entities of one type. */
export interface EntityRoutes {
  readonly shardType: string;
  readonly numShards: number;
  /** Sends a message to an entity, perhaps with what is known of it. */
  route(entityId: string, message: unknown): void;
  /** Why none of them can answer now, and what helps. Default: that is not known. */
  readonly obstacle?: string | undefined;
  /** A message for all entities is in no envelope: it is a dead letter. */
  refuseMessage(message: unknown): void;
}

/** The node or client at which references to entities are used. */
export interface EntityRefHost {
  /** Its address. */
  readonly address: string;
  /** Sends an ask. */
  ask(
    ref: ActorRef<never>,
    factory: (replyTo: ActorRef<never>) => unknown,
    options: AskOptions | undefined,
  ): Promise<unknown>;
}

/** See {@linkcode EntityRef}. Routes in the sender's call. */
export class EntityProxy extends Ref<unknown> implements EntityRef<unknown> {
  readonly #routes: EntityRoutes;
  readonly #host: EntityRefHost;
  override readonly path: string;
  readonly entityId: string;

  /**
   * @throws {OptionError} if no entity can have the id.
   */
  constructor(routes: EntityRoutes, host: EntityRefHost, entityId: string) {
    super();
    this.#routes = routes;
    this.#host = host;
    this.entityId = checkValue("entityId", entityIdText, entityId);
    this.path = `/${routes.shardType}/${entityId}`;
  }

  get entityType(): string {
    return this.#routes.shardType;
  }

  override get uid(): number {
    return 0;
  }

  override get node(): string {
    return this.#host.address;
  }

  override get address(): string {
    return "";
  }

  override get isActor(): boolean {
    return false;
  }

  override get wirePath(): string {
    const { shardType, numShards } = this.#routes;
    return entityPath({ shardType, numShards, entityId: this.entityId });
  }

  override get obstacle(): string | undefined {
    return this.#routes.obstacle;
  }

  /** The entity answers. */
  override get forwards(): boolean {
    return true;
  }

  override tellSent(sent: SentMessage): void {
    this.#routes.route(this.entityId, sent);
  }

  override tell(message: unknown): void {
    this.#routes.route(this.entityId, message);
  }

  ask<R, const Q>(
    factory: (replyTo: ActorRef<R>) => Q,
    options?: AskOptions,
  ): Promise<ReplyOf<unknown, R, Q>> {
    const answer = this.#host.ask(this, factory as (replyTo: ActorRef<never>) => Q, options);
    return answer as Promise<ReplyOf<unknown, R, Q>>;
  }
}
