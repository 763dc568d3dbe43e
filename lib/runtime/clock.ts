/** The longest delay that the machine's timers know, milliseconds (24.8 days). */
export const maxDelay = 0x7fff_ffff;

/** A timer that has been scheduled and may still be cancelled. */
export interface Timer {
  /** Cancels the timer. Does nothing when it has fired or was cancelled before. */
  cancel(): void;
  /** Lets the process end before it fires. Absent where no process waits for timers. */
  unref?(): void;
}

/**
 * The only source of time in Casty. A simulated cluster replaces it, so nothing else in `lib/`
 * may read a clock or set a timer.
 */
export interface Clock {
  /**
   * `true`: time passes while code runs, as on a machine, so that slow handlers are noticed. Default
   * `false`, as on virtual time.
   */
  readonly isReal?: boolean;
  /** Milliseconds since an arbitrary start. Never goes backwards. */
  now(): number;
  /** Milliseconds since the Unix epoch. May jump; only for stamps that people or files see. */
  wallTime(): number;
  /** Runs `task` once, `delay` milliseconds from now. */
  schedule(delay: number, task: () => void): Timer;
  /** Runs `task` after the current turn and before any I/O (a microtask). */
  defer(task: () => void): void;
  /** Runs `task` after pending timers and I/O (a macrotask). */
  yield(task: () => void): void;
  /**
   * Whether a debugger may stop the process while `now` goes on. The timeouts of asks are extended by
   * such a pause. Default: never.
   */
  isDebugged?(): boolean;
}
