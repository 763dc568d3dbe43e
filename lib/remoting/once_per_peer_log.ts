import type { Clock } from "../runtime/clock.ts";
import type { LogFields, Logger, LogLevel } from "../runtime/logger.ts";
import { accountOf, type Peer } from "../transport/base/peer.ts";

/** Milliseconds in which the same fault of one peer gets one line. */
const quietTime = 60_000;
/** Different lines about one peer in that time. */
const maxLines = 20;
/** Lines in that time about all peers together. */
const maxAllLines = 500;

/**
 * Logs faults of a peer once for each reason and minute, not once for each frame. A peer is the
 * holder of a certificate: another connection or address does not bring more lines.
 */
export class OncePerPeerLog {
  readonly #logger: Logger;
  readonly #clock: Clock;
  #logged = new Map<string, Set<string>>();
  #since = -Infinity;
  #lines = 0;
  #suppressed = 0;

  constructor(logger: Logger, clock: Clock) {
    this.#logger = logger;
    this.#clock = clock;
  }

  /** `detail` distinguishes reasons of one message. */
  add(peer: Peer, level: LogLevel, message: string, fields: LogFields = {}, detail = ""): void {
    const now = this.#clock.now();
    if (now - this.#since >= quietTime) this.#begin(now);
    const account = accountOf(peer);
    const logged = this.#logged.get(account) ?? new Set();
    const key = `${message} ${detail}`;
    if (logged.has(key) || logged.size >= maxLines || this.#lines >= maxAllLines) {
      this.#suppressed++;
      return;
    }
    this.#logged.set(account, logged.add(key));
    this.#lines++;
    this.#logger.log(level, "remoting", message, { from: peer.address, ...fields });
  }

  /** Logs how many lines were left out, with the next line. */
  #begin(now: number): void {
    if (this.#suppressed > 0) {
      this.#logger.log("warn", "remoting", "more faults of peers occurred than were logged", {
        count: this.#suppressed,
      });
    }
    this.#logged = new Map();
    this.#since = now;
    this.#lines = 0;
    this.#suppressed = 0;
  }
}
