import type { Clock, Timer } from "./clock.ts";
import { platform } from "./platform.ts";

class SystemTimer implements Timer {
  readonly #id: ReturnType<typeof setTimeout>;
  constructor(delay: number, task: () => void) {
    this.#id = setTimeout(task, delay);
  }
  cancel(): void {
    clearTimeout(this.#id);
  }
  unref(): void {
    // An object on all platforms, whatever the types of the web say.
    (this.#id as { unref?(): void }).unref?.();
  }
}

/** The machine's clock and event loop. */
export const systemClock: Clock = {
  isReal: true,
  now: () => performance.now(),
  wallTime: () => Date.now(),
  schedule: (delay, task) => new SystemTimer(delay, task),
  defer: queueMicrotask,
  yield: (task) => void setImmediate(task),
  isDebugged: () => platform.process.isDebugged(),
};
