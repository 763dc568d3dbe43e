import type { Cell } from "./cell.ts";
import { ActorError } from "./errors.ts";
import { LocalRef } from "./local_ref.ts";
import { type ActorRef, Ref } from "./ref.ts";
import type { Terminated } from "./signal.ts";

/** Whom one cell watches, and who watches it. */
export class DeathWatch {
  readonly #cell: Cell;
  /** Cells of this system that want to know when this one has stopped. */
  #watchers: Set<Cell> | undefined;
  /** What this cell wants to know of, by {@linkcode watchKey}. */
  #watched: Map<unknown, ActorRef<never>> | undefined;

  /** Watches nobody yet. */
  constructor(cell: Cell) {
    this.#cell = cell;
  }

  /** Asks for a `terminated` notice; at once if the other has stopped. */
  watch(ref: ActorRef<never>): void {
    const key = watchKey(ref);
    if (this.#cell.ended || this.#watched?.has(key)) return;
    const target = localCell(ref, this.#cell);
    const remote = this.#cell.host.remoteWatch;
    if (target === undefined && remote === undefined) {
      throw new ActorError("cannotWatch", `${ref} cannot be watched: it is not of this system`, {
        value: ref.path,
        remedy: "watch actors of the same system only",
      });
    }
    (this.#watched ??= new Map()).set(key, ref);
    if (target === undefined) remote!.watch(this.#cell.ref, ref);
    else if (target.stopped) this.#cell.notice(target.terminated);
    else (target.deathWatch.#watchers ??= new Set()).add(this.#cell);
  }

  /** Takes back {@linkcode DeathWatch.watch}: no notice is heard of, even if it waits already. */
  unwatch(ref: ActorRef<never>): void {
    if (this.#watched?.delete(watchKey(ref))) this.#forget(ref);
  }

  /** Whether a notice is wanted still; it is then no longer. */
  claim({ ref }: Terminated): boolean {
    return this.#watched?.delete(watchKey(ref)) ?? false;
  }

  /** The cell has stopped: watches nobody any more, and tells those who watch it. */
  close(): void {
    for (const ref of this.#watched?.values() ?? []) this.#forget(ref);
    this.#watched = undefined;
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
