import type { Cell } from "./cell.ts";
import type { RemoteWatch } from "./cell_host.ts";
import { EndingRef } from "../ref/ending_ref.ts";
import { ActorError } from "../errors.ts";
import { LocalRef } from "../ref/local_ref.ts";
import { type ActorRef, Ref } from "../ref/ref.ts";
import type { Terminated } from "../behavior/signal.ts";

/** What a cell hears instead of the signal, if it has asked for something else. */
export const theSignal: unique symbol = Symbol("theSignal");

/** One who is watched. */
export interface Watched {
  readonly ref: ActorRef<never>;
  /** Any value can be a message. */
  readonly message: unknown;
  /** How an adapter or a reply reference is no longer watched. */
  readonly forget: (() => void) | undefined;
}

/** Whom one cell watches, and who watches it. */
export class DeathWatch {
  readonly #cell: Cell;
  /** Cells of this system that want to know when this one has stopped. */
  #watchers: Set<Cell> | undefined;
  /** What this cell wants to know of, by {@linkcode watchKey}. */
  #watched: Map<unknown, Watched> | undefined;

  /** Watches nobody yet. */
  constructor(cell: Cell) {
    this.#cell = cell;
  }

  /** Asks for `message`, or `theSignal`, when the other has stopped; at once if it has already. */
  watch(ref: ActorRef<never>, message: unknown): void {
    if (this.#cell.ended) return;
    const key = watchKey(ref);
    const known = this.#watched?.get(key);
    const { remoteWatch } = this.#cell.host;
    const target = localCell(ref, this.#cell);
    const isEnding = ref instanceof EndingRef && ref.host === this.#cell.host;
    if (target === undefined && !isEnding && remoteWatch === undefined) {
      throw new ActorError("cannotWatch", `${ref} cannot be watched: it is not of this system`, {
        value: ref.path,
        remedy: "watch actors of the same system only",
      });
    }
    // Before it is watched: it may be gone already.
    const watched = this.#watched ??= new Map();
    watched.set(key, { ref, message, forget: known?.forget });
    if (known !== undefined) return;
    if (isEnding) watched.set(key, { ref, message, forget: this.#watchEnding(ref) });
    else if (target === undefined) this.#watchRemote(remoteWatch!, ref, key);
    else if (target.stopped) this.#cell.notice(target.terminated);
    else (target.deathWatch.#watchers ??= new Set()).add(this.#cell);
  }

  #watchRemote(remoteWatch: RemoteWatch, ref: ActorRef<never>, key: unknown): void {
    try {
      remoteWatch.watch(this.#cell.ref, ref);
    } catch (error) {
      this.#watched?.delete(key);
      throw error;
    }
  }

  /** An adapter ends with its actor or when that begins again; a reply reference with its question. */
  #watchEnding(ref: EndingRef): () => void {
    return ref.whenStopped(() => {
      this.#cell.notice({ type: "terminated", ref, reason: "stopped" });
    });
  }

  /** Takes back {@linkcode DeathWatch.watch}: no notice is heard of, even if it waits already. */
  unwatch(ref: ActorRef<never>): void {
    const key = watchKey(ref);
    const watched = this.#watched?.get(key);
    if (watched === undefined) return;
    this.#watched!.delete(key);
    this.#forget(watched);
  }

  /** Takes back all. */
  unwatchAll(): void {
    for (const watched of this.#watched?.values() ?? []) this.#forget(watched);
    this.#watched = undefined;
  }

  /** Whether a notice is wanted still, and as what; it is then no longer. */
  claim({ ref }: Terminated): Watched | undefined {
    const key = watchKey(ref);
    const watched = this.#watched?.get(key);
    this.#watched?.delete(key);
    return watched;
  }

  /** The cell has stopped: watches nobody any more, and tells those who watch it. */
  close(): void {
    this.unwatchAll();
    const watchers = this.#watchers;
    this.#watchers = undefined;
    for (const watcher of watchers ?? []) watcher.notice(this.#cell.terminated);
  }

  #forget({ ref, forget }: Watched): void {
    if (forget !== undefined) return forget();
    const target = localCell(ref, this.#cell);
    if (target === undefined) this.#cell.host.remoteWatch?.unwatch(this.#cell.ref, ref);
    else if (!target.stopped) target.deathWatch.#watchers?.delete(this.#cell);
  }
}

/** References to one actor of this system are one object; others are told apart by address. */
function watchKey(ref: ActorRef<never>): unknown {
  return ref instanceof Ref && !(ref instanceof LocalRef) ? `${ref}#${ref.uid}` : ref;
}

function localCell(ref: ActorRef<never>, watcher: Cell): Cell | undefined {
  return ref instanceof LocalRef && ref.cell.host === watcher.host ? ref.cell : undefined;
}
