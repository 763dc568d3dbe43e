import { ActorError } from "../errors.ts";
import {
  LocalRef,
  type RefHost,
  type RemoteWatch,
  TemporaryRef,
  type Watcher,
} from "../ref/local_ref.ts";
import { type ActorRef, Ref } from "../ref/ref.ts";
import type { Terminated } from "../ref/terminated.ts";

/** Requests the signal `terminated` instead of a message. */
export const asSignal: unique symbol = Symbol("asSignal");

/** An actor that is watched. */
export interface WatchEntry {
  readonly ref: ActorRef<never>;
  /** Notification of the watcher: `asSignal`, or any message. */
  readonly message: unknown;
  /** Ends the watch of a temporary reference. */
  readonly forget: (() => void) | undefined;
}

/** Dependencies of a death watch on its cell. */
export interface DeathWatchOwner extends LocalRef<unknown> {
  readonly host: RefHost & { readonly remoteWatch: RemoteWatch | undefined };
}

/** The actors that one cell watches, and the cells that watch it. */
export class DeathWatch {
  readonly #owner: DeathWatchOwner;
  /** Cells of this system that watch this one. */
  #watchers: Set<Watcher> | undefined;
  /** Watches of this cell, by {@linkcode watchKey}. */
  #watched: Map<unknown, WatchEntry> | undefined;

  constructor(owner: DeathWatchOwner) {
    this.#owner = owner;
  }

  /** Asks for `message`, or `asSignal`, when the other has stopped; at once if it has already. */
  watch(ref: ActorRef<never>, message: unknown): void {
    const owner = this.#owner;
    if (owner.ended) return;
    if (ref instanceof Ref && !ref.isActor) throw outlivesActors(ref);
    const key = watchKey(ref);
    const known = this.#watched?.get(key);
    const { remoteWatch } = owner.host;
    const target = this.#localActor(ref);
    const isTemporary = ref instanceof TemporaryRef && ref.host === owner.host;
    if (target === undefined && !isTemporary && remoteWatch === undefined) {
      throw new ActorError("cannotWatch", `${ref} cannot be watched: it is not of this system`, {
        value: ref.path,
        remedy: "watch actors of the same system only",
      });
    }
    // Before `watch`, because the target may have terminated already.
    const watched = this.#watched ??= new Map();
    watched.set(key, { ref, message, forget: known?.forget });
    if (known !== undefined) return;
    if (isTemporary) watched.set(key, { ref, message, forget: this.#watchTemporary(ref) });
    else if (target === undefined) this.#watchRemote(remoteWatch!, ref, key);
    else if (target.stopped) owner.onTerminated(target.terminated);
    else target.addWatcher(owner);
  }

  #watchRemote(remoteWatch: RemoteWatch, ref: ActorRef<never>, key: unknown): void {
    try {
      remoteWatch.watch(this.#owner, ref);
    } catch (error) {
      this.#watched?.delete(key);
      throw error;
    }
  }

  /** An adapter ends with the incarnation of its actor; a reply reference with its ask. */
  #watchTemporary(ref: TemporaryRef): () => void {
    return ref.whenStopped(() => {
      this.#owner.onTerminated({ type: "terminated", ref, reason: "stopped" });
    });
  }

  /** Takes back {@linkcode DeathWatch.watch}: no signal arrives, even if it waits already. */
  unwatch(ref: ActorRef<never>): void {
    const key = watchKey(ref);
    const entry = this.#watched?.get(key);
    if (entry === undefined) return;
    this.#watched!.delete(key);
    this.#forget(entry);
  }

  /** Takes back all. */
  unwatchAll(): void {
    for (const entry of this.#watched?.values() ?? []) this.#forget(entry);
    this.#watched = undefined;
  }

  /** Removes and returns the watch of a signal; undefined if it was cancelled. */
  claim({ ref }: Terminated): WatchEntry | undefined {
    const key = watchKey(ref);
    const entry = this.#watched?.get(key);
    this.#watched?.delete(key);
    return entry;
  }

  /** Notifies a watcher when the cell has stopped. */
  addWatcher(watcher: Watcher): void {
    (this.#watchers ??= new Set()).add(watcher);
  }

  /** Undoes {@linkcode DeathWatch.addWatcher}. */
  removeWatcher(watcher: Watcher): void {
    this.#watchers?.delete(watcher);
  }

  /** The cell has stopped: ends its watches and notifies its watchers. */
  close(): void {
    this.unwatchAll();
    const watchers = this.#watchers;
    this.#watchers = undefined;
    for (const watcher of watchers ?? []) watcher.onTerminated(this.#owner.terminated);
  }

  #forget({ ref, forget }: WatchEntry): void {
    if (forget !== undefined) return forget();
    const target = this.#localActor(ref);
    if (target === undefined) this.#owner.host.remoteWatch?.unwatch(this.#owner, ref);
    else if (!target.stopped) target.removeWatcher(this.#owner);
  }

  #localActor(ref: ActorRef<never>): LocalRef<never> | undefined {
    return ref instanceof LocalRef && ref.host === this.#owner.host ? ref : undefined;
  }
}

/** A reference to an entity leads to each of its incarnations: it never terminates. */
function outlivesActors(ref: Ref<never>): ActorError {
  return new ActorError("cannotWatch", `${ref} cannot be watched: an entity starts again`, {
    value: ref.path,
    remedy: "watch one incarnation: the reference context.self that it sends in a message",
  });
}

/** References to one actor of this system are one object; others are compared by address. */
function watchKey(ref: ActorRef<never>): unknown {
  return ref instanceof Ref && !(ref instanceof LocalRef) ? ref.key : ref;
}
