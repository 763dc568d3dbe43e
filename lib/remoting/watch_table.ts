/**
 * Death watch between systems. Pure: `step` takes an event and the time, and gives effects.
 *
 * Its messages travel in order with messages of users, and can be lost as those can: a queue is
 * full, a connection breaks. Hence each watch has an id, unconfirmed messages are repeated, and
 * every message may arrive twice. When a connection opens or closes, all watches over it count as
 * unconfirmed and are sent again, so neither system keeps more than the watches that are still
 * open.
 *
 * A peer that cannot be reached is not gone: a node is gone when it is no member any more, a client
 * when it has closed or has not come back in time.
 *
 * @module
 */
import { backoffDelay } from "../runtime/backoff.ts";
import { itemOf, PeerWatches, type WatchEffect } from "./peer_watches.ts";
import { defaultWatchLimits, type WatchEvent, type WatchLimits } from "./watch_event.ts";
import type { ReportedReason, WatchItem, WatchMessage } from "./watch_protocol.ts";

type RequestedEvent = Extract<WatchEvent, { type: "requested" }>;
type ReceivedEvent = Extract<WatchEvent, { type: "received" }>;

/** See the module's text. One per system. */
export class WatchTable {
  readonly #limits: WatchLimits;
  readonly #peers = new Map<string, PeerWatches>();
  /** Peers with something that is not confirmed. */
  readonly #unsettled = new Set<PeerWatches>();
  /** The members; undefined before this system is one. */
  #alive: ReadonlyMap<string, number> | undefined;
  /** Clients that are connected, or may come back. */
  readonly #clients = new Set<string>();
  /** The clients with one certificate that have watches here. */
  readonly #accounts = new Map<string, Set<PeerWatches>>();

  constructor(limits: WatchLimits = defaultWatchLimits) {
    this.#limits = limits;
  }

  /** Whether the event `tick` is needed. */
  get unsettled(): boolean {
    return this.#unsettled.size > 0;
  }

  /** Whether actors here may watch one more at `node`. */
  hasRoom(node: string): boolean {
    return (this.#peers.get(node)?.outgoing ?? 0) < this.#limits.maxWatchesPerPeer;
  }

  /** Applies one event; returns the effects. */
  step(event: WatchEvent, now: number): readonly WatchEffect[] {
    const effects: WatchEffect[] = [];
    switch (event.type) {
      case "watch":
        this.#watch(event.node, itemOf(event), now, effects);
        break;
      case "unwatch":
        this.#unwatch(event.node, event.id, now, effects);
        break;
      case "requested":
        this.#onRequested(event, effects);
        break;
      case "received":
        this.#onReceived(event, effects);
        break;
      case "ended":
        this.#onEnded(event.watcher, event.id, event.reason, now, effects);
        break;
      case "members":
        this.#onMembers(event.alive, now, effects);
        break;
      case "peerUp":
        this.#onPeerUp(event.peer, event.incarnation, now, effects);
        break;
      case "peerDown":
        this.#onPeerDown(event.peer, now, effects);
        break;
      case "clientGone":
        this.#onClientGone(event.client, effects);
        break;
      case "rerouted":
        for (const peer of [...this.#peers.values()]) this.#onRerouted(peer, now, effects);
        break;
      case "tick":
        this.#onTick(now, effects);
    }
    return effects;
  }

  #watch(node: string, item: WatchItem, now: number, effects: WatchEffect[]): void {
    if (isClient(node) && !this.#clients.has(node)) {
      this.#clients.add(node);
      effects.push({ type: "expect", client: node });
    }
    const takesPart = this.#takesPart(node);
    if (takesPart === false) {
      effects.push({ type: "fire", id: item.id, reason: "nodeDown" });
      return;
    }
    const peer = this.#peer(node);
    peer.watches.set(item.id, { ...item, incarnation: 0 });
    peer.unconfirmed.add(item.id);
    // Not sent before this system is a member; the first event `members` sends it.
    if (takesPart === undefined) return;
    effects.push({ type: "send", to: node, message: peer.watchMessage([item]) });
    this.#settle(peer, now);
  }

  #unwatch(node: string, id: number, now: number, effects: WatchEffect[]): void {
    const peer = this.#peers.get(node);
    if (!peer?.watches.delete(id)) return;
    peer.unconfirmed.delete(id);
    if (this.#takesPart(node)) {
      peer.forgetting.add(id);
      effects.push({ type: "send", to: node, message: { type: "forget", ids: [id] } });
    }
    this.#settle(peer, now);
  }

  #onRequested(
    { from, account, incarnation, session, items }: RequestedEvent,
    effects: WatchEffect[],
  ): void {
    const peer = this.#peer(from);
    if (!this.#meet(peer, incarnation, effects)) return;
    if (account !== undefined && peer.account === undefined) this.#join(peer, account);
    let room = this.#roomOf(peer);
    const ids: number[] = [];
    const gone: { id: number; reason: ReportedReason }[] = [];
    let refused = false;
    for (const { present, ...item } of items) {
      const { id } = item;
      const ended = peer.ended.get(id);
      if (ended !== undefined) gone.push({ id, reason: ended });
      else if (peer.watched.has(id)) ids.push(id);
      // Not kept: the watcher repeats the request until the answer has arrived.
      else if (!present) gone.push({ id, reason: "noSuchActor" });
      else if (room <= 0) refused = true;
      else {
        room--;
        peer.watched.set(id, true);
        ids.push(id);
        effects.push({ type: "observe", watcher: from, ...item });
      }
    }
    if (ids.length > 0) send(effects, from, { type: "watching", session, ids });
    if (gone.length > 0) send(effects, from, { type: "gone", items: gone });
    if (refused) effects.push({ type: "refuse", watcher: from });
  }

  #onReceived({ from, incarnation, message }: ReceivedEvent, effects: WatchEffect[]): void {
    const peer = this.#peer(from);
    if (!this.#meet(peer, incarnation, effects)) return;
    switch (message.type) {
      case "watching":
        onWatching(peer, message, effects);
        break;
      case "gone":
        for (const { id, reason } of message.items) {
          peer.unconfirmed.delete(id);
          if (peer.watches.delete(id)) effects.push({ type: "fire", id, reason });
        }
        send(effects, from, { type: "forget", ids: message.items.map(({ id }) => id) });
        break;
      case "forget":
        for (const id of message.ids) {
          peer.ended.delete(id);
          if (peer.watched.delete(id)) effects.push({ type: "release", watcher: from, id });
        }
        send(effects, from, { type: "forgotten", ids: message.ids });
        break;
      case "forgotten":
        for (const id of message.ids) peer.forgetting.delete(id);
    }
    if (!peer.unsettled) this.#rest(peer);
  }

  #onEnded(
    watcher: string,
    id: number,
    reason: ReportedReason,
    now: number,
    effects: WatchEffect[],
  ): void {
    const peer = this.#peers.get(watcher);
    if (!peer?.watched.delete(id)) return;
    peer.ended.set(id, reason);
    send(effects, watcher, { type: "gone", items: [{ id, reason }] });
    this.#settle(peer, now);
  }

  #onMembers(
    alive: ReadonlyMap<string, number>,
    now: number,
    effects: WatchEffect[],
  ): void {
    const before = this.#alive;
    this.#alive = alive;
    for (const peer of [...this.#peers.values()]) {
      if (isClient(peer.address)) continue;
      const incarnation = alive.get(peer.address);
      if (incarnation !== undefined) {
        this.#meet(peer, incarnation, effects);
        if (before === undefined) this.#repeat(peer, now, effects);
      } else if (before === undefined) {
        peer.fireNodeDown(effects, () => true);
        this.#settle(peer, now);
      } else {
        const last = before.get(peer.address);
        // A later incarnation that is connected already is about to join.
        if (last !== undefined && (last === 0 || last >= peer.incarnation)) {
          this.#end(peer, effects);
        }
      }
    }
  }

  #onPeerUp(address: string, incarnation: number, now: number, effects: WatchEffect[]): void {
    if (isClient(address)) this.#clients.add(address);
    const peer = this.#peers.get(address);
    if (peer === undefined || !this.#meet(peer, incarnation, effects)) return;
    peer.beginSession();
    if (peer.unsettled) this.#repeat(peer, now, effects);
  }

  #onClientGone(address: string, effects: WatchEffect[]): void {
    this.#clients.delete(address);
    const peer = this.#peers.get(address);
    if (peer !== undefined) this.#end(peer, effects);
  }

  #onRerouted(peer: PeerWatches, now: number, effects: WatchEffect[]): void {
    if (this.#takesPart(peer.address) !== true) return;
    peer.beginSession();
    if (peer.unsettled) this.#repeat(peer, now, effects);
  }

  #onPeerDown(address: string, now: number, effects: WatchEffect[]): void {
    const peer = this.#peers.get(address);
    if (peer === undefined) return;
    if (this.#takesPart(address) === false) return this.#end(peer, effects);
    peer.beginSession();
    peer.attempts = Math.max(1, peer.attempts);
    this.#settle(peer, now);
  }

  #onTick(now: number, effects: WatchEffect[]): void {
    for (const peer of [...this.#unsettled]) {
      if (now < peer.retryAt!) continue;
      peer.repeat(effects);
      peer.attempts++;
      peer.retryAt = now + this.#pause(peer);
    }
  }

  /** Sends everything again, with the back-off of the first attempt. */
  #repeat(peer: PeerWatches, now: number, effects: WatchEffect[]): void {
    peer.repeat(effects);
    this.#rest(peer);
    this.#settle(peer, now);
  }

  /** Whether the peer is a member, or a client that is not gone, if that is known. */
  #takesPart(address: string): boolean | undefined {
    return isClient(address) ? this.#clients.has(address) : this.#alive?.has(address);
  }

  /** Notes a peer's incarnation. False for one that has ended. */
  #meet(peer: PeerWatches, incarnation: number, effects: WatchEffect[]): boolean {
    if (incarnation === 0 || incarnation === peer.incarnation) return true;
    if (incarnation < peer.incarnation) return false;
    if (peer.incarnation !== 0) {
      peer.forgetting.clear();
      peer.dropIncoming(effects);
      peer.fireNodeDown(effects, (watch) => watch.incarnation !== 0);
      if (!peer.unsettled) this.#rest(peer);
    }
    peer.incarnation = incarnation;
    return true;
  }

  /** The peer has been removed. */
  #end(peer: PeerWatches, effects: WatchEffect[]): void {
    peer.fireNodeDown(effects, () => true);
    peer.dropIncoming(effects);
    this.#unsettled.delete(peer);
    this.#peers.delete(peer.address);
    const { account = "" } = peer;
    const others = this.#accounts.get(account);
    others?.delete(peer);
    if (others?.size === 0) this.#accounts.delete(account);
  }

  #join(peer: PeerWatches, account: string): void {
    peer.account = account;
    let clients = this.#accounts.get(account);
    if (clients === undefined) this.#accounts.set(account, clients = new Set());
    clients.add(peer);
  }

  /** How many more watches a peer may have here. */
  #roomOf(peer: PeerWatches): number {
    const { maxWatchesPerPeer, maxWatchesPerIdentity } = this.#limits;
    const own = maxWatchesPerPeer - peer.incoming;
    if (peer.account === undefined) return own;
    let all = 0;
    for (const { incoming } of this.#accounts.get(peer.account) ?? []) all += incoming;
    return Math.min(own, maxWatchesPerIdentity - all);
  }

  #settle(peer: PeerWatches, now: number): void {
    if (!peer.unsettled) return this.#rest(peer);
    if (this.#takesPart(peer.address) === undefined) return;
    peer.retryAt ??= now + this.#pause(peer);
    this.#unsettled.add(peer);
  }

  #rest(peer: PeerWatches): void {
    peer.attempts = 0;
    peer.retryAt = undefined;
    this.#unsettled.delete(peer);
  }

  #pause({ attempts }: PeerWatches): number {
    const { minRetry: min, maxRetry: max } = this.#limits;
    return backoffDelay({ min, max }, attempts, 0);
  }

  #peer(address: string): PeerWatches {
    let peer = this.#peers.get(address);
    if (peer === undefined) this.#peers.set(address, peer = new PeerWatches(address));
    return peer;
  }
}

function onWatching(
  peer: PeerWatches,
  { session, ids }: Extract<WatchMessage, { type: "watching" }>,
  effects: WatchEffect[],
): void {
  const unknown: number[] = [];
  for (const id of ids) {
    const watch = peer.watches.get(id);
    if (watch === undefined) {
      // It was cancelled, and an old request has arrived later.
      unknown.push(id);
      continue;
    }
    watch.incarnation ||= peer.incarnation;
    if (session === peer.session) peer.unconfirmed.delete(id);
  }
  if (unknown.length > 0) send(effects, peer.address, { type: "forget", ids: unknown });
}

function send(effects: WatchEffect[], to: string, message: WatchMessage): void {
  effects.push({ type: "send", to, message });
}

function isClient(address: string): boolean {
  return address.startsWith("client:");
}
