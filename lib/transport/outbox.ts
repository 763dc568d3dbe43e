import { FrameType, HEADER_BYTES } from "../wire/frame.ts";
import { FrameWriter } from "../wire/frame_writer.ts";

/** What one write takes, if there is more: larger writes move no more bytes a second. */
const batchSize = 65_536;

const nothing = new Uint8Array(0);

/** Frames that go out in one write. */
interface Batch {
  readonly writer: FrameWriter;
  messages: number;
}

/** Bounds of an {@linkcode Outbox}; see `TransportLimits`. */
export interface OutboxLimits {
  readonly maxFrame: number;
  readonly maxQueuedMessages: number;
  readonly maxQueuedBytes: number;
}

/**
 * What waits to be written to one peer on one lane, in order, as frames in batches, so that no
 * write is much longer than what the peer's window has room for, and what was never written can be
 * taken out again.
 */
export class Outbox {
  readonly #maxMessages: number;
  readonly #maxBytes: number;
  #maxFrame: number;
  #messages = 0;
  #bytes = 0;
  /** Full batches, oldest first. */
  #sealed: Batch[] = [];
  #open: Batch | undefined;
  /** Buffers for the next batch, kept from the last one. */
  #spare: Batch | undefined;

  /** Makes an empty one. */
  constructor(limits: OutboxLimits) {
    this.#maxFrame = limits.maxFrame;
    this.#maxMessages = limits.maxQueuedMessages;
    this.#maxBytes = limits.maxQueuedBytes;
  }

  /** Messages that wait. */
  get messages(): number {
    return this.#messages;
  }

  /** Bytes that wait, frame headers included. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Copies a message to the end of the queue, or tells which limit forbids it. */
  push(payload: Uint8Array): "queueFull" | "tooLarge" | undefined {
    const size = payload.length + HEADER_BYTES;
    // The length field counts the type byte as well.
    if (payload.length + 1 > this.#maxFrame) return "tooLarge";
    if (this.#messages >= this.#maxMessages || this.#bytes + size > this.#maxBytes) {
      return "queueFull";
    }
    const batch = this.#open ?? this.#begin();
    batch.writer.append(FrameType.message, payload);
    batch.messages++;
    this.#messages++;
    this.#bytes += size;
    if (batch.writer.size >= batchSize) {
      this.#sealed.push(batch);
      this.#open = undefined;
    }
    return undefined;
  }

  /**
   * Takes the next batch, empty if nothing waits. Give it back with `recycle` when its bytes need
   * not last any longer.
   */
  take(): OutgoingBatch {
    const batch = this.#sealed.shift() ?? this.#open;
    if (batch === undefined) return { bytes: nothing, batch: undefined };
    if (batch === this.#open) this.#open = undefined;
    const bytes = batch.writer.take();
    this.#messages -= batch.messages;
    this.#bytes -= bytes.length;
    batch.messages = 0;
    return { bytes, batch };
  }

  /** Takes back the buffers of a batch that is written. */
  recycle({ batch }: OutgoingBatch): void {
    this.#spare = batch;
  }

  /** Changes the limit for messages that are pushed from now on. */
  setMaxFrame(maxFrame: number): void {
    this.#maxFrame = maxFrame;
  }

  /** Empties the queue into `each`, in order. The payloads may be kept. */
  drain(each: (payload: Uint8Array) => void): void {
    const batches = this.#sealed;
    if (this.#open !== undefined) batches.push(this.#open);
    this.#sealed = [];
    this.#open = undefined;
    this.#spare = undefined;
    this.#messages = 0;
    this.#bytes = 0;
    for (const { writer } of batches) {
      const bytes = writer.take();
      for (let at = 0; at < bytes.length;) {
        const end = at + HEADER_BYTES - 1 + frameLength(bytes, at);
        each(bytes.subarray(at + HEADER_BYTES, end));
        at = end;
      }
    }
  }

  #begin(): Batch {
    // No limit in the writer: it was checked, and may change while the batch is open.
    const batch = this.#spare ?? { writer: new FrameWriter(0xffff_ffff), messages: 0 };
    this.#spare = undefined;
    this.#open = batch;
    return batch;
  }
}

/** A batch that is being written. */
export interface OutgoingBatch {
  readonly bytes: Uint8Array;
  /** For the outbox only. */
  readonly batch: Batch | undefined;
}

function frameLength(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>>
    0;
}
