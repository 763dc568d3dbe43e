import type { Clock, Timer } from "../../runtime/clock.ts";
import { platform } from "../../runtime/platform.ts";
import type { FolderWatch } from "../../runtime/platform_port.ts";

/** Milliseconds in which several changes count as one: files of a pair change one by one. */
const settleTime = 100;

/**
 * Calls back when files may have changed: soon after a notification of the system, and at
 * intervals, because the system's watch is lost when a folder is replaced and does not work on
 * every file system.
 */
export class FileWatch {
  readonly #clock: Clock;
  readonly #interval: number;
  readonly #look: () => Promise<void>;
  readonly #watcher: FolderWatch | undefined;
  #timer: Timer;
  #looking: Promise<void> | undefined;
  #again = false;
  /** When the next look is due, on the clock. */
  #due = 0;
  #closed = false;

  /** Starts. `look` must not reject; it is not called again before it has resolved. */
  constructor(
    clock: Clock,
    files: readonly string[],
    interval: number,
    look: () => Promise<void>,
  ) {
    this.#clock = clock;
    this.#interval = interval;
    this.#look = look;
    this.#watcher = watchFolders(files, () => this.soon(settleTime));
    this.#timer = this.#lookIn(interval);
  }

  /** Looks in `delay` milliseconds at the latest. A look that is due earlier stays. */
  soon(delay: number): void {
    if (this.#closed || this.#clock.now() + delay >= this.#due) return;
    this.#timer.cancel();
    this.#timer = this.#lookIn(delay);
  }

  /** Ends; resolves when the check in progress has ended. */
  async close(): Promise<void> {
    if (!this.#closed) {
      this.#closed = true;
      this.#timer.cancel();
    }
    await this.#watcher?.close();
    await this.#looking;
  }

  #lookIn(delay: number): Timer {
    this.#due = this.#clock.now() + delay;
    return this.#clock.schedule(delay, () => this.#onTime());
  }

  #onTime(): void {
    if (this.#closed) return;
    this.#timer.cancel();
    this.#timer = this.#lookIn(this.#interval);
    if (this.#looking !== undefined) {
      this.#again = true;
      return;
    }
    this.#looking = this.#look().finally(() => {
      this.#looking = undefined;
      if (!this.#again) return;
      this.#again = false;
      this.#onTime();
    });
  }
}

/** Watches folders, not files: a file that replaces another is not watched. */
function watchFolders(files: readonly string[], onChange: () => void): FolderWatch | undefined {
  const folders = new Set(files.map((file) => file.slice(0, file.lastIndexOf("/") + 1) || "."));
  try {
    return platform.files.watch([...folders], onChange);
  } catch {
    return undefined;
  }
}
