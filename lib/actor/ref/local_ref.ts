/**
 * References of this process, and the operations of other layers on their actors: the cell
 * implements these interfaces, and code outside `cell/` uses only these.
 *
 * @module
 */
import type { Asker, PendingAsk, PendingAsks } from "./asker.ts";
import type { DurableStore } from "../../runtime/durable_store.ts";
import type { AskedActor, AskFailure, HeldAsk } from "./held_ask.ts";
import { type ActorRef, Ref } from "./ref.ts";
import type { Terminated } from "./terminated.ts";

/** The system of a local reference; one object for each system. */
export interface RefHost {
  /** `"host:port"`, or empty in a system without network. */
  readonly nodeAddress: string;
}

/** Is signalled when an actor has stopped. */
export interface Watcher {
  /** Puts the signal in order with the messages. */
  onTerminated(signal: Terminated): void;
}

/** An actor as a target and a subject of death watch. */
export interface WatchHost {
  /** Whether it has terminated. */
  readonly stopped: boolean;
  /** The signal for its watchers. Only once it has stopped. */
  readonly terminated: Terminated;
  /**
   * Calls back when it has stopped, at once if it has already. Returns a function that cancels
   * that.
   */
  whenStopped(callback: () => void): () => void;
  /** Notifies the watcher when it has stopped. Call it only before that. */
  addWatcher(watcher: Watcher): void;
  /** Takes back `addWatcher`. */
  removeWatcher(watcher: Watcher): void;
  /** Lets the actor watch another, as `context.watch` does. */
  watch(target: ActorRef<never>): void;
}

/** Watches actors of other systems; the layer with a network provides it. */
export interface RemoteWatch {
  /** Must call `SystemInternals.terminated` once when the target has terminated. */
  watch(watcher: Ref<unknown>, target: ActorRef<never>): void;
  /** The watcher has taken the watch back, or has stopped. */
  unwatch(watcher: Ref<unknown>, target: ActorRef<never>): void;
}

/** Keeps track of children that are sharded entities, without a watch for each. */
export interface EntityKeeper {
  /** The name of their type. */
  readonly typeName: string;
  /** Where the durable ones of the type are stored; undefined: where all of the node are. */
  readonly store: DurableStore | undefined;
  /** Where the durable ones of the shard of a child are stored. Undefined: as all of the type. */
  storeOf?(child: LocalRef<unknown>): DurableStore | undefined;
  /** The id of the entity that a child is. */
  idOf(child: LocalRef<unknown>): string;
  /** The epoch of the grant by which the entity runs that a child is. */
  epochOf(child: LocalRef<unknown>): number;
  /**
   * Since when this node runs the shard of a child without a break, on the clock of the system. Undefined:
   * it is not known.
   */
  ownedSince?(child: LocalRef<unknown>): number | undefined;
  /**
   * The epoch of the grant by which the shard of a child was run before this node has got it: no node has run
   * it by another one in between. 0: it is not known.
   */
  previousEpochOf?(child: LocalRef<unknown>): number;
  /**
   * Sends a message to the next incarnation of a child at another node, ahead of those that wait for it.
   * Does nothing unless the shard is handed off in order: for the last moment of the child.
   */
  sendAhead?(child: LocalRef<unknown>, message: unknown): void;
  /** The path of a reference to the entity that a child is, on the wire. */
  pathOf(child: LocalRef<unknown>): string;
  /** A child asks to be stopped until there is another message for it. */
  passivate(child: LocalRef<unknown>): void;
  /**
   * A child stops, and has not handled these messages, the oldest first. Returns whether they are kept;
   * otherwise they are lost. `ready`: false if it has stopped in its setup or has stashed some of them,
   * so that another start at once would end in the same way.
   */
  keep(child: LocalRef<unknown>, messages: readonly unknown[], ready: boolean): boolean;
  /** A child cannot recover, and is about to fail: asks that wait for it need not wait on. */
  onNotRecovered(child: LocalRef<unknown>, failure: AskFailure): void;
  /** A child has stopped, or has failed. */
  onStopped(child: LocalRef<unknown>, failed: boolean): void;
}

/** Why an actor cannot handle the asks that wait for it. */
export type RecoveryFailure = "storeUnavailable" | "notRecovered";

/** An actor whose children can be sharded entities. */
export interface EntityHost {
  /** All its children are entities from now on. */
  keepEntities(keeper: EntityKeeper): void;
}

/**
 * A reference to an actor of this process. There is one object for each actor: the cell itself.
 * Users see `ActorRef` only.
 */
export abstract class LocalRef<in M> extends Ref<M>
  implements Asker, AskedActor, WatchHost, EntityHost, Watcher {
  /** The system that it runs in. */
  abstract readonly host: RefHost;
  /** The actor that has spawned it; undefined if the system has. */
  abstract readonly parent: LocalRef<never> | undefined;
  /** Whether it takes no more messages. */
  abstract get ended(): boolean;
  abstract get stopped(): boolean;
  /** Whether it is about to stop, or to restart. */
  abstract get isEnding(): boolean;
  abstract get terminated(): Terminated;
  abstract get waits(): boolean;
  /** Messages that wait in its mailbox. */
  abstract get size(): number;
  abstract get step(): number;
  abstract get pendingAsks(): PendingAsks | undefined;
  abstract addPendingAsk(promise: Promise<unknown>, ask: PendingAsk): void;
  abstract heldAsks: HeldAsk | undefined;
  override get asked(): this {
    return this;
  }
  /** From now on it only passes messages on: the receivers answer asks, and not this actor. */
  abstract becomeForwarder(): void;
  /** The path of a reference to the entity that it is, on the wire; undefined: it is none. */
  abstract get entityPath(): string | undefined;
  /** From now on its behaviour gets messages of the library themselves, and not their payload. */
  abstract takeInternalMessages(): void;
  /** Stops when the running handler has ended, before any message that waits. */
  abstract stop(): void;
  /**
   * Stops because its node does not own its entity any more: as {@linkcode stop}, but a handler that waits for
   * a promise is given up at once, of its children as well. What comes of the promise is ignored.
   */
  abstract stopReplaced(): void;
  /** Stops after the messages that it has already received. */
  abstract stopInTurn(): void;
  abstract whenStopped(callback: () => void): () => void;
  abstract addWatcher(watcher: Watcher): void;
  abstract removeWatcher(watcher: Watcher): void;
  abstract watch(target: ActorRef<never>): void;
  abstract onTerminated(signal: Terminated): void;
  abstract keepEntities(keeper: EntityKeeper): void;
  /** Keeps its children, if they are sharded entities. */
  abstract get entities(): EntityKeeper | undefined;
  /**
   * Takes messages that its predecessor had accepted and has not handled, whether they fit or not,
   * before all others.
   */
  abstract adopt(messages: readonly unknown[]): void;
  /** Another number after each message and signal that it gets, and each of its timers that fires. */
  abstract activity(withTimers: boolean): number;
  /**
   * Whether it, or a child, has messages, a pending handler, asks without a reply, promises for
   * `pipeToSelf` or timers.
   */
  abstract isBusy(withTimers: boolean): boolean;
  /**
   * Calls back in the actor's turn when the promise has settled, in order with its messages, and
   * continues with the behaviour that the callback returns; one that throws is a failure of the actor.
   * It has no place in the mailbox and is never dropped, but of an incarnation before a restart it is
   * not called. Until then the actor is not idle, and an orderly stop waits, at most for the stop timeout
   * of the system.
   */
  abstract runWhen<T>(
    promise: Promise<T>,
    onFulfilled: (value: T) => unknown,
    onRejected: (reason: unknown) => unknown,
  ): void;
  /** Fails the ask of a message that it was given, if it is one: it will not answer. */
  abstract failAsk(message: unknown, failure: AskFailure): void;
  /** Fails all asks whose messages it was given and has not answered; not of those that wait. */
  abstract failHandledAsks(failure: AskFailure): void;
  /** Loses the messages of asks that wait in its mailbox; all others stay, in order. */
  abstract loseWaitingAsks(failure: AskFailure & { readonly reason: RecoveryFailure }): void;
}

/** A reference of this process that is not an actor's own, and may end before any actor does. */
export abstract class TemporaryRef extends Ref<unknown> {
  /** Its system. */
  abstract readonly host: RefHost;
  /** The actor that gets the messages to this reference, if it is one. */
  abstract readonly actor: LocalRef<unknown> | undefined;
  /** Whether messages to it are lost. */
  abstract readonly ended: boolean;
  /** Address of the system that it was sent to last; undefined: none, or it has come back. */
  declare holder: string | undefined;
  declare protected onEnded: Set<() => void> | undefined;

  // Declared and assigned here: see `Ref`.
  constructor() {
    super();
    this.holder = undefined;
    this.onEnded = undefined;
  }

  override get node(): string {
    return this.host.nodeAddress;
  }

  override get asked(): LocalRef<unknown> | undefined {
    return this.actor;
  }

  /** When it ends, on the clock of its system; undefined: not at a certain time. */
  get deadline(): number | undefined {
    return undefined;
  }

  /**
   * Calls back when it has ended, at once if it has already. Returns a function that cancels that.
   */
  whenStopped(callback: () => void): () => void {
    if (this.ended) {
      callback();
      return () => {};
    }
    const callbacks = this.onEnded ??= new Set();
    callbacks.add(callback);
    return () => void callbacks.delete(callback);
  }

  /** It has just ended. */
  protected callBack(): void {
    const callbacks = this.onEnded;
    if (callbacks === undefined) return;
    this.onEnded = undefined;
    for (const callback of callbacks) callback();
  }
}

/** The actor of this process that gets the messages to a reference. */
export function localActorOf(ref: unknown): LocalRef<unknown> | undefined {
  if (ref instanceof LocalRef) return ref;
  return ref instanceof TemporaryRef ? ref.actor : undefined;
}

/**
 * Calls back when a local actor has stopped, at once if it has already. A message adapter ends
 * with the incarnation of its actor. Answers how to take that back; `undefined` if the actor is not
 * a local one.
 */
export function whenLocalStopped(
  target: ActorRef<never>,
  callback: () => void,
): (() => void) | undefined {
  const isLocal = target instanceof LocalRef || target instanceof TemporaryRef;
  return isLocal ? target.whenStopped(callback) : undefined;
}
