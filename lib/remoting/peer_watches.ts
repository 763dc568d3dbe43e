import type { TerminationReason } from "../actor/ref/terminated.ts";
import type { ToldReason, WatchItem, WatchMessage } from "./watch_protocol.ts";
import { maxItems } from "./watch_protocol.ts";

/** What a {@linkcode WatchTable} wants done. */
export type WatchEffect =
  | { readonly type: "send"; readonly to: string; readonly message: WatchMessage }
  /** Tell the watcher. Comes once for each watch, and never after it was taken back. */
  | { readonly type: "fire"; readonly id: number; readonly reason: TerminationReason }
  /** Find out when this actor stops, and send the event `ended`. */
  | ({ readonly type: "observe"; readonly watcher: string } & WatchItem)
  /** That is no longer of interest. */
  | { readonly type: "release"; readonly watcher: string; readonly id: number }
  /** The peer watches as many actors as it may, and wants more. */
  | { readonly type: "refuse"; readonly watcher: string };

/** What an actor of this system watches at a peer. */
export interface OutgoingWatch extends WatchItem {
  /** The life of the peer that has confirmed it first; 0 while none has. */
  life: number;
}

/** Everything between this system and one other: who watches whom, and what is not confirmed. */
export class PeerWatches {
  /** Address of the other. */
  readonly address: string;
  /** The latest life of the other that was seen; 0 before any. */
  life = 0;
  /** Counts connections; what is confirmed is so for one of them. */
  session = 0;
  /** What actors here watch there, by id. */
  readonly watches = new Map<number, OutgoingWatch>();
  /** Those of them that the other may not know of. */
  readonly unconfirmed = new Set<number>();
  /** Watches that were taken back, which the other may not know yet. */
  readonly forgetting = new Set<number>();
  /** What actors there watch here, and lives. */
  readonly watched = new Set<number>();
  /** What actors there watched here, and is gone, which the other may not know yet. */
  readonly ended = new Map<number, ToldReason>();
  /** How often what is not confirmed was repeated. */
  attempts = 0;
  /** When that is done next. */
  retryAt: number | undefined;

  /** Nobody watches anybody. */
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

  /** Whether something was said and not yet confirmed. */
  get unsettled(): boolean {
    return this.unconfirmed.size + this.forgetting.size + this.ended.size > 0;
  }

  /** Says everything that is not confirmed. */
  repeat(effects: WatchEffect[]): void {
    const items = [...this.unconfirmed].map((id) => itemOf(this.watches.get(id)!));
    for (const part of parts(items)) this.#say(effects, this.watchMessage(part));
    for (const ids of parts([...this.forgetting])) this.#say(effects, { type: "forget", ids });
    const gone = [...this.ended].map(([id, reason]) => ({ id, reason }));
    for (const part of parts(gone)) this.#say(effects, { type: "gone", items: part });
  }

  /** Asks the other to watch. */
  watchMessage(items: readonly WatchItem[]): WatchMessage {
    return { type: "watch", session: this.session, items };
  }

  /** A connection has begun or ended: the other may have forgotten what it has confirmed. */
  beginSession(): void {
    this.session++;
    for (const id of this.watches.keys()) this.unconfirmed.add(id);
  }

  /** Ends the watches that `which` names: they have no more to wait for. */
  fireNodeDown(effects: WatchEffect[], which: (watch: OutgoingWatch) => boolean): void {
    for (const watch of this.watches.values()) {
      if (!which(watch)) continue;
      this.watches.delete(watch.id);
      this.unconfirmed.delete(watch.id);
      effects.push({ type: "fire", id: watch.id, reason: "nodeDown" });
    }
  }

  /** Forgets what the other watches here. */
  dropIncoming(effects: WatchEffect[]): void {
    for (const id of this.watched) effects.push({ type: "release", watcher: this.address, id });
    this.watched.clear();
    this.ended.clear();
  }

  #say(effects: WatchEffect[], message: WatchMessage): void {
    effects.push({ type: "send", to: this.address, message });
  }
}

/** What of a watch is sent. */
export function itemOf({ id, path, uid }: WatchItem): WatchItem {
  return { id, path, uid };
}

function* parts<T>(all: readonly T[]): Generator<readonly T[]> {
  for (let at = 0; at < all.length; at += maxItems) yield all.slice(at, at + maxItems);
}
