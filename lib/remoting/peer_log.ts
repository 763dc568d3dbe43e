import type { LimitedLog } from "../runtime/limited_log.ts";
import type { LogFields, LogLevel } from "../runtime/logger.ts";
import { type AccountFacts, accountOf, type Peer } from "../transport/base/peer.ts";

/**
 * Logs faults of peers: one line for each reason, certificate and minute, however many connections,
 * addresses and frames the holder uses.
 */
export class PeerLog {
  readonly #log: LimitedLog;

  constructor(log: LimitedLog) {
    this.#log = log;
  }

  /** `detail` distinguishes reasons of one message. */
  add(peer: Peer, level: LogLevel, message: string, fields: LogFields = {}, detail = ""): void {
    const cause = `${message} ${detail}`;
    const about = { from: peer.address, ...fields };
    this.#log.add(level, "remoting", message, about, { cause, identity: accountableFor(peer) });
  }
}

/**
 * Who answers in logs for what a peer sends: itself. For a client that another node has named, it
 * is that node: it could name any.
 */
export function accountableFor(peer: AccountFacts & Partial<Pick<Peer, "via">>): string {
  return peer.via === undefined ? accountOf(peer) : `relayed by ${peer.via}`;
}
