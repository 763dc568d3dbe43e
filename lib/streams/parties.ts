import type { ActorContext } from "../actor/behavior/context.ts";
import { internalsOf } from "../actor/system/system_internals.ts";
import type { ActorRef } from "../actor/ref/ref.ts";
import { isLocal } from "./party.ts";

/** What is needed of the producer's context, whatever its messages are. */
type Context = Pick<ActorContext<unknown>, "system" | "log" | "watch" | "unwatch"> & {
  readonly self: { readonly path: string };
};

/**
 * What a producer does with sinks and consumer alike: watches them, and waits for those of other
 * nodes to confirm the end. The news that the producer has stopped could overtake what it has told
 * them, or that could be lost.
 */
export class Parties {
  readonly #context: Context;
  readonly #unconfirmed = new Set<unknown>();

  /** `context`: the producer's. */
  constructor(context: Context) {
    this.#context = context;
  }

  /** Whether everybody knows of the end. */
  get confirmed(): boolean {
    return this.#unconfirmed.size === 0;
  }

  /** A party was told of the end. */
  told(key: unknown, ref: ActorRef<never>): void {
    if (!this.isLocal(ref)) this.#unconfirmed.add(key);
  }

  /** A party has confirmed the end, or is gone. */
  confirm(key: unknown): void {
    this.#unconfirmed.delete(key);
  }

  /** Whether what is told to a party cannot get lost or overtaken. */
  isLocal(ref: ActorRef<never>): boolean {
    return isLocal(this.#context.system, ref);
  }

  /** False for a reference that cannot be watched: nobody would notice when it is gone. */
  watch(ref: ActorRef<never>): boolean {
    try {
      this.#context.watch(ref);
      return true;
    } catch (error) {
      this.#context.log.warn("a party cannot be watched and is refused", { error });
      return false;
    }
  }

  /** A party is gone. */
  unwatch(ref: ActorRef<never>): void {
    this.#context.unwatch(ref);
  }

  /** An element was not taken, and nobody else is told. */
  lose(reason: "bufferFull" | "stopped", message: unknown): void {
    const { system, self } = this.#context;
    internalsOf(system).deadLetter(reason, self.path, message);
  }
}
