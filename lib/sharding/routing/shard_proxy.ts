import { type ActorRef, Ref } from "../../actor/ref/ref.ts";
import type { SentMessage } from "../../actor/ref/sent_message.ts";
import { isShardEnvelope, type ShardEnvelope } from "./shard_envelope.ts";
import type { ShardRouter } from "./shard_router.ts";

/** The reference to sharded entities. Routes in the sender's call. */
export class ShardProxy<M> extends Ref<ShardEnvelope<M>> {
  readonly #router: ShardRouter;
  readonly #anchor: Ref<ShardEnvelope<M>>;

  /** `anchor`: the actor at the path of the reference, for senders on other nodes. */
  constructor(router: ShardRouter, anchor: ActorRef<ShardEnvelope<M>>) {
    super();
    this.#router = router;
    this.#anchor = anchor as Ref<ShardEnvelope<M>>;
  }

  override get path(): string {
    return this.#anchor.path;
  }

  override get uid(): number {
    return this.#anchor.uid;
  }

  override get node(): string {
    return this.#anchor.node;
  }

  /** Entities answer. */
  override get forwards(): boolean {
    return true;
  }

  override tell(envelope: ShardEnvelope<M>): void {
    if (isShardEnvelope(envelope)) this.#router.route(envelope.entityId, envelope.message);
    else this.#router.refuseMessage(envelope);
  }

  override tellSent(sent: SentMessage): void {
    const { message: envelope } = sent;
    if (!isShardEnvelope(envelope)) return this.#router.refuseMessage(envelope);
    this.#router.route(envelope.entityId, sent.with(envelope.message));
  }
}
