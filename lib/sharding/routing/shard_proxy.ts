import type { AskOptions } from "../../actor/behavior/ask_options.ts";
import { type ActorRef, Ref } from "../../actor/ref/ref.ts";
import type { SentMessage } from "../../actor/ref/sent_message.ts";
import { entityPath } from "./entity_address.ts";
import {
  EntityProxy,
  type EntityRef,
  type EntityRefHost,
  type EntityRoutes,
} from "./entity_ref.ts";
import { isShardEnvelope, type ShardEnvelope } from "./shard_envelope.ts";

/**
 * The reference to all sharded entities of a type: takes envelopes, and gives references to single
 * entities. In a message it arrives as the reference that its receiver has of the type.
 */
export interface ShardRegionRef<M, O extends AskOptions = AskOptions>
  extends ActorRef<ShardEnvelope<M>> {
  /** The name of the type. */
  readonly entityType: string;
  /**
   * The reference to one entity; makes nothing else, so it costs little.
   *
   * @param entityId 1 to 512 characters.
   * @throws {OptionError}
   */
  entity(entityId: string): EntityRef<M, O>;
}

/** See {@linkcode ShardRegionRef}. Routes in the sender's call. */
export class ShardProxy extends Ref<ShardEnvelope<unknown>> implements ShardRegionRef<unknown> {
  readonly #routes: EntityRoutes;
  readonly #host: EntityRefHost;
  override readonly path: string;

  constructor(routes: EntityRoutes, host: EntityRefHost) {
    super();
    this.#routes = routes;
    this.#host = host;
    this.path = `/${routes.shardType}`;
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
    return entityPath({ shardType, numShards, entityId: undefined });
  }

  entity(entityId: string): EntityProxy {
    return new EntityProxy(this.#routes, this.#host, entityId);
  }

  override get obstacle(): string | undefined {
    return this.#routes.obstacle;
  }

  /** Entities answer. */
  override get forwards(): boolean {
    return true;
  }

  override tell(envelope: ShardEnvelope<unknown>): void {
    if (isShardEnvelope(envelope)) this.#routes.route(envelope.entityId, envelope.message);
    else this.#routes.refuseMessage(envelope);
  }

  override tellSent(sent: SentMessage): void {
    const { message: envelope } = sent;
    if (!isShardEnvelope(envelope)) return this.#routes.refuseMessage(envelope);
    this.#routes.route(envelope.entityId, sent.with(envelope.message));
  }
}

/** The reference to an entity, or to all of a type. */
export function refTo(
  routes: EntityRoutes,
  host: EntityRefHost,
  entityId: string | undefined,
): EntityProxy | ShardProxy {
  return entityId === undefined
    ? new ShardProxy(routes, host)
    : new EntityProxy(routes, host, entityId);
}
