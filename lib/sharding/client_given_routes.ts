import type { MessageSender } from "../actor/ref/message_sender.ts";
import { messageOf } from "../actor/ref/sent_message.ts";
import type { EntityRoutes } from "./routing/entity_ref.ts";

/**
 * The routes of a reference that a client has sent. It may be forged, and what an actor of this node
 * sends by it does not come from a client any more: so the client must be permitted to send that itself,
 * and what it starts counts as started by the client.
 */
export class ClientGivenRoutes implements EntityRoutes {
  readonly #routes: EntityRoutes;
  readonly #client: MessageSender;
  readonly #admits: (
    client: MessageSender,
    shardType: string,
    entityId: string,
    message: unknown,
  ) => boolean;

  /** `admits` reports a message that it refuses as a dead letter. */
  constructor(
    routes: EntityRoutes,
    client: MessageSender,
    admits: (
      client: MessageSender,
      shardType: string,
      entityId: string,
      message: unknown,
    ) => boolean,
  ) {
    this.#routes = routes;
    this.#client = client;
    this.#admits = admits;
  }

  get shardType(): string {
    return this.#routes.shardType;
  }

  get numShards(): number {
    return this.#routes.numShards;
  }

  refuseMessage(message: unknown): void {
    this.#routes.refuseMessage(message);
  }

  route(entityId: string, message: unknown): void {
    if (this.#admits(this.#client, this.shardType, entityId, messageOf(message))) {
      this.#routes.route(entityId, message);
    }
  }
}
