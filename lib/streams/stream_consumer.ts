import { checkProducer } from "./check_producer.ts";
import type { Behavior } from "../actor/behavior/behavior.ts";
import { Behaviors } from "../actor/behavior/behaviors.ts";
import type { ActorContext } from "../actor/behavior/context.ts";
import type { ActorRef } from "../actor/ref/ref.ts";
import { resolveOptions } from "../options/check_options.ts";
import { streamConsumerTable, streamSourceDefaults } from "../options/tables/stream_tables.ts";
import type { StreamError } from "./errors.ts";
import { isLocal } from "./participants.ts";
import type { ConsumerMessage, ProducerMessage } from "./protocol.ts";
import { brokenStream, failedStream, goneProducer, refusedSource } from "./source_errors.ts";
import { StreamIntake } from "./stream_intake.ts";

/** How a consumer is made. */
export interface StreamConsumerOptions<T> {
  /**
   * Handles one element. The next one follows when the promise, if there is one, is settled: so a
   * slow consumer slows the producer down. An error is a failure of the actor.
   */
  readonly onElement: (
    context: ActorContext<ConsumerMessage<T>>,
    element: T,
  ) => void | Promise<void>;
  /**
   * Called once, after the last element: without error if the stream was completed, otherwise with
   * what reading a `streamSource` would throw. Then the actor stops.
   */
  readonly onEnd?: (
    context: ActorContext<ConsumerMessage<T>>,
    error: StreamError | undefined,
  ) => void | Promise<void>;
  /** Elements that may be on their way or in the mailbox at once, 1 to 1 000 000. Default 16. */
  readonly demand?: number;
}

/**
 * An actor that takes the elements of a producer, of this node or another, with demand. When it
 * stops, fails or restarts, the stream is cancelled: let `onElement` catch what should not end
 * the stream, or supervise the actor with the directive `resume`.
 *
 * To receive the elements among its own messages, an actor spawns a consumer as its child. Or it
 * implements the protocol: sends the producer `streamSubscribe` and `streamDemand`, and gets
 * {@linkcode ConsumerMessage}.
 *
 * @example
 * ```ts
 * import { ActorSystem } from "@casty/casty";
 * import { streamConsumer, streamProducer, streamSink } from "@casty/casty/streams";
 *
 * await using system = new ActorSystem();
 * const producer = system.spawn(streamProducer<number>(), "numbers");
 * const sum = new Promise<number>((resolve) => {
 *   let sum = 0;
 *   system.spawn(
 *     streamConsumer(producer, {
 *       onElement: (_context, number) => void (sum += number),
 *       onEnd: () => resolve(sum),
 *     }),
 *     "sum",
 *   );
 * });
 * const sink = streamSink(system, producer);
 * for (let i = 1; i <= 10; i++) await sink.put(i);
 * await sink.complete();
 * console.assert(await sum === 55);
 * ```
 *
 * @throws {OptionError}
 */
export function streamConsumer<T>(
  producer: ActorRef<ProducerMessage<T>>,
  options: StreamConsumerOptions<T>,
): Behavior<ConsumerMessage<T>> {
  const { demand } = resolveOptions(streamConsumerTable, options);
  checkProducer(producer);
  return Behaviors.setup<ConsumerMessage<T>>((context) => {
    const consumer = new Consumer(context, producer, options, demand);
    try {
      context.watch(producer);
    } catch (cause) {
      return consumer.end(goneProducer(cause));
    }
    consumer.subscribe();
    return Behaviors.receive<ConsumerMessage<T>>(
      (_context, message) => consumer.receive(message),
      (_context, { type }) => {
        if (type === "terminated") return consumer.end(goneProducer());
        // The next incarnation does not know which elements this one has received.
        if (type === "postStop" || type === "preRestart") consumer.leave();
        return Behaviors.same();
      },
    );
  });
}

type Next<T> = Behavior<ConsumerMessage<T>> | Promise<Behavior<ConsumerMessage<T>>>;

class Consumer<T> {
  readonly #context: ActorContext<ConsumerMessage<T>>;
  readonly #producer: ActorRef<ProducerMessage<T>>;
  readonly #options: StreamConsumerOptions<T>;
  readonly #intake: StreamIntake;
  #over = false;

  constructor(
    context: ActorContext<ConsumerMessage<T>>,
    producer: ActorRef<ProducerMessage<T>>,
    options: StreamConsumerOptions<T>,
    demand: number,
  ) {
    this.#context = context;
    this.#producer = producer;
    this.#options = options;
    this.#intake = new StreamIntake(demand);
  }

  /** Asks for the first elements. */
  subscribe(): void {
    const context = this.#context;
    const demand = this.#intake.requested;
    this.#producer.tell({ type: "streamSubscribe", consumer: context.self, demand });
    // Elements and ends have other types; a status with -1 is the wake-up to probe.
    context.setReceiveTimeout(streamSourceDefaults.probeInterval, {
      type: "streamStatus",
      sent: -1,
    });
  }

  receive(message: ConsumerMessage<T>): Next<T> {
    if (this.#over) return Behaviors.same();
    const { received } = this.#intake;
    switch (message?.type) {
      case "streamElement":
        return this.#intake.accept(message.sequence)
          ? this.#give(message.element)
          : this.#break(`element ${message.sequence} came after element ${received}`);
      case "streamCompleted":
        return this.#finish(message.count, undefined);
      case "streamFailed":
        return this.#finish(message.count, failedStream(message.error));
      case "streamClosed":
        return this.end(goneProducer());
      case "streamRefused":
        return this.end(refusedSource(message.reason));
      case "streamStatus":
        if (message.sent < 0) this.#demand(this.#intake.requested, true);
        return message.sent > received
          ? this.#break(`${received} of ${message.sent} elements came`)
          : Behaviors.same();
      default:
        return Behaviors.unhandled();
    }
  }

  /** The stream has ended: calls `onEnd`, once. */
  end(error: StreamError | undefined): Next<T> {
    if (this.#over) return Behaviors.stopped();
    this.#over = true;
    const ended = this.#options.onEnd?.(this.#context, error);
    return isPromise(ended) ? ended.then(() => Behaviors.stopped()) : Behaviors.stopped();
  }

  /** Cancels the stream: this consumer takes no more elements. */
  leave(): void {
    if (this.#over) return;
    this.#over = true;
    this.#cancel();
  }

  #give(element: T): Next<T> {
    // Asked for before it is handled: a handler that fails and resumes has used it up too.
    const total = this.#intake.consume();
    if (total !== undefined) this.#demand(total, false);
    const handled = this.#options.onElement(this.#context, element);
    return isPromise(handled) ? handled.then(() => Behaviors.same()) : Behaviors.same();
  }

  #finish(count: number, error: StreamError | undefined): Next<T> {
    const { received } = this.#intake;
    if (count !== received) return this.#break(`${received} of ${count} elements came`);
    // A producer of another node waits until its last message is confirmed.
    if (!isLocal(this.#context.system, this.#producer)) this.#cancel();
    return this.end(error);
  }

  #break(what: string): Next<T> {
    this.#cancel();
    return this.end(brokenStream(what));
  }

  #demand(total: number, probe: boolean): void {
    const consumer = this.#context.self;
    this.#producer.tell({ type: "streamDemand", consumer, total, ...(probe && { probe }) });
  }

  #cancel(): void {
    this.#producer.tell({ type: "streamCancel", consumer: this.#context.self });
  }
}

/** A function of the type `void` may return anything. */
function isPromise(value: unknown): value is Promise<void> {
  return typeof (value as Promise<void> | undefined)?.then === "function";
}
