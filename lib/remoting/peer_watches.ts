import { PeerNumberMap } from "../runtime/hash_key.ts";
import type { TerminationReason } from "../actor/ref/terminated.ts";
import type { ReportedReason, WatchItem, WatchMessage } from "./watch_protocol.ts";
import { maxItems } from "./watch_protocol.ts";

/** Effects of a {@linkcode WatchTable}. */
export type WatchEffect =
  | { readonly type: "send"; readonly to: string; readonly message: WatchMessage }
  /** Signal the watcher. Once for each watch, and never after it was cancelled. */
  | { readonly type: "fire"; readonly id: number; readonly reason: TerminationReason }
  /** Find out when this actor stops, and send the event `ended`. */
  | ({ readonly type: "observe"; readonly watcher: string } & WatchItem)
  /** Undo `observe`. */
  | { readonly type: "release"; readonly watcher: string; readonly id: number }
  /** The client is not connected: send the event `clientGone` unless it connects in time. */
  | { readonly type: "expect"; readonly client: string }
  /** The peer has reached its limit of watches. */
  | { readonly type: "refuse"; readonly watcher: string };

/** A watch of an actor of this system at a peer. */
export interface OutgoingWatch extends WatchItem {
  /** The incarnation of the peer that has confirmed it first; 0 while none has. */
  incarnation: number;
}

/**
 * The watches between this system and one other, in both directions, and the unconfirmed messages.
 */
export class PeerWatches {
  /** Address of the other. */
  readonly address: string;
  /** Of a client, whom the limit of its certificate counts for. */
  account: string | undefined;
  /** The latest incarnation of the other that was seen; 0 before any. */
  incarnation = 0;
  /** Counts connections; a confirmation is valid for one of them. */
  session = 0;
  /** Watches of actors here, by id. */
  readonly watches = new Map<number, OutgoingWatch>();
  /** Their ids that the other system has not confirmed. */
  readonly unconfirmed = new Set<number>();
  /** Cancelled watches that the other system has not confirmed. */
  readonly forgetting = new Set<number>();
  /** Ids of watches that actors there have here, of actors that run. */
  readonly watched = new PeerNumberMap<true>();
  /** Ended watches of actors there, which the other has not confirmed yet. */
  readonly ended = new PeerNumberMap<ReportedReason>();
  /** Number of repetitions of unconfirmed messages. */
  attempts = 0;
  /** When that is done next. */
  retryAt: number | undefined;

  constructor(address: string) {
    this.address = address;
  }

  /** How many entries this system keeps for its own watches there. */
  get outgoing(): number {
    return this.watches.size + this.forgetting.size;
  }

  /** How many entries this system keeps for the other's watches here. */
  get incoming(): number {
    return this.watched.size + this.ended.size;
  }

  /** Whether anything was sent and not yet confirmed. */
  get unsettled(): boolean {
    return this.unconfirmed.size + this.forgetting.size + this.ended.size > 0;
  }

  /** Sends everything that is not confirmed. */
  repeat(effects: WatchEffect[]): void {
    const items = [...this.unconfirmed].map((id) => itemOf(this.watches.get(id)!));
    for (const part of parts(items)) this.#send(effects, this.watchMessage(part));
    for (const ids of parts([...this.forgetting])) this.#send(effects, { type: "forget", ids });
    const gone = [...this.ended].map(([id, reason]) => ({ id, reason }));
    for (const part of parts(gone)) this.#send(effects, { type: "gone", items: part });
  }

  /** Requests watches of the other. */
  watchMessage(items: readonly WatchItem[]): WatchMessage {
    return { type: "watch", session: this.session, items };
  }

  /** A connection has opened or closed: the other system may have forgotten confirmed watches. */
  beginSession(): void {
    this.session++;
    for (const id of this.watches.keys()) this.unconfirmed.add(id);
  }

  /** Ends the watches that `which` names, with the reason `nodeDown`. */
  fireNodeDown(effects: WatchEffect[], which: (watch: OutgoingWatch) => boolean): void {
    for (const watch of this.watches.values()) {
      if (!which(watch)) continue;
      this.watches.delete(watch.id);
      this.unconfirmed.delete(watch.id);
      effects.push({ type: "fire", id: watch.id, reason: "nodeDown" });
    }
  }

  /** Forgets the watches of the other system. */
  dropIncoming(effects: WatchEffect[]): void {
    for (const [id] of this.watched) effects.push({ type: "release", watcher: this.address, id });
    this.watched.clear();
    this.ended.clear();
  }

  #send(effects: WatchEffect[], message: WatchMessage): void {
    effects.push({ type: "send", to: this.address, message });
  }
}

/** The part of a watch that is sent. */
export function itemOf({ id, path, uid }: WatchItem): WatchItem {
  return { id, path, uid };
}

function* parts<T>(all: readonly T[]): Generator<readonly T[]> {
  for (let at = 0; at < all.length; at += maxItems) yield all.slice(at, at + maxItems);
}
