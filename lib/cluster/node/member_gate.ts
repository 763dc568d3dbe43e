import { estimateSize } from "../../actor/cell/message_size.ts";
import type { LimitedLog } from "../../runtime/limited_log.ts";

/** Nodes of which early messages are kept. */
const maxNodes = 100;
/** Early messages of one node that are kept, and their bytes together (estimated). */
const maxMessages = 256;
const maxBytes = 1_048_576;
/** Milliseconds that early messages are kept: gossip about a new member takes less. */
const keptFor = 5_000;

/** A message that has arrived before its sender was known as a member. */
interface Early {
  readonly at: number;
  readonly handle: () => void;
  readonly refuse: () => void;
}

/** The early messages of one node, the oldest first. */
interface Waiting {
  readonly messages: Early[];
  bytes: number;
}

const ignore = (): void => {};

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
  readonly #early = new Map<string, Waiting>();

  constructor(port: MemberGatePort) {
    this.#port = port;
  }

  /**
   * Calls `handle` if the sender is a member, or when it becomes one soon; otherwise `refuse`, perhaps
   * later. Messages that wait are handled in order.
   */
  pass(
    address: string,
    path: string,
    message: unknown,
    handle: () => void,
    refuse: () => void = ignore,
  ): void {
    if (this.#port.isMember(address)) return handle();
    this.wait(address, path, message, handle, refuse);
  }

  /** The sender is no member: its message waits for a moment, if there is room. */
  wait(
    address: string,
    path: string,
    message: unknown,
    handle: () => void,
    refuse: () => void,
  ): void {
    const at = this.#port.now();
    const early = this.#keep(address, at);
    if (early !== undefined) {
      const bytes = early.bytes + estimateSize(message);
      if (early.messages.length < maxMessages && bytes <= maxBytes) {
        early.bytes = bytes;
        return void early.messages.push({ at, handle, refuse });
      }
    }
    const what = "ignored messages of a node that is not a member";
    this.#port.log.add("warn", "cluster", what, { peer: address, path }, { identity: address });
    refuse();
  }

  /** The members have changed: hands over what has waited for one of them. */
  onMembers(): void {
    const now = this.#port.now();
    for (const [address, early] of this.#early) {
      if (this.#port.isMember(address)) {
        this.#early.delete(address);
        for (const { at, handle, refuse } of early.messages) {
          if (now - at < keptFor) handle();
          else refuse();
        }
      } else if (isOld(early, now)) this.#drop(address, early);
    }
  }

  #keep(address: string, now: number): Waiting | undefined {
    let early = this.#early.get(address);
    if (early !== undefined && isOld(early, now)) {
      this.#drop(address, early);
      early = undefined;
    }
    if (early !== undefined) return early;
    if (this.#early.size >= maxNodes) {
      for (const [other, waiting] of this.#early) {
        if (isOld(waiting, now)) this.#drop(other, waiting);
      }
      if (this.#early.size >= maxNodes) return undefined;
    }
    this.#early.set(address, early = { messages: [], bytes: 0 });
    return early;
  }

  #drop(address: string, { messages }: Waiting): void {
    this.#early.delete(address);
    for (const { refuse } of messages) refuse();
  }
}

function isOld({ messages }: Waiting, now: number): boolean {
  return messages.length === 0 || now - messages.at(-1)!.at >= keptFor;
}
