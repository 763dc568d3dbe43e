import { platform } from "./platform.ts";
import type { StopSignals } from "./stop_signals.ts";

/** The signals of the operating system. They need no permission. */
export const systemStopSignals: StopSignals = {
  listen(onSignal) {
    const { process } = platform;
    const undo = process.stopSignals().map((name) => process.onSignal(name, () => onSignal(name)));
    return () => undo.forEach((each) => each());
  },
  exit: (code) => platform.process.exit(code),
};
