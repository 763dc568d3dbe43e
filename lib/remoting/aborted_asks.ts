import { askPath } from "../actor/ref/reply_path.ts";
import type { TemporaryRef } from "../actor/ref/local_ref.ts";
import type { RefAddress } from "../actor/ref/ref.ts";
import type { SystemInternals } from "../actor/system/system_internals.ts";
import type { Clock } from "../runtime/clock.ts";
import { accountOf, type Peer } from "../transport/base/peer.ts";
import type { PeerLog } from "./peer_log.ts";
import type { RemoteAsks } from "./remote_asks.ts";
import type { RoutedAsks } from "./routed_asks.ts";
import { isPath, isRecord, isWhole } from "./watch_protocol.ts";

/** Where a system is told that askers of another have given up before their time. */
export const abortedAskPath = "/_askaborted";

/** Milliseconds between two searches among the asks of one peer. */
export const searchInterval = 20;
/** Reports of one peer that wait for a search; of more, none is kept. */
export const maxWaitingReports = 1_000;

/** The asker has aborted an ask: its message need not be handled any more. */
export interface AbortedAsk {
  /** Path of the reply reference. */
  readonly replyTo: string;
  /** The uid of the reply reference. */
  readonly uid: number;
  /** The address of the asker, if that is not the sender: then the sender has passed the ask on. */
  readonly asker?: string;
}

/** Dependencies of {@linkcode AbortedAsks}. */
export interface AbortedAsksPort {
  readonly internals: SystemInternals;
  readonly peerLog: PeerLog;
  readonly clock: Clock;
  /** The asks that actors here hold. */
  readonly held: RemoteAsks;
  /** Those that routers here have passed on. */
  readonly routed: RoutedAsks;
  /** Best effort, and not to systems without the feature: else the message is handled. */
  send(to: string, message: AbortedAsk): void;
}

/** The reports of one peer. */
interface Reports {
  /** Those that wait, by uid. */
  waiting: Map<number, RefAddress>;
  /** When the next search may begin. */
  nextAt: number;
}

/**
 * Tells other systems which asks of this one were aborted, and drops the work of those that askers
 * elsewhere have aborted, before its handler runs.
 *
 * An ask is found by a search, so that asks without a signal need no index. Many reports share one: a
 * peer causes a search each 20 ms at most, among the asks that are kept for it, which are bounded.
 */
export class AbortedAsks {
  readonly #port: AbortedAsksPort;
  readonly #byAccount = new Map<string, Reports>();
  #closed = false;

  constructor(port: AbortedAsksPort) {
    this.#port = port;
    port.internals.onAskAborted = (replyTo) => this.#onAborted(replyTo);
  }

  #onAborted({ holder, path, uid }: TemporaryRef): void {
    if (holder !== undefined) this.#port.send(holder, { replyTo: path, uid });
  }

  /** Handles a message of a peer. */
  receive(peer: Peer, value: unknown): void {
    const { clock, peerLog } = this.#port;
    const aborted = parseAbortedAsk(value);
    if (aborted === undefined) {
      return peerLog.add(peer, "warn", "ignored a malformed report of an aborted ask");
    }
    const { asker, replyTo: path, uid } = aborted;
    // A client has asks of its own only.
    if (this.#closed || (asker !== undefined && peer.role !== "node")) return;
    const account = accountOf(peer);
    const now = clock.now();
    let reports = this.#byAccount.get(account);
    if (reports === undefined) {
      reports = { waiting: new Map(), nextAt: -Infinity };
      this.#byAccount.set(account, reports);
    }
    const { waiting, nextAt } = reports;
    if (waiting.size >= maxWaitingReports) return;
    waiting.set(uid, { node: asker ?? peer.address, path, uid });
    if (now >= nextAt) return this.#search(account, reports, now);
    if (waiting.size === 1) {
      clock.schedule(nextAt - now, () => this.#search(account, reports, clock.now()));
    }
  }

  #search(account: string, reports: Reports, now: number): void {
    if (this.#closed) return;
    const { held, routed, clock } = this.#port;
    const wanted = reports.waiting;
    reports.waiting = new Map();
    reports.nextAt = now + searchInterval;
    held.abort(account, wanted);
    for (const replyTo of wanted.values()) {
      const to = routed.abort(account, replyTo);
      if (to === undefined) continue;
      const { node: asker, path, uid } = replyTo;
      this.#port.send(to, { replyTo: path, uid, asker });
    }
    // Nothing is kept for peers that are quiet.
    clock.schedule(searchInterval, () => {
      if (reports.waiting.size === 0 && clock.now() >= reports.nextAt) {
        this.#byAccount.delete(account);
      }
    });
  }

  /** Stops to listen. */
  close(): void {
    this.#closed = true;
    this.#port.internals.onAskAborted = undefined;
  }
}

/** The report, or `undefined` if the value is none. */
export function parseAbortedAsk(value: unknown): AbortedAsk | undefined {
  if (!isRecord(value)) return undefined;
  const { replyTo, uid, asker } = value;
  if (!isPath(replyTo) || !replyTo.startsWith(askPath) || !isWhole(uid)) return undefined;
  if (asker === undefined) return { replyTo, uid };
  if (typeof asker !== "string" || asker.length > 4_096) return undefined;
  return { replyTo, uid, asker };
}
