import { Ref } from "../actor/ref/ref.ts";
import type { SentMessage } from "../actor/ref/sent_message.ts";

/** Sends to actors of other systems. */
export interface RemoteSender {
  /** Sends `message` to the actor at an address. Never throws. */
  tell(node: string, path: string, uid: number, message: unknown, sent?: SentMessage): void;
}

/** A reference to an actor of another node or client. */
export class RemoteRef<in M> extends Ref<M> {
  readonly node: string;
  readonly path: string;
  readonly uid: number;
  readonly #sender: RemoteSender;
  #told = false;

  /** Only `Remoting.refTo` makes one. */
  constructor(sender: RemoteSender, node: string, path: string, uid: number) {
    super();
    this.#sender = sender;
    this.node = node;
    this.path = path;
    this.uid = uid;
  }

  override tell(message: M): void {
    this.#told = true;
    this.#sender.tell(this.node, this.path, this.uid, message);
  }

  override tellSent(sent: SentMessage): void {
    this.#told = true;
    this.#sender.tell(this.node, this.path, this.uid, sent.message, sent);
  }

  override get replied(): boolean {
    return this.#told;
  }
}
