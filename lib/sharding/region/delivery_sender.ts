import { type MessageSender, senderOf } from "../../actor/ref/message_sender.ts";
import type { ExtensionPeer } from "../../cluster/node/node_extension.ts";
import { accountableFor } from "../../remoting/peer_log.ts";
import { accountOf } from "../../transport/base/peer.ts";

/** What a region sees of a peer, or of the client that has sent a message. */
export type DeliveryPeer = Pick<ExtensionPeer, "role" | "address" | "identity">;

/** The sender of a message for a region. */
export interface DeliverySender {
  readonly address: string;
  /** Whom limits count for. */
  readonly account: string;
  /** Who answers for it in logs. */
  readonly accountable: string;
  /** The client that it is; undefined: a node. */
  readonly client: MessageSender | undefined;
}

const senders = new WeakMap<DeliveryPeer, DeliverySender>();

/** The sender that a peer is; the same for each of its messages. */
export function deliverySenderOf(peer: DeliveryPeer): DeliverySender {
  let sender = senders.get(peer);
  if (sender === undefined) {
    sender = {
      address: peer.address,
      account: accountOf(peer),
      accountable: accountableFor(peer),
      client: peer.role === "client" ? senderOf(peer) : undefined,
    };
    senders.set(peer, sender);
  }
  return sender;
}
