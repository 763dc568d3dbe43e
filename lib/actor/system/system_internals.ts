import type { PersistenceOptions } from "../../runtime/durable_store.ts";
import type { LimitedLog } from "../../runtime/limited_log.ts";
import type { LocalSystem } from "../behavior/local_system.ts";
import type { Behavior } from "../behavior/behavior.ts";
import type { AskFailure, HeldAsk } from "../ref/held_ask.ts";
import type { RemoteWatch, TemporaryRef } from "../ref/local_ref.ts";
import type { ActorRef, Ref, RefAddress } from "../ref/ref.ts";
import type { TerminationReason } from "../ref/terminated.ts";
import type { DeadLetterReason } from "../services/dead_letter.ts";
import type { AskObserver } from "../services/ask_observer.ts";
import type { HandlerSamples } from "../services/handler_samples.ts";
import type { HandlerReports } from "../services/handler_reports.ts";
import type { HandlerTrace } from "../services/handler_trace.ts";
import type { SlowRun } from "../cell/slow_handlers.ts";
import type { TurnGate } from "../cell/turn_gate.ts";
import type { StartWorkers } from "./worker_host.ts";

/** What the asker of a lost message is told besides the reason. */
export type LossDetails = Omit<AskFailure, "reason">;

/** Operations on a system for the layers above, hidden from users. */
export interface SystemInternals {
  /** `"host:port"` once it is known; references carry it. */
  nodeAddress: string;
  /** What its users are told after its end. Default: that the system was shut down. */
  set ending(value: { readonly what: string; readonly remedy: string });
  /** Rejects all pending asks with that. */
  rejectAsks(): void;
  /** Where durable actors are stored, and how they recover. */
  readonly persistence: PersistenceOptions | undefined;
  /** Whether a node can have copies of replicated shards; undefined: it is not known yet. */
  replicates: ((node: string) => boolean | undefined) | undefined;
  /** Watches actors of other systems. Without it, to watch one is an error. */
  remoteWatch: RemoteWatch | undefined;
  /** Lines that messages of others can cause. */
  readonly limitedLog: LimitedLog;
  /** The slow handler that was noticed last. */
  lastSlowRun(): SlowRun | undefined;
  /** Reports each handler from now on, instead of measuring them. */
  reportHandlers(reports: HandlerReports): void;
  /** Shows all handled messages to one trace; undefined: to none any more. */
  traceHandlers(trace: HandlerTrace | undefined): void;
  /** Shows all asks to one observer; undefined: to none any more. */
  observeAsks(observer: AskObserver | undefined): void;
  /** Passes what handlers take to `samples` as well, until the returned function is called. */
  sampleHandlers(samples: HandlerSamples): () => void;
  /** The gate of the entities; made, and closed, when it is first read. */
  readonly turnGate: TurnGate;
  /** The same; undefined if nothing has made it, so that entities are never suspended. */
  readonly existingTurnGate: TurnGate | undefined;
  /** Starts an actor of the system's own; the name begins with `_`. */
  spawnSystem<M>(behavior: Behavior<M>, name: string): ActorRef<M>;
  /** Starts an actor under a name of the user's, without what a configuration sets for the name. */
  spawnUnconfigured<M>(behavior: Behavior<M>, name: string): ActorRef<M>;
  /** Starts numbered actors that are kept alive: in this process, unless a cluster has replaced it. */
  startWorkers: StartWorkers;
  /** The actor or reply reference at a path; `uid` 0 means any incarnation. */
  resolve(path: string, uid: number): Ref<unknown> | undefined;
  /**
   * The reference to an address. Set by the layer with a network; before, addresses of this system
   * only; undefined: there is none.
   */
  refTo: (address: RefAddress) => Ref<unknown> | undefined;
  /**
   * Hands over a message that came from another node. Returns the reason if there is no such actor,
   * or its mailbox rejects it; then it is a dead letter of this system.
   */
  deliver(path: string, uid: number, message: unknown): DeadLetterReason | undefined;
  /**
   * The ask whose message is sent or delivered now, until an actor holds it. Only within one call:
   * who sets it, sets it back.
   */
  askAtHand: HeldAsk | undefined;
  /** Called when a message with a reply reference of another system was lost, or has failed, here. */
  onForeignAskLost:
    | ((replyTo: Ref<unknown>, target: string, failure: AskFailure) => void)
    | undefined;
  /**
   * Called when an ask of this system fails at an actor here, which the asker has not asked itself.
   * Returns whether another system has passed it on, and decides.
   */
  onReturnedAskLost: ((replyTo: Ref<unknown>, failure: AskFailure) => boolean) | undefined;
  /** Called when an ask was aborted whose message went to another system, `replyTo.holder`. */
  onAskAborted: ((replyTo: TemporaryRef) => void) | undefined;
  /** How many asks of other systems actors here hold whose askers have aborted them. */
  abortedAsks: number;
  /** Another system has lost a message for `target` with the reply reference `path`: fails its ask. */
  failAsk(path: string, uid: number, target: string, failure: AskFailure): void;
  /** Another system has been removed, `inOrder` or not: fails the asks that it can not answer. */
  failAsksTo(node: string, inOrder: boolean): void;
  /**
   * Another system has been replaced as the owner of what some asks are for: fails those that were
   * routed there and for which `isMeant` returns true.
   */
  failAsksRoutedTo(
    node: string,
    isMeant: (target: ActorRef<never>, message: unknown) => boolean,
  ): void;
  /**
   * The same for asks of other systems that actors of this one have passed on to entities of `node`,
   * in messages to `path`. Undefined: there is no network.
   */
  failForeignAsksRoutedTo:
    | ((node: string, isMeant: (path: string, entityId: string) => boolean) => void)
    | undefined;
  /**
   * Fails the pending asks for which `isLost` returns true, with `reason`. `holder`: address of the
   * system that has the reply reference; undefined: it was not sent, or it has come back.
   */
  failAsksWhere(
    isLost: (target: ActorRef<never>, holder: string | undefined) => boolean,
    reason: DeadLetterReason,
  ): void;
  /** A message that never reached a mailbox is lost; `why` is for its asker. */
  deadLetter(
    reason: DeadLetterReason,
    target: string,
    message: unknown,
    why?: LossDetails,
  ): void;
  /** The target that {@linkcode RemoteWatch} watches for `watcher` has terminated. */
  terminated(watcher: Ref<unknown>, target: ActorRef<never>, reason: TerminationReason): void;
}

const internals = new WeakMap<LocalSystem, SystemInternals>();

/** Called by the system, once. */
export function setInternals(system: LocalSystem, value: SystemInternals): void {
  internals.set(system, value);
}

/** The internals of a system. */
export function internalsOf(system: LocalSystem): SystemInternals {
  return internals.get(system)!;
}
