import type { LocalSystem } from "../actor/behavior/local_system.ts";
import type { ActorContext } from "../actor/behavior/context.ts";
import { LocalRef } from "../actor/ref/local_ref.ts";
import { type ActorRef, Ref } from "../actor/ref/ref.ts";
import { internalsOf } from "../actor/system/system_internals.ts";

/** Key of a participant: the reference of a local actor, the address of a remote one. */
export function participantKey(ref: ActorRef<never>): unknown {
  return ref instanceof Ref && !(ref instanceof LocalRef) ? ref.key : ref;
}

/** Whether an actor is of this system: messages to it cannot get lost or overtaken. */
export function isLocal(system: LocalSystem, ref: ActorRef<never>): boolean {
  return ref instanceof Ref && ref.node === internalsOf(system).nodeAddress;
}

/** Whether a system is that of a client. */
export function isClient(system: LocalSystem): boolean {
  return internalsOf(system).nodeAddress.startsWith("client:");
}

/** The used part of the producer's context, for any message type. */
type Context = Pick<ActorContext<unknown>, "system" | "log" | "watch" | "unwatch"> & {
  readonly self: { readonly path: string };
};

/**
 * The common part of sinks and the consumer in a producer: watches them, and waits for those of
 * other nodes to confirm the end. The signal that the producer has stopped could overtake its last
 * messages to them, or those could be lost.
 */
export class Participants {
  readonly #context: Context;
  readonly #unconfirmed = new Set<unknown>();

  /** `context`: the producer's. */
  constructor(context: Context) {
    this.#context = context;
  }

  /** Whether all have confirmed the end. */
  get confirmed(): boolean {
    return this.#unconfirmed.size === 0;
  }

  /** A participant was sent the end. */
  sentEnd(key: unknown, ref: ActorRef<never>): void {
    if (!this.isLocal(ref)) this.#unconfirmed.add(key);
  }

  /** A participant has confirmed the end, or has terminated. */
  confirm(key: unknown): void {
    this.#unconfirmed.delete(key);
  }

  /** Whether messages to a participant cannot get lost or overtaken. */
  isLocal(ref: ActorRef<never>): boolean {
    return isLocal(this.#context.system, ref);
  }

  /** False for a reference that cannot be watched: its end would go unnoticed. */
  watch(ref: ActorRef<never>): boolean {
    try {
      this.#context.watch(ref);
      return true;
    } catch (error) {
      this.#context.log.warn("refused a stream participant that cannot be watched", { error });
      return false;
    }
  }

  /** A participant has terminated. */
  unwatch(ref: ActorRef<never>): void {
    this.#context.unwatch(ref);
  }

  /** An element was not taken, and its sender does not ask for a reply. */
  lose(reason: "bufferFull" | "stopped", message: unknown): void {
    const { system, self } = this.#context;
    internalsOf(system).deadLetter(reason, self.path, message);
  }
}
