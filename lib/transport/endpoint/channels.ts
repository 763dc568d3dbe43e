import { Channel } from "./channel.ts";
import type { Lane } from "../base/lane.ts";
import type { TransportLimits } from "../base/limits.ts";

/** So many channels are not worth looking through. */
const fewChannels = 64;

/**
 * The channels of an endpoint by address and lane. Idle ones are forgotten whenever there are twice
 * as many as were in use the last time, so that their number follows what is in use.
 */
export class Channels {
  readonly #limits: TransportLimits;
  readonly #lanes: Readonly<Record<Lane, Map<string, Channel>>> = {
    control: new Map(),
    user: new Map(),
  };
  #pruneAt = fewChannels;

  /** There are none. */
  constructor(limits: TransportLimits) {
    this.#limits = limits;
  }

  /** How many there are. */
  get size(): number {
    return this.#lanes.control.size + this.#lanes.user.size;
  }

  /** The channel, if there is one. */
  find(address: string, lane: Lane): Channel | undefined {
    return this.#lanes[lane].get(address);
  }

  /** The channel; undefined if `maxAddresses` are in use already. */
  get(address: string, lane: Lane, now: number): Channel | undefined {
    const known = this.#lanes[lane].get(address);
    if (known !== undefined) return known;
    if (this.size >= Math.min(this.#pruneAt, this.#limits.maxAddresses)) {
      this.#prune(now);
      if (this.size >= this.#limits.maxAddresses) return undefined;
    }
    const channel = new Channel(address, lane, this.#limits);
    this.#lanes[lane].set(address, channel);
    return channel;
  }

  /** Every channel. */
  *[Symbol.iterator](): IterableIterator<Channel> {
    yield* this.#lanes.control.values();
    yield* this.#lanes.user.values();
  }

  #prune(now: number): void {
    for (const lane of Object.values(this.#lanes)) {
      for (const [address, channel] of lane) if (channel.isIdle(now)) lane.delete(address);
    }
    this.#pruneAt = Math.max(fewChannels, 2 * this.size);
  }
}
