import type { HandlerReports } from "../services/handler_reports.ts";
import type { CellObserver } from "./cell_observer.ts";

/** Measures nothing, and reports each handler. */
export function reportingObserver(reports: HandlerReports): CellObserver {
  return {
    // All turns are observed.
    turns: { left: -1 },
    traces: false,
    slotOf: (message) => message,
    onTurn: () => undefined,
    onFirst: () => {},
    onTurnEnd: () => {},
    onSuspend: () => {},
    runTraced: (_path, _traced, handle) => {
      handle();
      return undefined;
    },
    onDone: () => {},
    onHandler: (path) => reports.onHandler(path),
    onOwnHandler: (path) => reports.onHandler(path),
    onStopped: (path) => reports.onStopped(path),
  };
}
