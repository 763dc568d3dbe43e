/** How much a link may have under way, without an acknowledgement of the other end. */
export interface LinkWindow {
  /** Bodies, 1 or more. */
  readonly messages: number;
  /** UTF-16 code units of their text. A single body may be longer: it then travels alone. */
  readonly bytes: number;
}

/** A body that was given to a link. */
export interface LinkEntry {
  /** The body, as JSON. */
  readonly body: string;
  /** Whether a connection has ever been given it: the other end may have it. */
  readonly isSent: boolean;
}

interface Entry {
  readonly body: string;
  isSent: boolean;
  /** When the present connection was given it. */
  sentAt: number;
}

/** What a link does with a numbered frame of the other end. */
export type Arrival = "new" | "duplicate" | "outOfOrder";

/** Acknowledgements are sent at the latest when so many bodies were received without one. */
const acknowledgeEvery = 32;

/**
 * One end of a session, that outlives its connections: numbers what it sends, keeps it until the other
 * end has acknowledged it, and passes on what it receives once and in order.
 *
 * Invariant: 0 <= acknowledged <= written <= sent, and every entry in (acknowledged, sent] is kept.
 */
export class SessionLink {
  readonly #window: LinkWindow;
  /** Bodies without a number: the window is full, or there is no connection. */
  #waiting: Entry[] = [];
  #waitingBytes = 0;
  /** Bodies with the numbers from `#acknowledged + 1` on. */
  #unacknowledged: Entry[] = [];
  #unacknowledgedBytes = 0;
  #acknowledged = 0;
  /** The number up to which the present connection was given all. */
  #written = 0;
  #received = 0;
  /** The number up to which the other end was told that we have received all. */
  #told = 0;

  constructor(window: LinkWindow) {
    this.#window = window;
  }

  /** The number of the latest body of the other end. */
  get received(): number {
    return this.#received;
  }

  /** The number up to which the other end has acknowledged all. */
  get acknowledged(): number {
    return this.#acknowledged;
  }

  /** Bodies that the other end has not acknowledged, sent or not. */
  get size(): number {
    return this.#waiting.length + this.#unacknowledged.length;
  }

  /** UTF-16 code units of them. */
  get bytes(): number {
    return this.#waitingBytes + this.#unacknowledgedBytes;
  }

  /** Whether less is kept than the window allows. */
  get hasRoom(): boolean {
    return this.size < this.#window.messages && this.bytes < this.#window.bytes;
  }

  /** When the oldest body was sent that is not acknowledged; undefined: none. */
  get oldestSentAt(): number | undefined {
    const [oldest] = this.#unacknowledged;
    return oldest === undefined || this.#written === this.#acknowledged ? undefined : oldest.sentAt;
  }

  /** Whether the other end should be told what was received. */
  get owesAcknowledgement(): boolean {
    return this.#received > this.#told;
  }

  /** Whether it should be told at once, because its window may be running out. */
  get owesAcknowledgementNow(): boolean {
    return this.#received - this.#told >= acknowledgeEvery;
  }

  /** Adds a body, to be sent in its turn. */
  push(body: string): LinkEntry {
    const entry = { body, isSent: false, sentAt: 0 };
    this.#waiting.push(entry);
    this.#waitingBytes += body.length;
    return entry;
  }

  /** Takes back a body that was never sent. False: it was, or is not known. */
  cancel(entry: LinkEntry): boolean {
    const index = entry.isSent ? -1 : this.#waiting.indexOf(entry as Entry);
    if (index < 0) return false;
    this.#waiting.splice(index, 1);
    this.#waitingBytes -= entry.body.length;
    return true;
  }

  /**
   * The frames to write to the present connection now. Each carries the number of the latest body that
   * was received.
   */
  take(now: number): string[] {
    const frames: string[] = [];
    while (this.#written - this.#acknowledged < this.#unacknowledged.length) {
      const entry = this.#unacknowledged[this.#written - this.#acknowledged]!;
      entry.sentAt = now;
      this.#written++;
      frames.push(this.#frame(this.#written, entry.body));
    }
    while (this.#waiting.length > 0 && this.#fits(this.#waiting[0]!)) {
      const entry = this.#waiting.shift()!;
      this.#waitingBytes -= entry.body.length;
      entry.isSent = true;
      entry.sentAt = now;
      this.#unacknowledged.push(entry);
      this.#unacknowledgedBytes += entry.body.length;
      this.#written++;
      frames.push(this.#frame(this.#written, entry.body));
    }
    if (frames.length > 0) this.#told = this.#received;
    return frames;
  }

  /** The number to acknowledge in a frame of its own. */
  acknowledge(): number {
    return this.#told = this.#received;
  }

  /**
   * A connection has replaced the one before, and the other end has received all up to `received`. The
   * rest is sent again. False: it cannot have.
   */
  resume(received: number): boolean {
    if (!this.onAcknowledged(received)) return false;
    this.#written = this.#acknowledged;
    return true;
  }

  /** The other end has received all up to `received`. False: it cannot have. */
  onAcknowledged(received: number): boolean {
    const sent = this.#acknowledged + this.#unacknowledged.length;
    if (!Number.isSafeInteger(received) || received < 0 || received > sent) return false;
    const count = received - this.#acknowledged;
    // Late news of an earlier connection.
    if (count <= 0) return true;
    for (const { body } of this.#unacknowledged.splice(0, count)) {
      this.#unacknowledgedBytes -= body.length;
    }
    this.#acknowledged = received;
    this.#written = Math.max(this.#written, received);
    return true;
  }

  /** A body of the other end has come. Only a new one is passed on. */
  onReceived(number: number): Arrival {
    if (number <= this.#received) return "duplicate";
    if (number !== this.#received + 1) return "outOfOrder";
    this.#received = number;
    return "new";
  }

  #fits({ body }: Entry): boolean {
    const { messages, bytes } = this.#window;
    if (this.#unacknowledged.length === 0) return true;
    return this.#unacknowledged.length < messages &&
      this.#unacknowledgedBytes + body.length <= bytes;
  }

  /** The body is JSON already, so that a message for many sessions is written as JSON once. */
  #frame(number: number, body: string): string {
    return `[${number},${this.#received},${body}]`;
  }
}
