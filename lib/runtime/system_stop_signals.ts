import type { StopSignal, StopSignals } from "./stop_signals.ts";

/** Windows knows no SIGTERM: Deno throws if one listens for it. */
const names: readonly StopSignal[] = Deno.build.os === "windows"
  ? ["SIGINT"]
  : ["SIGTERM", "SIGINT"];

/** The signals of the operating system. They need no permission. */
export const systemStopSignals: StopSignals = {
  listen(onSignal) {
    const listeners = names.map((name) => ({ name, listener: () => onSignal(name) }));
    for (const { name, listener } of listeners) Deno.addSignalListener(name, listener);
    return () => {
      for (const { name, listener } of listeners) Deno.removeSignalListener(name, listener);
    };
  },
  exit: (code) => Deno.exit(code),
};
