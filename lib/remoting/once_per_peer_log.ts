import type { LogFields, Logger, LogLevel } from "../runtime/logger.ts";
import type { Peer } from "../transport/base/peer.ts";

/** Different lines about one connection. */
const maxLines = 20;

/** Logs faults of a peer once for each connection and reason, not once for each frame. */
export class OncePerPeerLog {
  readonly #logger: Logger;
  /** A peer is an object for each connection. */
  readonly #logged = new WeakMap<Peer, Set<string>>();

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** `detail` distinguishes reasons of one message. */
  add(peer: Peer, level: LogLevel, message: string, fields: LogFields = {}, detail = ""): void {
    let logged = this.#logged.get(peer);
    if (logged === undefined) this.#logged.set(peer, logged = new Set());
    const key = `${message} ${detail}`;
    if (logged.has(key) || logged.size >= maxLines) return;
    logged.add(key);
    this.#logger.log(level, "remoting", message, { from: peer.address, ...fields });
  }
}
