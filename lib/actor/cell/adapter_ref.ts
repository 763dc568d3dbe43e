import { type LocalRef, TemporaryRef } from "../ref/local_ref.ts";
import { AdaptedMessage, messageOf, type SentMessage } from "../ref/sent_message.ts";
import type { AskHost } from "../ask/ask.ts";

/** Between an actor's path and the number of its adapter; no user can name an actor so. */
export const adapterMark = "/_adapter-";

/** Dependencies of adapters on their actor. */
export interface AdaptedActor extends LocalRef<unknown> {
  readonly host: AskHost & { nextUid(): number };
  /** Number of the next anonymous part of the actor. */
  nextNumber(): number;
  /** Takes a message. False if it is lost. */
  enqueue(message: unknown): boolean;
}

/**
 * A reference for messages of another protocol: its actor translates them in its own turn, so a
 * mapping sees the state that the messages before have left, and fails as a handler does.
 */
export class AdapterRef extends TemporaryRef {
  override readonly path: string;
  override readonly uid: number;
  override readonly actor: AdaptedActor;
  readonly #map: (message: unknown) => unknown;
  #open = true;

  constructor(actor: AdaptedActor, map: (message: unknown) => unknown) {
    super();
    this.actor = actor;
    this.path = `${actor.path}${adapterMark}${actor.nextNumber()}`;
    this.uid = actor.host.nextUid();
    this.#map = map;
  }

  override get host(): AskHost {
    return this.actor.host;
  }

  override get ended(): boolean {
    return !this.#open;
  }

  /** The actor has stopped or restarted: adapters belong to one incarnation. */
  close(): void {
    this.#open = false;
    this.callBack();
  }

  override tellSent(sent: SentMessage): void {
    this.tell(sent);
  }

  override tell(kept: unknown): void {
    const { actor, path } = this;
    const { host } = actor;
    const value = messageOf(kept);
    if (!this.#open || actor.ended) {
      host.ledger.sent++;
      return host.lose("stopped", path, value);
    }
    actor.enqueue(new AdaptedMessage(kept, this.#map));
  }
}

/** The adapters of one incarnation of an actor. */
export class Adapters {
  readonly #actor: AdaptedActor;
  readonly #byMap = new Map<unknown, AdapterRef>();
  readonly #byPath = new Map<string, AdapterRef>();

  constructor(actor: AdaptedActor) {
    this.#actor = actor;
  }

  /** The reference for a mapping. */
  refFor(map: (message: never) => unknown): AdapterRef {
    const known = this.#byMap.get(map);
    if (known !== undefined) return known;
    const ref = new AdapterRef(this.#actor, map as never);
    this.#byMap.set(map, ref);
    this.#byPath.set(ref.path, ref);
    return ref;
  }

  /** The reference at a path. */
  find(path: string): AdapterRef | undefined {
    return this.#byPath.get(path);
  }

  /** Ends all of them. */
  close(): void {
    const refs = [...this.#byPath.values()];
    this.#byMap.clear();
    this.#byPath.clear();
    for (const ref of refs) ref.close();
  }
}
