import type { HandlerReports } from "../services/handler_reports.ts";
import type { CellObserver, ObservedRun } from "./cell_observer.ts";

const notMeasured: ObservedRun = { startedAt: 0, span: undefined };

/** Measures nothing, and reports each handler. */
export function reportingObserver(reports: HandlerReports): CellObserver {
  return {
    slotOf: (message) => message,
    onTurn: () => {},
    run: (path, slot, handle) => {
      reports.onHandler(path);
      handle(slot);
      return notMeasured;
    },
    onDone: () => {},
    onOwnHandler: (path) => reports.onHandler(path),
    onStopped: (path) => reports.onStopped(path),
  };
}
