/**
 * Asks of other systems that actors of this one have to answer. If an actor stops first, the asker is
 * told; so each such ask is kept, within bounds, until it is answered, passed on or failed.
 *
 * @module
 */
import {
  type AskedActor,
  type AskFailure,
  type HeldAsk,
  releaseAsk,
} from "../actor/ref/held_ask.ts";
import type { RefAddress } from "../actor/ref/ref.ts";
import type { SentMessage } from "../actor/ref/sent_message.ts";
import { type AccountFacts, accountOf, type NodePeer } from "../transport/base/peer.ts";
import { RemoteRef, type RemoteSender } from "./remote_ref.ts";

/** Asks without an answer that are kept for one peer; of more, the oldest are forgotten. */
export const maxHeldPerAccount = 10_000;

/** The time until which the asker of an aborted ask waits. */
const aborted = -Infinity;

/** Milliseconds for which an ask of another system may keep an entity from being passivated. */
export const maxRemoteWait = 600_000;

/** Dependencies of a {@linkcode RemoteReplyRef}. */
export interface ReplySender extends RemoteSender {
  /** The asks of others that actors here hold. */
  readonly remoteAsks: RemoteAsks;
  /** The ask will not be answered. It was sent to the path `asked`. */
  reportFailure(replyTo: RemoteReplyRef, asked: string, failure: AskFailure): void;
}

/** The reply reference of an ask of another system. */
export class RemoteReplyRef extends RemoteRef<unknown> implements HeldAsk {
  declare protected readonly sender: ReplySender;
  heldBy: AskedActor | undefined = undefined;
  heldBefore: HeldAsk | undefined = undefined;
  heldAfter: HeldAsk | undefined = undefined;
  /** The path to which the ask was sent. */
  askedAt = "";
  /** The node that has sent it, if that is not the asker's: a router there may have passed it on. */
  via: NodePeer | undefined = undefined;
  /** Until when the asker waits, as far as an actor cares: at most {@linkcode maxRemoteWait}. */
  waitsUntil: number | undefined = undefined;
  /** Where it is counted. */
  keptIn: Set<RemoteReplyRef> | undefined = undefined;

  /** Only `Remoting.refTo` makes one. */
  constructor(sender: ReplySender, node: string, path: string, uid: number) {
    super(sender, node, path, uid);
  }

  override get isReply(): boolean {
    return true;
  }

  override get heldAsk(): HeldAsk | undefined {
    return this.replied ? undefined : this;
  }

  override tell(message: unknown): void {
    releaseAsk(this);
    super.tell(message);
  }

  override tellSent(sent: SentMessage): void {
    releaseAsk(this);
    super.tellSent(sent);
  }

  deadline(): number | undefined {
    return this.waitsUntil;
  }

  onHeld(): void {
    this.sender.remoteAsks.keep(this);
  }

  onReleased(): void {
    this.keptIn?.delete(this);
    this.keptIn = undefined;
    if (this.waitsUntil === aborted) this.sender.remoteAsks.onAbortedEnded(this);
  }

  fail(failure: AskFailure): void {
    if (this.waitsUntil !== aborted) this.sender.reportFailure(this, this.askedAt, failure);
  }
}

/** The asks of each peer that are held. */
export class RemoteAsks {
  readonly #byAccount = new Map<string, Set<RemoteReplyRef>>();
  /** Those that were aborted, while the message or its work is still here. */
  readonly #aborted = new Set<RemoteReplyRef>();
  readonly #onAborted: (count: number) => void;

  /** `onAborted` is told how many of the held asks are aborted, when that has changed. */
  constructor(onAborted: (count: number) => void = () => {}) {
    this.#onAborted = onAborted;
  }

  /** How many of them are aborted. */
  get aborted(): number {
    return this.#aborted.size;
  }

  /** The askers of these have given up. Those that are found are removed from `wanted`. */
  abort(account: string, wanted: Map<number, RefAddress>): void {
    for (const ask of this.#byAccount.get(account) ?? []) {
      const of = wanted.get(ask.uid);
      if (of === undefined || of.node !== ask.node || of.path !== ask.path) continue;
      wanted.delete(ask.uid);
      ask.waitsUntil = aborted;
      this.#aborted.add(ask);
    }
    this.#onAborted(this.#aborted.size);
  }

  /** It is not held any more. */
  onAbortedEnded(ask: RemoteReplyRef): void {
    if (this.#aborted.delete(ask)) this.#onAborted(this.#aborted.size);
  }

  /** An actor has to answer the ask. */
  keep(ask: RemoteReplyRef): void {
    if (ask.from === undefined) return;
    const account = accountOf(ask.from);
    let kept = this.#byAccount.get(account);
    if (kept === undefined) this.#byAccount.set(account, kept = new Set());
    kept.add(ask);
    ask.keptIn = kept;
    if (kept.size > maxHeldPerAccount) {
      const [oldest] = kept;
      releaseAsk(oldest!);
    }
  }

  /** Nothing reaches the client any more. */
  forget(client: AccountFacts): void {
    const account = accountOf(client);
    const kept = this.#byAccount.get(account);
    if (kept !== undefined) this.#release(account, kept, client.address);
  }

  /** A node is no member any more: nothing there waits. */
  onRemoved(node: string): void {
    for (const [account, kept] of this.#byAccount) this.#release(account, kept, node);
  }

  /** Peers for which anything is kept. */
  get accounts(): number {
    return this.#byAccount.size;
  }

  #release(account: string, kept: ReadonlySet<RemoteReplyRef>, address: string): void {
    for (const ask of kept) if (ask.node === address) releaseAsk(ask);
    if (kept.size === 0) this.#byAccount.delete(account);
  }
}
