/**
 * Messages that were not delivered and are lost. To say what was lost, and to fail the asks in them, each
 * has to be decoded, and a client that asks for 32 MiB of answers and cuts its connection leaves millions
 * of values, as a node that crashes does: they are decoded in turns.
 *
 * @module
 */
import type { Clock } from "../runtime/clock.ts";
import { type LongRead, turnTime, turnValues } from "../transport/connection/read_turns.ts";

/** A message that was not delivered. */
export interface DroppedMessage {
  readonly to: string;
  readonly payload: Uint8Array;
}

/** Dependencies of {@linkcode DroppedMessages}. */
export interface DroppedMessagesPort<D extends DroppedMessage> {
  readonly clock: Clock;
  /** Bytes that may wait. */
  readonly maxBytes: number;
  /** Reads a message and says what was lost. Returns the values that were decoded, or how to read on. */
  read(dropped: D): number | LongRead;
  /** Too much waits: nobody will know what was in the message. */
  giveUp(dropped: D): void;
}

/** So many entries of messages that were read are kept before the others move up. */
const fewRead = 64;

/** See the module's text. Messages are read in the order in which they come. */
export class DroppedMessages<D extends DroppedMessage> {
  readonly #port: DroppedMessagesPort<D>;
  /** Those that are not read, from `#next` on. */
  #waiting: (D | undefined)[] = [];
  #next = 0;
  #bytes = 0;
  /** The message that is read in part. */
  #long: LongRead | undefined;
  /** Values that were read in the turn that began at `#began`. */
  #values = 0;
  #began = -Infinity;
  #scheduled = false;
  /** Whether one is being read now: to report what was lost may drop another. */
  #reading = false;
  #done: PromiseWithResolvers<void> | undefined;

  constructor(port: DroppedMessagesPort<D>) {
    this.#port = port;
  }

  /** Bytes of the messages that wait. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Resolves when no message waits. */
  done(): Promise<void> {
    if (!this.#scheduled && !this.#reading) return Promise.resolve();
    return (this.#done ??= Promise.withResolvers()).promise;
  }

  /** A message was dropped: it is read at once as long as the turn is not over. */
  add(dropped: D): void {
    const { clock, maxBytes } = this.#port;
    const size = dropped.payload.length;
    if (this.#bytes + size > maxBytes && this.#bytes > 0) return this.#port.giveUp(dropped);
    this.#waiting.push(dropped);
    this.#bytes += size;
    if (this.#scheduled || this.#reading) return;
    // Calls in a row are one turn.
    if (clock.now() - this.#began >= turnTime) this.#begin();
    this.#read();
  }

  #begin(): void {
    this.#began = this.#port.clock.now();
    this.#values = 0;
  }

  #read(): void {
    while (this.#long !== undefined || this.#next < this.#waiting.length) {
      if (this.#isOver()) return this.#schedule();
      this.#reading = true;
      try {
        if (this.#long !== undefined) this.#readOn(this.#long);
        else this.#readNext();
      } finally {
        this.#reading = false;
      }
    }
    this.#done?.resolve();
    this.#done = undefined;
  }

  #isOver(): boolean {
    return this.#values >= turnValues || this.#port.clock.now() - this.#began >= turnTime;
  }

  #readNext(): void {
    const dropped = this.#waiting[this.#next++]!;
    this.#bytes -= dropped.payload.length;
    // More may come as fast as it is read: what was read is not kept until nothing waits.
    if (this.#next >= Math.max(fewRead, this.#waiting.length / 2)) {
      this.#waiting = this.#waiting.slice(this.#next);
      this.#next = 0;
    } else this.#waiting[this.#next - 1] = undefined;
    const read = this.#port.read(dropped);
    if (typeof read === "number") this.#values += 1 + read;
    else this.#long = read;
  }

  #readOn(long: LongRead): void {
    this.#values += 1 + long.step();
    if (long.done) this.#long = undefined;
  }

  #schedule(): void {
    this.#scheduled = true;
    this.#port.clock.yield(() => {
      this.#scheduled = false;
      this.#begin();
      this.#read();
    });
  }
}
