import type { SentMessage } from "../ref/sent_message.ts";
import type { Behavior } from "../behavior/behavior.ts";
import type { ActorContext } from "../behavior/context.ts";
import type { SpawnOptions } from "../behavior/spawn_options.ts";
import type { Wrappers } from "../behavior/wrapper.ts";
import type { HeldAsk } from "../ref/held_ask.ts";
import type { LocalRef } from "../ref/local_ref.ts";
import type { CellHost, HostedCell } from "./cell_host.ts";
import type { CellFailure, CellParts } from "./cell_parts.ts";
import type { ReceiveTimeout } from "./receive_timeout.ts";
import type { SuspendableCell } from "./suspension.ts";
import type { SystemMessage } from "./system_message_queue.ts";

/**
 * The cell as its lifecycle and its context see it. `cell.ts` implements it, and imports both; so
 * they never import the cell.
 */
export interface ActorCell extends HostedCell, SuspendableCell {
  readonly host: CellHost;
  readonly parts: CellParts;
  readonly parent: ActorCell | undefined;
  /** The initial behaviour of each incarnation. */
  readonly initial: Behavior<never>;
  /** The current behaviour; `initial` while it has not started. */
  behavior: Behavior<never>;
  /** Supervision, hooks, interceptors and spies around its behaviour. */
  wrappers: Wrappers;
  get failure(): CellFailure | undefined;
  set failure(failure: CellFailure);
  /** Who is counted in the log as the cause of what it does: of an entity, its parent. */
  readonly accountable: string;
  readonly context: ActorContext<unknown>;
  /** Parts that only some cells have; undefined if this one has none. */
  readonly existingParts: CellParts | undefined;
  /** Messages that wait in the mailbox. */
  readonly size: number;
  /** Whether it takes no more messages, or is stopping. */
  readonly isStopping: boolean;
  /** Whether a restart is under way. */
  readonly isRestarting: boolean;

  /** Starts a child. */
  spawnChild(path: string, behavior: Behavior<never>, options?: SpawnOptions): LocalRef<unknown>;
  /** Number of the next anonymous child, adapter or ask of the actor. */
  nextNumber(): number;
  /** Puts a system message in order with the messages; it is never dropped. */
  enqueueSystem(message: SystemMessage): void;
  /** Handles a message that the actor has arranged for itself. */
  deliverOwn(message: unknown): void;
  /** The asks whose messages wait in the mailbox. */
  askedInMailbox(): Set<HeldAsk>;
  /** Takes what is kept of the oldest message, without handling it. Only when there is one. */
  takeWaiting(): unknown;
  /** Bytes that the stash may hold. */
  readonly maxStashedBytes: number;
  /** Bytes of a message; 0 if they are not counted. */
  measure(message: unknown): number;
  /**
   * What is known of the message at hand, until its handler and the promise of that have ended;
   * undefined if nothing is.
   */
  readonly current: SentMessage | undefined;
  /** What a stash keeps of the message at hand. */
  attribute(message: unknown): unknown;
  /** The message at hand was stashed: it does not count as delivered. */
  onStashed(): void;
  /** Puts messages before all that wait. */
  unstash(messages: readonly unknown[]): void;
  /** Replaces the receive timeout, or cancels it. */
  replaceReceiveTimeout(next: ReceiveTimeout | undefined): void;
  /** Forgets the system messages that wait, but not that it is to stop. */
  dropSystemMessages(): void;
  /** Signals `preRestart` to the behaviour. */
  beginRestarting(): void;
  /** Takes no turn for `delay` milliseconds, unless it must stop. */
  pauseRestart(delay: number): void;
  /** The next incarnation starts: the context of the last one is closed. */
  endRestarting(): void;
  /** Takes no more messages from now on. */
  beginStopping(): void;
  /** Releases everything, because it has stopped. Returns the attached parts. */
  endStopping(): CellParts | undefined;
  /** A child has stopped: its name is free. */
  childStopped(child: LocalRef<unknown>, failed: boolean): void;
}
