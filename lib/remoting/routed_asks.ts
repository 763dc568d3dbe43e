/**
 * Asks of other systems that routers of this one have passed on to actors of other nodes. Their askers
 * know the router only, and are told by its node what has become of the ask.
 *
 * @module
 */
import { isDelivery } from "../actor/ask/ask.ts";
import type { RefAddress } from "../actor/ref/ref.ts";
import { type AccountFacts, accountOf } from "../transport/base/peer.ts";
import type { RemoteReplyRef } from "./remote_asks.ts";

/**
 * Asks that are kept for one peer; of more, the oldest are forgotten. Their replies do not come this
 * way: an ask that was answered is kept until its deadline, too.
 */
export const maxRoutedPerAccount = 10_000;

/** Where an ask was passed on to. */
export interface Routee {
  readonly node: string;
  readonly path: string;
  /** The entity, if it is one. */
  readonly entityId: string | undefined;
}

interface RoutedAsk {
  readonly ask: RemoteReplyRef;
  readonly to: Routee;
}

/** By asker: each may use up its own room only. */
export class RoutedAsks {
  readonly #byAccount = new Map<string, Map<string, RoutedAsk>>();
  readonly #accounts = new Map<string, string>();
  /** Asks that have come back unread, as they have arrived then: they are sent again. */
  readonly #unread = new WeakSet<RemoteReplyRef>();

  /** A router has passed the ask on to `node`, in this message to `path`. */
  add(ask: RemoteReplyRef, node: string, now: number, path = "", message?: unknown): void {
    const { from: peer } = ask;
    // A client could name any reply reference.
    if (peer === undefined || (ask.via === undefined && ask.node !== peer.address)) return;
    const account = accountOf(peer);
    const key = keyOf(ask);
    const known = this.#accounts.get(key);
    if (known !== undefined && known !== account) {
      const elsewhere = this.#byAccount.get(known)!;
      // What came from the asker itself is not replaced by what another claims to pass on.
      if (elsewhere.get(key)!.ask.via === undefined && ask.via !== undefined) return;
      this.#delete(elsewhere, key);
    }
    let asks = this.#byAccount.get(account);
    if (asks === undefined) this.#byAccount.set(account, asks = new Map());
    asks.delete(key);
    for (const [oldest, { ask: { waitsUntil = Infinity } }] of asks) {
      if (waitsUntil > now && asks.size < maxRoutedPerAccount) break;
      this.#delete(asks, oldest);
    }
    const entityId = isDelivery(message) ? message[0] : undefined;
    asks.set(key, { ask, to: { node, path, entityId } });
    this.#accounts.set(key, account);
  }

  /** An ask that was passed on has come back: `ask` is its reply reference as it has arrived now. */
  takeBack(ask: RemoteReplyRef, isUnread: boolean): void {
    const before = this.#accounts.size === 0 ? undefined : this.take(ask);
    if (before === undefined || !isUnread) return;
    ask.from = before.from;
    ask.via = before.via;
    ask.askedAt = before.askedAt;
    ask.waitsUntil = before.waitsUntil;
    this.#unread.add(ask);
  }

  /** Whether the ask has come back unread, and is passed on again now. */
  isSentAgain(ask: RemoteReplyRef): boolean {
    return this.#unread.delete(ask);
  }

  /** The ask with this reply reference, which is forgotten; `node`: only if it was passed on to that. */
  take(replyTo: RefAddress, node?: string): RemoteReplyRef | undefined {
    const key = keyOf(replyTo);
    const account = this.#accounts.get(key);
    const asks = account === undefined ? undefined : this.#byAccount.get(account);
    const routed = asks?.get(key);
    if (routed === undefined || (node !== undefined && routed.to.node !== node)) return undefined;
    this.#delete(asks!, key);
    return routed.ask;
  }

  /** Its asker has given up: the ask is forgotten. Returns the node that it was passed on to. */
  abort(account: string, replyTo: RefAddress): string | undefined {
    const asks = this.#byAccount.get(account);
    const key = keyOf(replyTo);
    const routed = asks?.get(key);
    if (routed === undefined) return undefined;
    this.#delete(asks!, key);
    return routed.to.node;
  }

  /**
   * A node was removed. Returns the asks it had that somebody still waits for; all of them, and those
   * that it has sent, are forgotten.
   */
  takeAllOf(node: string, now: number): RemoteReplyRef[] {
    const taken = this.takeWhere(({ node: at }, asker) => at === node || asker === node, now);
    return taken.filter((ask) => ask.node !== node);
  }

  /** The asks for which `isMeant` returns true and somebody still waits; the others are forgotten. */
  takeWhere(isMeant: (to: Routee, asker: string) => boolean, now: number): RemoteReplyRef[] {
    const taken: RemoteReplyRef[] = [];
    for (const [account, asks] of this.#byAccount) {
      for (const [key, { ask, to }] of asks) {
        if (!isMeant(to, ask.node)) continue;
        this.#delete(asks, key);
        if (ask.waitsUntil === undefined || ask.waitsUntil > now) taken.push(ask);
      }
      if (asks.size === 0) this.#byAccount.delete(account);
    }
    return taken;
  }

  /** Nothing reaches the peer any more. */
  forget(peer: AccountFacts): void {
    const account = accountOf(peer);
    const asks = this.#byAccount.get(account);
    if (asks === undefined) return;
    for (const [key, { ask }] of asks) if (ask.node === peer.address) this.#delete(asks, key);
    if (asks.size === 0) this.#byAccount.delete(account);
  }

  #delete(asks: Map<string, RoutedAsk>, key: string): void {
    asks.delete(key);
    this.#accounts.delete(key);
  }
}

function keyOf({ node, path, uid }: RefAddress): string {
  return `${uid} ${node}${path}`;
}
