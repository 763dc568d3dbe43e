import type { Timer } from "../../runtime/clock.ts";
import { Association } from "./association.ts";
import type { SendRefusal } from "../connection/connection_owner.ts";
import type { PeerConnection } from "../connection/peer_connection.ts";
import type { Lane } from "../base/lane.ts";
import type { TransportLimits } from "../base/limits.ts";

/** A message that waits for a connection. */
interface Waiting {
  readonly payload: Uint8Array;
  readonly path: string | undefined;
}

const drainedAlready = Promise.resolve();

/** What this end has towards one node on one lane: a connection, or what waits for one. */
export class Channel {
  readonly address: string;
  readonly lane: Lane;
  readonly association: Association;
  /** Takes messages, once its predecessor has ended. */
  connection: PeerConnection | undefined;
  /** A connection that was replaced and still sends what it has. Then all others wait. */
  predecessor: PeerConnection | undefined;
  /** Runs while the association waits. */
  timer: Timer | undefined;
  #waiting: Waiting[] = [];
  #inherited: Waiting[] = [];
  #bytes = 0;
  #drained: PromiseWithResolvers<void> | undefined;
  readonly #limits: TransportLimits;

  /** Nothing waits. */
  constructor(address: string, lane: Lane, limits: TransportLimits) {
    this.address = address;
    this.lane = lane;
    this.#limits = limits;
    this.association = new Association(limits);
  }

  /** Messages that wait for a connection. */
  get messages(): number {
    return this.#waiting.length;
  }

  /** Bytes that wait for a connection. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Whether nothing would be lost if this channel were forgotten. */
  isIdle(now: number): boolean {
    return this.connection === undefined && this.predecessor === undefined &&
      this.#waiting.length === 0 && this.association.isIdle(now);
  }

  /** Sends through the connection, or keeps a copy until there is one that may send. */
  send(payload: Uint8Array, path: string | undefined): SendRefusal | undefined {
    const { connection } = this;
    return connection === undefined || this.predecessor !== undefined
      ? this.#queue(payload, path)
      : connection.send(payload, path);
  }

  /** Keeps a copy until there is a connection, or tells which limit forbids it. */
  #queue(payload: Uint8Array, path: string | undefined): SendRefusal | undefined {
    const { maxMessage, maxQueuedBytes, maxQueuedMessages } = this.#limits;
    if (payload.length > maxMessage) return "tooLarge";
    if (
      this.#waiting.length >= maxQueuedMessages || this.#bytes + payload.length > maxQueuedBytes
    ) return "queueFull";
    this.#waiting.push({ payload: payload.slice(), path });
    this.#bytes += payload.length;
    return undefined;
  }

  /** Takes over a message that the predecessor has not sent. It was counted there. */
  inherit(payload: Uint8Array): void {
    this.#inherited.push({ payload, path: undefined });
  }

  /** Puts what was inherited before all that waits. */
  putInherited(): void {
    for (const { payload } of this.#inherited) this.#bytes += payload.length;
    this.#waiting = this.#inherited.concat(this.#waiting);
    this.#inherited = [];
  }

  /** Resolves when less than half of what may wait does, or when nothing waits here any more. */
  drained(): Promise<void> {
    const { maxQueuedBytes, maxQueuedMessages } = this.#limits;
    const crowded = this.#waiting.length * 2 >= maxQueuedMessages ||
      this.#bytes * 2 >= maxQueuedBytes;
    if (!crowded) return this.connection?.drained() ?? drainedAlready;
    this.#drained ??= Promise.withResolvers();
    // What waits here goes to a connection all at once, which then takes its time.
    return this.#drained.promise.then(() => this.connection?.drained());
  }

  /** Takes out all that waits, oldest first. */
  takeQueued(): readonly Waiting[] {
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#bytes = 0;
    this.#drained?.resolve();
    this.#drained = undefined;
    return waiting;
  }
}
