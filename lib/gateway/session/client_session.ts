import { backoffDelay } from "../../runtime/backoff.ts";
import { closeCodes, closeReasonOf } from "../protocol/close_codes.ts";
import {
  type CallOutcome,
  type FailureBody,
  type GapReason,
  gatewayProtocolVersion,
  type ServerBody,
  type SessionTicket,
  type WelcomeFrame,
} from "../protocol/frames.ts";
import { parseServerFrame } from "../protocol/parse_frame.ts";
import { urlRemedy } from "./not_a_gateway.ts";
import { type LinkEntry, SessionLink } from "./session_link.ts";

/**
 * The connection of a client:
 *
 * - `connecting`: a first or another connection is made. Operations wait.
 * - `open`: it has a session.
 * - `closed`: it was closed, or the gateway refuses it for good.
 */
export type GatewayClientState = "connecting" | "open" | "closed";

/** Times of a client, milliseconds. */
export interface ClientSessionTiming {
  /**
   * From the start of a connection to its welcome; then the next address is tried. Doubles with each
   * round of failures, up to 8 times of it.
   */
  readonly connectTimeout: number;
  /** Silence after which a sign of life is asked for, and again until the connection is given up. */
  readonly pingAfter: number;
  /** Longest pause between rounds of attempts. */
  readonly maxPause: number;
}

/** Why an operation has failed. */
export interface ClientFailure {
  readonly code: string;
  readonly message: string;
  readonly outcome: CallOutcome;
  readonly rejection?: FailureBody["rejection"];
  /** What to do about it. */
  readonly remedy?: string;
}

/** What a caller wants done. */
export type ClientOperation =
  | {
    readonly kind: "call";
    readonly entity: string;
    readonly key: string;
    readonly operation: string;
    readonly input: unknown;
  }
  | { readonly kind: "publish"; readonly topic: string; readonly message: unknown };

/** What happens to a client. `chance` is in [0, 1). */
export type ClientSessionEvent =
  | {
    readonly type: "operation";
    readonly id: number;
    readonly operation: ClientOperation;
    /** Milliseconds. */
    readonly timeout: number;
    /** Whether it may be done twice, besides what the gateway says. */
    readonly idempotent: boolean;
  }
  /** The caller does not wait any more. */
  | { readonly type: "abandon"; readonly id: number }
  | { readonly type: "subscribe"; readonly id: number; readonly topic: string }
  | { readonly type: "unsubscribe"; readonly id: number }
  /** A connection of an effect `connect` is open. */
  | { readonly type: "opened"; readonly connection: number }
  | { readonly type: "text"; readonly connection: number; readonly text: unknown }
  | {
    readonly type: "closed";
    readonly connection: number;
    readonly code: number;
    readonly chance: number;
    /** What is there instead of a gateway, as completes "no gateway is at ...: ". */
    readonly found?: string | undefined;
  }
  | { readonly type: "tick"; readonly chance: number }
  | { readonly type: "close" };

/** What the client does. */
export type ClientSessionEffect =
  /** Opens a connection to the address of that index. */
  | { readonly type: "connect"; readonly connection: number; readonly address: number }
  | { readonly type: "send"; readonly connection: number; readonly frames: readonly string[] }
  | { readonly type: "disconnect"; readonly connection: number }
  | { readonly type: "resolve"; readonly id: number; readonly value: unknown }
  | { readonly type: "reject"; readonly id: number; readonly failure: ClientFailure }
  | { readonly type: "message"; readonly id: number; readonly message: unknown }
  | {
    readonly type: "gap";
    readonly id: number;
    readonly missed: number;
    readonly reason: GapReason;
  }
  /** A subscription is over. */
  | { readonly type: "ended"; readonly id: number; readonly failure: ClientFailure }
  | {
    readonly type: "state";
    readonly state: GatewayClientState;
    /** Whether the session that was open before goes on; only with `open`. */
    readonly resumed: boolean;
  };

interface Operation {
  readonly operation: ClientOperation;
  readonly deadline: number;
  readonly timeout: number;
  readonly idempotent: boolean;
  /** Undefined: not given to a link yet, or to be repeated. */
  entry: LinkEntry | undefined;
  /** When it is repeated. */
  retryAt: number | undefined;
  attempts: number;
}

interface Subscription {
  readonly topic: string;
  entry: LinkEntry | undefined;
}

type Phase =
  | { readonly name: "waiting"; readonly until: number }
  | {
    readonly name: "connecting";
    readonly connection: number;
    readonly until: number;
  }
  | { readonly name: "open"; readonly connection: number }
  | { readonly name: "closed"; readonly failure: ClientFailure };

/** An acknowledgement waits so long for something else to travel with. */
const acknowledgeDelay = 50;
const firstPause = 100;
/** Longest pause before the first attempt after a loss, so that clients do not come all at once. */
const lossPause = 200;
/** How often the time of an attempt doubles, once for each round of failures. */
const maxDoublings = 3;
const retryBackoff = { min: 50, max: 1_000, jitter: [0.5, 1] } as const;

/**
 * A client's end of its session: keeps operations until they are answered, over any number of
 * connections, addresses and sessions. Pure: events go in, effects come out.
 *
 * Invariants: each operation ends with exactly one of resolve and reject, unless it is abandoned. One
 * that a gateway may have done is not sent to another session, unless it is idempotent. A subscription
 * is told of each session that was lost while it had one.
 */
export class ClientSession {
  readonly #addresses: readonly string[];
  readonly #timing: ClientSessionTiming;
  #phase: Phase;
  #connections = 0;
  #address = 0;
  /** Attempts since the last session. */
  #failures = 0;
  /** What was found in the place of a gateway, by address, until there is a session. */
  readonly #found = new Map<number, string>();
  #link: SessionLink | undefined;
  #ticket: SessionTicket | undefined;
  #idempotent: ReadonlySet<string> = new Set();
  #maxFrame = Infinity;
  readonly #operations = new Map<number, Operation>();
  readonly #subscriptions = new Map<number, Subscription>();
  #heardAt = 0;
  #pinged = false;
  #acknowledgeAt: number | undefined;

  /** `addresses`: 1 or more, as texts. */
  constructor(addresses: readonly string[], timing: ClientSessionTiming, now: number) {
    this.#addresses = addresses;
    this.#timing = timing;
    this.#phase = { name: "waiting", until: now };
  }

  /** Whether operations are taken. */
  get state(): GatewayClientState {
    const { name } = this.#phase;
    return name === "open" || name === "closed" ? name : "connecting";
  }

  /** Whether it has ever had a session. */
  get hadSession(): boolean {
    return this.#link !== undefined;
  }

  /** Operations that wait for their end. */
  get operations(): number {
    return this.#operations.size;
  }

  /** When the next tick is due; undefined: nothing waits for time. */
  get tickAt(): number | undefined {
    const phase = this.#phase;
    if (phase.name === "closed") return undefined;
    let at = phase.name === "open" ? this.#heardAt + this.#timing.pingAfter : phase.until;
    if (this.#acknowledgeAt !== undefined) at = Math.min(at, this.#acknowledgeAt);
    for (const { deadline, retryAt } of this.#operations.values()) {
      at = Math.min(at, deadline);
      if (retryAt !== undefined && phase.name === "open") at = Math.min(at, retryAt);
    }
    return at;
  }

  /** See the class. */
  step(event: ClientSessionEvent, now: number): ClientSessionEffect[] {
    const effects: ClientSessionEffect[] = [];
    switch (event.type) {
      case "operation":
        this.#onOperation(event, now, effects);
        break;
      case "abandon":
        this.#forget(event.id);
        break;
      case "subscribe":
        this.#onSubscribe(event.id, event.topic, effects);
        break;
      case "unsubscribe":
        this.#onUnsubscribe(event.id);
        break;
      case "opened":
        this.#onOpened(event.connection, effects);
        break;
      case "text":
        if (this.#isCurrent(event.connection)) this.#onText(event.text, now, effects);
        break;
      case "closed":
        if (this.#isCurrent(event.connection)) {
          this.#onClosed(event, now, effects);
        }
        break;
      case "tick":
        this.#onTick(event.chance, now, effects);
        break;
      case "close":
        this.#close({ code: "closed", message: "the client was closed", outcome: "none" }, effects);
    }
    this.#flush(now, effects);
    return effects;
  }

  #isCurrent(connection: number): boolean {
    const phase = this.#phase;
    return "connection" in phase && phase.connection === connection;
  }

  #onOperation(
    event: ClientSessionEvent & { readonly type: "operation" },
    now: number,
    effects: ClientSessionEffect[],
  ): void {
    const { id, operation, timeout, idempotent } = event;
    if (this.#phase.name === "closed") {
      effects.push({ type: "reject", id, failure: this.#phase.failure });
      return;
    }
    const made: Operation = {
      operation,
      timeout,
      deadline: now + timeout,
      idempotent,
      entry: undefined,
      retryAt: undefined,
      attempts: 0,
    };
    this.#operations.set(id, made);
    if (this.#link !== undefined) this.#give(id, made, now, effects);
  }

  /** Gives an operation to the link of the session. */
  #give(id: number, made: Operation, now: number, effects: ClientSessionEffect[]): void {
    const { operation, deadline } = made;
    made.retryAt = undefined;
    const { kind, ...fields } = operation;
    const body = JSON.stringify({
      type: kind,
      id,
      ...fields,
      ...(kind === "call" && { timeout: Math.max(1, Math.ceil(deadline - now)) }),
    });
    // The frame has two numbers besides.
    if (body.length + 40 > this.#maxFrame) {
      this.#operations.delete(id);
      const message =
        `the message has ${body.length} characters, the gateway takes ${this.#maxFrame}`;
      effects.push({ type: "reject", id, failure: { code: "tooLarge", message, outcome: "none" } });
      return;
    }
    made.entry = this.#link!.push(body);
  }

  #forget(id: number): void {
    const operation = this.#operations.get(id);
    if (operation?.entry !== undefined) this.#link?.cancel(operation.entry);
    this.#operations.delete(id);
  }

  #onSubscribe(id: number, topic: string, effects: ClientSessionEffect[]): void {
    if (this.#phase.name === "closed") {
      effects.push({ type: "ended", id, failure: this.#phase.failure });
      return;
    }
    const subscription: Subscription = { topic, entry: undefined };
    this.#subscriptions.set(id, subscription);
    if (this.#link !== undefined) this.#giveSubscription(id, subscription);
  }

  #giveSubscription(id: number, subscription: Subscription): void {
    const { topic } = subscription;
    subscription.entry = this.#link!.push(JSON.stringify({ type: "subscribe", id, topic }));
  }

  #onUnsubscribe(id: number): void {
    const subscription = this.#subscriptions.get(id);
    if (subscription === undefined) return;
    this.#subscriptions.delete(id);
    const { entry } = subscription;
    if (entry === undefined || this.#link === undefined || this.#link.cancel(entry)) return;
    this.#link.push(JSON.stringify({ type: "unsubscribe", id }));
  }

  #onOpened(connection: number, effects: ClientSessionEffect[]): void {
    if (!this.#isCurrent(connection)) return;
    const hello = {
      type: "hello",
      version: gatewayProtocolVersion,
      ...(this.#ticket && { resume: { ...this.#ticket, received: this.#link!.received } }),
    };
    effects.push({ type: "send", connection, frames: [JSON.stringify(hello)] });
  }

  #onText(text: unknown, now: number, effects: ClientSessionEffect[]): void {
    this.#heardAt = now;
    this.#pinged = false;
    const frame = parseServerFrame(text);
    if (frame === undefined) {
      const isNowhere = this.#isNowhere("it sends other messages than a gateway");
      if (isNowhere) return this.#close(this.#noGateway(), effects);
      return this.#lose(effects, 0, now);
    }
    if ("type" in frame) {
      if (frame.type === "welcome") return this.#onWelcome(frame, effects, now);
      if (frame.type === "ack" && this.#link?.onAcknowledged(frame.received) === false) {
        this.#lose(effects, 0, now);
      }
      return;
    }
    const link = this.#link;
    if (this.#phase.name !== "open" || link === undefined) return;
    if (!link.onAcknowledged(frame.received)) return this.#lose(effects, 0, now);
    const arrival = link.onReceived(frame.number);
    if (arrival === "outOfOrder") return this.#lose(effects, 0, now);
    if (arrival === "new") this.#onBody(frame.body, now, effects);
  }

  #onWelcome(welcome: WelcomeFrame, effects: ClientSessionEffect[], now: number): void {
    const phase = this.#phase;
    if (phase.name !== "connecting") return;
    const { session, secret, resumed, received, window, maxFrame, idempotent } = welcome;
    if (resumed && this.#link?.resume(received) !== true) {
      this.#ticket = undefined;
      return this.#lose(effects, 0, now);
    }
    this.#phase = { name: "open", connection: phase.connection };
    this.#failures = 0;
    this.#idempotent = new Set(idempotent);
    this.#maxFrame = maxFrame;
    this.#ticket = { session, secret };
    effects.push({ type: "state", state: "open", resumed });
    if (resumed) return;
    this.#link = new SessionLink(window);
    this.#startOver(now, effects);
  }

  /** The gateway knows nothing of what was sent in the session before. */
  #startOver(now: number, effects: ClientSessionEffect[]): void {
    const ids = [...this.#operations.keys(), ...this.#subscriptions.keys()].sort((a, b) => a - b);
    for (const id of ids) {
      const subscription = this.#subscriptions.get(id);
      if (subscription !== undefined) {
        if (subscription.entry?.isSent) {
          effects.push({ type: "gap", id, missed: 0, reason: "sessionLost" });
        }
        this.#giveSubscription(id, subscription);
        continue;
      }
      const made = this.#operations.get(id)!;
      // An operation that waits to be repeated is idempotent.
      if (made.retryAt !== undefined) continue;
      if (!made.entry?.isSent || this.#mayRepeat(made)) this.#give(id, made, now, effects);
      else this.#settle(id, sessionLost, effects);
    }
  }

  #mayRepeat({ idempotent, operation }: Operation): boolean {
    return idempotent || (operation.kind === "call" &&
      this.#idempotent.has(`${operation.entity}/${operation.operation}`));
  }

  #settle(id: number, failure: ClientFailure, effects: ClientSessionEffect[]): void {
    this.#operations.delete(id);
    effects.push({ type: "reject", id, failure });
  }

  #onBody(body: ServerBody, now: number, effects: ClientSessionEffect[]): void {
    const { id } = body;
    switch (body.type) {
      case "reply":
        if (this.#operations.delete(id)) effects.push({ type: "resolve", id, value: body.value });
        return;
      case "failure":
        return this.#onFailure(body, now, effects);
      case "message":
        if (!this.#subscriptions.has(id)) return;
        effects.push({ type: "message", id, message: body.message });
        return;
      case "gap":
        if (!this.#subscriptions.has(id)) return;
        effects.push({ type: "gap", id, missed: body.missed, reason: body.reason });
    }
  }

  #onFailure(body: FailureBody, now: number, effects: ClientSessionEffect[]): void {
    const { id, code, message, outcome, retry, rejection } = body;
    const failure = { code, message, outcome, ...(rejection && { rejection }) };
    if (this.#subscriptions.delete(id)) {
      effects.push({ type: "ended", id, failure });
      return;
    }
    const made = this.#operations.get(id);
    if (made === undefined) return;
    const pause = backoffDelay(retryBackoff, made.attempts, 1);
    const isInTime = now + pause < made.deadline;
    if (retry && isInTime && (outcome === "none" || this.#mayRepeat(made))) {
      made.attempts++;
      made.retryAt = now + pause;
      made.entry = undefined;
    } else this.#settle(id, failure, effects);
  }

  #onClosed(
    { code, chance, found }: ClientSessionEvent & { readonly type: "closed" },
    now: number,
    effects: ClientSessionEffect[],
  ): void {
    const reason = closeReasonOf(code);
    if (reason !== undefined && closeCodes[reason].isFinal) {
      return this.#close(refusals[reason] ?? refusals.badProtocol!, effects);
    }
    if (this.#isNowhere(found)) return this.#close(this.#noGateway(), effects);
    this.#reconnect(effects, chance, now, reason === "closing");
  }

  /**
   * Notes what the present address has in the place of a gateway. True: none has one. Where there was a
   * session there may be one again, so that is not given up.
   */
  #isNowhere(found: string | undefined): boolean {
    if (found === undefined || this.hadSession) this.#found.delete(this.#address);
    else this.#found.set(this.#address, found);
    return this.#found.size === this.#addresses.length;
  }

  #noGateway(): ClientFailure {
    const places = this.#addresses.map((address, at) => `${address} (${this.#found.get(at)})`);
    const message = `no gateway is at ${places.join(", nor at ")}`;
    return { code: "badProtocol", message, outcome: "none", remedy: urlRemedy };
  }

  /** The connection is no good: the gateway breaks the protocol, or is silent. */
  #lose(effects: ClientSessionEffect[], chance: number, now: number): void {
    const phase = this.#phase;
    if ("connection" in phase) {
      effects.push({ type: "disconnect", connection: phase.connection });
    }
    this.#reconnect(effects, chance, now);
  }

  #reconnect(effects: ClientSessionEffect[], chance: number, now: number, elsewhere = false): void {
    const wasOpen = this.#phase.name === "open";
    if (wasOpen) effects.push({ type: "state", state: "connecting", resumed: false });
    // First where the session is.
    if (!wasOpen || elsewhere) {
      this.#failures++;
      this.#address = (this.#address + 1) % this.#addresses.length;
    }
    const round = Math.floor(this.#failures / this.#addresses.length);
    const pause = round === 0 ? chance * lossPause : backoffDelay(
      { min: firstPause, max: this.#timing.maxPause, jitter: [0.5, 1] },
      round - 1,
      chance,
    );
    this.#phase = { name: "waiting", until: now + pause };
    this.#acknowledgeAt = undefined;
  }

  #onTick(chance: number, now: number, effects: ClientSessionEffect[]): void {
    this.#endLate(now, effects);
    const phase = this.#phase;
    if (phase.name === "waiting" && now >= phase.until) {
      const connection = ++this.#connections;
      // Where many connect at once, giving up early would be work for nothing, again and again.
      const factor = 2 **
        Math.min(maxDoublings, Math.floor(this.#failures / this.#addresses.length));
      const until = now + this.#timing.connectTimeout * factor;
      this.#phase = { name: "connecting", connection, until };
      effects.push({ type: "connect", connection, address: this.#address });
    } else if (phase.name === "connecting" && now >= phase.until) {
      this.#found.delete(this.#address);
      this.#lose(effects, chance, now);
    } else if (phase.name === "open") this.#onOpenTick(phase.connection, chance, now, effects);
  }

  #onOpenTick(
    connection: number,
    chance: number,
    now: number,
    effects: ClientSessionEffect[],
  ): void {
    if (now - this.#heardAt >= this.#timing.pingAfter) {
      if (this.#pinged) return this.#lose(effects, chance, now);
      this.#pinged = true;
      this.#heardAt = now;
      effects.push({ type: "send", connection, frames: ['{"type":"ping"}'] });
    }
    for (const [id, made] of this.#operations) {
      if (made.retryAt !== undefined && now >= made.retryAt) this.#give(id, made, now, effects);
    }
  }

  #endLate(now: number, effects: ClientSessionEffect[]): void {
    for (const [id, { deadline, timeout, entry, attempts }] of this.#operations) {
      if (now < deadline) continue;
      const isSent = entry?.isSent === true || attempts > 0;
      if (entry !== undefined) this.#link?.cancel(entry);
      const message = isSent
        ? `no answer came within ${timeout} ms`
        : `the gateway could not be reached within ${timeout} ms`;
      this.#settle(
        id,
        { code: isSent ? "timeout" : "notSent", message, outcome: isSent ? "unknown" : "none" },
        effects,
      );
    }
  }

  #close(failure: ClientFailure, effects: ClientSessionEffect[]): void {
    const phase = this.#phase;
    if (phase.name === "closed") return;
    if ("connection" in phase) {
      effects.push({ type: "disconnect", connection: phase.connection });
    }
    this.#phase = { name: "closed", failure };
    for (const [id, { entry, attempts }] of [...this.#operations]) {
      const outcome = entry?.isSent === true || attempts > 0 ? "unknown" : "none";
      this.#settle(id, { ...failure, outcome }, effects);
    }
    for (const id of this.#subscriptions.keys()) effects.push({ type: "ended", id, failure });
    this.#subscriptions.clear();
    effects.push({ type: "state", state: "closed", resumed: false });
  }

  /** Writes what may be written, and acknowledges what was received. */
  #flush(now: number, effects: ClientSessionEffect[]): void {
    const phase = this.#phase;
    const link = this.#link;
    if (phase.name !== "open" || link === undefined) return;
    const frames = link.take(now);
    if (link.owesAcknowledgement) {
      this.#acknowledgeAt ??= now + acknowledgeDelay;
      if (link.owesAcknowledgementNow || now >= this.#acknowledgeAt) {
        frames.push(`{"type":"ack","received":${link.acknowledge()}}`);
      }
    }
    if (!link.owesAcknowledgement) this.#acknowledgeAt = undefined;
    if (frames.length > 0) {
      effects.push({ type: "send", connection: phase.connection, frames });
    }
  }
}

const sessionLost: ClientFailure = {
  code: "outcomeUnknown",
  message: "the gateway lost the session after this was sent: it may have been done",
  outcome: "unknown",
};

/** What final close codes mean for what waits. */
const refusals: Readonly<Record<string, ClientFailure>> = {
  badProtocol: {
    code: "badProtocol",
    message: "the gateway speaks another version of the protocol, or has refused a frame",
    outcome: "none",
  },
  unauthenticated: {
    code: "unauthenticated",
    message: "the gateway has not accepted the credentials",
    outcome: "none",
  },
  tooLarge: {
    code: "tooLarge",
    message: "a message was longer than the gateway takes",
    outcome: "none",
  },
};
