/** Sees messages as they are handled: for tools that look for a while. */
export interface HandlerTrace {
  /** An actor is about to handle a message. Must not throw, and must not change the message. */
  onMessage(path: string, message: unknown): void;
}
