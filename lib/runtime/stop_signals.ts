/** A signal by which a process is asked to stop. */
export type StopSignal = "SIGTERM" | "SIGINT";

/** How a process is asked to stop, and how it ends. Tests replace it. */
export interface StopSignals {
  /**
   * Calls back for each signal that comes; the process then no longer ends by itself. Answers how
   * to take that back.
   */
  listen(onSignal: (name: StopSignal) => void): () => void;
  /** Ends the process at once. `code`: 0 to 255. */
  exit(code: number): void;
}
