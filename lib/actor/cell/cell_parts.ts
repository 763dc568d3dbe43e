import type { Timer } from "../../runtime/clock.ts";
import type { RestartHistory } from "../behavior/supervision.ts";
import type { PendingAsks } from "../ref/asker.ts";
import type { EntityKeeper, LocalRef } from "../ref/local_ref.ts";
import type { Adapters } from "./adapter_ref.ts";
import type { ObservedRun } from "./cell_observer.ts";
import type { DeathWatch } from "./death_watch.ts";
import type { ReceiveTimeout } from "./receive_timeout.ts";
import type { StashBuffer } from "./stash.ts";
import type { Suspension } from "./suspension.ts";
import type { SystemMessageQueue } from "./system_message_queue.ts";
import type { TimerSet } from "./timers.ts";

/** Parts that only some cells have. Separate, so that an idle actor stays small. */
export class CellParts {
  /** Children by name. */
  children: Map<string, LocalRef<unknown>> | undefined = undefined;
  /** Keeps the children, if they are sharded entities. */
  entities: EntityKeeper | undefined = undefined;
  /** How many unnamed children and adapters there were. */
  numbered = 0;
  watch: DeathWatch | undefined = undefined;
  timers: TimerSet | undefined = undefined;
  systemMessages: SystemMessageQueue | undefined = undefined;
  /** Made for the first promise that a handler returns. */
  suspension: Suspension | undefined = undefined;
  /** Limits how long a stop waits for a handler. */
  stopTimer: Timer | undefined = undefined;
  /** The handler that is suspended, if it is measured. */
  observedRun: ObservedRun | undefined = undefined;
  onStopped: Set<() => void> | undefined = undefined;
  restarts: RestartHistory | undefined = undefined;
  /** Why it stops, or has stopped, if it has failed. */
  failure: CellFailure | undefined = undefined;
  /** The restart that is under way. */
  restart: Restart | undefined = undefined;
  stash: StashBuffer | undefined = undefined;
  stashCapacity: number | undefined = undefined;
  /** The handler run that has stashed the message at hand. */
  stashedAt = -1;
  adapters: Adapters | undefined = undefined;
  /** Whether the actor only passes messages on. */
  forwards = false;
  /** Whether the behaviour gets messages of the library themselves. */
  takesInternalMessages = false;
  receiveTimeout: ReceiveTimeout | undefined = undefined;
  /** Asks of this actor that have no reply yet. */
  pendingAsks: PendingAsks | undefined = undefined;
  /** Promises given to `pipeToSelf` that are not settled yet. */
  piped = 0;
  /** Promises given to `runWhen` that are not settled yet. */
  owed = 0;
  /** The limit of an orderly stop that waits for them. */
  stopWaits: Timer | undefined = undefined;
  /** The limit of the end of an incarnation that waits for them. */
  endWaits: Timer | undefined = undefined;
  /** Whether that has passed. */
  endIsLate = false;
  /** Signals of other actors that it has had, and timers that have fired. */
  attended = 0;
  firedTimers = 0;

  /** Whether something is under way that its actor, or a child of it, has started. */
  isBusy(withTimers: boolean): boolean {
    if (this.piped > 0 || this.owed > 0 || (this.pendingAsks?.size ?? 0) > 0) return true;
    if ((this.stash?.size ?? 0) > 0 || (withTimers && (this.timers?.size ?? 0) > 0)) return true;
    for (const child of this.children?.values() ?? []) {
      if (child.isBusy(withTimers)) return true;
    }
    return false;
  }
}

/** A restart that is under way. */
export interface Restart {
  /** The thrown error; undefined if the behaviour requested the restart. */
  readonly cause: unknown;
  /** Milliseconds to wait before the next incarnation starts. */
  readonly delay: number;
  /** The timer of that wait. */
  timer: Timer | undefined;
}

/** Why a cell stops, if it has failed. */
export interface CellFailure {
  readonly cause: unknown;
  /** Whether the failure is escalated to the parent. */
  readonly escalated: boolean;
}
