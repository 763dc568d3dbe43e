/** Gets to know of each handler that runs in a system: for simulations. */
export interface HandlerReports {
  /** An actor starts, restarts, or handles a message or a signal that is not its last. */
  onHandler(path: string): void;
  /** An actor has stopped. */
  onStopped(path: string): void;
}
