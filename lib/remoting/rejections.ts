import type { SystemInternals } from "../actor/system/system_internals.ts";
import type { Clock, Timer } from "../runtime/clock.ts";
import type { NodePeer, Peer } from "../transport/base/peer.ts";
import { Tally } from "../transport/base/tally.ts";
import type { PeerLog } from "./peer_log.ts";
import { isPath, isRecord, isWhole } from "./watch_protocol.ts";

/** Where a system receives reports of its messages that mailboxes of others have rejected. */
export const rejectedPath = "/_rejected";

/** Milliseconds in which rejections are counted before a report: a flood is not answered. */
const countingTime = 50;
/** Actors of one report; with more it is sent earlier. */
const maxTargets = 64;
/** Messages after which a report is sent at once: its receiver handles each as a dead letter. */
const enough = 10_000;
/** The most messages of one report; those of earlier versions may have more in a flood. */
const maxCount = 2 * enough;

/** How many messages of the receiver were rejected, by path of the actor. */
export type RejectionReport = readonly (readonly [target: string, count: number])[];

/** Dependencies of {@linkcode Rejections}. */
export interface RejectionsPort {
  readonly internals: SystemInternals;
  readonly clock: Clock;
  readonly peerLog: PeerLog;
  /** Best effort. */
  send(to: string, report: RejectionReport): void;
}

/**
 * Reports messages that mailboxes here have rejected to the sending systems; a loss is then a dead
 * letter at both ends. The messages are not sent back, only their number.
 */
export class Rejections {
  readonly #port: RejectionsPort;
  /** Rejections not reported yet, by peer. */
  readonly #counts = new Map<string, Map<string, number>>();
  /** The number of messages in each. */
  readonly #totals = new Tally();
  #timer: Timer | undefined;

  constructor(port: RejectionsPort) {
    this.#port = port;
  }

  /** A message of the peer was rejected. */
  add({ address }: Peer, target: string): void {
    let counts = this.#counts.get(address);
    if (counts === undefined) this.#counts.set(address, counts = new Map());
    const count = (counts.get(target) ?? 0) + 1;
    counts.set(target, count);
    this.#totals.add(address, 1);
    if (this.#totals.of(address) >= enough || counts.size >= maxTargets) {
      return this.#report(address, counts);
    }
    this.#timer ??= this.#port.clock.schedule(countingTime, () => this.flush());
  }

  /** Handles a message of a node. */
  receive(peer: NodePeer, value: unknown): void {
    const { internals, peerLog } = this.#port;
    const from = peer.address;
    const report = parseRejections(value);
    if (report === undefined) {
      return peerLog.add(peer, "warn", "ignored a malformed report of rejections");
    }
    for (const [target, count] of report) {
      for (let i = 0; i < count; i++) internals.deadLetter("mailboxFull", from + target, undefined);
    }
  }

  /** Reports all that was counted. */
  flush(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    for (const [address, counts] of this.#counts) this.#report(address, counts);
  }

  #report(address: string, counts: ReadonlyMap<string, number>): void {
    this.#counts.delete(address);
    this.#totals.add(address, -this.#totals.of(address));
    this.#port.send(address, [...counts]);
  }
}

/** The report, or `undefined` if the value is none. */
export function parseRejections(value: unknown): RejectionReport | undefined {
  if (!Array.isArray(value) || value.length > maxTargets) return undefined;
  const report: [string, number][] = [];
  let total = 0;
  for (const each of value) {
    if (!isRecord(each)) return undefined;
    const { 0: target, 1: count } = each;
    if (!isPath(target) || !isWhole(count) || count < 1) return undefined;
    total += count;
    if (total > maxCount) return undefined;
    report.push([target, count]);
  }
  return report;
}
