import type { ActorSystem } from "./actor_system.ts";
import type { Behavior } from "../behavior/behavior.ts";
import type { RemoteWatch } from "../cell/cell_host.ts";
import type { DeadLetterReason } from "./dead_letter.ts";
import type { ActorRef, Ref } from "../ref/ref.ts";
import type { TerminationReason } from "../behavior/signal.ts";

/** What the layers above may do with a system, and users may not. */
export interface SystemInternals {
  /** `"host:port"` once it is known; references carry it. */
  nodeAddress: string;
  /** Watches actors of other systems. Without it, to watch one is an error. */
  remoteWatch: RemoteWatch | undefined;
  /** Starts an actor of the system's own; the name begins with `_`. */
  spawnSystem<M>(behavior: Behavior<M>, name: string): ActorRef<M>;
  /** The actor or open question at a path; `uid` 0 means whichever is there. */
  resolve(path: string, uid: number): Ref<unknown> | undefined;
  /**
   * Hands over a message that came from another node. Gives the reason if it found nobody, or a
   * mailbox that rejects what does not fit; it is a dead letter of this system then.
   */
  deliver(path: string, uid: number, message: unknown): DeadLetterReason | undefined;
  /** Told when a question of another system was lost here, so that its asker can be told. */
  onQuestionLost:
    | ((replyTo: Ref<unknown>, target: string, reason: DeadLetterReason) => void)
    | undefined;
  /** Another system has lost the question with the reply reference `path`, which was for `target`. */
  failAsk(path: string, uid: number, target: string, reason: DeadLetterReason): void;
  /** Another system is gone: ends the questions that wait for its actors. */
  failAsksTo(node: string): void;
  /** Ends the open questions that nobody will answer, as `isLost` says, with `reason`. */
  failAsksWhere(
    isLost: (target: ActorRef<never>, message: unknown) => boolean,
    reason: DeadLetterReason,
  ): void;
  /** A message that never reached a mailbox is lost. */
  deadLetter(reason: DeadLetterReason, target: string, message: unknown): void;
  /** What {@linkcode RemoteWatch} watches for `watcher` is gone. */
  terminated(watcher: Ref<unknown>, target: ActorRef<never>, reason: TerminationReason): void;
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
