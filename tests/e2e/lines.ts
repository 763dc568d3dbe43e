import type { Logger } from "@casty/casty";

/** Keeps log lines, and tells when one has come. */
export class Lines implements Logger {
  readonly all: string[] = [];
  readonly #timeout: number;
  #waiting: { pattern: RegExp; times: number; resolve: () => void }[] = [];

  /** `timeout`: milliseconds that `seen` waits. */
  constructor(timeout = 60_000) {
    this.#timeout = timeout;
  }

  log(level: string, source: string, message: string, fields?: Record<string, unknown>): void {
    this.all.push(`${level} ${source}: ${message} ${JSON.stringify(fields ?? {})}`);
    this.#waiting = this.#waiting.filter(({ pattern, times, resolve }) => {
      if (this.count(pattern) < times) return true;
      resolve();
      return false;
    });
  }

  count(pattern: RegExp): number {
    return this.all.filter((line) => pattern.test(line)).length;
  }

  /** Rejects after the timeout, and shows what has come instead. */
  seen(pattern: RegExp, times = 1): Promise<void> {
    if (this.count(pattern) >= times) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        reject(new Error(`no line ${pattern} among ${this.all.join("\n")}`));
      }, this.#timeout);
      const done = () => {
        clearTimeout(timer);
        resolve();
      };
      this.#waiting.push({ pattern, times, resolve: done });
    });
  }
}
