import type { ActorSystem } from "../actor/system/actor_system.ts";
import type { ActorRef } from "../actor/ref/ref.ts";
import { ElementQueue } from "./element_queue.ts";
import { spawnParticipant } from "./participant_actor.ts";
import { isLocal } from "./participants.ts";
import { asError, plainError, type StreamError } from "./errors.ts";
import {
  isTotal,
  type ProducerMessage,
  type SinkMessage,
  type StreamEnding,
  type StreamOutcome,
} from "./protocol.ts";
import { endedStream, refusedSink, tooLate, tooManyPuts } from "./sink_errors.ts";
import { sinkWritable } from "./sink_writable.ts";

/** A put that waits for credit. */
interface Pending<T> {
  readonly element: T;
  readonly resolve: () => void;
  readonly reject: (error: StreamError) => void;
}

/** The action of this sink once no put waits. */
interface Ending {
  readonly type: "complete" | "fail" | "leave";
  readonly error: Error | undefined;
  readonly done: PromiseWithResolvers<void>;
  /** Whether the producer was sent it. */
  sent: boolean;
}

const resolved: Promise<void> = Promise.resolve();

/** Creates the error of a rejected put. */
type Refusal = () => StreamError;

/** Implements `StreamSink`, where each method is documented. */
export class Sink<T> implements AsyncDisposable {
  readonly #system: ActorSystem;
  readonly #producer: ActorRef<ProducerMessage<T>>;
  readonly #actor: ActorRef<SinkMessage>;
  readonly #maxPending: number;
  readonly #pending = new ElementQueue<Pending<T>>();
  readonly #outcome: PromiseWithResolvers<StreamOutcome> = Promise.withResolvers();
  /** Totals since it connected. */
  #sent = 0;
  #granted = 0;
  #wanted = 0;
  #ending: Ending | undefined;
  /** Why the stream takes no more from this sink. */
  #refusal: Refusal | undefined;
  /** How the stream ends, and how much of this sink it has taken. */
  #closing: { readonly ending: StreamEnding; readonly accepted: number } | undefined;
  #over = false;
  /** Whether it has left, and the producer has not confirmed that yet; and how it has left. */
  #parting: { readonly abandoned: boolean } | undefined;
  /** Whether the producer has sent anything since the last tick. */
  #hasReceived = false;
  #writable: ReturnType<typeof sinkWritable<T>> | undefined;

  /** Connects at once. */
  constructor(
    system: ActorSystem,
    producer: ActorRef<ProducerMessage<T>>,
    maxPending: number,
    probeInterval: number,
  ) {
    this.#system = system;
    this.#producer = producer;
    this.#maxPending = maxPending;
    this.#actor = spawnParticipant<SinkMessage>(system, producer, probeInterval, {
      onMessage: (message) => this.#receive(message),
      onTick: () => this.#probe(),
      onGone: (cause) => this.#end({ type: "closed" }, endedStream({ type: "closed" }, cause)),
      onStopped: () => this.#end({ type: "closed" }, endedStream({ type: "closed" })),
    });
    producer.tell({ type: "streamConnect", sink: this.#actor });
  }

  get outcome(): Promise<StreamOutcome> {
    return this.#outcome.promise;
  }

  get writable(): WritableStream<T> {
    return (this.#writable ??= sinkWritable(this, this.#refusal)).stream;
  }

  put(element: T): Promise<void> {
    if (this.#refusal !== undefined) return Promise.reject(this.#refusal());
    const { size } = this.#pending;
    if (size === 0 && this.#sent < this.#granted) {
      this.#send(element);
      return resolved;
    }
    if (size >= this.#maxPending) return Promise.reject(tooManyPuts(this.#maxPending));
    return new Promise((resolve, reject) => {
      this.#pending.push({ element, resolve, reject });
      this.#want();
    });
  }

  complete(): Promise<void> {
    return this.#finish("complete", undefined);
  }

  fail(error: unknown): Promise<void> {
    return this.#finish("fail", asError(error));
  }

  leave(): Promise<void> {
    return this.#over ? resolved : this.#finish("leave", undefined).catch(() => {});
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ending = this.#ending;
    if (ending !== undefined) await ending.done.promise.catch(() => {});
    this.#depart(ending === undefined);
  }

  #finish(type: Ending["type"], error: Error | undefined): Promise<void> {
    if (this.#ending?.type === type) return this.#ending.done.promise;
    if (type === "leave" && this.#ending !== undefined) return this.#ending.done.promise;
    // If another sink has begun the same ending, this one may join it.
    if (
      this.#refusal !== undefined && (this.#ending !== undefined || this.#closing === undefined)
    ) {
      return Promise.reject(this.#refusal());
    }
    const ending: Ending = { type, error, done: Promise.withResolvers(), sent: false };
    this.#ending = ending;
    if (this.#closing !== undefined) this.#settle();
    else {
      this.#refuse(ownRefusal(type, error), type === "fail");
      this.#flush();
    }
    return ending.done.promise;
  }

  #receive(message: SinkMessage): void {
    this.#hasReceived = true;
    if (this.#over) return this.#receiveLast(message);
    switch (message?.type) {
      case "streamCredit":
        if (isTotal(message.total)) this.#granted = Math.max(this.#granted, message.total);
        return this.#flush();
      case "streamClosing":
        return this.#close(message.ending, message.accepted);
      case "streamEnded": {
        const { outcome } = message;
        if (outcome.type === "completed" || outcome.type === "failed") {
          this.#close(outcome, message.accepted);
        }
        this.#end(outcome, endedStream(outcome));
        // A producer of another node waits until its last message is confirmed.
        if (!isLocal(this.#system, this.#producer)) this.#tellLeave(false);
        return;
      }
      case "streamSinkRefused":
        return this.#end({ type: "closed" }, refusedSink(message.reason));
    }
  }

  /** It has left: its actor must not stop before the producer has confirmed that. */
  #receiveLast({ type }: SinkMessage): void {
    if (type === "streamEnded" || type === "streamSinkRefused") {
      void this.#system.stop(this.#actor);
    }
  }

  #send(element: T): void {
    this.#producer.tell({
      type: "streamPut",
      sink: this.#actor,
      sequence: ++this.#sent,
      element,
    });
  }

  /** Sends as many elements as the credit allows, and requests more for the others. */
  #flush(): void {
    if (this.#over) return;
    while (this.#pending.size > 0 && this.#sent < this.#granted) {
      const { element, resolve } = this.#pending.shift();
      this.#send(element);
      resolve();
    }
    if (this.#pending.size > 0) return this.#want();
    const ending = this.#ending;
    if (ending === undefined || ending.sent) return;
    ending.sent = true;
    if (ending.type === "leave") this.#depart(false);
    else this.#tellEnd(ending.error);
  }

  /** Requests credit once for all waiting puts, and again when that is granted. */
  #want(): void {
    if (this.#wanted > this.#granted) return;
    this.#wanted = this.#sent + this.#pending.size;
    this.#tellWanted();
  }

  #tellWanted(): void {
    this.#producer.tell({
      type: "streamWant",
      sink: this.#actor,
      total: this.#wanted,
      sent: this.#sent,
      granted: this.#granted,
    });
  }

  #tellEnd(error: Error | undefined): void {
    this.#producer.tell({
      type: "streamEnd",
      sink: this.#actor,
      sent: this.#sent,
      ...(error !== undefined && { error }),
    });
  }

  #tellLeave(abandoned: boolean): void {
    this.#producer.tell({ type: "streamLeave", sink: this.#actor, sent: this.#sent, abandoned });
  }

  /** The producer was silent for a while: repeats messages that may have been lost. */
  #probe(): void {
    const hasReceived = this.#hasReceived;
    this.#hasReceived = false;
    if (hasReceived) return;
    if (this.#over) {
      if (this.#parting !== undefined) this.#tellLeave(this.#parting.abandoned);
      return;
    }
    const { error, sent } = this.#ending ?? {};
    // An error that has not arrived may have been too large.
    if (sent === true && this.#closing === undefined) this.#tellEnd(error && plainError(error));
    else this.#tellWanted();
  }

  /** The stream takes no more. */
  #close(ending: StreamEnding, accepted: number): void {
    if (this.#closing !== undefined) return;
    this.#closing = { ending, accepted };
    this.#refuse(endedStream(ending), true);
    if (this.#ending !== undefined) this.#settle();
  }

  /** This sink has requested the end, and the outcome of the stream is known now. */
  #settle(): void {
    const { ending, accepted } = this.#closing!;
    const { type, done } = this.#ending!;
    const wanted = type === "complete" ? "completed" : type === "fail" ? "failed" : ending.type;
    if (ending.type !== wanted) done.reject(endedStream(ending)());
    else if (type === "complete" && accepted < this.#sent) {
      done.reject(tooLate(this.#sent - accepted));
    } else done.resolve();
    if (type === "leave") this.#depart(false);
  }

  /** Rejects puts from now on, and with `all` the waiting ones. */
  #refuse(refusal: Refusal, all: boolean): void {
    this.#refusal = refusal;
    if (!all) return;
    while (this.#pending.size > 0) this.#pending.shift().reject(refusal());
    // The writer must get the end, whichever sink has caused it.
    this.#writable?.fail(refusal);
  }

  /** Leaves, and notifies the producer. */
  #depart(abandoned: boolean): void {
    if (this.#over) return;
    this.#tellLeave(abandoned);
    if (!isLocal(this.#system, this.#producer)) this.#parting = { abandoned };
    this.#ending?.done.resolve();
    this.#end({ type: "left" }, endedStream({ type: "left" }));
  }

  #end(outcome: StreamOutcome, refusal: Refusal): void {
    if (this.#over) return;
    this.#over = true;
    this.#refuse(refusal, true);
    this.#ending?.done.reject(refusal());
    this.#outcome.resolve(outcome);
    if (this.#parting === undefined) void this.#system.stop(this.#actor);
  }
}

function ownRefusal(type: Ending["type"], error: Error | undefined): Refusal {
  if (type === "complete") return endedStream({ type: "completed" });
  if (type === "fail") return endedStream({ type: "failed", error: error! });
  return endedStream({ type: "left" });
}
