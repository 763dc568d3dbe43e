import type { Behavior } from "../actor/behavior/behavior.ts";
import { Behaviors } from "../actor/behavior/behaviors.ts";
import type { ActorContext } from "../actor/behavior/context.ts";
import type { ActorRef } from "../actor/ref/ref.ts";
import { internalsOf } from "../actor/system/system_internals.ts";
import { resolveOptions } from "../options/check_options.ts";
import { consumerControllerTable } from "../options/tables/delivery_tables.ts";
import { randomId } from "../runtime/random.ts";
import { rules } from "../runtime/rules.ts";
import type { Codec } from "../wire/codec.ts";
import { chunkCodec, ChunkedMessage } from "./chunked_message.ts";
import { DeliveryTelemetry } from "./delivery_telemetry.ts";
import { type Demand, IncomingStream } from "./incoming_stream.ts";
import { isConsumerMessage } from "./message_check.ts";
import type { ConsumerAnswer, ConsumerMessage, DeliveryMessage, DeliveryOpen } from "./protocol.ts";

/** What is known of a delivery besides the message. */
export interface Delivery {
  /**
   * The same for one message however often it is delivered, and for no other message: for a target that
   * recognises what it has done already. At most 80 characters.
   */
  readonly id: string;
  /** Whether it may have been delivered before, to this consumer or another. */
  readonly again: boolean;
}

/** How a consumer controller works. */
export interface ConsumerControllerOptions<T> {
  /**
   * Handles one message. It is confirmed when the function has returned, or its promise is fulfilled; the
   * next one is handled after that. An error is a failure of the actor: when it has restarted, the message
   * is delivered again.
   */
  readonly onMessage: (
    context: ActorContext<ConsumerMessage<T>>,
    message: T,
    delivery: Delivery,
  ) => void | Promise<void>;
  /**
   * Messages of one producer that may be on their way or in the mailbox at once, 1 to 1 000 000. For
   * workers with long jobs 1 or 2: what a worker has, no other one does. Default 50.
   */
  readonly window?: number;
  /**
   * Producers whose progress is kept, 1 to 1 000 000. The one that was silent longest is forgotten first:
   * what it has not heard to be confirmed may be delivered again. Default 1 024.
   */
  readonly maxStreams?: number;
  /**
   * Bytes of the largest message that is put together of parts, 1 024 to 1 073 741 824. A larger one is
   * confirmed, and a dead letter with the reason `tooLarge`. Default 16 777 216.
   */
  readonly maxMessage?: number;
}

/**
 * An actor that handles the messages of producer controllers, of this node, others and clients: each in
 * the order of its producer, and at least once. It tells the producers how much it takes, so that its
 * mailbox holds no more than `window` messages of each.
 *
 * A message is handled again only if the consumer, or the way to it, has failed between the handling and
 * the confirmation: use {@linkcode Delivery.id} where that matters.
 *
 * It is spawned as an actor, made `discoverable` as a worker, or is the behaviour of a sharded entity.
 * State of the handler belongs into a `Behaviors.setup` around it.
 *
 * @example
 * ```ts
 * import { ActorSystem } from "@casty/casty";
 * import { consumerController, producerController } from "@casty/casty/delivery";
 *
 * await using system = new ActorSystem();
 * const got: string[] = [];
 * const consumer = system.spawn(
 *   consumerController<string>({ onMessage: (_context, message) => void got.push(message) }),
 *   "consumer",
 * );
 * const producer = system.spawn(producerController<string>({ consumer }), "producer");
 * for (const message of ["a", "b"]) {
 *   await system.askStatus(producer, (confirmedTo) => ({ type: "deliver", message, confirmedTo }));
 * }
 * console.assert(got.join() === "a,b");
 * ```
 *
 * @throws {OptionError}
 */
export function consumerController<T>(
  options: ConsumerControllerOptions<T>,
): Behavior<ConsumerMessage<T>> {
  const settings = resolveOptions(consumerControllerTable, options);
  return Behaviors.setup<ConsumerMessage<T>>((context) => {
    const consumer = new Consumer<T>(context, options.onMessage, settings);
    return Behaviors.receive<ConsumerMessage<T>>((_context, message) => consumer.receive(message));
  });
}

type Next<T> = Behavior<ConsumerMessage<T>> | Promise<Behavior<ConsumerMessage<T>>>;

/** Checked options. */
type Settings = Required<
  Pick<
    ConsumerControllerOptions<unknown>,
    "window" | "maxStreams" | "maxMessage"
  >
>;

/** What is kept of a stream. */
interface Known {
  readonly progress: IncomingStream;
  /** A message of which parts are missing. */
  partial: ChunkedMessage | undefined;
  /** The number before its first part. */
  before: number;
  /** The ticket of the message that a handler was given last; 0: none. */
  begun: number;
}

class Consumer<T> {
  readonly #context: ActorContext<ConsumerMessage<T>>;
  readonly #onMessage: ConsumerControllerOptions<T>["onMessage"];
  readonly #settings: Settings;
  /** The one that was silent longest first. */
  readonly #streams = new Map<string, Known>();
  /** Changes when a stream is forgotten, whose messages may come again as well. */
  #incarnation: string;
  #codec: Codec | undefined;
  readonly #telemetry: DeliveryTelemetry | undefined;

  constructor(
    context: ActorContext<ConsumerMessage<T>>,
    onMessage: ConsumerControllerOptions<T>["onMessage"],
    settings: Settings,
  ) {
    this.#context = context;
    this.#onMessage = onMessage;
    this.#settings = settings;
    this.#incarnation = this.#newIncarnation();
    this.#telemetry = DeliveryTelemetry.of(context.system);
  }

  receive(message: ConsumerMessage<T>): Next<T> {
    if (!isConsumerMessage(message)) return Behaviors.unhandled();
    switch (message.type) {
      case "deliveryOpen":
        this.#open(message);
        break;
      case "deliveryClose":
        if (this.#streams.has(message.stream)) this.#forget(message.stream);
        break;
      case "deliveryMessage":
        return this.#take(message);
    }
    return Behaviors.same();
  }

  #open({ stream, session, from, incarnation, producer }: DeliveryOpen): void {
    const isForThis = incarnation === undefined || incarnation === this.#incarnation;
    if (!this.#streams.has(stream) && !isForThis && rules.sessionsNameTheirConsumer) {
      return this.#answerUnknown(stream, session, producer);
    }
    const known = this.#streams.get(stream) ?? this.#add(session, from);
    this.#streams.delete(stream);
    this.#streams.set(stream, known);
    if (this.#streams.size > this.#settings.maxStreams) {
      const [oldest] = this.#streams.keys();
      this.#forget(oldest!);
    }
    this.#answer(stream, producer, known.progress.open(session, from));
  }

  #add(session: number, from: number): Known {
    const progress = new IncomingStream(this.#settings.window, session, from);
    return { progress, partial: undefined, before: 0, begun: 0 };
  }

  #forget(stream: string): void {
    this.#streams.delete(stream);
    this.#incarnation = this.#newIncarnation();
  }

  #newIncarnation(): string {
    return randomId(this.#context.system.runtime.random);
  }

  #answerUnknown(stream: string, session: number, producer: ActorRef<ConsumerAnswer>): void {
    producer.tell({ type: "deliveryUnknown", stream, session, incarnation: this.#incarnation });
  }

  #take(message: DeliveryMessage<T>): Next<T> {
    const { stream, session, number, producer } = message;
    const known = this.#streams.get(stream);
    const intake = known?.progress.receive(session, number) ?? { type: "unknown" };
    switch (intake.type) {
      case "unknown":
        this.#answerUnknown(stream, session, producer);
        break;
      case "demand":
        this.#answer(stream, producer, intake.demand);
        break;
      case "handle":
        return this.#handle(message, known!);
    }
    return Behaviors.same();
  }

  #handle(message: DeliveryMessage<T>, known: Known): Next<T> {
    const { stream, number, ticket, last, producer } = message;
    const confirm = (): Behavior<ConsumerMessage<T>> => {
      this.#answer(stream, producer, known.progress.handled(number, last));
      return Behaviors.same() as Behavior<ConsumerMessage<T>>;
    };
    const whole = message.chunk === undefined ? message : this.#assemble(message, known);
    if (whole === undefined) return confirm();
    // After a handler has failed, and the actor has gone on, a late copy is still one that was sent once.
    const again = message.again || known.begun === ticket;
    known.begun = ticket;
    const event = again ? "handledAgain" : "handled";
    this.#telemetry?.count(this.#context.self.path, event);
    const id = deliveryId(stream, ticket);
    const fail = (error: unknown): never => {
      producer.tell({ type: "deliveryFailed", stream, session: message.session, number });
      // Its parts are not kept. If the actor goes on, it needs all of them again, not only the last.
      if (message.chunk !== undefined) known.progress.rewind(known.before);
      throw error;
    };
    let handled: void | Promise<void>;
    try {
      handled = this.#onMessage(this.#context, whole.message as T, { id, again });
    } catch (error) {
      return fail(error);
    }
    return isPromise(handled) ? handled.then(confirm, fail) : confirm();
  }

  /** The message, if this was the last part of it. */
  #assemble(part: DeliveryMessage<T>, known: Known): { readonly message?: unknown } | undefined {
    const { maxMessage } = this.#settings;
    if (known.partial === undefined) known.before = part.number - 1;
    const whole = known.partial ??= new ChunkedMessage(maxMessage);
    whole.add(part.chunk!);
    if (part.left !== 0) return undefined;
    known.partial = undefined;
    const { system, self } = this.#context;
    if (whole.isTooLarge) {
      internalsOf(system).deadLetter("tooLarge", self.path, part);
      return undefined;
    }
    const { clock } = system.runtime;
    this.#codec ??= chunkCodec(() => clock.now(), maxMessage);
    try {
      return { message: whole.read(this.#codec) };
    } catch (error) {
      this.#context.log.warn("a message in parts cannot be read", { error });
      internalsOf(system).deadLetter("invalidMessage", self.path, part);
      return undefined;
    }
  }

  #answer(stream: string, producer: DeliveryOpen["producer"], demand: Demand | undefined): void {
    if (demand !== undefined) producer.tell({ type: "deliveryDemand", stream, ...demand });
  }
}

/** The id of all deliveries of one message. */
export function deliveryId(stream: string, ticket: number): string {
  return `${stream.slice(0, stream.indexOf("."))}:${ticket}`;
}

/** A function of the type `void` may return anything. */
function isPromise(value: unknown): value is Promise<void> {
  return typeof (value as Promise<void> | undefined)?.then === "function";
}
