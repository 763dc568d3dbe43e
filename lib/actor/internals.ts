import type { ActorSystem } from "./actor_system.ts";
import type { Behavior } from "./behavior.ts";
import type { DeadLetterReason } from "./dead_letter.ts";
import type { ActorRef, Ref } from "./ref.ts";

/** What the layers above may do with a system, and users may not. */
export interface SystemInternals {
  /** `"host:port"` once it is known; references carry it. */
  nodeAddress: string;
  /** Starts an actor of the system's own; the name begins with `_`. */
  spawnSystem<M>(behavior: Behavior<M>, name: string): ActorRef<M>;
  /** The actor or open question at a path; `uid` 0 means whichever is there. */
  resolve(path: string, uid: number): Ref<unknown> | undefined;
  /** Hands over a message that came from another node. */
  deliver(path: string, uid: number, message: unknown): void;
  /** A message that never reached a mailbox is lost. */
  deadLetter(reason: DeadLetterReason, target: string, message: unknown): void;
}

const internals = new WeakMap<ActorSystem, SystemInternals>();

/** Called by the system, once. */
export function setInternals(system: ActorSystem, value: SystemInternals): void {
  internals.set(system, value);
}

/** The internals of a system. */
export function internalsOf(system: ActorSystem): SystemInternals {
  return internals.get(system)!;
}
