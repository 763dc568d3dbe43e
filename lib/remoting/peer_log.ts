import type { LimitedLog } from "../runtime/limited_log.ts";
import type { LogFields, LogLevel } from "../runtime/logger.ts";
import { holderOf, type Peer } from "../transport/base/peer.ts";

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
 * Who answers for what a peer sends: the holder of its certificate. For a client that another node
 * has named, it is that node: it could name any.
 */
export function accountableFor({ via, identity, remote, address }: Accountable): string {
  if (via !== undefined) return `relayed by ${via}`;
  if (identity !== undefined && identity.kind !== "plain") return holderOf({ identity });
  return remote === undefined ? address : `host ${remote.slice(0, remote.lastIndexOf(":"))}`;
}

/** A peer, or this node itself. */
interface Accountable extends Partial<Pick<Peer, "via" | "remote">> {
  readonly address: string;
  readonly identity: Peer["identity"] | undefined;
}
