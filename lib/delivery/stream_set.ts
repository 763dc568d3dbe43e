/**
 * The streams of one producer controller, by number, and what their events lead to. Pure.
 *
 * @module
 */
import type { BackoffOptions } from "../runtime/backoff.ts";
import {
  type Job,
  OutgoingStream,
  type StreamEffects,
  type StreamOutput,
} from "./outgoing_stream.ts";
import type { ConsumerAnswer } from "./protocol.ts";

/** Something for a consumer. */
export interface Outgoing<T> {
  /** The consumer: the key of an actor, or the id of an entity. */
  readonly to: string;
  /** The number of the stream. */
  readonly stream: number;
  /** `close`: nothing more comes on the stream. */
  readonly output: StreamOutput<T> | { readonly type: "close" };
}

/** What an event leads to. */
export interface DeliveryEffects<T> {
  /** In this order. */
  readonly send: readonly Outgoing<T>[];
  /** Jobs that a consumer has handled, or that are given up. */
  readonly confirmed: readonly Job<T>[];
}

/** Decides which consumer gets which job. Times are of one clock that does not jump. */
export interface JobTarget<T> {
  /** Jobs that are not confirmed. */
  readonly jobs: readonly Job<T>[];
  /** Messages that the consumers would take beyond those that they were given. */
  readonly demand: number;
  /** When `tick` has something to do: at that time or later; `Infinity`: never. */
  readonly due: number;
  /** A job; `entityId` of the entity that it is for, if the target is entities. */
  add(job: Job<T>, entityId: string | undefined, now: number): DeliveryEffects<T>;
  /** The consumers that are registered now. */
  listed(consumers: readonly string[], now: number): DeliveryEffects<T>;
  /** Whether it sends to a consumer. */
  has(consumer: string): boolean;
  /** A consumer has answered on a stream. */
  answered(stream: number, answer: ConsumerAnswer, now: number): DeliveryEffects<T>;
  /** A consumer has ended. */
  ended(consumer: string, now: number): DeliveryEffects<T>;
  /** Time has passed. */
  tick(now: number): DeliveryEffects<T>;
  /** The producer ends. */
  close(): DeliveryEffects<T>;
}

/** A stream to a consumer. */
export interface NumberedStream<T> {
  readonly number: number;
  /** The consumer. */
  readonly to: string;
  readonly stream: OutgoingStream<T>;
}

/** See the module's text. */
export class StreamSet<T> {
  readonly #backoff: BackoffOptions;
  readonly #random: () => number;
  readonly #streams = new Map<number, NumberedStream<T>>();
  #last = 0;
  #send: Outgoing<T>[] = [];
  #confirmed: Job<T>[] = [];
  /** No stream is due before: a lower bound. */
  #due = Infinity;

  /** `random` in [0, 1), for the pauses of `backoff`. */
  constructor(backoff: BackoffOptions, random: () => number) {
    this.#backoff = backoff;
    this.#random = random;
  }

  /** When a stream is due, or earlier. */
  get due(): number {
    return this.#due;
  }

  /** Messages that the consumers would take beyond those that they were given. */
  get demand(): number {
    let sum = 0;
    for (const { stream } of this.#streams.values()) sum += stream.demand;
    return sum;
  }

  /** Closes all streams. */
  closeAll(): void {
    for (const each of [...this.#streams.values()]) this.close(each);
  }

  /** Adds a stream. */
  create(to: string): NumberedStream<T> {
    const number = ++this.#last;
    const stream = new OutgoingStream<T>(this.#backoff, this.#random);
    const numbered = { number, to, stream };
    this.#streams.set(number, numbered);
    return numbered;
  }

  /** Forgets a stream. */
  delete(number: number): void {
    this.#streams.delete(number);
  }

  /** Forgets a stream, and tells its consumer so. */
  close({ number, to }: NumberedStream<T>): void {
    this.#streams.delete(number);
    this.#send.push({ to, stream: number, output: { type: "close" } });
  }

  /** The stream of a number. */
  get(number: number): NumberedStream<T> | undefined {
    return this.#streams.get(number);
  }

  /** Collects what an event of a stream leads to. */
  take({ number, to, stream }: NumberedStream<T>, { send, confirmed }: StreamEffects<T>): void {
    for (const output of send) this.#send.push({ to, stream: number, output });
    this.#confirmed.push(...confirmed);
    this.#due = Math.min(this.#due, stream.due);
  }

  /** Time has passed. */
  tick(now: number): void {
    if (now < this.#due) return;
    this.#due = Infinity;
    for (const each of this.#streams.values()) this.take(each, each.stream.tick(now));
  }

  /** What was collected since the last call. */
  effects(): DeliveryEffects<T> {
    const effects = { send: this.#send, confirmed: this.#confirmed };
    this.#send = [];
    this.#confirmed = [];
    return effects;
  }
}
