/**
 * Decides what one producer sends one consumer, and when: messages in order within the demand of the
 * consumer, again if they are lost, and again to its next incarnation. Pure.
 *
 * The protocol is a sliding window with go-back-n and cumulative acknowledgements, as in TCP; sessions
 * tell the incarnations of the consumer apart, as the first sequence number does in the reliable delivery
 * of Akka.
 *
 * @module
 */
import { backoffDelay, type BackoffOptions } from "../runtime/backoff.ts";
import { rules } from "../runtime/rules.ts";
import type { ConsumerAnswer } from "./protocol.ts";

/** A message with its number at the controller. */
export interface Job<T> {
  /** Its number at the controller. */
  readonly ticket: number;
  /** The message in what it is sent as: itself, or parts of its bytes. Not empty. */
  readonly parts: readonly Part<T>[];
  /** Whether it was sent to a consumer. */
  wasSent: boolean;
  /** How often a handler has failed on it. */
  failures?: number;
  /** So many failures end it; undefined: none. */
  readonly maxAttempts?: number | undefined;
}

/** Whether handlers have failed on a job so often that it is given up. */
export function isParked<T>({ failures = 0, maxAttempts = Infinity }: Job<T>): boolean {
  return failures >= maxAttempts;
}

/** What travels as one message of the protocol. */
export type Part<T> =
  | { readonly message: T }
  | { readonly chunk: Uint8Array; readonly left: number };

/** What is sent to the consumer. */
export type StreamOutput<T> =
  | {
    readonly type: "open";
    readonly session: number;
    readonly from: number;
    readonly incarnation: string;
  }
  | {
    readonly type: "message";
    readonly session: number;
    readonly number: number;
    readonly ticket: number;
    readonly again: boolean;
    readonly last: boolean;
    readonly part: Part<T>;
  };

/** What an event leads to. */
export interface StreamEffects<T> {
  /** In this order. */
  readonly send: readonly StreamOutput<T>[];
  /** Jobs that the consumer has handled, or that are given up: see {@linkcode isParked}. */
  readonly confirmed: readonly Job<T>[];
}

/** One numbered message of the stream. */
interface Item<T> {
  readonly job: Job<T>;
  readonly part: Part<T>;
  readonly isLast: boolean;
}

/** See the module's text. */
export class OutgoingStream<T> {
  readonly #backoff: BackoffOptions;
  readonly #random: () => number;
  /** What is not confirmed: whole jobs. */
  #items: Item<T>[] = [];
  /** Number of the first item. */
  #first = 1;
  /** All up to this one are handled. */
  #through = 0;
  /** The highest that was sent in this session. Invariant: `through <= sent <= upTo` once it is open. */
  #sent = 0;
  #upTo = 0;
  #session = 1;
  /** The incarnation of the consumer that the session is for, by the name that it has made up. */
  #incarnation = "";
  /** Whether the consumer has answered in this session. */
  #isOpen = false;
  #tries = 0;
  #due = Infinity;
  /** What follows this number was sent again, and the consumer was not asked since. */
  #resentAfter = -1;

  /** `random` in [0, 1), for the pauses of `backoff`. */
  constructor(backoff: BackoffOptions, random: () => number) {
    this.#backoff = backoff;
    this.#random = random;
  }

  /** Jobs that are not confirmed, in order. */
  get jobs(): readonly Job<T>[] {
    return this.#items.filter(({ isLast }) => isLast).map(({ job }) => job);
  }

  /** Whether all is confirmed. */
  get isEmpty(): boolean {
    return this.#items.length === 0;
  }

  /** Numbers that the consumer would take beyond those that it was given. */
  get demand(): number {
    return this.#isOpen ? Math.max(0, this.#upTo - this.#last) : 0;
  }

  /** Numbers that were given to the consumer and are not handled. */
  get load(): number {
    return this.#last - this.#through;
  }

  /** When `tick` has something to do, on the clock of `now`; `Infinity`: after another event only. */
  get due(): number {
    return this.#due;
  }

  get #last(): number {
    return this.#first + this.#items.length - 1;
  }

  /** Starts the session, so that there is demand before there is a job. */
  open(now: number): StreamEffects<T> {
    this.#resentAfter = -1;
    this.#wait(now);
    return { send: [this.#opening()], confirmed: [] };
  }

  /** A job for the consumer. */
  add(job: Job<T>, now: number): StreamEffects<T> {
    job.parts.forEach((part, at) =>
      this.#items.push({ job, part, isLast: at === job.parts.length - 1 })
    );
    if (this.#isOpen) return { send: this.#fill(now), confirmed: [] };
    // The opening is under way, and repeated by `tick`.
    return this.#due === Infinity ? this.open(now) : nothing;
  }

  /** The consumer has answered. */
  answered(answer: ConsumerAnswer, now: number): StreamEffects<T> {
    if (answer.session !== this.#session) return nothing;
    if (answer.type === "deliveryUnknown") {
      this.#incarnation = answer.incarnation ?? "";
      return this.restart(now);
    }
    if (answer.type === "deliveryFailed") return this.#failed(answer.number, now);
    const { through, again } = answer;
    // Nobody can have handled what was not sent.
    if (through > this.#last) return nothing;
    // An earlier incarnation has confirmed more than this one knows of.
    if (through < this.#first - 1) return again ? this.restart(now) : nothing;
    if (!this.#isOpen || through > this.#through) this.#tries = 0;
    this.#isOpen = true;
    this.#through = Math.max(this.#through, through);
    this.#sent = Math.max(this.#sent, through);
    this.#upTo = Math.max(this.#upTo, answer.upTo);
    // A consumer that was busy answers all that it was asked meanwhile.
    if (again && through !== this.#resentAfter && rules.lostMessagesAreSentAgain) {
      this.#sent = through;
      this.#resentAfter = through;
    }
    const confirmed = this.#confirm();
    this.#due = Infinity;
    const send = this.#fill(now);
    if (this.#through < this.#sent) this.#wait(now);
    return { send, confirmed };
  }

  /** A handler has failed on a message: the next incarnation gets it again, or those behind it. */
  #failed(number: number, now: number): StreamEffects<T> {
    if (number <= this.#through || number > this.#sent) return nothing;
    const { job } = this.#items[number - this.#first]!;
    job.failures = (job.failures ?? 0) + 1;
    this.#through = number - 1;
    if (isParked(job)) {
      while (this.#items[this.#through + 1 - this.#first]?.job === job) this.#through++;
    }
    const confirmed = this.#confirm();
    // In a new session: what was sent before may be late, and would not say that it comes again.
    return { send: this.restart(now).send, confirmed };
  }

  /** The consumer is another incarnation, or another actor. */
  restart(now: number): StreamEffects<T> {
    this.#session++;
    this.#isOpen = false;
    this.#through = this.#first - 1;
    this.#sent = this.#through;
    this.#upTo = 0;
    this.#tries = 0;
    return this.open(now);
  }

  /** Time has passed: asks a consumer that does not answer. */
  tick(now: number): StreamEffects<T> {
    if (now < this.#due) return nothing;
    if (this.#isOpen && this.#through >= this.#sent) {
      this.#due = Infinity;
      return nothing;
    }
    this.#tries++;
    return this.open(now);
  }

  #opening(): StreamOutput<T> {
    const incarnation = this.#incarnation;
    return { type: "open", session: this.#session, from: this.#first, incarnation };
  }

  #wait(now: number): void {
    this.#due = now + backoffDelay(this.#backoff, this.#tries, this.#random());
  }

  #fill(now: number): StreamOutput<T>[] {
    const send: StreamOutput<T>[] = [];
    const to = Math.min(this.#last, this.#upTo);
    while (this.#sent < to) {
      const number = ++this.#sent;
      const { job, part, isLast } = this.#items[number - this.#first]!;
      const session = this.#session;
      const last = number === to;
      send.push({
        type: "message",
        session,
        number,
        ticket: job.ticket,
        again: job.wasSent,
        last,
        part,
      });
      if (isLast) job.wasSent = true;
    }
    if (send.length > 0 && this.#due === Infinity) this.#wait(now);
    return send;
  }

  /** Removes whole jobs only: another incarnation needs all parts. */
  #confirm(): Job<T>[] {
    const confirmed: Job<T>[] = [];
    let end = 0;
    for (let at = 0; at < this.#items.length && this.#first + at <= this.#through; at++) {
      const { job, isLast } = this.#items[at]!;
      if (!isLast) continue;
      confirmed.push(job);
      end = at + 1;
    }
    if (end > 0) this.#items.splice(0, end);
    this.#first += end;
    return confirmed;
  }
}

const nothing = Object.freeze({ send: [], confirmed: [] });
