import type { ActorRef } from "../actor/ref/ref.ts";
import { isActorRef } from "../actor/ref/ref_schema.ts";
import { refusedOption } from "../options/explain.ts";
import type { ProducerMessage } from "./protocol.ts";

/**
 * The reference to a producer that a user has given.
 *
 * @throws {OptionError} it is none.
 */
export function checkProducer<T>(
  given: ActorRef<ProducerMessage<T>>,
): ActorRef<ProducerMessage<T>> {
  if (isActorRef(given)) return given;
  const remedy = "give the ActorRef of a producer: system.spawn(streamProducer())";
  throw refusedOption("producer", given, remedy);
}
