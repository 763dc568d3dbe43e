import type { AskOptions } from "../actor/behavior/ask_options.ts";
import type { ActorRef } from "../actor/ref/ref.ts";
import { limitOfKept } from "../actor/ref/sent_message.ts";
import { broadcastPrefix, parseBroadcastPath } from "../broadcast/broadcast_address.ts";
import {
  type BroadcastHost,
  BroadcastProxy,
  type BroadcastRef,
} from "../broadcast/broadcast_ref.ts";
import type { ClientContext, ClientExtension } from "./client_extension.ts";

/** Broadcast actors as a client uses them: it sends to each node itself. */
export class ClientBroadcasts implements ClientExtension {
  readonly name = "broadcast";
  readonly #host: BroadcastHost;
  #client: ClientContext | undefined;

  /** `ask`: how the client asks one actor. */
  constructor(ask: BroadcastHost["ask"]) {
    const client = () => this.#client;
    this.#host = {
      get address() {
        return client()?.address ?? "";
      },
      members: (role) =>
        (client()?.members() ?? [])
          .filter(({ roles }) => role === undefined || roles.includes(role))
          .map(({ address }) => address),
      isUnreachable: (node) => client()?.isUsable(node) === false,
      instance: () => undefined,
      send: (node, path, message, sent) => {
        const { runtime: { clock } } = client()!;
        client()!.send(node, path, message, limitOfKept(sent, clock));
      },
      missing: () => {},
      ask: (ref: ActorRef<never>, factory, options: AskOptions | undefined) =>
        ask(ref, factory, options),
    };
  }

  /** Makes the references that arrive. */
  install(client: ClientContext): void {
    this.#client = client;
    // Nothing is sent to clients there.
    client.handleMissing(broadcastPrefix, () => {});
    client.resolveRefs(broadcastPrefix, ({ path }) => {
      const address = parseBroadcastPath(path);
      return address && new BroadcastProxy(this.#host, address);
    });
  }

  /** The reference to all instances. */
  ref<M>(name: string, role: string | undefined): BroadcastRef<M> {
    return new BroadcastProxy(this.#host, { name, role }) as unknown as BroadcastRef<M>;
  }

  onNodesChanged(): void {}

  onNodeGone(): void {}

  onClusterReplaced(): void {}

  onConnectionLost(): void {}

  /** An ask of all instances; those of single ones name their node. */
  sends(target: ActorRef<never>): boolean {
    return target instanceof BroadcastProxy;
  }

  tick(): void {}

  close(): void {}
}
