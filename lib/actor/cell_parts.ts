import type { Cell } from "./cell.ts";
import type { DeathWatch } from "./death_watch.ts";
import type { NoticeQueue } from "./notice_queue.ts";
import type { Suspension } from "./suspension.ts";
import type { TimerSet } from "./timers.ts";
import type { Timer } from "../runtime/clock.ts";

/** What only some cells have. Apart, so that an idle actor stays small. */
export class CellParts {
  /** Children by name. */
  children: Map<string, Cell> | undefined = undefined;
  /** How many children without a name there were. */
  anonymous = 0;
  watch: DeathWatch | undefined = undefined;
  timers: TimerSet | undefined = undefined;
  /** Signals and timers that wait for their turn. */
  notices: NoticeQueue | undefined = undefined;
  /** Made for the first promise that a handler returns. */
  suspension: Suspension | undefined = undefined;
  /** Limits how long a stop waits for a handler. */
  stopTimer: Timer | undefined = undefined;
  onStopped: Set<() => void> | undefined = undefined;
}
