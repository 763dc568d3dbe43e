/**
 * A stream for each entity that has jobs: each entity gets its own in order, and one that is slow or moves
 * holds up no other. Pure.
 *
 * @module
 */
import type { BackoffOptions } from "../runtime/backoff.ts";
import type { Job } from "./outgoing_stream.ts";
import type { ConsumerAnswer } from "./protocol.ts";
import {
  type DeliveryEffects,
  type JobTarget,
  type NumberedStream,
  StreamSet,
} from "./stream_set.ts";

/** Entities without jobs whose streams are kept, so that the next job needs no new one. */
const maxIdle = 1_000;

/** See the module's text. */
export class EntityStreams<T> implements JobTarget<T> {
  readonly #streams: StreamSet<T>;
  readonly #entities = new Map<string, NumberedStream<T>>();
  /** Entities without jobs, the one that was used longest ago first. */
  readonly #idle = new Set<string>();

  /** `random` in [0, 1), for the pauses of `backoff`. */
  constructor(backoff: BackoffOptions, random: () => number) {
    this.#streams = new StreamSet(backoff, random);
  }

  get jobs(): readonly Job<T>[] {
    return [...this.#entities.values()].flatMap(({ stream }) => stream.jobs);
  }

  get due(): number {
    return this.#streams.due;
  }

  get demand(): number {
    return this.#streams.demand;
  }

  add(job: Job<T>, id: string | undefined, now: number): DeliveryEffects<T> {
    const entityId = id!;
    let of = this.#entities.get(entityId);
    if (of === undefined) this.#entities.set(entityId, of = this.#streams.create(entityId));
    this.#idle.delete(entityId);
    this.#streams.take(of, of.stream.add(job, now));
    return this.#streams.effects();
  }

  /** Entities are not registered. */
  listed(): DeliveryEffects<T> {
    return this.#streams.effects();
  }

  has(entityId: string): boolean {
    return this.#entities.has(entityId);
  }

  answered(stream: number, answer: ConsumerAnswer, now: number): DeliveryEffects<T> {
    const of = this.#streams.get(stream);
    if (of === undefined) return this.#streams.effects();
    this.#streams.take(of, of.stream.answered(answer, now));
    if (of.stream.isEmpty) this.#rest(of.to);
    return this.#streams.effects();
  }

  /** Entities do not end: the next incarnation does not know the session. */
  ended(): DeliveryEffects<T> {
    return this.#streams.effects();
  }

  tick(now: number): DeliveryEffects<T> {
    this.#streams.tick(now);
    return this.#streams.effects();
  }

  /** They need not be told, and would be started for it. */
  close(): DeliveryEffects<T> {
    return this.#streams.effects();
  }

  #rest(entityId: string): void {
    this.#idle.add(entityId);
    if (this.#idle.size <= maxIdle) return;
    const [oldest] = this.#idle;
    this.#idle.delete(oldest!);
    this.#streams.delete(this.#entities.get(oldest!)!.number);
    this.#entities.delete(oldest!);
  }
}
