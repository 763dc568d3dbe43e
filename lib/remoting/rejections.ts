import type { SystemInternals } from "../actor/system/system_internals.ts";
import type { Clock, Timer } from "../runtime/clock.ts";
import type { NodePeer, Peer } from "../transport/base/peer.ts";
import type { OncePerPeerLog } from "./once_per_peer_log.ts";
import { isPath, isRecord, isWhole } from "./watch_protocol.ts";

/** Where a system hears that mailboxes elsewhere have rejected its messages. */
export const rejectedPath = "/_rejected";

/** Milliseconds in which rejections are counted before they are told: a flood is not answered. */
const countingTime = 50;
/** Actors of one report; with more it is sent earlier. */
const maxTargets = 64;
/** The most messages of one entry. Whoever has rejected more says it in two. */
const maxCount = 100_000;

/** How many messages of the one who hears this were rejected, by path of the actor. */
export type RejectionReport = readonly (readonly [target: string, count: number])[];

/** What {@linkcode Rejections} needs. */
export interface RejectionsPort {
  readonly internals: SystemInternals;
  readonly clock: Clock;
  readonly complaints: OncePerPeerLog;
  /** Best effort. */
  send(to: string, report: RejectionReport): void;
}

/**
 * Mailboxes that reject what does not fit tell those who have sent it; a loss is then a dead letter
 * at both ends. What was rejected is not sent back, only how much.
 */
export class Rejections {
  readonly #port: RejectionsPort;
  /** What is not told yet, by peer. */
  readonly #counts = new Map<string, Map<string, number>>();
  #timer: Timer | undefined;

  /** Nothing was rejected yet. */
  constructor(port: RejectionsPort) {
    this.#port = port;
  }

  /** A message of the peer was rejected. */
  add({ address }: Peer, target: string): void {
    let counts = this.#counts.get(address);
    if (counts === undefined) this.#counts.set(address, counts = new Map());
    const count = (counts.get(target) ?? 0) + 1;
    counts.set(target, count);
    if (count >= maxCount || counts.size >= maxTargets) return this.#tell(address, counts);
    this.#timer ??= this.#port.clock.schedule(countingTime, () => this.flush());
  }

  /** Takes what a node has sent. */
  receive(peer: NodePeer, value: unknown): void {
    const { internals, complaints } = this.#port;
    const from = peer.address;
    const report = parseRejections(value);
    if (report === undefined) {
      return complaints.add(peer, "warn", "a malformed note of rejections was ignored");
    }
    for (const [target, count] of report) {
      for (let i = 0; i < count; i++) internals.deadLetter("mailboxFull", from + target, undefined);
    }
  }

  /** Tells all that was counted. */
  flush(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    for (const [address, counts] of this.#counts) this.#tell(address, counts);
  }

  #tell(address: string, counts: ReadonlyMap<string, number>): void {
    this.#counts.delete(address);
    this.#port.send(address, [...counts]);
  }
}

/** The report, or `undefined` if the value is none. */
export function parseRejections(value: unknown): RejectionReport | undefined {
  if (!Array.isArray(value) || value.length > maxTargets) return undefined;
  const report: [string, number][] = [];
  for (const each of value) {
    if (!isRecord(each)) return undefined;
    const { 0: target, 1: count } = each;
    if (!isPath(target) || !isWhole(count) || count < 1 || count > maxCount) return undefined;
    report.push([target, count]);
  }
  return report;
}
