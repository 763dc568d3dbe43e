import { checkValue, resolveOptions } from "../options/check_options.ts";
import { topicName, topicTable } from "../options/tables/topic_tables.ts";

/** Options of {@linkcode Topic}; the same on all nodes and clients. */
export interface TopicOptions {
  /**
   * How many of the latest messages each node that has opened the topic keeps for later subscribers, 0
   * to 10 000. Default 0.
   */
  readonly retain?: number;
}

/** What is known of a topic, whatever its messages are. */
export interface TopicFacts {
  /** 1 to 256 printable characters. */
  readonly name: string;
  /** Messages that are kept for later subscribers. */
  readonly retain: number;
}

/**
 * Names a topic and carries the type of its messages, for nodes and clients alike. Two topics with the
 * same name are the same, wherever they were made. Made by the function of the same name.
 *
 * `M` is invariant: a topic is published to and read.
 */
export interface Topic<in out M> extends TopicFacts {
  /** Carries the type; never set. */
  readonly carries?: (message: M) => M;
}

/**
 * Creates a topic: a name under which nodes and clients publish messages to all subscribers.
 *
 * @param name 1 to 256 printable characters.
 * @throws {OptionError}
 *
 * @example
 * ```ts
 * import { ClusteredActorSystem, Topic } from "@casty/casty";
 *
 * // In a module that nodes and clients import.
 * const Prices = Topic<{ symbol: string; price: number }>("prices", { retain: 1 });
 *
 * await using system = await ClusteredActorSystem.start({
 *   name: "example",
 *   host: "127.0.0.1",
 *   port: 0,
 * });
 * const prices = system.topic(Prices);
 * prices.publish({ symbol: "ACME", price: 42 });
 * for await (const { price } of prices.subscribe()) {
 *   console.assert(price === 42); // Published before, and retained.
 *   break;
 * }
 * ```
 */
export function Topic<M = never>(name: string, options: TopicOptions = {}): Topic<M> {
  const { retain } = resolveOptions(topicTable, options);
  return Object.freeze({ name: checkValue("name", topicName, name), retain });
}
