import type { Behavior } from "../actor/behavior/behavior.ts";
import { Behaviors } from "../actor/behavior/behaviors.ts";
import type { ActorContext } from "../actor/behavior/context.ts";
import { internalsOf } from "../actor/system/system_internals.ts";
import type { ActorRef } from "../actor/ref/ref.ts";
import type { Signal } from "../actor/behavior/signal.ts";
import { participantKey, Participants } from "./participants.ts";
import { asError, plainError } from "./errors.ts";
import { ProducerSinks, type SinkRef, type SinkSettings } from "./producer_sinks.ts";
import {
  type ConsumerMessage,
  isRef,
  isTotal,
  type ProducerMessage,
  type StreamCancel,
  type StreamDemand,
  type StreamOutcome,
  type StreamPush,
  type StreamSubscribe,
} from "./protocol.ts";
import { StreamCore } from "./stream_core.ts";

/** Checked options of a producer. */
export interface ProducerSettings extends SinkSettings {
  readonly bufferSize: number;
}

/** The actor around a {@linkcode StreamCore}: holds its participants, and sends them its output. */
export class Producer<T> {
  readonly #context: ActorContext<ProducerMessage<T>>;
  readonly #core: StreamCore<T, SinkRef>;
  readonly #participants: Participants;
  readonly #sinks: ProducerSinks<T>;
  #consumer: ActorRef<ConsumerMessage<T>> | undefined;
  #consumerKey: unknown;
  #outcome: StreamOutcome | undefined;

  constructor(context: ActorContext<ProducerMessage<T>>, settings: ProducerSettings) {
    this.#context = context;
    this.#core = new StreamCore<T, SinkRef>(settings.bufferSize, {
      element: (sequence, element) =>
        this.#consumer!.tell({ type: "streamElement", sequence, element }),
      credit: ({ owner, granted }) => owner.tell({ type: "streamCredit", total: granted }),
      closing: (ending) => this.#sinks.tellClosing(ending),
      drained: (ending) => this.#end(ending),
    });
    this.#participants = new Participants(context);
    this.#sinks = new ProducerSinks(this.#core, this.#participants, settings);
  }

  /** Handles a message. Whatever it holds, the actor does not fail. */
  receive(message: ProducerMessage<T>): Behavior<ProducerMessage<T>> {
    if (!isValid(message)) return Behaviors.unhandled();
    this.#handle(message);
    return this.#next();
  }

  /** Handles a signal. */
  signal(signal: Signal): Behavior<ProducerMessage<T>> {
    if (signal.type === "terminated") {
      const key = participantKey(signal.ref);
      this.#participants.confirm(key);
      if (key === this.#consumerKey) this.#cancel();
      this.#sinks.gone(key, signal.reason);
    } else if (signal.type === "postStop" || signal.type === "preRestart") {
      this.#close();
    }
    return this.#next();
  }

  #next(): Behavior<ProducerMessage<T>> {
    return this.#outcome !== undefined && this.#participants.confirmed
      ? Behaviors.stopped()
      : Behaviors.same();
  }

  #handle(message: ProducerMessage<T>): void {
    switch (message.type) {
      case "streamPut":
        return this.#sinks.put(message);
      case "streamDemand":
        return this.#demand(message);
      case "streamWant":
        return this.#sinks.want(message);
      case "streamPush":
        return this.#push(message);
      case "streamComplete":
        return void this.#core.close({ type: "completed" });
      case "streamFail":
        return void this.#core.close({ type: "failed", error: asError(message.error) });
      case "streamSubscribe":
        return this.#subscribe(message);
      case "streamCancel":
        return this.#leave(message);
      case "streamConnect":
        return this.#sinks.connect(message.sink);
      case "streamEnd":
        return this.#sinks.end(message);
      case "streamLeave":
        return this.#sinks.leave(message);
    }
  }

  #push(message: StreamPush<T>): void {
    const reason = this.#core.push(message.element);
    const { replyTo } = message;
    if (isRef(replyTo)) {
      replyTo.tell(
        reason === undefined ? { type: "streamPushed" } : { type: "streamPushRefused", reason },
      );
    } else if (reason !== undefined) {
      this.#participants.lose(reason === "bufferFull" ? "bufferFull" : "stopped", message);
    }
  }

  #subscribe({ consumer, demand = 0 }: StreamSubscribe<T>): void {
    const key = participantKey(consumer);
    if (this.#consumer !== undefined && key === this.#consumerKey) this.#give(demand);
    else if (this.#outcome !== undefined) consumer.tell({ type: "streamRefused", reason: "ended" });
    else if (this.#consumer !== undefined) {
      consumer.tell({ type: "streamRefused", reason: "taken" });
    } else if (!this.#participants.watch(consumer)) {
      consumer.tell({ type: "streamRefused", reason: "cannotWatch" });
    } else {
      this.#consumer = consumer;
      this.#consumerKey = key;
      this.#core.subscribe(demand);
    }
  }

  #demand({ consumer, total, probe }: StreamDemand<T>): void {
    if (this.#consumer === undefined || participantKey(consumer) !== this.#consumerKey) {
      const reason = this.#outcome === undefined ? "notSubscribed" : "ended";
      return consumer.tell({ type: "streamRefused", reason });
    }
    this.#give(total);
    if (probe === true && this.#outcome === undefined) {
      consumer.tell({ type: "streamStatus", sent: this.#core.delivered });
    }
  }

  /** Sends the requested elements, or repeats the end. */
  #give(total: number): void {
    if (this.#outcome === undefined) this.#core.demand(total);
    else this.#tellEnd(true);
  }

  #leave({ consumer }: StreamCancel<T>): void {
    const key = participantKey(consumer);
    if (this.#consumer === undefined || key !== this.#consumerKey) return;
    this.#participants.confirm(key);
    this.#cancel();
  }

  #cancel(): void {
    if (this.#outcome !== undefined) return;
    this.#end({ type: "cancelled", undelivered: this.#core.cancel() });
  }

  #end(outcome: StreamOutcome): void {
    this.#outcome = outcome;
    this.#sinks.tellEnded(outcome);
    if (outcome.type === "cancelled") return;
    this.#tellEnd(false);
    this.#participants.sentEnd(this.#consumerKey, this.#consumer!);
  }

  /** This incarnation ends before the stream does. */
  #close(): void {
    if (this.#outcome !== undefined) return;
    this.#outcome = { type: "closed" };
    const { self, system } = this.#context;
    for (const element of this.#core.discard()) {
      internalsOf(system).deadLetter("stopped", self.path, element);
    }
    this.#consumer?.tell({ type: "streamClosed" });
    this.#sinks.tellEnded(this.#outcome);
  }

  #tellEnd(again: boolean): void {
    const outcome = this.#outcome!;
    const count = this.#core.delivered;
    if (outcome.type === "completed") this.#consumer!.tell({ type: "streamCompleted", count });
    else if (outcome.type === "failed") {
      // Missing elements may have been too large.
      const error = again ? plainError(outcome.error) : outcome.error;
      this.#consumer!.tell({ type: "streamFailed", count, error });
    }
  }
}

/** Whether a message of an unknown sender belongs to the protocol. */
function isValid<T>(message: ProducerMessage<T>): boolean {
  switch (message?.type) {
    case "streamPush":
    case "streamComplete":
    case "streamFail":
      return true;
    case "streamSubscribe":
      return isRef(message.consumer) && isTotal(message.demand ?? 0);
    case "streamDemand":
      return isRef(message.consumer) && isTotal(message.total);
    case "streamCancel":
      return isRef(message.consumer);
    case "streamConnect":
    case "streamPut":
      return isRef(message.sink);
    case "streamWant":
      return isRef(message.sink) && isTotal(message.total) && isTotal(message.sent);
    case "streamEnd":
    case "streamLeave":
      return isRef(message.sink) && isTotal(message.sent);
    default:
      return false;
  }
}
