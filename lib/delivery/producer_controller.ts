import type { Behavior } from "../actor/behavior/behavior.ts";
import { Behaviors } from "../actor/behavior/behaviors.ts";
import { resolveOptions } from "../options/check_options.ts";
import { refusedOption } from "../options/explain.ts";
import { producerControllerTable } from "../options/tables/delivery_tables.ts";
import { Producer } from "./producer.ts";
import type { ProducerControllerOptions } from "./producer_controller_options.ts";
import type { ProducerMessage } from "./protocol.ts";

/**
 * An actor that delivers messages to consumer controllers at least once and in order, as long as it runs
 * itself: it sends no more than they have asked for, again what is lost, and what is not confirmed to the
 * next incarnation or the next consumer. Spawn it in the process of its senders, node or client: only
 * their messages to it cannot get lost. It keeps messages in memory; a durable actor with an outbox
 * survives a crash of the sender, too.
 *
 * Its messages are {@linkcode Deliver} and {@linkcode SetConsumer}; nodes ignore those of clients.
 *
 * @example
 * ```ts
 * import { ActorSystem, discoverable, ServiceKey } from "@casty/casty";
 * import {
 *   consumerController,
 *   type ConsumerMessage,
 *   producerController,
 * } from "@casty/casty/delivery";
 *
 * const Resizers = ServiceKey<ConsumerMessage<string>>("resizers");
 * await using system = new ActorSystem();
 * const done = new Set<string>();
 * for (const name of ["one", "two"]) {
 *   const worker = consumerController<string>({
 *     window: 2,
 *     onMessage: (_context, image) => void done.add(image),
 *   });
 *   system.spawn(discoverable(worker, Resizers), name);
 * }
 * const producer = system.spawn(producerController<string>({ workers: Resizers }), "images");
 * const jobs = Array.from({ length: 10 }, (_, i) =>
 *   system.askStatus(producer, (confirmedTo) => ({
 *     type: "deliver",
 *     message: `${i}.png`,
 *     confirmedTo,
 *   })));
 * await Promise.all(jobs);
 * console.assert(done.size === 10);
 * ```
 *
 * @throws {OptionError}
 */
export function producerController<T>(
  options: ProducerControllerOptions<T>,
): Behavior<ProducerMessage<T>> {
  const settings = resolveOptions(producerControllerTable, options);
  const targets = [options.consumer, options.workers, options.entities]
    .filter((target) => target !== undefined);
  if (targets.length !== 1) {
    const remedy = "give exactly one of consumer, workers and entities";
    throw refusedOption("producerController", options, remedy);
  }
  return Behaviors.setup<ProducerMessage<T>>((context) => {
    const producer = new Producer<T>(context, options, settings);
    producer.start();
    return Behaviors.receive<ProducerMessage<T>>(
      ({ sender }, message) => producer.receive(message, sender !== undefined),
      (_context, signal) => producer.signal(signal),
    );
  });
}
