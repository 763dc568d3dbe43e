import type { LogFields, Logger, LogLevel } from "../runtime/logger.ts";
import type { Peer } from "../transport/base/peer.ts";

/** Different complaints about one connection that are logged. */
const maxComplaints = 20;

/** Logs what a peer does wrong once for each connection and reason, not once for each frame. */
export class OncePerPeerLog {
  readonly #logger: Logger;
  /** A peer is an object for each connection. */
  readonly #made = new WeakMap<Peer, Set<string>>();

  /** Nobody has done anything yet. */
  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** `detail` tells reasons of one message apart. */
  add(peer: Peer, level: LogLevel, message: string, fields: LogFields = {}, detail = ""): void {
    let made = this.#made.get(peer);
    if (made === undefined) this.#made.set(peer, made = new Set());
    const key = `${message} ${detail}`;
    if (made.has(key) || made.size >= maxComplaints) return;
    made.add(key);
    this.#logger.log(level, "remoting", message, { from: peer.address, ...fields });
  }
}
