import type { Clock } from "../../runtime/clock.ts";
import { LimitedLog } from "../../runtime/limited_log.ts";
import type { Logger } from "../../runtime/logger.ts";

/** Lines a minute about one host, and about all: nothing is proved of who connects. */
const bounds = { ofIdentity: 5, inAll: 100 };
/** Longest reason, in characters. */
const maxReason = 500;

/**
 * Logs rejected connections with the reason: one line for each host, reason and minute, and the
 * number of those that were left out.
 */
export class RefusalLog {
  readonly #log: LimitedLog;
  readonly #onRejected: (code: string) => void;

  /** `onRejected` is called for each of them. */
  constructor(clock: Clock, logger: Logger, onRejected: (code: string) => void = () => {}) {
    this.#log = new LimitedLog(clock, logger, bounds);
    this.#onRejected = onRejected;
  }

  /** A connection was rejected. `code`: why, in one word. */
  add(remote: string, why: string, code: string): void {
    this.#onRejected(code);
    // Part of it may be chosen by the peer.
    const reason = why.slice(0, maxReason);
    const host = remote.slice(0, remote.lastIndexOf(":"));
    const by = { cause: reason, identity: host };
    this.#log.add("warn", "transport", "connection rejected", { remote, reason }, by);
  }

  /** Writes the numbers of the lines that were left out. */
  close(): void {
    this.#log.close();
  }
}
