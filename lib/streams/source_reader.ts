import type { ActorSystem } from "../actor/system/actor_system.ts";
import type { ActorRef } from "../actor/ref/ref.ts";
import type { Timer } from "../runtime/clock.ts";
import { ElementQueue } from "./element_queue.ts";
import type { StreamError } from "./errors.ts";
import { spawnParticipant } from "./participant_actor.ts";
import { isClient, isLocal } from "./participants.ts";
import type { ConsumerMessage, ProducerMessage } from "./protocol.ts";
import {
  brokenStream,
  closedReader,
  failedStream,
  goneProducer,
  idleStream,
  refusedSource,
} from "./source_errors.ts";
import { StreamIntake } from "./stream_intake.ts";

/** Checked options of a source. */
export interface SourceSettings {
  readonly demand: number;
  readonly idleTimeout: number | undefined;
  readonly probeInterval: number;
}

type Result<T> = IteratorResult<T, undefined>;

const finished: IteratorReturnResult<undefined> = { done: true, value: undefined };

/**
 * The iterator behind a source. Not a generator: a generator that waits for an element cannot be
 * told to return.
 */
export class SourceReader<T> implements AsyncIterableIterator<T, undefined> {
  readonly #system: ActorSystem;
  readonly #producer: ActorRef<ProducerMessage<T>>;
  readonly #settings: SourceSettings;
  readonly #intake: StreamIntake;
  readonly #queue = new ElementQueue<T>();
  readonly #reads = new ElementQueue<PromiseWithResolvers<Result<T>>>();
  #actor: ActorRef<ConsumerMessage<T>> | undefined;
  #over = false;
  /** Thrown once, after the buffered elements. */
  #error: StreamError | undefined;
  /** Whether the producer has sent anything since the last tick. */
  #hasReceived = false;
  #idleTimer: Timer | undefined;
  /** When the oldest read began to wait, or the last element arrived. */
  #idleSince = 0;

  /** Subscribes with the first read. */
  constructor(
    system: ActorSystem,
    producer: ActorRef<ProducerMessage<T>>,
    settings: SourceSettings,
  ) {
    this.#system = system;
    this.#producer = producer;
    this.#settings = settings;
    this.#intake = new StreamIntake(settings.demand);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<Result<T>> {
    if (this.#queue.size > 0) {
      const value = this.#queue.shift();
      this.#consumed();
      return Promise.resolve({ done: false, value });
    }
    if (this.#over) {
      const error = this.#error;
      this.#error = undefined;
      return error === undefined ? Promise.resolve(finished) : Promise.reject(error);
    }
    const read = Promise.withResolvers<Result<T>>();
    if (this.#reads.size === 0) this.#awaitElement();
    this.#reads.push(read);
    if (this.#actor === undefined) this.#start();
    return read.promise;
  }

  return(): Promise<Result<T>> {
    this.#leave();
    return Promise.resolve(finished);
  }

  throw(error: unknown): Promise<Result<T>> {
    this.#leave();
    return Promise.reject(error);
  }

  #start(): void {
    try {
      this.#actor = spawnParticipant<ConsumerMessage<T>>(
        this.#system,
        this.#producer,
        this.#settings.probeInterval,
        {
          onMessage: (message) => this.#receive(message),
          onTick: () => this.#probe(),
          onGone: (cause) => this.#end(goneProducer(cause)),
          onStopped: () => this.#onStopped(),
        },
      );
    } catch (cause) {
      // The system was shut down.
      return this.#end(goneProducer(cause));
    }
    this.#producer.tell({
      type: "streamSubscribe",
      consumer: this.#actor,
      demand: this.#intake.requested,
    });
  }

  #receive(message: ConsumerMessage<T>): void {
    this.#hasReceived = true;
    if (this.#over) return;
    const { received } = this.#intake;
    switch (message?.type) {
      case "streamElement":
        if (this.#intake.accept(message.sequence)) this.#give(message.element);
        else this.#break(`element ${message.sequence} came after element ${received}`);
        return;
      case "streamCompleted":
        return this.#finish(message.count, undefined);
      case "streamFailed":
        return this.#finish(message.count, failedStream(message.error));
      case "streamClosed":
        return this.#end(goneProducer());
      case "streamStatus":
        if (message.sent > received) this.#break(`${received} of ${message.sent} elements came`);
        return;
      case "streamRefused":
        return this.#end(refusedSource(message.reason));
    }
  }

  #give(element: T): void {
    if (this.#reads.size === 0) return this.#queue.push(element);
    this.#reads.shift().resolve({ done: false, value: element });
    this.#idleSince = this.#system.runtime.clock.now();
    this.#consumed();
  }

  #consumed(): void {
    const total = this.#intake.consume();
    if (total !== undefined && !this.#over) this.#demand(total, false);
  }

  #demand(total: number, probe: boolean): void {
    this.#producer.tell({
      type: "streamDemand",
      consumer: this.#actor!,
      total,
      ...(probe && { probe }),
    });
  }

  /**
   * A read waits and the producer was silent for a while: repeats messages that may have been lost.
   */
  #probe(): void {
    const hasReceived = this.#hasReceived;
    this.#hasReceived = false;
    if (hasReceived || this.#over || this.#reads.size === 0) return;
    this.#demand(this.#intake.requested, true);
  }

  /** The producer has sent the end. */
  #finish(count: number, error: StreamError | undefined): void {
    const { received } = this.#intake;
    if (count !== received) return this.#break(`${received} of ${count} elements came`);
    // A producer of another node waits until its last message is confirmed.
    if (!isLocal(this.#system, this.#producer)) this.#cancel();
    this.#end(error);
  }

  #break(what: string): void {
    this.#cancel();
    this.#end(brokenStream(what));
  }

  /** The reader cancels. */
  #leave(): void {
    this.#queue.clear();
    this.#error = undefined;
    if (this.#over) return;
    if (this.#actor !== undefined) this.#cancel();
    this.#end(undefined);
  }

  /**
   * The system of the reader ends. Who closes a client leaves what it reads, as it leaves a loop over a
   * listing. A node may be shut down by others than the reader, which must not take that for the end.
   */
  #onStopped(): void {
    if (this.#over) return;
    if (isClient(this.#system)) this.#leave();
    else this.#end(closedReader());
  }

  #cancel(): void {
    this.#producer.tell({ type: "streamCancel", consumer: this.#actor! });
  }

  #end(error: StreamError | undefined): void {
    if (this.#over) return;
    this.#over = true;
    this.#idleTimer?.cancel();
    if (this.#actor !== undefined) void this.#system.stop(this.#actor);
    if (this.#reads.size > 0 && error !== undefined) this.#reads.shift().reject(error);
    else this.#error = error;
    while (this.#reads.size > 0) this.#reads.shift().resolve(finished);
  }

  /** One timer for many reads: when it fires, it compares the duration of the current wait. */
  #awaitElement(): void {
    const { idleTimeout } = this.#settings;
    if (idleTimeout === undefined) return;
    this.#idleSince = this.#system.runtime.clock.now();
    this.#idleTimer ??= this.#idleAfter(idleTimeout, idleTimeout);
  }

  #idleAfter(delay: number, idleTimeout: number): Timer {
    const { clock } = this.#system.runtime;
    return clock.schedule(delay, () => {
      this.#idleTimer = undefined;
      if (this.#over || this.#reads.size === 0) return;
      const rest = this.#idleSince + idleTimeout - clock.now();
      if (rest > 0) {
        this.#idleTimer = this.#idleAfter(rest, idleTimeout);
        return;
      }
      this.#cancel();
      this.#end(idleStream(idleTimeout));
    });
  }
}
