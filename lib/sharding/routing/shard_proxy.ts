import { type ActorRef, Ref } from "../../actor/ref/ref.ts";
import type { SentMessage } from "../../actor/ref/sent_message.ts";
import type { ShardEnvelope } from "./shard_envelope.ts";
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

  override tell(envelope: ShardEnvelope<M>): void {
    this.#router.route(envelope.entityId, envelope.message);
  }

  override tellSent(sent: SentMessage): void {
    const { entityId, message } = sent.message as ShardEnvelope<M>;
    this.#router.route(entityId, sent.with(message));
  }
}
