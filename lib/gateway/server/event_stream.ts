import type { CloseReason } from "../protocol/close_codes.ts";
import type { ClientConnection } from "./gateway_socket.ts";

/** What a stream takes of its gateway. */
export interface EventStreamEvents {
  /** The client has all up to this number, or is taken to. */
  readonly onReceived: (number: number) => void;
  /** `reason`: that of this end; undefined: the client has gone. */
  readonly onClosed: (reason: CloseReason | undefined) => void;
}

/** Bounds of a stream. */
export interface EventStreamLimits {
  /** Messages that were written and are kept for a client that comes back. */
  readonly messages: number;
  /** The same in UTF-16 code units. */
  readonly bytes: number;
  /** Milliseconds that a message may wait for a client that reads nothing. */
  readonly slowAfter: number;
  /** Whether there is room to keep what was written. */
  readonly mayKeep: () => boolean;
}

/** Milliseconds without an event after which a comment shows that the stream is alive. */
const aliveAfter = 15_000;
/** Before a browser connects again, milliseconds. */
const retryAfter = 1_000;
/** UTF-16 code units that are written at once, and no more than half of the messages that are kept. */
const maxChunk = 65_536;

/** The numbered frames with the one subscription of a stream, whose id is 1. */
const numbered = /^\[(\d+),\d+,\{"type":"(\w+)","id":1,/;

/** Names the last message that a client has: the session, its secret, and the number. */
export interface EventId {
  readonly session: string;
  readonly secret: string;
  readonly received: number;
}

/** The id of a client that comes back; undefined: none, or not one of ours. */
export function eventIdOf(text: string | null): EventId | undefined {
  const [, session, secret, number] = /^(\w{1,64})\.(\w{1,64})\.(\d{1,15})$/.exec(text ?? "") ?? [];
  if (session === undefined || secret === undefined) return undefined;
  return { session, secret, received: Number(number) };
}

/**
 * A connection of a client that only reads, as server-sent events (the standard of WHATWG). Such a client
 * acknowledges nothing: what was written is kept, within bounds, and the id of the last event that it has
 * says where to go on. Nothing is written that the client does not read.
 */
export class EventStream implements ClientConnection {
  /** The body of the response. */
  readonly body: ReadableStream<Uint8Array>;
  readonly #ticket: string;
  readonly #limits: EventStreamLimits;
  readonly #events: EventStreamEvents;
  readonly #batch: number;
  readonly #encoder = new TextEncoder();
  #controller!: ReadableStreamDefaultController<Uint8Array>;
  /** Events that are not written yet, with their numbers; 0: none. */
  #waiting: { readonly number: number; readonly text: string }[] = [];
  /** Those that were written and are kept. */
  #kept: { readonly number: number; readonly length: number }[] = [];
  #keptBytes = 0;
  #isWanted = false;
  #isOver = false;
  /** When something was written last, and since when something waits. */
  #changedAt: number;

  /** `lost`: the session that the client has named does not go on. */
  constructor(
    { session, secret, received }: EventId,
    lost: boolean,
    limits: EventStreamLimits,
    events: EventStreamEvents,
    now: number,
  ) {
    this.#ticket = `${session}.${secret}`;
    this.#limits = limits;
    this.#events = events;
    this.#batch = Math.max(1, Math.min(32, limits.messages >> 1));
    this.#changedAt = now;
    // An id without data is no event, and is the last id all the same.
    const start = `retry: ${retryAfter}\nid: ${this.#ticket}.${received}\n\n`;
    this.#waiting.push({ number: 0, text: start });
    if (lost) {
      const gap = 'data: {"type":"gap","missed":0,"reason":"sessionLost"}\n\n';
      this.#waiting.push({ number: 0, text: gap });
    }
    this.body = new ReadableStream({
      start: (controller) => void (this.#controller = controller),
      pull: () => {
        this.#isWanted = true;
        this.#write();
      },
      cancel: () => this.#end(undefined),
    }, { highWaterMark: 0 });
  }

  send(frames: readonly string[], now: number): void {
    if (this.#isOver) return;
    if (this.#waiting.length === 0) this.#changedAt = now;
    for (const frame of frames) {
      const [head, number, type] = numbered.exec(frame) ?? [];
      // An acknowledgement, of the one frame that stands for the request.
      if (head === undefined) continue;
      const data = `{"type":"${type}",${frame.slice(head.length, -1)}`;
      const text = `id: ${this.#ticket}.${number}\ndata: ${data}\n\n`;
      this.#waiting.push({ number: Number(number), text });
    }
    this.#write();
  }

  close(reason: CloseReason): void {
    if (this.#isOver) return;
    try {
      // A client that does not read would never come to the end of the stream.
      if (reason === "slowClient") this.#controller.error(new Error(reason));
      else this.#controller.close();
    } catch {
      // The client has gone.
    }
    this.#end(reason);
  }

  /** To be called about once a second. */
  tick(now: number): void {
    const since = now - this.#changedAt;
    if (this.#waiting.length > 0 && since >= this.#limits.slowAfter) {
      return this.close("slowClient");
    }
    if (this.#waiting.length === 0 && since >= aliveAfter) {
      this.#waiting.push({ number: 0, text: ": alive\n\n" });
      this.#changedAt = now;
      this.#write();
    }
    this.#acknowledge();
  }

  #write(): void {
    if (!this.#isWanted || this.#isOver || this.#waiting.length === 0) return;
    let chunk = "";
    let count = 0;
    for (const { number, text } of this.#waiting) {
      const isFull = chunk.length + text.length > maxChunk || count >= this.#limits.messages >> 1;
      if (count > 0 && isFull) break;
      chunk += text;
      count++;
      if (number === 0) continue;
      this.#kept.push({ number, length: text.length });
      this.#keptBytes += text.length;
    }
    this.#waiting.splice(0, count);
    this.#isWanted = false;
    this.#controller.enqueue(this.#encoder.encode(chunk));
    this.#acknowledge();
  }

  /** Several at a time: more than a client of a WebSocket may acknowledge is refused. */
  #acknowledge(): void {
    const { mayKeep, ...limits } = this.#limits;
    const { messages, bytes } = mayKeep() ? limits : { messages: 0, bytes: 0 };
    const isDue = this.#kept.length >= messages + this.#batch || this.#keptBytes > bytes;
    if (!isDue) return;
    let received = 0;
    while (this.#kept.length > messages || this.#keptBytes > bytes) {
      const { number, length } = this.#kept.shift()!;
      this.#keptBytes -= length;
      received = number;
    }
    this.#events.onReceived(received);
  }

  #end(reason: CloseReason | undefined): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#waiting = [];
    this.#events.onClosed(reason);
  }
}
