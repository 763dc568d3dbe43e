import type { Link, PeerIdentity } from "../../lib/runtime/network.ts";
import { FrameReader } from "../../lib/wire/frame_reader.ts";
import { FrameWriter } from "../../lib/wire/frame_writer.ts";

/** A frame as a test looks at it. */
export interface Frame {
  readonly type: number;
  readonly payload: Uint8Array;
}

/** One end of a connection whose far end is the test itself. */
export class FakeLink implements Link {
  readonly remote = "192.0.2.7:40000";
  readonly identity: PeerIdentity;
  onData: (chunk: Uint8Array) => void = () => {};
  onClose: (error?: Error) => void = () => {};
  /** Whether writes are done at once; otherwise `release` finishes the one under way. */
  flowing = true;
  closed = false;
  destroyed = false;
  readonly frames: Frame[] = [];
  /** Sizes of the writes. */
  readonly writes: number[] = [];
  #done: (() => void) | undefined;
  readonly #reader = new FrameReader(2 ** 30, (type, bytes, start, end) => {
    this.frames.push({ type, payload: bytes.slice(start, end) });
  });

  constructor(identity: PeerIdentity = { kind: "plain" }) {
    this.identity = identity;
  }

  write(bytes: Uint8Array, done: () => void): void {
    if (this.#done !== undefined) throw new Error("a write is under way");
    this.writes.push(bytes.length);
    this.#reader.push(bytes);
    this.#done = done;
    if (this.flowing) queueMicrotask(() => this.release());
  }

  /** The write under way is done. */
  release(): void {
    const done = this.#done;
    this.#done = undefined;
    done?.();
  }

  pause(): void {}
  resume(): void {}

  close(): void {
    this.closed = true;
  }

  destroy(): void {
    this.destroyed = true;
    queueMicrotask(() => this.onClose());
  }

  /** What the far end sends. */
  receive(type: number, payload: Uint8Array = new Uint8Array(0)): void {
    const writer = new FrameWriter(2 ** 30);
    writer.append(type, payload);
    this.onData(writer.take());
  }

  /** Payload sizes of the frames of one type. */
  sizes(type: number): number[] {
    return this.frames.filter((frame) => frame.type === type).map(({ payload }) => payload.length);
  }
}
