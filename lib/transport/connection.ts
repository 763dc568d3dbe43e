/**
 * One connection: frames over a link, with coalesced writes, a window of unacknowledged bytes and
 * bounded queues. Does not know who is at the other end.
 *
 * @module
 */
import type { Clock, Timer } from "../runtime/clock.ts";
import type { Link } from "../runtime/network.ts";
import { WireError } from "../wire/errors.ts";
import { FrameType, HEADER_BYTES } from "../wire/frame.ts";
import { FrameReader } from "../wire/frame_reader.ts";
import { FrameWriter } from "../wire/frame_writer.ts";
import { decodeRefusal, encodeRefusal, maxHandshakeFrame } from "./handshake.ts";
import type { TransportLimits } from "./limits.ts";

/** Why a message was not taken. */
export type SendRefusal = "queueFull" | "tooLarge" | "disconnected";

/** Who is told what a connection does. */
export interface ConnectionOwner {
  /** A frame that is not the connection's own. The bytes are valid during the call only. */
  onFrame(type: number, bytes: Uint8Array, start: number, end: number): void;
  /** Called once. */
  onClosed(reason: string): void;
  /** Something has arrived. */
  onSignOfLife(): void;
}

const empty = new Uint8Array(0);

/** See the module's text. */
export class Connection {
  readonly #link: Link;
  readonly #clock: Clock;
  readonly #limits: TransportLimits;
  readonly #owner: ConnectionOwner;
  readonly #reader: FrameReader;
  /** Credit, keep-alive and handshake: never behind messages. */
  readonly #signals = new FrameWriter();
  readonly #messages = new FrameWriter();
  readonly #credit = new Uint8Array(8);
  readonly #creditView = new DataView(this.#credit.buffer);
  #maxFrame = maxHandshakeFrame;
  #peerWindow = 0;
  #queued = 0;
  /** Bytes of messages that were written and that the peer has read, since the beginning. */
  #written = 0;
  #acknowledged = 0;
  #consumed = 0;
  #credited = 0;
  #writing = false;
  #flushing = false;
  #closing: string | undefined;
  #closed = false;
  #lastHeard: number;
  #probed = false;
  #timer: Timer | undefined;

  /** Takes the link over. */
  constructor(link: Link, clock: Clock, limits: TransportLimits, owner: ConnectionOwner) {
    this.#link = link;
    this.#clock = clock;
    this.#limits = limits;
    this.#owner = owner;
    this.#lastHeard = clock.now();
    this.#reader = new FrameReader(maxHandshakeFrame, (type, bytes, start, end) => {
      this.#onFrame(type, bytes, start, end);
    });
    link.onData = (chunk) => this.#onData(chunk);
    link.onClose = (error) => this.#onLinkClosed(error);
  }

  /** The handshake is done: messages may pass, frames may be as large as both allow. */
  open(agreed: { maxFrame: number; window: number }): void {
    this.#maxFrame = Math.min(agreed.maxFrame, this.#limits.maxFrame);
    this.#peerWindow = agreed.window;
    this.#reader.setMaxFrame(this.#maxFrame);
    this.#messages.setMaxFrame(this.#maxFrame);
    this.#keepAlive();
    this.#scheduleFlush();
  }

  /** Sends a message, which is copied. Answers why not, if not. */
  send(payload: Uint8Array): SendRefusal | undefined {
    if (this.#closing !== undefined || this.#closed) return "disconnected";
    if (payload.length + 1 > this.#maxFrame) return "tooLarge";
    const { maxQueuedBytes, maxQueuedMessages } = this.#limits;
    if (
      this.#messages.size + payload.length > maxQueuedBytes || this.#queued >= maxQueuedMessages
    ) {
      return "queueFull";
    }
    this.#queued++;
    this.#messages.append(FrameType.message, payload);
    if (!this.#flushing) this.#scheduleFlush();
    return undefined;
  }

  /** Sends a frame of the handshake. */
  signal(type: number, payload: Uint8Array = empty): void {
    if (this.#closed) return;
    this.#signals.append(type, payload);
    this.#scheduleFlush();
  }

  /** Sends what is queued and the reason, then ends. */
  close(reason: string): void {
    if (this.#closing !== undefined || this.#closed) return;
    this.#closing = reason;
    this.#timer?.cancel();
    this.#timer = this.#clock.schedule(this.#limits.closeTimeout, () => this.destroy(reason));
    this.#scheduleFlush();
  }

  /** Ends at once. */
  destroy(reason: string): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#timer?.cancel();
    this.#reader.stop();
    this.#link.destroy();
    this.#owner.onClosed(reason);
  }

  #onData(chunk: Uint8Array): void {
    if (this.#closed) return;
    this.#lastHeard = this.#clock.now();
    this.#probed = false;
    try {
      this.#reader.push(chunk);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      return this.destroy(`unreadable frame: ${error.message}`);
    }
    this.#owner.onSignOfLife();
    if (this.#consumed - this.#credited >= this.#limits.window / 4) this.#giveCredit();
  }

  #onFrame(type: number, bytes: Uint8Array, start: number, end: number): void {
    switch (type) {
      case FrameType.message:
        this.#consumed += end - start + HEADER_BYTES;
        return this.#owner.onFrame(type, bytes, start, end);
      case FrameType.credit:
        return this.#onCredit(bytes, start, end);
      case FrameType.ping:
        return this.signal(FrameType.pong);
      case FrameType.pong:
        return;
      case FrameType.close: {
        const { reason } = decodeRefusal(bytes.slice(start, end));
        return this.destroy(`closed by the peer: ${reason}`);
      }
      case FrameType.hello:
      case FrameType.welcome:
      case FrameType.refuse:
        return this.#owner.onFrame(type, bytes, start, end);
      default:
        throw new WireError("unknownFrame", `a frame of type ${type}`, { value: type });
    }
  }

  #onCredit(bytes: Uint8Array, start: number, end: number): void {
    if (end - start !== 8) throw new WireError("malformed", "a credit frame has a wrong length");
    const total = new DataView(bytes.buffer, bytes.byteOffset + start, 8).getFloat64(0);
    // A peer cannot have read what was not written, nor unread what it had.
    if (!(total >= this.#acknowledged && total <= this.#written)) {
      throw new WireError("malformed", `a credit of ${total} bytes`, { value: total });
    }
    this.#acknowledged = total;
    this.#scheduleFlush();
  }

  #giveCredit(): void {
    this.#credited = this.#consumed;
    this.#creditView.setFloat64(0, this.#consumed);
    this.signal(FrameType.credit, this.#credit);
  }

  #scheduleFlush(): void {
    if (this.#flushing || this.#writing || this.#closed) return;
    this.#flushing = true;
    this.#clock.defer(this.#flush);
  }

  readonly #flush = (): void => {
    this.#flushing = false;
    if (this.#writing || this.#closed) return;
    const bytes = this.#nextBytes();
    if (bytes.length > 0) {
      this.#writing = true;
      this.#link.write(bytes, this.#onWritten);
    } else if (this.#closing !== undefined && this.#messages.size === 0) {
      this.#end();
    }
  };

  #nextBytes(): Uint8Array {
    if (this.#signals.size > 0) return this.#signals.take();
    if (this.#messages.size === 0 || this.#written - this.#acknowledged >= this.#peerWindow) {
      return empty;
    }
    const bytes = this.#messages.take();
    this.#written += bytes.length;
    this.#queued = 0;
    return bytes;
  }

  readonly #onWritten = (): void => {
    this.#writing = false;
    this.#flush();
  };

  /** Everything is out: say why, then end the stream in order. */
  #end(): void {
    const reason = this.#closing!;
    this.#closed = true;
    this.#timer?.cancel();
    const goodbye = new FrameWriter();
    goodbye.append(FrameType.close, encodeRefusal({ code: "close", reason }));
    this.#link.write(goodbye.take(), () => this.#link.close());
    this.#owner.onClosed(reason);
  }

  #onLinkClosed(error?: Error): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#timer?.cancel();
    const cut = this.#reader.pendingBytes > 0 ? "the connection was cut in mid-frame" : undefined;
    this.#owner.onClosed(cut ?? error?.message ?? "the peer hung up");
  }

  #keepAlive(): void {
    const { keepAliveInterval, idleTimeout } = this.#limits;
    this.#timer = this.#clock.schedule(keepAliveInterval, () => {
      const silence = this.#clock.now() - this.#lastHeard;
      if (silence >= idleTimeout) return this.destroy(`silent for idleTimeout (${idleTimeout} ms)`);
      if (silence >= keepAliveInterval && !this.#probed) {
        this.#probed = true;
        this.signal(FrameType.ping);
      }
      this.#keepAlive();
    });
  }
}
