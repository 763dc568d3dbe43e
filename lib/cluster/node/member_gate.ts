import { estimateSize } from "../../actor/cell/message_size.ts";
import type { LimitedLog } from "../../runtime/limited_log.ts";

/** Nodes of which early messages are kept, and messages of each. */
const maxNodes = 100;
const maxMessages = 32;
/** The largest early message that is kept, bytes (estimated). */
const maxSize = 65_536;
/** Milliseconds that early messages are kept: gossip about a new member takes less. */
const keptFor = 5_000;

/** A message that has arrived before its sender was known as a member. */
interface Early {
  readonly at: number;
  readonly handle: () => void;
}

/** Dependencies of a {@linkcode MemberGate}. */
export interface MemberGatePort {
  isMember(address: string): boolean;
  /** Milliseconds on a monotonic clock. */
  now(): number;
  readonly log: LimitedLog;
}

/**
 * Keeps messages of nodes that are no members from handlers for members: a certificate proves a node,
 * not a member. Gossip may name a new member only after its first messages have arrived, so a few of
 * these wait for it.
 */
export class MemberGate {
  readonly #port: MemberGatePort;
  readonly #early = new Map<string, Early[]>();

  constructor(port: MemberGatePort) {
    this.#port = port;
  }

  /** Calls `handle` if the sender is a member, or when it becomes one soon. */
  pass(address: string, path: string, message: unknown, handle: () => void): void {
    if (this.#port.isMember(address)) return handle();
    const at = this.#port.now();
    const early = this.#keep(address, at);
    if (early !== undefined && early.length < maxMessages && estimateSize(message) <= maxSize) {
      return void early.push({ at, handle });
    }
    const what = "ignored messages of a node that is not a member";
    this.#port.log.add("warn", "cluster", what, { peer: address, path }, { identity: address });
  }

  /** The members have changed: hands over what has waited for one of them. */
  onMembers(): void {
    const now = this.#port.now();
    for (const [address, early] of this.#early) {
      if (this.#port.isMember(address)) {
        this.#early.delete(address);
        for (const { at, handle } of early) if (now - at < keptFor) handle();
      } else if (isOld(early, now)) this.#early.delete(address);
    }
  }

  #keep(address: string, now: number): Early[] | undefined {
    let early = this.#early.get(address);
    if (early !== undefined && isOld(early, now)) early.length = 0;
    if (early !== undefined) return early;
    if (this.#early.size >= maxNodes) {
      for (const [other, waiting] of this.#early) {
        if (isOld(waiting, now)) this.#early.delete(other);
      }
      if (this.#early.size >= maxNodes) return undefined;
    }
    this.#early.set(address, early = []);
    return early;
  }
}

function isOld(early: readonly Early[], now: number): boolean {
  return early.length === 0 || now - early.at(-1)!.at >= keptFor;
}
