import type { Behavior } from "../behavior/behavior.ts";
import type { ActorContext } from "../behavior/context.ts";
import type { SpawnOptions } from "../behavior/spawn_options.ts";
import type { Wrappers } from "../behavior/wrapper.ts";
import type { LocalRef } from "../ref/local_ref.ts";
import type { CellHost, HostedCell } from "./cell_host.ts";
import type { CellParts } from "./cell_parts.ts";
import type { ReceiveTimeout } from "./receive_timeout.ts";
import type { SuspendableCell } from "./suspension.ts";
import type { SystemMessage } from "./system_message_queue.ts";

/** Why a cell stops, if it has failed. */
export interface CellFailure {
  readonly cause: unknown;
  /** Whether it is left to the parent what to do about it. */
  readonly escalated: boolean;
}

/**
 * The cell as its lifecycle and its context see it. `cell.ts` implements it, and imports both; so
 * they never import the cell.
 */
export interface ActorCell extends HostedCell, SuspendableCell {
  readonly host: CellHost;
  readonly parts: CellParts;
  readonly parent: ActorCell | undefined;
  /** What each incarnation starts with. */
  readonly initial: Behavior<never>;
  /** What it does with its next message; `initial` while it has not started. */
  behavior: Behavior<never>;
  /** Supervision, hooks, interceptors and spies around its behaviour. */
  wrappers: Wrappers;
  failure: CellFailure | undefined;
  readonly context: ActorContext<unknown>;
  /** What only some cells have, if this one has any of it. */
  readonly existingParts: CellParts | undefined;
  /** Messages that wait in the mailbox. */
  readonly size: number;
  /** Whether it takes no more messages, or was told to stop. */
  readonly isStopping: boolean;
  /** Whether a restart is under way. */
  readonly isRestarting: boolean;

  /** Starts a child. */
  spawnChild(path: string, behavior: Behavior<never>, options?: SpawnOptions): LocalRef<unknown>;
  /** Numbers what belongs to the actor and has no name. */
  nextNumber(): number;
  /** Puts a system message in order with the messages; it is never dropped. */
  enqueueSystem(message: SystemMessage): void;
  /** Handles a message that the actor has arranged for itself. */
  deliverOwn(message: unknown): void;
  /** Takes the oldest message without handling it. Only when there is one. */
  discard(): unknown;
  /** The message at hand was stashed: it does not count as delivered. */
  onStashed(): void;
  /** Puts messages before all that wait. */
  unstash(messages: readonly unknown[]): void;
  /** Replaces the receive timeout, or cancels it. */
  replaceReceiveTimeout(next: ReceiveTimeout | undefined): void;
  /** Forgets the system messages that wait, but not that it is to stop. */
  dropSystemMessages(): void;
  /** The behaviour is told that a restart is under way. */
  beginRestarting(): void;
  /** Takes no turn for `delay` milliseconds, unless it is told to stop. */
  pauseRestart(delay: number): void;
  /** The next incarnation starts: the context of the last one is closed. */
  endRestarting(): void;
  /** Takes no more messages from now on. */
  beginStopping(): void;
  /** Lets go of everything: it has stopped. Gives what was attached to it. */
  endStopping(): CellParts | undefined;
  /** A child has stopped: its name is free. */
  childStopped(child: LocalRef<unknown>, failed: boolean): void;
}
