import type { Timer } from "../runtime/clock.ts";
import { Association } from "./association.ts";
import type { Handshaken } from "./handshaken.ts";
import type { Lane } from "./lane.ts";
import type { TransportLimits } from "./limits.ts";

/** What this end has towards one node on one lane: a connection, or what waits for one. */
export class Channel {
  readonly address: string;
  readonly lane: Lane;
  readonly association: Association;
  connection: Handshaken | undefined;
  /** Runs while the association waits. */
  timer: Timer | undefined;
  #waiting: Uint8Array[] = [];
  #bytes = 0;
  readonly #limits: TransportLimits;

  /** Nothing waits. */
  constructor(address: string, lane: Lane, limits: TransportLimits) {
    this.address = address;
    this.lane = lane;
    this.#limits = limits;
    this.association = new Association(limits);
  }

  /** Keeps a copy until there is a connection; false if there is no room. */
  queue(payload: Uint8Array): boolean {
    const { maxQueuedBytes, maxQueuedMessages } = this.#limits;
    if (this.#waiting.length >= maxQueuedMessages) return false;
    if (this.#bytes + payload.length > maxQueuedBytes) return false;
    this.#waiting.push(payload.slice());
    this.#bytes += payload.length;
    return true;
  }

  /** Takes out all that waits, oldest first. */
  takeQueued(): readonly Uint8Array[] {
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#bytes = 0;
    return waiting;
  }
}
