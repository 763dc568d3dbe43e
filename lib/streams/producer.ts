import type { Behavior } from "../actor/behavior.ts";
import { Behaviors } from "../actor/behaviors.ts";
import type { ActorContext } from "../actor/context.ts";
import { internalsOf } from "../actor/internals.ts";
import type { ActorRef } from "../actor/ref.ts";
import type { Signal } from "../actor/signal.ts";
import type { Account } from "./credit_pool.ts";
import { asError, StreamError } from "./errors.ts";
import { isLocal, isRef, isTotal, partyKey, plainError } from "./party.ts";
import type {
  ConsumerMessage,
  ProducerMessage,
  SinkMessage,
  SinkRefusal,
  StreamCancel,
  StreamDemand,
  StreamEnd,
  StreamEnding,
  StreamLeave,
  StreamOutcome,
  StreamPush,
  StreamPut,
  StreamSubscribe,
  StreamWant,
} from "./protocol.ts";
import { StreamCore } from "./stream_core.ts";

/** Checked options of a producer. */
export interface ProducerSettings {
  readonly bufferSize: number;
  readonly maxSinks: number;
  readonly onSinkLost: "fail" | "ignore";
}

type SinkRef = ActorRef<SinkMessage>;
type ConsumerRef<T> = ActorRef<ConsumerMessage<T>>;

/** The actor around a {@linkcode StreamCore}: who the parties are, and what they are told. */
export class Producer<T> {
  readonly #context: ActorContext<ProducerMessage<T>>;
  readonly #settings: ProducerSettings;
  readonly #core: StreamCore<T, SinkRef>;
  readonly #sinks = new Map<unknown, Account<SinkRef>>();
  #consumer: ConsumerRef<T> | undefined;
  #consumerKey: unknown;
  #outcome: StreamOutcome | undefined;
  /**
   * Parties on other nodes that have not confirmed the end. They are waited for: the news that this
   * actor has stopped could overtake what it has told them, or that could be lost.
   */
  readonly #unconfirmed = new Set<unknown>();

  /** Nobody is connected. */
  constructor(context: ActorContext<ProducerMessage<T>>, settings: ProducerSettings) {
    this.#context = context;
    this.#settings = settings;
    this.#core = new StreamCore<T, SinkRef>(settings.bufferSize, {
      element: (sequence, element) =>
        this.#consumer!.tell({ type: "streamElement", sequence, element }),
      credit: ({ owner, granted }) => owner.tell({ type: "streamCredit", total: granted }),
      closing: (ending) => this.#tellClosing(ending),
      drained: (ending) => this.#end(ending),
    });
  }

  /** Handles a message. Whatever it holds, the actor does not fail. */
  receive(message: ProducerMessage<T>): Behavior<ProducerMessage<T>> {
    return this.#handle(message) ? this.#next() : Behaviors.unhandled();
  }

  /** Handles a signal. */
  signal(signal: Signal): Behavior<ProducerMessage<T>> {
    if (signal.type === "terminated") {
      const key = partyKey(signal.ref);
      this.#unconfirmed.delete(key);
      if (key === this.#consumerKey) this.#cancel();
      const account = this.#sinks.get(key);
      if (account !== undefined) {
        this.#forget(key, account);
        this.#sinkLost(`a sink is gone (${signal.reason})`);
      }
    } else if (signal.type === "postStop" || signal.type === "preRestart") {
      this.#close();
    }
    return this.#next();
  }

  #next(): Behavior<ProducerMessage<T>> {
    return this.#outcome !== undefined && this.#unconfirmed.size === 0
      ? Behaviors.stopped()
      : Behaviors.same();
  }

  /** False for what is not a message of the protocol. */
  #handle(message: ProducerMessage<T>): boolean {
    switch (message?.type) {
      case "streamPut":
        return isRef(message.sink) && this.#put(message);
      case "streamDemand":
        return isRef(message.consumer) && isTotal(message.total) && this.#demand(message);
      case "streamPush":
        return this.#push(message);
      case "streamComplete":
        this.#core.close({ type: "completed" });
        return true;
      case "streamFail":
        this.#core.close({ type: "failed", error: asError(message.error) });
        return true;
      case "streamSubscribe":
        return isRef(message.consumer) && isTotal(message.demand ?? 0) && this.#subscribe(message);
      case "streamCancel":
        return isRef(message.consumer) && this.#leave(message);
      case "streamConnect":
        return isRef(message.sink) && this.#connect(message.sink);
      case "streamWant":
        return isRef(message.sink) && isTotal(message.total) && isTotal(message.sent) &&
          this.#want(message);
      case "streamEnd":
        return isRef(message.sink) && isTotal(message.sent) && this.#sinkEnds(message);
      case "streamLeave":
        return isRef(message.sink) && this.#sinkLeaves(message);
      default:
        return false;
    }
  }

  #push(message: StreamPush<T>): boolean {
    const reason = this.#core.push(message.element);
    const { replyTo } = message;
    if (isRef(replyTo)) {
      replyTo.tell(
        reason === undefined ? { type: "streamPushed" } : { type: "streamPushRefused", reason },
      );
    } else if (reason !== undefined) {
      this.#lose(reason === "bufferFull" ? "bufferFull" : "stopped", message);
    }
    return true;
  }

  #subscribe({ consumer, demand = 0 }: StreamSubscribe<T>): boolean {
    const key = partyKey(consumer);
    if (this.#consumer !== undefined && key === this.#consumerKey) this.#tellConsumer(demand);
    else if (this.#outcome !== undefined) consumer.tell({ type: "streamRefused", reason: "ended" });
    else if (this.#consumer !== undefined) {
      consumer.tell({ type: "streamRefused", reason: "taken" });
    } else if (!this.#watch(consumer)) {
      consumer.tell({ type: "streamRefused", reason: "cannotWatch" });
    } else {
      this.#consumer = consumer;
      this.#consumerKey = key;
      this.#core.subscribe(demand);
    }
    return true;
  }

  #demand({ consumer, total, probe }: StreamDemand<T>): boolean {
    if (this.#consumer === undefined || partyKey(consumer) !== this.#consumerKey) {
      const reason = this.#outcome === undefined ? "notSubscribed" : "ended";
      consumer.tell({ type: "streamRefused", reason });
      return true;
    }
    this.#tellConsumer(total);
    if (probe === true && this.#outcome === undefined) {
      consumer.tell({ type: "streamStatus", sent: this.#core.delivered });
    }
    return true;
  }

  /** What was asked for, or the end once more. */
  #tellConsumer(total: number): void {
    if (this.#outcome === undefined) this.#core.demand(total);
    else this.#tellEnd(true);
  }

  #leave({ consumer }: StreamCancel<T>): boolean {
    const key = partyKey(consumer);
    if (this.#consumer === undefined || key !== this.#consumerKey) return true;
    this.#unconfirmed.delete(key);
    this.#cancel();
    return true;
  }

  #cancel(): void {
    if (this.#outcome !== undefined) return;
    this.#end({ type: "cancelled", undelivered: this.#core.cancel() });
  }

  #connect(sink: SinkRef): boolean {
    const key = partyKey(sink);
    if (this.#sinks.has(key)) return true;
    if (this.#outcome !== undefined) this.#tellSinkEnded(sink, 0, this.#outcome);
    else if (this.#sinks.size >= this.#settings.maxSinks) this.#refuse(sink, "tooManySinks");
    else if (!this.#watch(sink)) this.#refuse(sink, "cannotWatch");
    else {
      const account = this.#core.connect(sink);
      this.#sinks.set(key, account);
      const { ending } = this.#core;
      if (ending !== undefined) tellSinkClosing(account, ending);
    }
    return true;
  }

  #put(message: StreamPut<T>): boolean {
    const account = this.#account(message.sink);
    const result = account === undefined
      ? "closed"
      : this.#core.put(account, message.sequence, message.element);
    if (result === "accepted") return true;
    this.#lose(result === "noCredit" ? "bufferFull" : "stopped", message);
    if (account !== undefined && result !== "closed") {
      this.#dismiss(account, result === "gap" ? "lost" : "noCredit");
    }
    return true;
  }

  #want({ sink, total, sent, granted }: StreamWant): boolean {
    const account = this.#account(sink);
    if (account === undefined || this.#repeatEnd(account)) return true;
    if (sent > account.accepted) this.#dismiss(account, "lost");
    else {
      const before = account.granted;
      this.#core.want(account, total);
      if (account.granted === before && granted < before) {
        sink.tell({ type: "streamCredit", total: before });
      }
    }
    return true;
  }

  #sinkEnds({ sink, sent, error }: StreamEnd): boolean {
    const account = this.#account(sink);
    if (account === undefined || this.#repeatEnd(account)) return true;
    if (sent > account.accepted) this.#dismiss(account, "lost");
    else if (error === undefined) this.#core.close({ type: "completed" });
    else this.#core.close({ type: "failed", error: asError(error) });
    return true;
  }

  #sinkLeaves({ sink, sent, abandoned }: StreamLeave): boolean {
    const key = partyKey(sink);
    this.#unconfirmed.delete(key);
    const account = this.#sinks.get(key);
    if (account === undefined) return true;
    const lost = sent > account.accepted;
    this.#forget(key, account);
    if (lost) this.#sinkLost("elements of a sink were lost on the way");
    else if (abandoned) {
      this.#sinkLost("a sink was given up; call leave() when the others shall go on");
    }
    return true;
  }

  /** Tells a sink that has missed it how the stream ends; false if it goes on. */
  #repeatEnd(account: Account<SinkRef>): boolean {
    const { ending } = this.#core;
    if (this.#outcome !== undefined) {
      this.#tellSinkEnded(account.owner, account.accepted, plain(this.#outcome));
    } else if (ending !== undefined) tellSinkClosing(account, plain(ending));
    else return false;
    return true;
  }

  /** The account of a sink; one without is told so. */
  #account(sink: SinkRef): Account<SinkRef> | undefined {
    const account = this.#sinks.get(partyKey(sink));
    if (account === undefined) {
      if (this.#outcome === undefined) this.#refuse(sink, "unknownSink");
      else this.#tellSinkEnded(sink, 0, this.#outcome);
    }
    return account;
  }

  #dismiss(account: Account<SinkRef>, reason: "lost" | "noCredit"): void {
    this.#forget(partyKey(account.owner), account);
    this.#refuse(account.owner, reason);
    this.#sinkLost(
      reason === "lost"
        ? "elements of a sink were lost on the way"
        : "a sink has sent without credit",
    );
  }

  #forget(key: unknown, account: Account<SinkRef>): void {
    this.#sinks.delete(key);
    this.#context.unwatch(account.owner);
    this.#core.disconnect(account);
  }

  #sinkLost(message: string): void {
    if (this.#settings.onSinkLost === "ignore") return;
    this.#core.close({ type: "failed", error: new StreamError("streamBroken", message) });
  }

  #end(outcome: StreamOutcome): void {
    this.#outcome = outcome;
    for (const [key, { owner, accepted }] of this.#sinks) {
      this.#tellSinkEnded(owner, accepted, outcome);
      if (!isLocal(this.#context.system, owner)) this.#unconfirmed.add(key);
    }
    if (outcome.type === "cancelled") return;
    this.#tellEnd(false);
    if (!isLocal(this.#context.system, this.#consumer!)) this.#unconfirmed.add(this.#consumerKey);
  }

  /** This actor stops, or begins again without what it knew. */
  #close(): void {
    if (this.#outcome !== undefined) return;
    this.#outcome = { type: "closed" };
    this.#consumer?.tell({ type: "streamClosed" });
    for (const { owner, accepted } of this.#sinks.values()) {
      this.#tellSinkEnded(owner, accepted, this.#outcome);
    }
  }

  #tellEnd(again: boolean): void {
    const outcome = this.#outcome!;
    const count = this.#core.delivered;
    if (outcome.type === "completed") this.#consumer!.tell({ type: "streamCompleted", count });
    else if (outcome.type === "failed") {
      // What did not arrive may have been too large.
      const error = again ? plainError(outcome.error) : outcome.error;
      this.#consumer!.tell({ type: "streamFailed", count, error });
    }
  }

  #tellClosing(ending: StreamEnding): void {
    for (const account of this.#sinks.values()) tellSinkClosing(account, ending);
  }

  #tellSinkEnded(sink: SinkRef, accepted: number, outcome: StreamOutcome): void {
    sink.tell({ type: "streamEnded", outcome, accepted });
  }

  #refuse(sink: SinkRef, reason: SinkRefusal): void {
    sink.tell({ type: "streamSinkRefused", reason });
  }

  /** False for a reference that cannot be watched: nobody would notice when it is gone. */
  #watch(ref: ActorRef<never>): boolean {
    try {
      this.#context.watch(ref);
      return true;
    } catch (error) {
      this.#context.log.warn("a party cannot be watched and is refused", { error });
      return false;
    }
  }

  #lose(reason: "bufferFull" | "stopped", message: unknown): void {
    const { system, self } = this.#context;
    internalsOf(system).deadLetter(reason, self.path, message);
  }
}

function tellSinkClosing({ owner, accepted }: Account<SinkRef>, ending: StreamEnding): void {
  owner.tell({ type: "streamClosing", ending, accepted });
}

function plain<O extends StreamOutcome>(outcome: O): O {
  return outcome.type === "failed" ? { ...outcome, error: plainError(outcome.error) } : outcome;
}
