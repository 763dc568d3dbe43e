/**
 * Decides which actor is the consumer of all jobs: one at a time, until it has ended; then another gets
 * what was not confirmed, in the same order. Pure.
 *
 * @module
 */
import type { BackoffOptions } from "../runtime/backoff.ts";
import type { Job } from "./outgoing_stream.ts";
import type { ConsumerAnswer } from "./protocol.ts";
import { type DeliveryEffects, type JobTarget, StreamSet } from "./stream_set.ts";

/** See the module's text. */
export class SingleConsumer<T> implements JobTarget<T> {
  readonly #streams: StreamSet<T>;
  #current: { readonly name: string; readonly stream: number } | undefined;
  #listed: readonly string[] = [];
  /** Jobs while there is no consumer. */
  #waiting: Job<T>[] = [];

  /** `random` in [0, 1), for the pauses of `backoff`. */
  constructor(backoff: BackoffOptions, random: () => number) {
    this.#streams = new StreamSet(backoff, random);
  }

  get jobs(): readonly Job<T>[] {
    const of = this.#current && this.#streams.get(this.#current.stream);
    return of?.stream.jobs ?? this.#waiting;
  }

  get due(): number {
    return this.#streams.due;
  }

  get demand(): number {
    return this.#streams.demand;
  }

  add(job: Job<T>, _entityId: string | undefined, now: number): DeliveryEffects<T> {
    const of = this.#current && this.#streams.get(this.#current.stream);
    if (of === undefined) this.#waiting.push(job);
    else this.#streams.take(of, of.stream.add(job, now));
    return this.#streams.effects();
  }

  /** The first of them is the consumer, if there is none. */
  listed(consumers: readonly string[], now: number): DeliveryEffects<T> {
    this.#listed = consumers;
    return this.#choose(now);
  }

  /** An actor is the consumer, whatever others there are. */
  set(name: string, now: number): DeliveryEffects<T> {
    if (this.#current?.name === name) return this.#streams.effects();
    this.#leave();
    this.#listed = [name];
    return this.#choose(now);
  }

  has(consumer: string): boolean {
    return this.#current?.name === consumer;
  }

  answered(stream: number, answer: ConsumerAnswer, now: number): DeliveryEffects<T> {
    const of = this.#streams.get(stream);
    if (of !== undefined) this.#streams.take(of, of.stream.answered(answer, now));
    return this.#streams.effects();
  }

  ended(consumer: string, now: number): DeliveryEffects<T> {
    this.#listed = this.#listed.filter((each) => each !== consumer);
    if (this.#current?.name === consumer) this.#leave();
    return this.#choose(now);
  }

  tick(now: number): DeliveryEffects<T> {
    this.#streams.tick(now);
    return this.#streams.effects();
  }

  close(): DeliveryEffects<T> {
    this.#streams.closeAll();
    return this.#streams.effects();
  }

  #leave(): void {
    const of = this.#current && this.#streams.get(this.#current.stream);
    if (of === undefined) return;
    this.#waiting = [...of.stream.jobs];
    this.#streams.close(of);
    this.#current = undefined;
  }

  #choose(now: number): DeliveryEffects<T> {
    const [name] = this.#listed;
    if (this.#current !== undefined || name === undefined) return this.#streams.effects();
    const of = this.#streams.create(name);
    this.#current = { name, stream: of.number };
    this.#streams.take(of, of.stream.open(now));
    for (const job of this.#waiting) this.#streams.take(of, of.stream.add(job, now));
    this.#waiting = [];
    return this.#streams.effects();
  }
}
