/** Usual size of a segment: larger writes move no more bytes a second. */
export const segmentSize = 65_536;

/** The first of a connection: most connections never have much to say. */
export const firstSegmentSize = 4_096;

/** A stretch of the frames that go out on one connection. */
export class Segment {
  readonly buffer: Uint8Array;
  /** Bytes of all segments before this one. */
  base: number;
  /** How much of the buffer is in use, and how much was written to the link. */
  filled = 0;
  taken = 0;
  /** Messages that were not yet written. */
  messages = 0;
  /** Whether one write takes one frame, as for a large message, or all there is. */
  readonly byFrame: boolean;

  constructor(size: number, base: number, byFrame = false) {
    this.buffer = new Uint8Array(size);
    this.base = base;
    this.byFrame = byFrame;
  }

  /** Bytes of all segments up to this one's end. */
  get end(): number {
    return this.base + this.filled;
  }
}
