import type { Cell } from "./cell.ts";
import { ActorError } from "./errors.ts";
import { LocalRef } from "./local_ref.ts";
import { type ActorRef, Ref } from "./ref.ts";
import type { Terminated } from "./signal.ts";

/** What a cell hears instead of the signal, if it has asked for something else. */
export const theSignal: unique symbol = Symbol("theSignal");

/** One who is watched. */
export interface Watched {
  readonly ref: ActorRef<never>;
  /** Any value can be a message. */
  readonly message: unknown;
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

  /** Asks for a `terminated` notice; at once if the other has stopped. */
  watch(ref: ActorRef<never>, message: unknown = theSignal): void {
    if (this.#cell.ended) return;
    const key = watchKey(ref);
    const isNew = !this.#watched?.has(key);
    const target = localCell(ref, this.#cell);
    const remote = this.#cell.host.remoteWatch;
    if (target === undefined && remote === undefined) {
      throw new ActorError("cannotWatch", `${ref} cannot be watched: it is not of this system`, {
        value: ref.path,
        remedy: "watch actors of the same system only",
      });
    }
    (this.#watched ??= new Map()).set(key, { ref, message });
    if (!isNew) return;
    if (target === undefined) remote!.watch(this.#cell.ref, ref);
    else if (target.stopped) this.#cell.notice(target.terminated);
    else (target.deathWatch.#watchers ??= new Set()).add(this.#cell);
  }

  /** Takes back {@linkcode DeathWatch.watch}: no notice is heard of, even if it waits already. */
  unwatch(ref: ActorRef<never>): void {
    if (this.#watched?.delete(watchKey(ref))) this.#forget(ref);
  }

  /** Takes back all. */
  unwatchAll(): void {
    for (const { ref } of this.#watched?.values() ?? []) this.#forget(ref);
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

  #forget(ref: ActorRef<never>): void {
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
