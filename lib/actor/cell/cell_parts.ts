import type { Timer } from "../../runtime/clock.ts";
import type { Adapters } from "../ref/adapter_ref.ts";
import type { PendingAsks } from "../ask/ask_cycle.ts";
import type { Cell } from "./cell.ts";
import type { DeathWatch } from "./death_watch.ts";
import type { SystemMessageQueue } from "./system_message_queue.ts";
import type { ReceiveTimeout } from "./receive_timeout.ts";
import type { StashBuffer } from "./stash.ts";
import type { RestartHistory } from "../behavior/supervision.ts";
import type { Suspension } from "./suspension.ts";
import type { TimerSet } from "./timers.ts";

/** What only some cells have. Apart, so that an idle actor stays small. */
export class CellParts {
  /** Children by name. */
  children: Map<string, Cell> | undefined = undefined;
  /** Whose entities the children are, if they are some. */
  entities: EntityKeeper | undefined = undefined;
  /** How many children without a name and adapters there were. */
  numbered = 0;
  watch: DeathWatch | undefined = undefined;
  timers: TimerSet | undefined = undefined;
  /** Signals and timers that wait for their turn. */
  notices: SystemMessageQueue | undefined = undefined;
  /** Made for the first promise that a handler returns. */
  suspension: Suspension | undefined = undefined;
  /** Limits how long a stop waits for a handler. */
  stopTimer: Timer | undefined = undefined;
  onStopped: Set<() => void> | undefined = undefined;
  restarts: RestartHistory | undefined = undefined;
  /** Why it begins again, while it does. */
  restart: Restart | undefined = undefined;
  stash: StashBuffer | undefined = undefined;
  stashCapacity: number | undefined = undefined;
  /** The run of a handler that has stashed the message at hand. */
  takenBackAt = -1;
  adapters: Adapters | undefined = undefined;
  receiveTimeout: ReceiveTimeout | undefined = undefined;
  /** Questions of this actor that have no reply yet. */
  questions: PendingAsks | undefined = undefined;
}

/** Keeps track of children that are entities, without a watch for each. */
export interface EntityKeeper {
  /** The id of the entity that a child is. */
  idOf(child: Cell): string;
  /** A child asks to be stopped until there is something for it again. */
  passivate(child: Cell): void;
  /** A child has stopped. */
  onStopped(child: Cell): void;
}

/** A restart that is under way. */
export interface Restart {
  /** What was thrown; undefined if the behaviour has asked for it. */
  readonly cause: unknown;
  /** Milliseconds to wait before it begins again. */
  readonly delay: number;
  /** The timer of that wait. */
  timer: Timer | undefined;
}
