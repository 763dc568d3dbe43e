/**
 * Asks of other systems that routers of this one have passed on to actors of other nodes. Their askers
 * know the router only, and are told by its node what has become of the ask.
 *
 * @module
 */
import type { RefAddress } from "../actor/ref/ref.ts";
import { type AccountFacts, accountOf } from "../transport/base/peer.ts";
import type { RemoteReplyRef } from "./remote_asks.ts";

/**
 * Asks that are kept for one peer; of more, the oldest are forgotten. Their replies do not come this
 * way: an ask that was answered is kept until its deadline, too.
 */
export const maxRoutedPerAccount = 10_000;

interface RoutedAsk {
  readonly ask: RemoteReplyRef;
  /** The node that it was passed on to. */
  readonly node: string;
}

/** By asker: each may use up its own room only. */
export class RoutedAsks {
  readonly #byAccount = new Map<string, Map<string, RoutedAsk>>();
  readonly #accounts = new Map<string, string>();

  /** A router has passed the ask on to `node`. */
  add(ask: RemoteReplyRef, node: string, now: number): void {
    const { from: peer } = ask;
    // A client could name any reply reference.
    if (peer === undefined || (ask.via === undefined && ask.node !== peer.address)) return;
    const account = accountOf(peer);
    let asks = this.#byAccount.get(account);
    if (asks === undefined) this.#byAccount.set(account, asks = new Map());
    const key = keyOf(ask);
    asks.delete(key);
    for (const [oldest, { ask: { waitsUntil = Infinity } }] of asks) {
      if (waitsUntil > now && asks.size < maxRoutedPerAccount) break;
      this.#delete(asks, oldest);
    }
    asks.set(key, { ask, node });
    this.#accounts.set(key, account);
  }

  /** The ask with this reply reference, which is forgotten; `node`: only if it was passed on to that. */
  take(replyTo: RefAddress, node?: string): RemoteReplyRef | undefined {
    const key = keyOf(replyTo);
    const account = this.#accounts.get(key);
    const asks = account === undefined ? undefined : this.#byAccount.get(account);
    const routed = asks?.get(key);
    if (routed === undefined || (node !== undefined && routed.node !== node)) return undefined;
    this.#delete(asks!, key);
    return routed.ask;
  }

  /**
   * A node was removed. Returns the asks it had that somebody still waits for; all of them, and those
   * that it has sent, are forgotten.
   */
  takeAllOf(node: string, now: number): RemoteReplyRef[] {
    const taken: RemoteReplyRef[] = [];
    for (const [account, asks] of this.#byAccount) {
      for (const [key, { ask, node: at }] of asks) {
        if (at !== node && ask.node !== node) continue;
        this.#delete(asks, key);
        const isAwaited = ask.waitsUntil === undefined || ask.waitsUntil > now;
        if (ask.node !== node && isAwaited) taken.push(ask);
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
