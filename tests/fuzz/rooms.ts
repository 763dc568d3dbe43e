/**
 * What a node of the lab runs besides entities: a topic, a broadcast actor, structures, limiters, and a
 * producer with its consumer.
 *
 * @module
 */
import type { StatusReply } from "../../lib/actor/behavior/status_reply.ts";
import { isActorRef } from "../../lib/actor/ref/ref_schema.ts";
import type { ActorRef } from "../../lib/actor/ref/ref.ts";
import { Behaviors } from "../../lib/behaviors.ts";
import type { BroadcastRef } from "../../lib/broadcast/broadcast_ref.ts";
import type { ClusteredActorSystem } from "../../lib/clustered_actor_system.ts";
import {
  consumerController,
  type ConsumerMessage,
  producerController,
  type ProducerMessage,
  rateLimit,
  rateLimiters,
} from "../../lib/delivery/mod.ts";
import type { Distributed } from "../../lib/distributed/distributed.ts";
import type { ManualClock } from "../../lib/testkit/manual_clock.ts";
import { Topic } from "../../lib/topics/topic.ts";
import type { TopicHandle } from "../../lib/topics/topic_handle.ts";
import { limiterKey } from "./delivery_generators.ts";
import { structureName } from "./structure_generators.ts";
import { broadcastName, topicName } from "./topic_generators.ts";

const News = Topic<unknown>(topicName);
type Greeting = { type: "greet"; replyTo: ActorRef<string> };

/** See the module's text. */
export interface Rooms {
  readonly system: ClusteredActorSystem;
  readonly topic: TopicHandle<unknown>;
  /** What the subscriber of the topic has got. */
  readonly news: unknown[];
  readonly greeters: BroadcastRef<Greeting>;
  readonly structures: Distributed;
  readonly consumer: ActorRef<ConsumerMessage<unknown>>;
  readonly producer: ActorRef<ProducerMessage<unknown>>;
}

/** Opens all of them at a node. */
export function openRooms(system: ClusteredActorSystem): Rooms {
  const topic = system.topic(News);
  const news: unknown[] = [];
  const reader = Behaviors.receive<unknown>((_context, message) => {
    news.push(message);
    return Behaviors.same();
  });
  topic.subscribe(system.spawn(reader, "reader"));
  const greeter = Behaviors.receive<Greeting>((_context, message) => {
    if (message?.type !== "greet" || !isActorRef(message.replyTo)) return Behaviors.unhandled();
    message.replyTo.tell("hello");
    return Behaviors.same();
  });
  const greeters = system.spawn(Behaviors.broadcasted(greeter), broadcastName);
  const structures = system.distributed();
  system.spawn(rateLimiters());
  const consumer = system.spawn(consumerController<unknown>({ onMessage: () => {} }), "consumer");
  const producer = system.spawn(producerController<unknown>({ consumer }), "producer");
  return { system, topic, news, greeters, structures, consumer, producer };
}

/** Uses all of them at each node; resolves with what does not work as it should. */
export async function faultsOfRooms(
  clock: ManualClock,
  all: readonly Rooms[],
  stage: string,
): Promise<string[]> {
  const faults: string[] = [];
  const works = async (what: string, promise: Promise<boolean>) => {
    const result = await promise.catch((error) => error instanceof Error ? error.message : error);
    if (result !== true) faults.push(`${what}: ${result}`);
  };
  const published = all.map(({ system, topic }) => {
    const message = `${stage} of ${system.address}`;
    topic.publish(message);
    return message;
  });
  const uses = all.map(async (rooms) => {
    const { address } = rooms.system;
    await works(`greeters from ${address}`, greetAll(rooms, all.length));
    await works(`a lock at ${address}`, lockOnce(rooms, stage));
    for (const key of [limiterKey, stage]) {
      await works(`the limit "${key}" at ${address}`, grant(rooms, key));
    }
    await works(`the producer at ${address}`, deliver(rooms));
  });
  await clock.resolve(Promise.all([...uses, works("a counter", countAll(all))]), 60_000);
  await clock.advance(1_000);
  for (const { system, news } of all) {
    for (const message of published) {
      const times = news.filter((one) => one === message).length;
      if (times !== 1) faults.push(`${system.address} has got ${times} of "${message}"`);
    }
  }
  return faults;
}

/** Each instance answers. */
async function greetAll({ greeters }: Rooms, expected: number): Promise<boolean> {
  const ask = (replyTo: ActorRef<string>) => ({ type: "greet", replyTo }) as const;
  const { replies, missing } = await greeters.ask(ask, { timeout: 5_000 });
  return replies.length === expected && missing.length === 0;
}

/** A lock that nobody has used. */
async function lockOnce({ structures, system }: Rooms, stage: string): Promise<boolean> {
  const held = await structures.lock(`${stage} of ${system.address}`).tryAcquire();
  return held !== undefined && await held.release();
}

async function grant({ system }: Rooms, key: string): Promise<boolean> {
  const limit = rateLimit(system, { key, perSecond: 100, concurrency: 100, wait: 15_000 });
  return await limit.run(() => true);
}

/** A member can name another consumer, as its messages are those of the program: it is named again. */
async function deliver({ system, producer, consumer }: Rooms): Promise<boolean> {
  producer.tell({ type: "setConsumer", consumer });
  const deliver = (confirmedTo: ActorRef<StatusReply<number>>) =>
    ({ type: "deliver", message: "one more", confirmedTo }) as const;
  return await system.askStatus(producer, deliver, { timeout: 15_000 }) > 0;
}

/** Nodes add to one counter in turn, and see what the ones before have added. */
async function countAll(all: readonly Rooms[]): Promise<boolean> {
  const counters = all.map(({ structures }) => structures.counter(structureName));
  const before = Number(await counters[0]!.get());
  // It may be as far up as it can be.
  if (before > Number.MAX_SAFE_INTEGER - 100) await counters[0]!.destroy();
  let count = Number(await counters[0]!.get());
  for (const counter of counters) {
    if (Number(await counter.increment()) !== ++count) return false;
  }
  return true;
}
