/** Gets what the handlers of a system take while it is attached: for tools that show what is busy now. */
export interface HandlerSamples {
  /** So many messages were handled in `ms` milliseconds together, the promises of their handlers included. */
  add(path: string, ms: number, messages: number): void;
}
