import type { CloseReason } from "../protocol/close_codes.ts";
import type {
  CallBody,
  ClientBody,
  FailureBody,
  GapReason,
  PublishBody,
  SubscribeBody,
} from "../protocol/frames.ts";
import { parseClientFrame } from "../protocol/parse_frame.ts";
import { type LinkWindow, SessionLink } from "./session_link.ts";

/** Bounds of one session. Times are milliseconds. */
export interface ServerSessionLimits {
  /** What the gateway may have under way to the client, and the client to the gateway. */
  readonly window: LinkWindow;
  /** Longest frame of the client, UTF-16 code units. */
  readonly maxFrame: number;
  /** Topics that it may be subscribed to at once. */
  readonly maxSubscriptions: number;
  /** How long it waits for its client to come back. */
  readonly resumeFor: number;
  /** How long the client may leave a message unacknowledged. */
  readonly slowAfter: number;
}

/** What the principal of a session may do at the moment. */
export interface SessionBudget {
  /** Whether a message of so many bytes is read now; then it is counted. */
  takeMessage(bytes: number, now: number): boolean;
  /** Whether another operation may be called now. */
  mayCall(): boolean;
  /** Another operation is called; who carries it out says when it has ended. */
  startCall(): void;
  /** Whether messages of topics may wait for their client. */
  mayBuffer(): boolean;
}

/** What happens to a session. */
export type ServerSessionEvent =
  /** Its connection has brought a frame. */
  | { readonly type: "text"; readonly text: string }
  /** An operation was answered; `value` is JSON, undefined: there is none. */
  | { readonly type: "reply"; readonly id: number; readonly value: string | undefined }
  /** An operation has failed, or a subscription was refused. */
  | { readonly type: "failure"; readonly failure: Omit<FailureBody, "type"> }
  /** A topic has a message, as JSON. */
  | { readonly type: "message"; readonly id: number; readonly message: string }
  /** A subscription misses messages; 0: it may. */
  | {
    readonly type: "missed";
    readonly id: number;
    readonly count: number;
    readonly reason: GapReason;
  }
  /** Time has passed, or the budget may have room again. */
  | { readonly type: "tick" };

/** What the gateway does for a session. */
export type ServerSessionEffect =
  /** Writes frames to its connection. */
  | { readonly type: "send"; readonly frames: readonly string[] }
  /** Closes its connection; the session stays, unless the reason is final. */
  | { readonly type: "close"; readonly reason: CloseReason }
  | { readonly type: "call"; readonly call: CallBody }
  | { readonly type: "publish"; readonly publish: PublishBody }
  | { readonly type: "subscribe"; readonly subscribe: SubscribeBody }
  | { readonly type: "unsubscribe"; readonly id: number }
  /** It is over: nobody can resume it. */
  | { readonly type: "ended" };

interface Subscription {
  /** Messages that were dropped since the last gap was told. */
  missed: number;
  /** Why a gap is to be told; undefined: none is. */
  reason: GapReason | undefined;
}

/** The heads of a numbered frame: its own number, and what its sender has received. */
const head = /^\[(\d{1,16}),(\d{1,16}),/;

/**
 * Control frames that a client may send in a second besides one for each frame that it was sent: it
 * acknowledges at most each, and asks for a sign of life now and then.
 */
const controlFramesPerSecond = 100;

/**
 * A client's session at a gateway: what was received once is done once, and what is sent arrives once
 * and in order, over any number of connections. Pure: events go in, effects come out.
 *
 * Invariants: a message of a topic is sent, or counted in a gap that is sent in its place. What waits
 * for the client is bounded by the window, and one answer for each operation under way. What the client
 * sends is read only while its budget, its operations and its window have room; it waits unread until
 * then, and the client, which knows the window, waits, too.
 */
export class ServerSession {
  readonly #limits: ServerSessionLimits;
  readonly #budget: SessionBudget;
  readonly #link: SessionLink;
  readonly #calls = new Set<number>();
  readonly #subscriptions = new Map<number, Subscription>();
  /** Ids of those that have a gap to tell. */
  readonly #gaps = new Set<number>();
  /** Numbered frames that are not read yet. */
  #unread: string[] = [];
  #unreadBytes = 0;
  #isConnected = false;
  #disconnectedAt: number;
  #ended = false;
  #controlFrames = 0;
  #controlSince = 0;

  constructor(limits: ServerSessionLimits, budget: SessionBudget, now: number) {
    this.#limits = limits;
    this.#budget = budget;
    this.#link = new SessionLink(limits.window);
    this.#disconnectedAt = now;
  }

  /** What was received of the client. */
  get received(): number {
    return this.#link.received;
  }

  /** The number up to which its client is known to have all. */
  get acknowledged(): number {
    return this.#link.acknowledged;
  }

  /** Whether it has a connection. */
  get isConnected(): boolean {
    return this.#isConnected;
  }

  /** Operations that are under way. */
  get calls(): number {
    return this.#calls.size;
  }

  /** Whether it has a subscription. */
  get isSubscribed(): boolean {
    return this.#subscriptions.size > 0;
  }

  /** Ids of its subscriptions. */
  get subscriptions(): Iterable<number> {
    return this.#subscriptions.keys();
  }

  /** UTF-16 code units that wait for its client. */
  get bytes(): number {
    return this.#ended ? 0 : this.#link.bytes;
  }

  /** When it lost its connection, milliseconds. */
  get disconnectedAt(): number {
    return this.#disconnectedAt;
  }

  /** Whether frames wait to be read or acknowledged: it wants a tick soon. */
  get isBusy(): boolean {
    return this.#unread.length > 0 || this.#link.owesAcknowledgement;
  }

  /**
   * A connection has come, whose client has received all up to `received`. False: it cannot have, so the
   * session cannot be resumed. The frames are to be sent behind the welcome, with a tick.
   */
  connect(received: number): boolean {
    if (this.#ended || !this.#link.resume(received)) return false;
    // What was not read is not acknowledged: the client sends it again.
    this.#forgetUnread();
    this.#isConnected = true;
    return true;
  }

  /** The connection is gone. */
  disconnect(now: number): void {
    if (!this.#isConnected) return;
    this.#isConnected = false;
    this.#disconnectedAt = now;
    this.#forgetUnread();
  }

  /** See the class. */
  step(event: ServerSessionEvent, now: number): ServerSessionEffect[] {
    if (this.#ended) return [];
    const effects: ServerSessionEffect[] = [];
    switch (event.type) {
      case "text":
        this.#onText(event.text, now, effects);
        break;
      case "reply": {
        if (!this.#calls.delete(event.id)) return [];
        const value = event.value === undefined ? "" : `,"value":${event.value}`;
        this.#link.push(`{"type":"reply","id":${event.id}${value}}`);
        break;
      }
      case "failure":
        this.#onFailure(event.failure);
        break;
      case "message":
        this.#onMessage(event.id, event.message);
        break;
      case "missed":
        this.#onMissed(event.id, event.count, event.reason);
        break;
      case "tick":
        this.#onTick(now, effects);
    }
    this.#read(now, effects);
    this.#flush(now, effects, event.type === "tick");
    return effects;
  }

  /** Ends the session: its client cannot come back. */
  end(): ServerSessionEffect[] {
    if (this.#ended) return [];
    this.#ended = true;
    this.#isConnected = false;
    this.#forgetUnread();
    return [{ type: "ended" }];
  }

  #onText(text: string, now: number, effects: ServerSessionEffect[]): void {
    if (text.length > this.#limits.maxFrame) return this.#refuse("tooLarge", effects);
    const [, , received] = head.exec(text) ?? [];
    if (received === undefined) return this.#onControl(text, now, effects);
    // At once: the answers that it makes room for may be what the frames before it wait for.
    if (!this.#link.onAcknowledged(Number(received))) return this.#refuse("badProtocol", effects);
    this.#unread.push(text);
    this.#unreadBytes += text.length;
    const { messages, bytes } = this.#limits.window;
    if (this.#unread.length > messages || this.#unreadBytes > bytes + this.#limits.maxFrame) {
      this.#refuse("windowExceeded", effects);
    }
  }

  #onControl(text: string, now: number, effects: ServerSessionEffect[]): void {
    if (now - this.#controlSince >= 1_000) {
      this.#controlSince = now;
      this.#controlFrames = 0;
    }
    const most = controlFramesPerSecond + this.#limits.window.messages;
    if (++this.#controlFrames > most) return this.#refuse("windowExceeded", effects);
    const frame = parseClientFrame(text);
    if (frame === undefined || !("type" in frame) || frame.type === "hello") {
      return this.#refuse("badProtocol", effects);
    }
    if (frame.type === "ping") {
      effects.push({ type: "send", frames: ['{"type":"pong"}'] });
    } else if (!this.#link.onAcknowledged(frame.received)) {
      this.#refuse("badProtocol", effects);
    }
  }

  /** Reads what waits, as far as there is room for what it causes. */
  #read(now: number, effects: ServerSessionEffect[]): void {
    let read = 0;
    for (const text of this.#unread) {
      if (!this.#isConnected || this.#ended) return;
      // A call or a subscription is answered under a number of ours.
      const isFull = this.#link.size + this.#calls.size >= this.#limits.window.messages * 2;
      if (isFull || !this.#budget.mayCall()) break;
      if (!this.#budget.takeMessage(text.length, now)) break;
      read++;
      this.#unreadBytes -= text.length;
      this.#onFrame(text, effects);
    }
    if (read > 0) this.#unread.splice(0, read);
  }

  #onFrame(text: string, effects: ServerSessionEffect[]): void {
    const frame = parseClientFrame(text);
    if (frame === undefined || !("number" in frame)) return this.#refuse("badProtocol", effects);
    switch (this.#link.onReceived(frame.number)) {
      case "new":
        return this.#onBody(frame.body, effects);
      case "outOfOrder":
        return this.#refuse("badProtocol", effects);
      case "duplicate":
    }
  }

  #onBody(body: ClientBody, effects: ServerSessionEffect[]): void {
    if (body.type === "unsubscribe") {
      this.#gaps.delete(body.id);
      if (this.#subscriptions.delete(body.id)) effects.push({ type: "unsubscribe", id: body.id });
      return;
    }
    const { id } = body;
    if (this.#calls.has(id) || this.#subscriptions.has(id)) {
      return this.#refuse("badProtocol", effects);
    }
    if (body.type === "subscribe") {
      if (this.#subscriptions.size >= this.#limits.maxSubscriptions) {
        return this.#onFailure({
          id,
          code: "tooManySubscriptions",
          message: `the session has ${this.#subscriptions.size} subscriptions`,
          outcome: "none",
        });
      }
      this.#subscriptions.set(id, { missed: 0, reason: undefined });
      effects.push({ type: "subscribe", subscribe: body });
      return;
    }
    this.#calls.add(id);
    if (body.type === "call") {
      // At once: more may be read in this step.
      this.#budget.startCall();
      effects.push({ type: "call", call: body });
    } else effects.push({ type: "publish", publish: body });
  }

  #onFailure(failure: Omit<FailureBody, "type">): void {
    this.#calls.delete(failure.id);
    this.#subscriptions.delete(failure.id);
    this.#gaps.delete(failure.id);
    this.#link.push(JSON.stringify({ type: "failure", ...failure }));
  }

  #onMessage(id: number, message: string): void {
    const subscription = this.#subscriptions.get(id);
    if (subscription === undefined) return;
    if (!this.#link.hasRoom || !this.#budget.mayBuffer()) {
      subscription.missed++;
      return this.#oweGap(id, subscription, "overflow");
    }
    this.#tellGap(id, subscription);
    this.#link.push(`{"type":"message","id":${id},"message":${message}}`);
  }

  #onMissed(id: number, count: number, reason: GapReason): void {
    const subscription = this.#subscriptions.get(id);
    if (subscription === undefined) return;
    subscription.missed += count;
    this.#oweGap(id, subscription, reason);
  }

  #oweGap(id: number, subscription: Subscription, reason: GapReason): void {
    subscription.reason ??= reason;
    this.#gaps.add(id);
  }

  #tellGap(id: number, subscription: Subscription): void {
    const { missed, reason } = subscription;
    if (reason === undefined) return;
    subscription.missed = 0;
    subscription.reason = undefined;
    this.#gaps.delete(id);
    this.#link.push(`{"type":"gap","id":${id},"missed":${missed},"reason":"${reason}"}`);
  }

  #onTick(now: number, effects: ServerSessionEffect[]): void {
    if (!this.#isConnected) {
      if (now - this.#disconnectedAt >= this.#limits.resumeFor) effects.push(...this.end());
      return;
    }
    const { oldestSentAt } = this.#link;
    if (oldestSentAt !== undefined && now - oldestSentAt >= this.#limits.slowAfter) {
      this.#closeConnection("slowClient", effects);
      this.#disconnectedAt = now;
    }
  }

  #flush(now: number, effects: ServerSessionEffect[], isTick: boolean): void {
    if (this.#ended) return;
    // Also without a further message: otherwise a reader would not learn of the last ones.
    for (const id of this.#gaps) {
      if (this.#link.hasRoom && this.#budget.mayBuffer()) {
        this.#tellGap(id, this.#subscriptions.get(id)!);
      }
    }
    if (!this.#isConnected) return;
    const frames = this.#link.take(now);
    const mustTell = isTick ? this.#link.owesAcknowledgement : this.#link.owesAcknowledgementNow;
    if (mustTell) frames.push(`{"type":"ack","received":${this.#link.acknowledge()}}`);
    if (frames.length > 0) effects.push({ type: "send", frames });
  }

  /** The client breaks the protocol: its session is over, too. */
  #refuse(reason: CloseReason, effects: ServerSessionEffect[]): void {
    this.#closeConnection(reason, effects);
    effects.push(...this.end());
  }

  #closeConnection(reason: CloseReason, effects: ServerSessionEffect[]): void {
    this.#isConnected = false;
    this.#forgetUnread();
    effects.push({ type: "close", reason });
  }

  #forgetUnread(): void {
    this.#unread = [];
    this.#unreadBytes = 0;
  }
}
