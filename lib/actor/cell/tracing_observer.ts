import { messageOf } from "../ref/sent_message.ts";
import type { HandlerTrace } from "../services/handler_trace.ts";
import { beginTurn, type CellObserver } from "./cell_observer.ts";
import { untraced } from "../ref/traced_message.ts";

/** Shows each message that is handled to `trace`, and lets `inner` observe as before. */
export function tracingObserver(
  trace: HandlerTrace,
  inner: CellObserver | undefined,
): CellObserver {
  return {
    // All turns are observed.
    turns: { left: -1 },
    traces: inner?.traces ?? false,
    slotOf: (message) => inner === undefined ? message : inner.slotOf(message),
    onTurn: (path, depth) => beginTurn(inner, path, depth),
    onFirst: (turn) => inner?.onFirst(turn),
    onTurnEnd: (turn, called) => inner?.onTurnEnd(turn, called),
    onSuspend: (turn, called) => inner?.onSuspend(turn, called),
    runTraced: (path, traced, handle) => inner?.runTraced(path, traced, handle),
    onDone: (run) => inner?.onDone(run),
    onHandler: (path, slot) => {
      trace.onMessage(path, messageOf(untraced(slot)));
      inner?.onHandler?.(path, slot);
    },
    onOwnHandler: (path) => inner?.onOwnHandler?.(path),
    onStopped: (path) => inner?.onStopped?.(path),
    close: () => inner?.close?.(),
  };
}
