/** Sees asks: for tools. */
export interface AskObserver {
  /**
   * An ask is sent to the actor at a path. Returns what is called when it has ended; `error` is
   * undefined if it was answered. Must not throw.
   */
  onAsk(path: string): (error?: unknown) => void;
}
