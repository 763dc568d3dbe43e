import type { Clock, Timer } from "./clock.ts";

/**
 * The clock of a browser, or of any process: made of functions of the web platform only, so that it can
 * be bundled for pages.
 */
export const webClock: Clock = {
  isReal: true,
  now: () => performance.now(),
  wallTime: () => Date.now(),
  schedule(delay, task): Timer {
    const id = setTimeout(task, delay);
    return { cancel: () => clearTimeout(id) };
  },
  defer: (task) => queueMicrotask(task),
  yield: (task) => void setTimeout(task, 0),
};
