/** A signal that requests the process to stop. */
export type StopSignal = "SIGTERM" | "SIGINT";

/** Stop signals and the exit of the process. Tests replace it. */
export interface StopSignals {
  /**
   * Calls back for each signal, which then no longer ends the process. Returns how to take that
   * back.
   */
  listen(onSignal: (name: StopSignal) => void): () => void;
  /** Ends the process at once. `code`: 0 to 255. */
  exit(code: number): void;
}
