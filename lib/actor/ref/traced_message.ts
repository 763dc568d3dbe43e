import type { TraceContext } from "../../runtime/trace_context.ts";

/** A message and its trace, as mailboxes and stashes keep them. */
export class TracedMessage {
  readonly message: unknown;
  readonly context: TraceContext;

  constructor(message: unknown, context: TraceContext) {
    this.message = message;
    this.context = context;
  }
}

/** The message in a slot of a mailbox, which may be traced. */
export function untraced(slot: unknown): unknown {
  return slot instanceof TracedMessage ? slot.message : slot;
}
