import { Ref } from "../actor/ref/ref.ts";
import type { SentMessage } from "../actor/ref/sent_message.ts";
import type { AccountFacts } from "../transport/base/peer.ts";

/** Sends to actors of other systems. */
export interface RemoteSender {
  /** Sends `message` to the actor at an address. Never throws. */
  tell(node: string, path: string, uid: number, message: unknown, sent?: SentMessage): void;
}

/** How often a reference has arrived, as far as the table of references needs it. */
export const Arrived = {
  once: 0,
  again: 1,
  /** It can be found after it has given way to another. */
  old: 2,
} as const;

/** A reference that has arrived, with the address that it had. */
export interface Arrival {
  readonly node: string;
  readonly path: string;
  readonly uid: number;
  readonly ref: Ref<unknown>;
  /** One of {@linkcode Arrived}. */
  state: number;
  /** Who has sent it; undefined: this system itself. */
  from: AccountFacts | undefined;
}

/** A reference to an actor of another node or client. */
export class RemoteRef<in M> extends Ref<M> implements Arrival {
  declare readonly node: string;
  /** Its path, or what it is made of. */
  declare protected readonly given: string;
  declare readonly uid: number;
  declare protected readonly sender: RemoteSender;
  // Here, so that the table of references needs no object beside each.
  declare state: number;
  declare from: AccountFacts | undefined;
  declare protected told: boolean;

  /** Only `Remoting.refTo` makes one. */
  constructor(sender: RemoteSender, node: string, path: string, uid: number) {
    super();
    this.node = node;
    this.given = path;
    this.uid = uid;
    this.sender = sender;
    this.state = Arrived.once;
    this.from = undefined;
    this.told = false;
  }

  override get path(): string {
    return this.given;
  }

  get ref(): Ref<unknown> {
    return this as unknown as Ref<unknown>;
  }

  override tell(message: M): void {
    this.told = true;
    this.sender.tell(this.node, this.path, this.uid, message);
  }

  override tellSent(sent: SentMessage): void {
    this.told = true;
    this.sender.tell(this.node, this.path, this.uid, sent.message, sent);
  }

  override get replied(): boolean {
    return this.told;
  }
}
