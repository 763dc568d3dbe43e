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
import { Outbox, type OutgoingBatch } from "./outbox.ts";

/** Why a message was not taken. */
export type SendRefusal = "queueFull" | "tooLarge" | "disconnected";

/** Who is told what a connection does. */
export interface ConnectionOwner {
  /** A frame that is not the connection's own. The bytes are valid during the call only. */
  onFrame(type: number, bytes: Uint8Array, start: number, end: number): void;
  /** Called once. */
  onClosed(reason: string): void;
  /** A message was taken and never written; called after `onClosed`, in order. */
  onUnsent(payload: Uint8Array): void;
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
  readonly #outbox: Outbox;
  #batch: OutgoingBatch | undefined;
  readonly #credit = new Uint8Array(8);
  readonly #creditView = new DataView(this.#credit.buffer);
  #peerWindow = 0;
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
  /** At most one is owed, however many pings came. */
  #pongDue = false;
  #timer: Timer | undefined;

  /** Takes the link over. */
  constructor(link: Link, clock: Clock, limits: TransportLimits, owner: ConnectionOwner) {
    this.#link = link;
    this.#clock = clock;
    this.#limits = limits;
    this.#owner = owner;
    this.#outbox = new Outbox(limits);
    this.#lastHeard = clock.now();
    this.#reader = new FrameReader(maxHandshakeFrame, (type, bytes, start, end) => {
      this.#onFrame(type, bytes, start, end);
    });
    link.onData = (chunk) => this.#onData(chunk);
    link.onClose = (error) => this.#onLinkClosed(error);
  }

  /** The handshake is done: messages may pass, frames may be as large as both allow. */
  open(agreed: { maxFrame: number; window: number }): void {
    const maxFrame = Math.min(agreed.maxFrame, this.#limits.maxFrame);
    this.#peerWindow = agreed.window;
    this.#reader.setMaxFrame(maxFrame);
    this.#outbox.setMaxFrame(maxFrame);
    this.#keepAlive();
    this.#scheduleFlush();
  }

  /** Sends a message, which is copied. Answers why not, if not. */
  send(payload: Uint8Array): SendRefusal | undefined {
    if (this.#closing !== undefined || this.#closed) return "disconnected";
    const refused = this.#outbox.push(payload);
    if (refused !== undefined) return refused;
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

  /**
   * Ends at once, but tells the peer why if its link takes a write now. Nothing more is read from
   * the peer, and nothing that waits is sent to it.
   */
  expel(reason: string): void {
    if (this.#closed) return;
    if (this.#writing) return this.destroy(reason);
    this.#reader.stop();
    this.#end(reason);
  }

  /** Ends at once. */
  destroy(reason: string): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#timer?.cancel();
    this.#reader.stop();
    this.#link.destroy();
    this.#finish(reason);
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
    if (this.#closed) return;
    this.#owner.onSignOfLife();
    if (this.#creditDue) this.#scheduleFlush();
  }

  #onFrame(type: number, bytes: Uint8Array, start: number, end: number): void {
    switch (type) {
      case FrameType.message:
        this.#consumed += end - start + HEADER_BYTES;
        return this.#owner.onFrame(type, bytes, start, end);
      case FrameType.credit:
        return this.#onCredit(bytes, start, end);
      case FrameType.ping:
        this.#pongDue = true;
        return this.#scheduleFlush();
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

  get #creditDue(): boolean {
    return this.#consumed - this.#credited >= this.#limits.window / 4;
  }

  /** Made when they can be written: a peer that does not read must not pile them up. */
  #appendAnswers(): void {
    if (this.#creditDue) {
      this.#credited = this.#consumed;
      this.#creditView.setFloat64(0, this.#consumed);
      this.#signals.append(FrameType.credit, this.#credit);
    }
    if (this.#pongDue) this.#signals.append(FrameType.pong, empty);
    this.#pongDue = false;
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
    } else if (this.#closing !== undefined && this.#outbox.messages === 0) {
      this.#end(this.#closing);
    }
  };

  #nextBytes(): Uint8Array {
    this.#appendAnswers();
    if (this.#signals.size > 0) return this.#signals.take();
    if (this.#outbox.messages === 0 || this.#written - this.#acknowledged >= this.#peerWindow) {
      return empty;
    }
    this.#batch = this.#outbox.take();
    const { bytes } = this.#batch;
    this.#written += bytes.length;
    return bytes;
  }

  readonly #onWritten = (): void => {
    this.#writing = false;
    if (this.#batch !== undefined) this.#outbox.recycle(this.#batch);
    this.#batch = undefined;
    this.#flush();
  };

  /** Says why, then ends the stream in order. */
  #end(reason: string): void {
    this.#closed = true;
    this.#timer?.cancel();
    const goodbye = new FrameWriter();
    goodbye.append(FrameType.close, encodeRefusal({ code: "close", reason }));
    // The peer may not read any more: then the link must not stay for ever.
    const deadline = this.#clock.schedule(this.#limits.closeTimeout, () => this.#link.destroy());
    this.#timer = deadline;
    this.#link.write(goodbye.take(), () => {
      deadline.cancel();
      this.#link.close();
    });
    this.#finish(reason);
  }

  #onLinkClosed(error?: Error): void {
    this.#timer?.cancel();
    if (this.#closed) return;
    this.#closed = true;
    const cut = this.#reader.pendingBytes > 0 ? "the connection was cut in mid-frame" : undefined;
    this.#finish(cut ?? error?.message ?? "the peer hung up");
  }

  /** Nothing that was taken is lost in silence. */
  #finish(reason: string): void {
    this.#owner.onClosed(reason);
    this.#outbox.drain((payload) => this.#owner.onUnsent(payload));
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
