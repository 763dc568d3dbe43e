/**
 * Decides which worker gets which job: the one with demand that has the fewest, in the order of the jobs.
 * Jobs of a worker that has ended go to others, before newer ones. Pure.
 *
 * Work pulling as in Akka's reliable delivery and in the pull consumers of NATS JetStream: workers have
 * jobs because they have asked for some, so a slow one gets few.
 *
 * @module
 */
import { rules } from "../runtime/rules.ts";
import type { BackoffOptions } from "../runtime/backoff.ts";
import type { Job } from "./outgoing_stream.ts";
import type { ConsumerAnswer } from "./protocol.ts";
import {
  type DeliveryEffects,
  type JobTarget,
  type NumberedStream,
  StreamSet,
} from "./stream_set.ts";

interface Worker<T> {
  readonly of: NumberedStream<T>;
  /** Whether it takes new jobs: it is registered, and its node can be reached. */
  isListed: boolean;
}

/** See the module's text. */
export class WorkQueue<T> implements JobTarget<T> {
  readonly #streams: StreamSet<T>;
  readonly #workers = new Map<string, Worker<T>>();
  /** Jobs that no worker has. */
  #waiting: Job<T>[] = [];

  /** `random` in [0, 1), for the pauses of `backoff`. */
  constructor(backoff: BackoffOptions, random: () => number) {
    this.#streams = new StreamSet(backoff, random);
  }

  /** Those of workers, then those that no worker has. */
  get jobs(): readonly Job<T>[] {
    const given = [...this.#workers.values()].flatMap(({ of }) => of.stream.jobs);
    return [...given, ...this.#waiting];
  }

  get due(): number {
    return this.#streams.due;
  }

  get demand(): number {
    return this.#streams.demand;
  }

  add(job: Job<T>, _entityId: string | undefined, now: number): DeliveryEffects<T> {
    this.#waiting.push(job);
    return this.#assign(now);
  }

  /**
   * One that is not registered any more keeps its jobs until it has ended: its node may only be out of
   * reach.
   */
  listed(workers: readonly string[], now: number): DeliveryEffects<T> {
    const names = new Set(workers);
    for (const [name, worker] of this.#workers) {
      worker.isListed = names.has(name);
      this.#forgetIfUnused(name, worker);
    }
    for (const name of names) {
      if (this.#workers.has(name)) continue;
      const of = this.#streams.create(name);
      this.#workers.set(name, { of, isListed: true });
      this.#streams.take(of, of.stream.open(now));
    }
    return this.#assign(now);
  }

  has(worker: string): boolean {
    return this.#workers.has(worker);
  }

  answered(stream: number, answer: ConsumerAnswer, now: number): DeliveryEffects<T> {
    const of = this.#streams.get(stream);
    if (of === undefined) return this.#streams.effects();
    this.#streams.take(of, of.stream.answered(answer, now));
    this.#forgetIfUnused(of.to, this.#workers.get(of.to)!);
    return this.#assign(now);
  }

  ended(name: string, now: number): DeliveryEffects<T> {
    const worker = this.#workers.get(name);
    if (worker === undefined) return this.#streams.effects();
    this.#workers.delete(name);
    this.#streams.delete(worker.of.number);
    if (rules.jobsOfEndedWorkersReturn) {
      this.#waiting = [...worker.of.stream.jobs, ...this.#waiting]
        .sort((a, b) => a.ticket - b.ticket);
    }
    return this.#assign(now);
  }

  tick(now: number): DeliveryEffects<T> {
    this.#streams.tick(now);
    return this.#assign(now);
  }

  close(): DeliveryEffects<T> {
    this.#streams.closeAll();
    return this.#streams.effects();
  }

  #assign(now: number): DeliveryEffects<T> {
    let given = 0;
    for (const job of this.#waiting) {
      const worker = this.#idlest();
      if (worker === undefined) break;
      this.#streams.take(worker, worker.stream.add(job, now));
      given++;
    }
    if (given > 0) this.#waiting.splice(0, given);
    return this.#streams.effects();
  }

  /** The worker with demand that has the fewest jobs. */
  #idlest(): NumberedStream<T> | undefined {
    let found: NumberedStream<T> | undefined;
    for (const { of, isListed } of this.#workers.values()) {
      if (!isListed || of.stream.demand === 0) continue;
      if (found === undefined || of.stream.load < found.stream.load) found = of;
    }
    return found;
  }

  #forgetIfUnused(name: string, { of, isListed }: Worker<T>): void {
    if (isListed || !of.stream.isEmpty) return;
    this.#workers.delete(name);
    this.#streams.close(of);
  }
}
