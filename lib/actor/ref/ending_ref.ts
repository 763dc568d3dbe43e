import type { CellHost } from "../cell/cell_host.ts";
import { Ref } from "./ref.ts";

/** A reference that is not an actor's own, and may end before any actor does. */
export abstract class EndingRef extends Ref<unknown> {
  /** The system that it belongs to. */
  abstract readonly host: CellHost;
  /** Whether it leads nowhere any more. */
  abstract readonly ended: boolean;
  #onEnded: Set<() => void> | undefined = undefined;

  override get node(): string {
    return this.host.nodeAddress;
  }

  /** Calls back when it leads nowhere any more. Answers how to take that back. */
  whenStopped(callback: () => void): () => void {
    if (this.ended) {
      callback();
      return () => {};
    }
    const callbacks = this.#onEnded ??= new Set();
    callbacks.add(callback);
    return () => void callbacks.delete(callback);
  }

  /** It has just ended. */
  protected tellEnd(): void {
    const callbacks = this.#onEnded;
    if (callbacks === undefined) return;
    this.#onEnded = undefined;
    for (const callback of callbacks) callback();
  }
}
