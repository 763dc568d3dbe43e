import type { Timer } from "../../runtime/clock.ts";
import { Association } from "./association.ts";
import type { SendRefusal } from "../connection/connection.ts";
import type { PeerConnection } from "../connection/peer_connection.ts";
import type { Lane } from "../base/peer.ts";
import type { TransportLimits } from "../base/limits.ts";

/** A message that waits for a connection. */
interface Waiting {
  readonly payload: Uint8Array;
  readonly path: string | undefined;
}

const drainedAlready = Promise.resolve();

/** The way to one peer on one lane: its connection, or the messages that wait for one. */
export class Channel {
  readonly address: string;
  readonly lane: Lane;
  readonly association: Association;
  /** Takes messages once the predecessor has ended. */
  connection: PeerConnection | undefined;
  /** A replaced connection that still sends its queue. Messages wait until it ends. */
  predecessor: PeerConnection | undefined;
  /** Runs while the association waits. */
  timer: Timer | undefined;
  #waiting: Waiting[] = [];
  #fromPredecessor: Waiting[] = [];
  #bytes = 0;
  #drained: PromiseWithResolvers<void> | undefined;
  readonly #limits: TransportLimits;

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

  /** Whether this channel holds no state and can be forgotten. */
  isIdle(now: number): boolean {
    return this.connection === undefined && this.predecessor === undefined &&
      this.#waiting.length === 0 && this.association.isIdle(now);
  }

  /**
   * Sends through the connection, or queues a copy until there is one that may send. See `Outbox.push`
   * for `given`.
   */
  send(payload: Uint8Array, path: string | undefined, given = false): SendRefusal | undefined {
    const { connection } = this;
    return connection === undefined || this.predecessor !== undefined
      ? this.#queue(payload, path, given)
      : connection.send(payload, path, given);
  }

  /** Queues a copy, or returns which limit forbids it. */
  #queue(
    payload: Uint8Array,
    path: string | undefined,
    given: boolean,
  ): SendRefusal | undefined {
    const { maxMessage, maxQueuedBytes, maxQueuedMessages } = this.#limits;
    if (payload.length > maxMessage) return "tooLarge";
    if (
      this.#waiting.length >= maxQueuedMessages || this.#bytes + payload.length > maxQueuedBytes
    ) return "queueFull";
    this.#waiting.push({ payload: given ? payload : payload.slice(), path });
    this.#bytes += payload.length;
    return undefined;
  }

  /** Takes over an unsent message of the predecessor, whose limits it has passed. */
  takeOver(payload: Uint8Array): void {
    this.#fromPredecessor.push({ payload, path: undefined });
  }

  /** Queues the messages of the predecessor before all others. */
  queueTakenOver(): void {
    for (const { payload } of this.#fromPredecessor) this.#bytes += payload.length;
    this.#waiting = this.#fromPredecessor.concat(this.#waiting);
    this.#fromPredecessor = [];
  }

  /** Resolves when the queue is less than half full, or when it was passed on. */
  drained(): Promise<void> {
    const { maxQueuedBytes, maxQueuedMessages } = this.#limits;
    const crowded = this.#waiting.length * 2 >= maxQueuedMessages ||
      this.#bytes * 2 >= maxQueuedBytes;
    if (!crowded) return this.connection?.drained() ?? drainedAlready;
    this.#drained ??= Promise.withResolvers();
    // The whole queue moves to a connection at once, which drains it at the pace of the peer.
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

/** Fewer channels than this are not searched for idle ones. */
const fewChannels = 64;

/**
 * The channels of an endpoint by address and lane. Idle ones are dropped whenever there are twice as
 * many as were in use the last time, so that their number follows use.
 */
export class Channels {
  readonly #limits: TransportLimits;
  readonly #lanes: Readonly<Record<Lane, Map<string, Channel>>> = {
    control: new Map(),
    user: new Map(),
    replication: new Map(),
  };
  #pruneAt = fewChannels;

  constructor(limits: TransportLimits) {
    this.#limits = limits;
  }

  /** How many there are. */
  get size(): number {
    const { control, user, replication } = this.#lanes;
    return control.size + user.size + replication.size;
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
    yield* this.#lanes.replication.values();
  }

  #prune(now: number): void {
    for (const lane of Object.values(this.#lanes)) {
      for (const [address, channel] of lane) if (channel.isIdle(now)) lane.delete(address);
    }
    this.#pruneAt = Math.max(fewChannels, 2 * this.size);
  }
}
