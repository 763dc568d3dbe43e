/**
 * One connection: frames over a link, with coalesced writes, a window of unacknowledged bytes and
 * bounded queues. It does not know the identity of the peer.
 *
 * An orderly close reports every message that was not read: each end states how many bytes it has
 * read. When a connection breaks, what was written and not acknowledged may have been read or not,
 * and counts as lost.
 *
 * @module
 */
import type { Clock, Timer } from "../../runtime/clock.ts";
import type { Link } from "../../runtime/network.ts";
import { rules } from "../../runtime/rules.ts";
import type { Codec } from "../../wire/codec.ts";
import { WireError } from "../../wire/errors.ts";
import { FrameType } from "../../wire/frame.ts";
import { FrameReader } from "../../wire/frame_reader.ts";
import { FrameWriter } from "../../wire/frame_writer.ts";
import type { NumberedPaths } from "../../wire/interned_paths.ts";
import type { PeerSerializers } from "../../wire/serializer_registry.ts";
import { type Agreement, decodeRefusal, encodeRefusal, maxHandshakeFrame } from "./handshake.ts";
import { EarlyFlush } from "./early_flush.ts";
import { explainForeignBytes, firstBytes, isTls } from "./foreign_protocol.ts";
import { Inbox } from "./inbox.ts";
import { Liveness } from "./liveness.ts";
import type { TransportLimits } from "../base/limits.ts";
import { endedByFarEnd } from "../base/socket_errors.ts";
import { type ByteAccount, Outbox } from "./outbox.ts";
import type { PartialMessages } from "./partial_messages.ts";
import { type LongRead, type ReadTurns, unlimitedTurns } from "./read_turns.ts";

/** Longest delay before read bytes are acknowledged, milliseconds. */
const creditDelay = 100;

/**
 * A credit goes along with messages if the last one is as old, milliseconds: then it costs no write of
 * its own and no timer. Among many messages it would only cost space.
 */
const creditWithMessagesEvery = 50;
/** Messages that are copied behind a credit, bytes. */
const maxBehindCredit = 4_096;

/** Shortest time between two `onSignOfLife`, milliseconds: data may arrive in 10,000 chunks. */
const signOfLifeEvery = 20;

/** Longest time for the last frame to a peer of another protocol, milliseconds. */
const foreignLinger = 1_000;

/**
 * Bytes of an unfinished frame, or of data that waits for a turn, that are not counted: nearly every
 * chunk of ordinary traffic ends within a frame.
 */
const uncountedBytes = 131_072;

const empty = new Uint8Array(0);
const drainedAlready = Promise.resolve();

/**
 * - `open`: messages pass.
 * - `flushing`: `close` was called; queued messages are still sent, and no more messages are read:
 *   the peer learns that from the last credit, and can send them elsewhere.
 * - `closing`: this end has sent a close frame; only the peer's last credit is of interest.
 * - `closed`: `onClosed` was called.
 */
type Phase = "open" | "flushing" | "closing" | "closed";

/** Why a message was not taken. */
export type SendRefusal = "queueFull" | "tooLarge" | "disconnected" | "notSerializable";

/** How a connection ended. */
export interface ConnectionEnd {
  readonly reason: string;
  /** Stable, where the reason has a code. */
  readonly code?: string;
  /** Whether the peer has broken the protocol. */
  readonly fault: boolean;
  /** Whether the peer's system has closed or reset the connection, without a close frame before. */
  readonly cut: boolean;
}

/** Receives the frames, messages and events of a connection. */
export interface ConnectionOwner {
  /** A frame of the handshake, or any before it is complete. The bytes are valid during the call. */
  onFrame(type: number, bytes: Uint8Array, start: number, end: number): void;
  /**
   * A message. Returns the values that were decoded, or how to read on. The bytes are valid during
   * the call, unless they are `kept`. `arrivedAt`: when its last bytes had arrived, or were read on.
   */
  onMessage(
    bytes: Uint8Array,
    start: number,
    end: number,
    paths: NumberedPaths,
    kept: boolean,
    arrivedAt: number,
  ): number | LongRead | void;
  /** Called once. */
  onClosed(end: ConnectionEnd): void;
  /**
   * A message was taken and is not known to have been read; called after `onClosed`, in order.
   * `maybeRead`: it was written to a peer that has not said how much it has read.
   */
  onUnsent(payload: Uint8Array, maybeRead: boolean): void;
  /** Something has arrived. */
  onSignOfLife(): void;
}

/** See the module's text. */
export class Connection {
  readonly #link: Link;
  readonly #clock: Clock;
  readonly #limits: TransportLimits;
  readonly #owner: ConnectionOwner;
  readonly #partials: PartialMessages | undefined;
  readonly #reader: FrameReader;
  /** Credit, keep-alive and handshake: never behind messages. */
  readonly #signals = new FrameWriter();
  readonly #outbox: Outbox;
  readonly #early = new EarlyFlush();
  readonly #liveness: Liveness;
  #inbox: Inbox;
  /** Bytes of a message that is not whole, and all that is counted as held. */
  #partial = 0;
  #held = 0;
  #turns: ReadTurns = unlimitedTurns;
  /** Since when nothing is read from the link, as another turn comes; -1: it is read. */
  #restingSince = -1;
  readonly #credit = new Uint8Array(8);
  readonly #creditView = new DataView(this.#credit.buffer);
  /** When what is read now has arrived. */
  #arrivedAt = 0;
  /** When `onSignOfLife` was called last. */
  #lastSignOfLife = -Infinity;
  #opened = false;
  /** The first bytes of the peer, to tell which protocol it speaks. */
  #first: Uint8Array = empty;
  #peerWindow = 0;
  #phase: Phase = "open";
  #writing = false;
  #flushing = false;
  #reason = "";
  /** Whether the peer has sent its last credit: unacknowledged bytes were not read. */
  #exact = false;
  /** At most one pong is pending, regardless of the number of pings. */
  #pongDue = false;
  /** Whether `creditDelay` has passed since something was read that is not acknowledged. */
  #creditLate = false;
  /** When the last credit was sent. */
  #creditedAt = -Infinity;
  #timer: Timer | undefined;
  #creditTimer: Timer | undefined;
  #drained: PromiseWithResolvers<void> | undefined;

  /** Takes over the link. `partials`: unfinished messages of this and other connections. */
  constructor(
    link: Link,
    clock: Clock,
    limits: TransportLimits,
    owner: ConnectionOwner,
    partials?: PartialMessages,
  ) {
    this.#partials = partials;
    this.#link = link;
    this.#clock = clock;
    this.#limits = limits;
    this.#owner = owner;
    this.#outbox = new Outbox(limits);
    this.#inbox = this.#newInbox(limits);
    this.#liveness = new Liveness(limits, clock.now());
    this.#reader = new FrameReader(maxHandshakeFrame, (type, bytes, start, end, kept) => {
      this.#onFrame(type, bytes, start, end, kept);
    });
    link.onData = (chunk) => this.#onData(chunk);
    link.onClose = (error) => this.#onLinkClosed(error);
  }

  /** The handshake is complete: messages may pass, within what both ends have agreed on. */
  open(agreed: Agreement, turns: ReadTurns = unlimitedTurns): void {
    this.#turns = turns;
    const limits = { ...this.#limits, ...agreed };
    this.#opened = true;
    this.#peerWindow = agreed.window;
    this.#reader.setMaxFrame(agreed.maxFrame);
    this.#outbox.agree(limits);
    this.#inbox = this.#newInbox(limits);
    this.#watch();
    this.#scheduleFlush();
  }

  /** Counts what waits for the peer for an account, too. To be called before the first message. */
  chargeTo(account: ByteAccount): void {
    this.#outbox.chargeTo(account);
  }

  /** Messages that wait to be written. */
  get messages(): number {
    return this.#outbox.messages;
  }

  /** Bytes that wait to be written. */
  get bytes(): number {
    return this.#outbox.bytes;
  }

  /** Sends a message, which is copied. Answers why not, if not. See `Outbox.push` for `path`. */
  send(payload: Uint8Array, path?: string, given?: boolean): SendRefusal | undefined {
    if (this.#phase !== "open") return "disconnected";
    const refused = this.#outbox.push(payload, path, given);
    if (refused !== undefined) return refused;
    this.#onQueued();
    return undefined;
  }

  /** Encodes and sends a message. See {@linkcode Outbox.encode}; false if the connection has ended. */
  encode(
    codec: Codec,
    path: string,
    uid: number,
    message: unknown,
    numbered: boolean,
    peer: PeerSerializers | undefined,
    remaining: number | undefined,
  ): boolean | Uint8Array {
    if (this.#phase !== "open" || !this.#opened) return false;
    const encoded = this.#outbox.encode(codec, path, uid, message, numbered, peer, remaining);
    if (encoded === true) this.#onQueued();
    return encoded;
  }

  #onQueued(): void {
    if (!this.#flushing) this.#scheduleFlush();
    else if (this.#early.isDue(this.#outbox.messages, this.#outbox.bytes)) this.#flushEarly();
  }

  /** Resolves when the queue is less than half full, or when the connection has ended. */
  drained(): Promise<void> {
    if (this.#phase !== "open" || !this.#outbox.crowded) return drainedAlready;
    this.#drained ??= Promise.withResolvers();
    return this.#drained.promise;
  }

  /** Sends a frame of the handshake. */
  signal(type: number, payload: Uint8Array = empty): void {
    if (this.#phase === "closed") return;
    this.#signals.append(type, payload);
    this.#scheduleFlush();
  }

  /** Flushes the queue, sends the reason, and ends. */
  close(reason: string): void {
    if (this.#phase !== "open") return;
    this.#phase = "flushing";
    this.#reason = reason;
    this.#timer?.cancel();
    this.#timer = this.#clock.schedule(this.#limits.closeTimeout, () => this.destroy(reason));
    this.#scheduleFlush();
  }

  /** Flushes the queue; the peer must close the connection within `closeTimeout`. */
  retire(reason: string): void {
    if (this.#phase !== "open") return;
    this.#timer?.cancel();
    this.#timer = this.#clock.schedule(this.#limits.closeTimeout, () => this.destroy(reason));
  }

  /**
   * Ends at once, and sends the reason if the link takes a write now. Nothing more is read from the
   * peer, and nothing that is queued is sent.
   */
  closeNow(reason: string): void {
    if (this.#phase === "closed") return;
    if (this.#writing || this.#phase === "closing") return this.destroy(reason);
    this.#writeCloseFrame(reason);
    this.#closeLink();
    this.#finish(reason);
  }

  /** Ends at once. `fault`: because the peer has broken the protocol. `code`: of the reason. */
  destroy(reason: string, fault = false, code?: string): void {
    if (this.#phase === "closed") return;
    this.#stopTimers();
    this.#reader.stop();
    this.#link.destroy();
    this.#finish(reason, fault, false, code);
  }

  #onData(chunk: Uint8Array): void {
    if (this.#phase === "closed") return;
    if (!this.#opened && this.#first.length === 0) this.#first = chunk.slice(0, firstBytes);
    const now = this.#clock.now();
    this.#liveness.heard(now);
    if (this.#restingSince >= 0) {
      this.#reader.push(chunk); // It is kept.
      return this.#hold();
    }
    if (!this.#turns.begin(now)) this.#reader.halt();
    this.#read(now, chunk);
    if (this.#reader.halted) this.#rest();
  }

  /** Whether a message is decoded in part. */
  get inMessage(): boolean {
    return this.#inbox.inMessage;
  }

  /** Reads on, in another turn. */
  proceed(): void {
    if (this.#phase === "closed") return;
    const now = this.#clock.now();
    this.#noteRest(now);
    this.#read(now, undefined);
    // What was read may have ended the connection.
    if ((this.#phase as Phase) === "closed") return;
    if (this.#reader.halted) return this.#turns.wait(this);
    this.#restingSince = -1;
    this.#link.resume();
  }

  #readOn(): void {
    // What this end could not answer any more counts as not read.
    if (this.#phase === "open" && !this.#inbox.proceed()) return this.#reader.halt();
    this.#reader.proceed();
  }

  /** Reads nothing until the next turn; what has arrived is kept, and the link holds the rest. */
  #rest(): void {
    if (this.#phase === "closed") return;
    this.#restingSince = this.#clock.now();
    this.#link.pause();
    this.#turns.wait(this);
  }

  /** The peer is not to blame for the time in which this end has not read. */
  #noteRest(now: number): void {
    if (this.#restingSince < 0) return;
    this.#liveness.rested(this.#restingSince, now);
    this.#restingSince = now;
  }

  /** Reads a chunk that has arrived, or on in what is kept. */
  #read(now: number, chunk: Uint8Array | undefined): void {
    this.#arrivedAt = now;
    try {
      if (chunk !== undefined) this.#reader.push(chunk);
      else this.#readOn();
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      if (this.#opened) return this.destroy(`unreadable frame: ${error.message}`, true);
      // Bytes of another protocol read as an absurd length.
      const why = error.message.split("; ")[0]!;
      return this.#rejectForeign(explainForeignBytes(this.#first, why));
    }
    this.#hold();
    // A callback of the reader may have ended the connection.
    if ((this.#phase as Phase) === "closed") return;
    if (now >= this.#lastSignOfLife + signOfLifeEvery) {
      this.#lastSignOfLife = now;
      this.#owner.onSignOfLife();
    }
    if (this.#inbox.creditDue) this.#scheduleFlush();
    else if (this.#creditTimer === undefined && this.#inbox.creditOwed) {
      this.#creditTimer = this.#clock.schedule(creditDelay, this.#onCreditTimer);
    }
  }

  /**
   * The peer speaks another protocol. If that is TLS, it is sent a close frame all the same: a dialling
   * end knows by these bytes that this one does not speak TLS.
   */
  #rejectForeign(reason: string): void {
    this.#stopTimers();
    this.#reader.stop();
    this.#phase = "closed";
    if (this.#writing || !isTls(this.#first)) this.#link.destroy();
    else {
      this.#signals.append(FrameType.close, encodeRefusal({ code: "close", reason }));
      this.#timer = this.#clock.schedule(foreignLinger, () => this.#link.destroy());
      this.#link.write(this.#signals.take(), () => {
        this.#timer?.cancel();
        this.#link.destroy();
      });
    }
    this.#finish(reason, true, false, "notCasty");
  }

  #onFrame(type: number, bytes: Uint8Array, start: number, end: number, kept: boolean): void {
    switch (type) {
      case FrameType.message:
      case FrameType.chunk:
      case FrameType.compressed:
        // What this end could not answer any more counts as not read.
        if (this.#phase !== "open") return;
        // Do not buffer chunks before the handshake completes.
        if (!this.#opened) return this.#owner.onFrame(type, bytes, start, end);
        if (!this.#inbox.push(type, bytes, start, end, kept)) this.#reader.halt();
        return;
      case FrameType.credit:
        return this.#onCredit(bytes, start, end);
      case FrameType.ping:
        this.#pongDue = true;
        return this.#scheduleFlush();
      case FrameType.pong:
        return;
      case FrameType.close:
        return this.#onCloseFrame(decodeRefusal(bytes.slice(start, end)).reason);
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
    const before = this.#outbox.unacknowledged;
    if (!this.#outbox.acknowledge(total)) {
      throw new WireError("malformed", `a credit of ${total} bytes`, { value: total });
    }
    const rest = this.#outbox.unacknowledged;
    // The same credit again is no progress.
    if (rest < before) {
      const now = this.#clock.now();
      this.#liveness.acknowledged(now, rest > 0);
      this.#liveness.progress();
      if (this.#writing) this.#liveness.stuck(now);
    }
    if (this.#phase !== "closing") return this.#scheduleFlush();
    if (this.#outbox.unacknowledged > 0) return;
    this.#closeLink();
    this.#finish(this.#reason);
  }

  readonly #onCreditTimer = (): void => {
    this.#creditTimer = undefined;
    this.#creditLate = true;
    this.#scheduleFlush();
  };

  #appendCredit(): void {
    this.#creditLate = false;
    this.#creditedAt = this.#clock.now();
    this.#creditView.setFloat64(0, this.#inbox.takeCredit());
    this.#signals.append(FrameType.credit, this.#credit);
  }

  /** Made when they can be written, so that a peer that does not read does not accumulate them. */
  #appendAnswers(): void {
    if (this.#inbox.creditDue || (this.#creditLate && this.#inbox.creditOwed)) this.#appendCredit();
    if (this.#pongDue) this.#signals.append(FrameType.pong, empty);
    this.#pongDue = false;
  }

  #scheduleFlush(): void {
    if (this.#flushing || this.#writing || this.#phase === "closed") return;
    this.#flushing = true;
    this.#clock.defer(this.#endTurn);
  }

  /** The flush at the end of the turn stays scheduled. */
  #flushEarly(): void {
    const before = this.#outbox.messages;
    this.#flush();
    this.#early.took(before - this.#outbox.messages);
    this.#flushing = true;
  }

  readonly #endTurn = (): void => {
    this.#early.endTurn(this.#outbox.messages);
    this.#flush();
  };

  readonly #flush = (): void => {
    this.#flushing = false;
    if (this.#writing || this.#phase === "closed" || this.#phase === "closing") return;
    const bytes = this.#nextBytes();
    if (bytes.length > 0) {
      this.#writing = true;
      this.#liveness.stuck(this.#clock.now());
      this.#link.write(bytes, this.#onWritten);
    } else if (this.#phase === "flushing" && this.#outbox.messages === 0) {
      this.#sendClose();
    }
  };

  #nextBytes(): Uint8Array {
    this.#appendAnswers();
    if (this.#signals.size > 0) return this.#signals.take();
    const outbox = this.#outbox;
    if (outbox.messages === 0) return empty;
    if (outbox.unacknowledged >= this.#peerWindow) {
      this.#liveness.windowFull(this.#clock.now());
      return empty;
    }
    const bytes = outbox.take();
    const now = this.#clock.now();
    this.#liveness.owes(now);
    if (this.#drained !== undefined && !outbox.crowded) this.#resolveDrained();
    return this.#withCredit(bytes, now);
  }

  /** Puts what this end owes before messages that are written anyway. */
  #withCredit(messages: Uint8Array, now: number): Uint8Array {
    if (!this.#inbox.creditOwed || messages.length > maxBehindCredit) return messages;
    if (now < this.#creditedAt + creditWithMessagesEvery) return messages;
    this.#creditTimer?.cancel();
    this.#creditTimer = undefined;
    this.#appendCredit();
    this.#signals.appendFrames(messages);
    return this.#signals.take();
  }

  readonly #onWritten = (): void => {
    this.#writing = false;
    this.#outbox.wrote();
    this.#liveness.progress();
    if (this.#phase === "closed") this.#endLink();
    else this.#flush();
  };

  /** The queue is empty: sends a close frame, and waits for the peer's last credit. */
  #sendClose(): void {
    this.#writeCloseFrame(this.#reason);
    if (this.#outbox.unacknowledged > 0) {
      this.#phase = "closing";
      return;
    }
    this.#closeLink();
    this.#finish(this.#reason);
  }

  /** Precondition: no write is in progress. */
  #writeCloseFrame(reason: string): void {
    if (this.#inbox.creditOwed) this.#appendCredit();
    this.#signals.append(FrameType.close, encodeRefusal({ code: "close", reason }));
    this.#writing = true;
    this.#link.write(this.#signals.take(), this.#onWritten);
  }

  /** The peer reads nothing more, and expects the last credit of this end. */
  #onCloseFrame(reason: string): void {
    this.#exact = true;
    const closing = this.#phase === "closing";
    if (!closing && this.#inbox.creditOwed) this.#appendCredit();
    this.#closeLink();
    const cut = !rules.orderlyCloseIsNotGone;
    this.#finish(closing ? this.#reason : `closed by the peer: ${reason}`, false, cut);
  }

  /** Closes the link after the write in progress and the last signals. */
  #closeLink(): void {
    this.#stopTimers();
    this.#reader.stop();
    // A peer that does not read must not hold the link open.
    this.#timer = this.#clock.schedule(this.#limits.closeTimeout, () => this.#link.destroy());
    this.#phase = "closed";
    if (!this.#writing) this.#endLink();
  }

  #endLink(): void {
    if (this.#signals.size > 0) {
      this.#writing = true;
      return this.#link.write(this.#signals.take(), this.#onWritten);
    }
    this.#timer?.cancel();
    this.#link.close();
  }

  #onLinkClosed(error?: Error): void {
    this.#stopTimers();
    if (this.#phase === "closed") return;
    if (this.#phase === "closing") return this.#finish(this.#reason);
    const inFrame = this.#reader.pendingBytes > 0
      ? "the connection was cut in mid-frame"
      : undefined;
    const reason = inFrame ?? error?.message ?? "the peer closed the connection";
    this.#finish(reason, false, endedByFarEnd(error));
  }

  /** Invariant: each message that `send` took is acknowledged or reported by `onUnsent`. */
  #finish(reason: string, fault = false, cut = false, code?: string): void {
    this.#phase = "closed";
    this.#turns.leave(this);
    this.#partials?.hold(this, 0);
    this.#resolveDrained();
    this.#owner.onClosed({ reason, fault, cut, ...(code !== undefined && { code }) });
    this.#outbox.drain((payload, written) => {
      this.#owner.onUnsent(payload, written && !this.#exact);
    });
  }

  #resolveDrained(): void {
    this.#drained?.resolve();
    this.#drained = undefined;
  }

  #stopTimers(): void {
    this.#timer?.cancel();
    this.#creditTimer?.cancel();
  }

  #newInbox(limits: TransportLimits & Pick<Agreement, "isClient">): Inbox {
    return new Inbox(
      limits,
      this.#turns,
      (bytes, start, end, kept) =>
        this.#owner.onMessage(bytes, start, end, this.#inbox.paths, kept, this.#arrivedAt),
      (bytes) => {
        this.#partial = bytes;
        this.#hold();
      },
    );
  }

  /** Counts what is buffered of messages that are not whole. */
  #hold(): void {
    const { held } = this.#reader;
    // Not the sum: one message of the largest size must always fit.
    const bytes = Math.max(this.#partial, held > uncountedBytes ? held : 0);
    if (bytes === this.#held || this.#phase === "closed") return;
    this.#held = bytes;
    this.#partials?.hold(this, bytes);
  }

  #watch(): void {
    const now = this.#clock.now();
    this.#noteRest(now);
    const verdict = this.#liveness.judge(now);
    if (verdict.type === "end") return this.destroy(verdict.reason);
    if (verdict.type === "probe") this.signal(FrameType.ping);
    this.#timer = this.#clock.schedule(verdict.delay, () => this.#watch());
  }
}
