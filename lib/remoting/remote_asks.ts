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
import { wholePath } from "../actor/ref/reply_path.ts";
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
  /** The asks of its peer, if it is one of them, and its neighbours there. */
  keptIn: KeptAsks | undefined = undefined;
  keptBefore: RemoteReplyRef | undefined = undefined;
  keptAfter: RemoteReplyRef | undefined = undefined;

  /** Only `Remoting.refTo` makes one. `path` may have the short form. */
  constructor(sender: ReplySender, node: string, path: string, uid: number) {
    super(sender, node, path, uid);
  }

  override get path(): string {
    return wholePath(this.given, this.uid);
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
    this.keptIn?.remove(this);
    if (this.waitsUntil === aborted) this.sender.remoteAsks.onAbortedEnded(this);
  }

  fail(failure: AskFailure): void {
    if (this.waitsUntil !== aborted) this.sender.reportFailure(this, this.askedAt, failure);
  }
}

/**
 * The asks of one peer that are held, the oldest first. A list: when a set that has become old gets a
 * new table, V8 collects the former one, and what was in it, in a full collection only. With some asks
 * pending all the time, that would be all asks.
 */
class KeptAsks {
  size = 0;
  oldest: RemoteReplyRef | undefined = undefined;
  #newest: RemoteReplyRef | undefined = undefined;

  add(ask: RemoteReplyRef): void {
    const newest = this.#newest;
    ask.keptIn = this;
    ask.keptBefore = newest;
    if (newest === undefined) this.oldest = ask;
    else newest.keptAfter = ask;
    this.#newest = ask;
    this.size++;
  }

  remove(ask: RemoteReplyRef): void {
    const { keptBefore, keptAfter } = ask;
    if (keptBefore === undefined) this.oldest = keptAfter;
    else keptBefore.keptAfter = keptAfter;
    if (keptAfter === undefined) this.#newest = keptBefore;
    else keptAfter.keptBefore = keptBefore;
    ask.keptIn = ask.keptBefore = ask.keptAfter = undefined;
    this.size--;
  }
}

/** The asks of each peer that are held. */
export class RemoteAsks {
  readonly #byAccount = new Map<string, KeptAsks>();
  /** Whose ask was kept last, and where: most asks are of the same peer as the one before. */
  #lastFrom: AccountFacts | undefined;
  #lastKept: KeptAsks | undefined;
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
    let next = this.#byAccount.get(account)?.oldest;
    while (next !== undefined && wanted.size > 0) {
      const ask = next;
      next = ask.keptAfter;
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
    const { from } = ask;
    if (from === undefined) return;
    const kept = from === this.#lastFrom ? this.#lastKept! : this.#keptOf(from);
    kept.add(ask);
    if (kept.size > maxHeldPerAccount) releaseAsk(kept.oldest!);
  }

  #keptOf(from: AccountFacts): KeptAsks {
    const account = accountOf(from);
    let kept = this.#byAccount.get(account);
    if (kept === undefined) this.#byAccount.set(account, kept = new KeptAsks());
    this.#lastFrom = from;
    this.#lastKept = kept;
    return kept;
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

  #release(account: string, kept: KeptAsks, address: string): void {
    let next = kept.oldest;
    while (next !== undefined) {
      const ask = next;
      next = ask.keptAfter;
      if (ask.node === address) releaseAsk(ask);
    }
    if (kept.size > 0) return;
    this.#byAccount.delete(account);
    this.#lastFrom = this.#lastKept = undefined;
  }
}
