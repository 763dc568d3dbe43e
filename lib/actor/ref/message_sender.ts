import type { PeerIdentity } from "../../runtime/network.ts";

/** The client that has sent a message, as its connection has proved it. */
export interface MessageSender {
  /** Members are trusted as this node is: their messages have no sender. */
  readonly role: "client";
  /** The address of the client. */
  readonly address: string;
  /** The identity in its certificate; kind `plain` in a cluster without TLS. */
  readonly identity: PeerIdentity;
}

const senders = new WeakMap<object, MessageSender>();

/** The sender that a connected client is; the same for each of its messages. */
export function senderOf(
  peer: { readonly address: string; readonly identity: PeerIdentity | undefined },
): MessageSender {
  let sender = senders.get(peer);
  if (sender === undefined) {
    const { address, identity = { kind: "plain" } } = peer;
    senders.set(peer, sender = Object.freeze({ role: "client", address, identity }));
  }
  return sender;
}
