/**
 * Decides what a consumer does with the messages of one stream: it handles each number once and in order,
 * says what it has handled, and asks again for what is missing. Pure.
 *
 * @module
 */
import { rules } from "../runtime/rules.ts";

/** How far the consumer has come, and how far it lets the producer go. */
export interface Demand {
  readonly session: number;
  readonly through: number;
  readonly upTo: number;
  readonly again: boolean;
}

/** What is done with a message. */
export type Intake =
  | { readonly type: "handle" }
  /** It was handled, or is of an earlier session. */
  | { readonly type: "ignore" }
  /** It is of a session that was not opened here. */
  | { readonly type: "unknown" }
  /** Messages before it are missing, and were not asked for yet. */
  | { readonly type: "demand"; readonly demand: Demand };

/** See the module's text. */
export class IncomingStream {
  readonly #window: number;
  #session: number;
  #through: number;
  /** Told to the producer. */
  #upTo = 0;
  /** What followed this number was asked for again. */
  #askedAfter = -1;

  /** Begins with a session; `window`: how many numbers may be under way. */
  constructor(window: number, session: number, from: number) {
    this.#window = window;
    this.#session = session;
    this.#through = from - 1;
  }

  /** All numbers up to this one are handled. */
  get through(): number {
    return this.#through;
  }

  /** The producer opens a session, or asks. Undefined: it is an earlier session. */
  open(session: number, from: number): Demand | undefined {
    if (session < this.#session) return undefined;
    this.#session = session;
    // Everything before it is confirmed, by an earlier incarnation of this consumer.
    this.#through = Math.max(this.#through, from - 1);
    return this.#demand(true);
  }

  /** A message has arrived. */
  receive(session: number, number: number): Intake {
    if (session > this.#session) return { type: "unknown" };
    if (session < this.#session || number <= this.#through) return { type: "ignore" };
    if (number === this.#through + 1 || !rules.messagesAreHandledInOrder) return { type: "handle" };
    if (this.#askedAfter === this.#through) return { type: "ignore" };
    this.#askedAfter = this.#through;
    return { type: "demand", demand: this.#demand(true) };
  }

  /** A message was handled. Returns what the producer is told, if it is told now. */
  handled(number: number, isLast: boolean): Demand | undefined {
    this.#through = number;
    const isHalf = this.#upTo - number <= this.#window / 2;
    return isLast || isHalf ? this.#demand(false) : undefined;
  }

  /** What follows this number is needed again. Invariant: it was not told that the last of it is handled. */
  rewind(through: number): void {
    this.#through = through;
    this.#askedAfter = -1;
  }

  #demand(again: boolean): Demand {
    this.#upTo = this.#through + this.#window;
    return { session: this.#session, through: this.#through, upTo: this.#upTo, again };
  }
}
