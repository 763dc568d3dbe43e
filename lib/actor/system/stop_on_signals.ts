import type { Logger } from "../../runtime/logger.ts";
import type { StopSignal, StopSignals } from "../../runtime/stop_signals.ts";

/** Exit code of a process that a signal has ended: 128 plus the signal's number. */
const exitCodes: Readonly<Record<StopSignal, number>> = { SIGINT: 130, SIGTERM: 143 };

/** One system that stops on signals. */
interface Stoppable {
  readonly shutdown: () => Promise<unknown>;
  readonly logger: Logger;
}

/** All systems of a process, so that none is cut off because another was faster. */
class StopGroup {
  readonly #signals: StopSignals;
  readonly #members = new Set<Stoppable>();
  #unlisten: (() => void) | undefined;
  #stopping = false;
  #exited = false;

  constructor(signals: StopSignals) {
    this.#signals = signals;
  }

  add(member: Stoppable): () => void {
    this.#unlisten ??= this.#signals.listen((name) => this.#onSignal(name));
    this.#members.add(member);
    return () => {
      if (!this.#members.delete(member) || this.#members.size > 0) return;
      // Without a system, a listener would only keep the signal from ending the process.
      this.#unlisten?.();
      this.#unlisten = undefined;
    };
  }

  #onSignal(name: StopSignal): void {
    this.#log(
      this.#stopping ? "warn" : "info",
      this.#stopping ? `${name} again: exits at once` : `${name}: shuts down`,
    );
    if (this.#stopping) return this.#exit(exitCodes[name]);
    this.#stopping = true;
    void this.#stop();
  }

  async #stop(): Promise<void> {
    const asked = new Set<Stoppable>();
    let code = 0;
    for (;;) {
      // A system may have been started while the others stopped.
      const left = [...this.#members].filter((member) => !asked.has(member));
      if (left.length === 0) break;
      const failures = await Promise.all(left.map((member) => {
        asked.add(member);
        return shutDown(member);
      }));
      if (failures.includes(true)) code = 1;
    }
    this.#exit(code);
  }

  #exit(code: number): void {
    if (this.#exited) return;
    this.#exited = true;
    this.#signals.exit(code);
  }

  #log(level: "info" | "warn", message: string): void {
    // One line for the process, whatever it runs.
    for (const { logger } of this.#members) return logger.log(level, "stopSignals", message);
  }
}

const groups = new WeakMap<StopSignals, StopGroup>();

/**
 * Stops a system on a signal of the operating system: the first signal calls `shutdown`, and the
 * process ends when that is done, with code 0, or 1 if it fails. A second signal ends it at once,
 * with 130 (SIGINT) or 143 (SIGTERM). If several systems listen to the same signals, the first
 * signal shuts all of them down, and the process ends after the last.
 *
 * Returns how to take it back: to be called at the end of every shutdown.
 */
export function stopOnSignals(
  signals: StopSignals,
  shutdown: () => Promise<unknown>,
  logger: Logger,
): () => void {
  let group = groups.get(signals);
  if (group === undefined) groups.set(signals, group = new StopGroup(signals));
  return group.add({ shutdown, logger });
}

/** Whether it failed. */
async function shutDown({ shutdown, logger }: Stoppable): Promise<boolean> {
  try {
    await shutdown();
    return false;
  } catch (error) {
    logger.log("error", "stopSignals", "the shutdown failed", { error });
    return true;
  }
}
