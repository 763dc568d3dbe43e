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

/** A message on its way to an actor, with what is known of it: mailboxes and stashes keep it so. */
export abstract class EnclosedMessage {
  /** The client that has sent it. */
  abstract readonly sender: MessageSender | undefined;
  readonly message: unknown;

  constructor(message: unknown) {
    this.message = message;
  }
}

/** A message of a client; buffers and routes keep it so, too. */
export class SentMessage extends EnclosedMessage {
  override readonly sender: MessageSender;

  constructor(sender: MessageSender, message: unknown) {
    super(message);
    this.sender = sender;
  }
}

/** A value of another protocol, which the actor translates when its turn has come. */
export class AdaptedMessage extends EnclosedMessage {
  override readonly sender: MessageSender | undefined;
  /** Makes the message. May throw. */
  readonly map: (value: unknown) => unknown;

  constructor(sender: MessageSender | undefined, value: unknown, map: (value: unknown) => unknown) {
    super(value);
    this.sender = sender;
    this.map = map;
  }
}

/** Whether it is a message with what is known of it. */
export function isEnclosed(kept: unknown): kept is EnclosedMessage {
  try {
    return kept instanceof EnclosedMessage;
  } catch {
    return false; // A revoked proxy throws; its sender must not suffer for that.
  }
}

/** Whether it is a message together with its sender. */
export function isSent(kept: unknown): kept is SentMessage {
  return isEnclosed(kept) && kept instanceof SentMessage;
}

/** The message itself; not translated yet, if it has to be. */
export function messageOf(kept: unknown): unknown {
  return isEnclosed(kept) ? kept.message : kept;
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
