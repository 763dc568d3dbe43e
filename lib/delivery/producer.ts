/**
 * The actor around a {@linkcode JobTarget}: its messages, timers and replies.
 *
 * @module
 */
import type { Behavior } from "../actor/behavior/behavior.ts";
import { Behaviors } from "../actor/behavior/behaviors.ts";
import type { ActorContext } from "../actor/behavior/context.ts";
import type { Signal } from "../actor/behavior/signal.ts";
import { StatusReply } from "../actor/behavior/status_reply.ts";
import { LocalRef } from "../actor/ref/local_ref.ts";
import { filterRemote } from "../actor/ref/remote_filter.ts";
import type { ActorRef } from "../actor/ref/ref.ts";
import { isActorRef } from "../actor/ref/ref_schema.ts";
import type { ServiceKey } from "../actor/services/service_key.ts";
import { internalsOf } from "../actor/system/system_internals.ts";
import { randomId } from "../runtime/random.ts";
import type { Codec } from "../wire/codec.ts";
import { chunkCodec, partsOf } from "./chunked_message.ts";
import { DeliveryTelemetry, type MeasuredProducer } from "./delivery_telemetry.ts";
import { deliveryId } from "./consumer_controller.ts";
import type { DeliveryParked } from "./delivery_parked.ts";
import { EntityStreams } from "./entity_streams.ts";
import { DeliveryError, type DeliveryErrorCode } from "./errors.ts";
import { isProducerMessage } from "./message_check.ts";
import { isParked, type Job } from "./outgoing_stream.ts";
import type { ProducerControllerOptions } from "./producer_controller_options.ts";
import type { ConsumerMessage, Deliver, ProducerMessage } from "./protocol.ts";
import { SingleConsumer } from "./single_consumer.ts";
import type { DeliveryEffects, JobTarget, Outgoing } from "./stream_set.ts";
import { WorkQueue } from "./work_queue.ts";

/** What the actor sends itself. */
type Internal = { readonly type: "deliveryTick" } | { readonly type: "deliveryListing" };

/** Checked options. */
type Settings = Required<
  Pick<
    ProducerControllerOptions<unknown>,
    "bufferSize" | "maxWaiting" | "minBackoff" | "maxBackoff"
  >
>;

/** A job, and who waits for it. */
interface DeliveryJob<T> extends Job<T> {
  readonly deliver: Deliver<T>;
}

/** Only messages of its own process cannot get lost on the way to a producer controller. */
function refusalOf(message: unknown): string | undefined {
  const { type } = (message ?? {}) as { type?: unknown };
  return type === "deliver" || type === "setConsumer"
    ? `"${type}" is for the process of the producer controller; spawn one in that of the sender`
    : undefined;
}

/** See the module's text. */
export class Producer<T> implements MeasuredProducer {
  readonly #context: ActorContext<ProducerMessage<T>>;
  readonly #options: ProducerControllerOptions<T>;
  readonly #settings: Settings;
  readonly #target: JobTarget<T>;
  /** Begins the names of its streams. */
  readonly #id: string;
  /** Consumers that are actors, by their keys. */
  readonly #consumers = new Map<string, ActorRef<ConsumerMessage<T>>>();
  /** Those of them that offer the service now. */
  #listed = new Set<string>();
  /** Those of them that are watched. */
  readonly #watched = new Set<string>();
  readonly #service: ServiceKey<ConsumerMessage<T>> | undefined;
  /** Messages that have no place yet. */
  #waiting: Deliver<T>[] = [];
  #unconfirmed = 0;
  #lastTicket = 0;
  #due = Infinity;
  #codec: Codec | undefined;
  #unsubscribe = () => {};
  readonly #telemetry: DeliveryTelemetry | undefined;
  readonly #endMeasuring: () => void;

  constructor(
    context: ActorContext<ProducerMessage<T>>,
    options: ProducerControllerOptions<T>,
    settings: Settings,
  ) {
    const { random } = context.system.runtime;
    const { consumer, workers, entities } = options;
    this.#context = context;
    this.#options = options;
    this.#settings = settings;
    this.#id = randomId(random);
    const backoff = {
      min: settings.minBackoff,
      max: settings.maxBackoff,
      jitter: [0.5, 1],
    } as const;
    const draw = () => random.next();
    if (entities !== undefined) this.#target = new EntityStreams(backoff, draw);
    else if (workers !== undefined) this.#target = new WorkQueue(backoff, draw);
    else this.#target = new SingleConsumer(backoff, draw);
    if (consumer !== undefined && !isActorRef(consumer)) this.#service = consumer;
    else this.#service = workers;
    this.#telemetry = DeliveryTelemetry.of(context.system);
    this.#endMeasuring = this.#telemetry?.add(this) ?? (() => {});
  }

  /** Its path. */
  get path(): string {
    return this.#context.self.path;
  }

  /** Messages that it has accepted, and that are not confirmed. */
  get unconfirmed(): number {
    return this.#unconfirmed;
  }

  /** Messages that have no place yet. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** Messages that its consumers would take beyond those that they were given. */
  get demand(): number {
    return this.#target.demand;
  }

  /** Looks for consumers. */
  start(): void {
    const { consumer } = this.#options;
    const { self, system } = this.#context;
    if (self instanceof LocalRef) filterRemote(self, refusalOf);
    if (isActorRef(consumer)) this.#list([consumer as ActorRef<ConsumerMessage<T>>]);
    if (this.#service === undefined) return;
    // In the actor's own turn.
    const listing: Internal = { type: "deliveryListing" };
    this.#unsubscribe = system.receptionist.subscribe(
      this.#service,
      () => (self as ActorRef<unknown>).tell(listing),
    );
  }

  /** Handles a message; `isClient`: it was sent by a client to this node. */
  receive(message: ProducerMessage<T>, isClient: boolean): Behavior<ProducerMessage<T>> {
    const { clock } = this.#context.system.runtime;
    const internal = message as unknown as Internal;
    if (internal?.type === "deliveryTick") {
      this.#due = Infinity;
      this.#carryOut(this.#target.tick(clock.now()));
      return Behaviors.same();
    }
    if (internal?.type === "deliveryListing") {
      this.#list(this.#context.system.receptionist.find(this.#service!));
      return Behaviors.same();
    }
    if (!isProducerMessage(message as ProducerMessage<never>)) return Behaviors.unhandled();
    switch (message.type) {
      case "deliver":
        if (isClient) return Behaviors.unhandled();
        this.#deliver(message);
        break;
      case "setConsumer":
        if (isClient || !(this.#target instanceof SingleConsumer)) return Behaviors.unhandled();
        this.#setConsumer(message.consumer, this.#target);
        break;
      default: {
        const number = this.#streamNumber(message.stream);
        if (number === undefined) break;
        this.#carryOut(this.#target.answered(number, message, clock.now()));
      }
    }
    return Behaviors.same();
  }

  /** Handles a signal. */
  signal(signal: Signal): Behavior<ProducerMessage<T>> {
    if (signal.type === "terminated") {
      const { key } = signal.ref;
      const now = this.#context.system.runtime.clock.now();
      this.#carryOut(this.#target.ended(key, now));
      this.#watched.delete(key);
      this.#listed.delete(key);
      this.#watchUsed();
    } else if (signal.type === "postStop" || signal.type === "preRestart") this.#close();
    return Behaviors.same();
  }

  #deliver(deliver: Deliver<T>): void {
    const { bufferSize, maxWaiting } = this.#settings;
    if (typeof deliver.entityId === "string" !== (this.#options.entities !== undefined)) {
      const text = this.#options.entities === undefined
        ? "this controller has no entities; deliver without entityId"
        : "this controller delivers to entities; name one with entityId";
      return this.#refuse(deliver, "badDelivery", text);
    }
    if (this.#unconfirmed < bufferSize) return this.#accept(deliver);
    if (deliver.acceptedTo !== undefined && this.#waiting.length < maxWaiting) {
      this.#waiting.push(deliver);
    } else {
      const remedy = "deliver with acceptedTo and wait for the answer, or raise bufferSize";
      this.#refuse(deliver, "deliveryBufferFull", `${bufferSize} messages wait; ${remedy}`);
    }
  }

  #accept(deliver: Deliver<T>): void {
    const { clock } = this.#context.system.runtime;
    const { chunkSize, maxAttempts } = this.#options;
    if (chunkSize !== undefined) this.#codec ??= chunkCodec(() => clock.now());
    const parts = partsOf(deliver.message, chunkSize, this.#codec!);
    const ticket = ++this.#lastTicket;
    const job: DeliveryJob<T> = { ticket, parts, wasSent: false, maxAttempts, deliver };
    this.#unconfirmed++;
    deliver.acceptedTo?.tell(StatusReply.success(job.ticket));
    this.#carryOut(this.#target.add(job, deliver.entityId, clock.now()));
  }

  #refuse(deliver: Deliver<T>, code: DeliveryErrorCode, text: string): void {
    const { system, self } = this.#context;
    const { acceptedTo, confirmedTo } = deliver;
    const error = StatusReply.error(new DeliveryError(code, text));
    acceptedTo?.tell(error);
    confirmedTo?.tell(error);
    if (acceptedTo !== undefined || confirmedTo !== undefined) return;
    const reason = code === "badDelivery" ? "invalidMessage" : "bufferFull";
    internalsOf(system).deadLetter(reason, self.path, deliver.message, { details: text });
  }

  #list(refs: readonly ActorRef<ConsumerMessage<T>>[]): void {
    this.#listed = new Set(refs.map(({ key }) => key));
    for (const ref of refs) {
      if (!this.#consumers.has(ref.key)) this.#consumers.set(ref.key, ref);
    }
    const { clock } = this.#context.system.runtime;
    this.#carryOut(this.#target.listed([...this.#listed], clock.now()));
    this.#watchUsed();
  }

  #setConsumer(ref: ActorRef<ConsumerMessage<T>>, target: SingleConsumer<T>): void {
    this.#listed = new Set([ref.key]);
    this.#consumers.set(ref.key, ref);
    this.#carryOut(target.set(ref.key, this.#context.system.runtime.clock.now()));
    this.#watchUsed();
  }

  /** Those that it sends to are watched; of others only those are kept that it may send to later. */
  #watchUsed(): void {
    for (const [key, ref] of this.#consumers) {
      const isUsed = this.#target.has(key);
      if (isUsed && !this.#watched.has(key)) {
        this.#watched.add(key);
        this.#context.watch(ref);
      } else if (!isUsed && this.#watched.delete(key)) this.#context.unwatch(ref);
      if (!isUsed && !this.#listed.has(key)) this.#consumers.delete(key);
    }
  }

  #carryOut({ send, confirmed }: DeliveryEffects<T>): void {
    for (const outgoing of send) this.#send(outgoing);
    for (const job of confirmed) {
      this.#unconfirmed--;
      const { deliver } = job as DeliveryJob<T>;
      if (isParked(job)) {
        this.#park(job, deliver);
        continue;
      }
      this.#telemetry?.count(this.path, "confirmed");
      deliver.confirmedTo?.tell(StatusReply.success(job.ticket));
    }
    this.#schedule();
    if (confirmed.length === 0 || this.#waiting.length === 0) return;
    const room = this.#settings.bufferSize - this.#unconfirmed;
    for (const deliver of this.#waiting.splice(0, room)) this.#accept(deliver);
  }

  #park({ ticket, failures: attempts = 0 }: Job<T>, { confirmedTo, message }: Deliver<T>): void {
    const { system, self: { path: producer }, log } = this.#context;
    const id = deliveryId(`${this.#id}.`, ticket);
    log.warn("parked a message on which its consumers fail", { id, attempts });
    const text = `handlers have failed on the message ${attempts} times`;
    confirmedTo?.tell(StatusReply.error(new DeliveryError("deliveryParked", text)));
    internalsOf(system).deadLetter("invalidMessage", producer, message);
    const event: DeliveryParked = { type: "deliveryParked", producer, id, attempts, message };
    system.eventStream.publish(event);
  }

  #send({ to, stream: number, output }: Outgoing<T>): void {
    const { self: producer } = this.#context;
    const ref = this.#consumers.get(to) ?? this.#options.entities?.entity(to);
    const stream = `${this.#id}.${number}`;
    if (output.type === "close") return ref?.tell({ type: "deliveryClose", stream });
    if (output.type === "open") {
      const { session, from, incarnation } = output;
      return ref?.tell({ type: "deliveryOpen", stream, session, from, incarnation, producer });
    }
    const { part, session, ticket, again, last } = output;
    const isWhole = !("left" in part) || part.left === 0;
    if (isWhole) this.#telemetry?.count(this.path, again ? "resent" : "sent");
    ref?.tell({
      type: "deliveryMessage",
      stream,
      session,
      number: output.number,
      ticket,
      again,
      last,
      ...part,
      producer,
    });
  }

  #schedule(): void {
    const { timers, system } = this.#context;
    const { due } = this.#target;
    if (due >= this.#due) return;
    this.#due = due;
    const tick: Internal = { type: "deliveryTick" };
    const delay = Math.max(1, due - system.runtime.clock.now());
    timers.startSingle("due", tick as unknown as ProducerMessage<T>, delay);
  }

  #streamNumber(stream: string): number | undefined {
    return stream.startsWith(`${this.#id}.`)
      ? Number(stream.slice(this.#id.length + 1))
      : undefined;
  }

  #close(): void {
    this.#endMeasuring();
    this.#unsubscribe();
    const { system, self } = this.#context;
    const text = "the producer controller has stopped; the message may have been handled";
    const error = StatusReply.error(new DeliveryError("producerStopped", text));
    for (const job of this.#target.jobs as readonly DeliveryJob<T>[]) {
      job.deliver.confirmedTo?.tell(error);
      internalsOf(system).deadLetter("stopped", self.path, job.deliver.message);
    }
    for (const deliver of this.#waiting) this.#refuse(deliver, "producerStopped", text);
    for (const outgoing of this.#target.close().send) this.#send(outgoing);
  }
}
