import { assertEquals } from "@std/assert";
import type { ActorSystem } from "../../lib/actor/system/actor_system.ts";
import type { Behavior } from "../../lib/actor/behavior/behavior.ts";
import { Behaviors } from "../../lib/actor/behavior/behaviors.ts";
import type { ActorContext } from "../../lib/actor/behavior/context.ts";
import type { ActorRef } from "../../lib/actor/ref/ref.ts";
import { actorRef, type ActorRefSchema, isActorRef } from "../../lib/actor/ref/ref_schema.ts";
import { ServiceKey } from "../../lib/actor/services/service_key.ts";
import type { EventStream } from "../../lib/actor/services/event_stream.ts";
import type { ClusterClient } from "../../lib/client/cluster_client.ts";
import type { ClusteredActorSystem } from "../../lib/clustered_actor_system.ts";
import type { ClusterAccess } from "../../lib/sharding/routing/cluster_access.ts";
import { entityType } from "../../lib/sharding/routing/entity_type.ts";
import type { MessageSchema } from "../../lib/actor/behavior/message_schema.ts";
import { type ShardEnvelope, shardEnvelope } from "../../lib/sharding/routing/shard_envelope.ts";
import { sharded } from "../../lib/sharding/sharded_behavior.ts";

type Small = { type: "a" };
type Big = { type: "a" } | { type: "b"; value: number };

/** Never called: each `@ts-expect-error` fails the type check if the line compiles. */
export function mustNotCompile(system: ActorSystem, small: ActorRef<Small>, big: ActorRef<Big>) {
  const narrowed: ActorRef<Small> = big;
  // @ts-expect-error: a reference that takes less must not stand for one that takes more
  const widened: ActorRef<Big> = small;
  // @ts-expect-error: a message of another type
  big.tell({ type: "c" });
  // @ts-expect-error: a field is missing
  big.tell({ type: "b" });
  const onlySmall: Behavior<Small> = Behaviors.receive(() => Behaviors.same());
  // @ts-expect-error: a behaviour that handles less must not stand for one that handles more
  const asBig: Behavior<Big> = onlySmall;
  // @ts-expect-error: the reply is a number
  const text: Promise<string> = system.ask(big, (_ref: ActorRef<number>) => ({ type: "a" }));
  // @ts-expect-error: a handler must answer with a behaviour
  Behaviors.receive<Small>(() => {});
  const exhaustive: Behavior<Big> = Behaviors.receive((_context, message) => {
    switch (message.type) {
      case "a":
        return Behaviors.same();
      case "b":
        return Behaviors.stopped();
    }
  });
  // @ts-expect-error: "b" is not handled
  const partial: Behavior<Big> = Behaviors.receive((_context, message) => {
    switch (message.type) {
      case "a":
        return Behaviors.same();
    }
  });
  return [narrowed, widened, asBig, text, exhaustive, partial];
}

type Asked =
  | { type: "get"; replyTo: ActorRef<number> }
  | { type: "list"; prefix: string[]; replyTo: ActorRef<readonly string[]> }
  | { type: "total"; currency: "EUR" | "USD"; replyTo?: ActorRef<bigint> }
  | { type: "nested"; inner: { replyTo: ActorRef<Date> } }
  | { type: "set"; value: number }
  | { type: "next"; next: ActorRef<Asked>; replyTo: ActorRef<symbol> };
type Told = { kind: "x"; replyTo: ActorRef<1> } | { kind: "y"; replyTo: ActorRef<2> };

/** Never called: the reply of an ask follows from the message. */
export async function repliesAreInferred(
  system: ActorSystem,
  asked: ActorRef<Asked>,
  entities: ActorRef<ShardEnvelope<Asked>>,
  told: ActorRef<Told>,
  raw: ActorRef<ActorRef<"raw">>,
) {
  const got: number = await system.ask(asked, (replyTo) => ({ type: "get", replyTo }));
  const list = await system.ask(asked, (replyTo) => ({ type: "list", prefix: ["a"], replyTo }));
  list.map((text) => text.length);
  const total = await system.ask(
    asked,
    (replyTo) => ({ type: "total", currency: "EUR", replyTo }),
  );
  total.toString(16);
  const two: 2 = await system.ask(told, (replyTo) => ({ kind: "y", replyTo }));
  const text: "raw" = await system.ask(raw, (replyTo) => replyTo);
  const entity = await system.ask(entities, (replyTo) => {
    return shardEnvelope("a", { type: "list", prefix: ["b"], replyTo });
  });
  entity.map((line) => line.length);
  const maybe = await system.askOrUndefined(asked, (replyTo) => ({ type: "get", replyTo }));
  maybe?.toFixed();
  // Where the reference is not at the top of the message, the factory says what it takes.
  const nested = await system.ask(asked, (replyTo: ActorRef<Date>) => ({
    type: "nested",
    inner: { replyTo },
  }));
  nested.getTime();
  const next = await system.ask(asked, (replyTo) => ({ type: "next", next: asked, replyTo }));
  next.description?.at(0);
  const explicit = await system.ask<Asked, number>(asked, (replyTo) => ({ type: "get", replyTo }));
  explicit.toFixed();
  // @ts-expect-error: there is no such message
  system.ask(asked, (replyTo) => ({ type: "gett", replyTo }));
  // @ts-expect-error: there is no such currency
  system.ask(entities, (replyTo) => shardEnvelope("a", { type: "total", currency: "G", replyTo }));
  // @ts-expect-error: the reply is a number
  const wrong: string = await system.ask(asked, (replyTo) => ({ type: "get", replyTo }));
  return [got, two, text, wrong];
}

/** Never called: references to one entity have the messages of their type. */
export async function entitiesAreTyped(
  system: ClusteredActorSystem,
  client: ClusterClient,
  either: ClusterAccess,
) {
  const Entities = entityType<Asked>("asked");
  const region = system.spawn(sharded(Entities, () => Behaviors.receive(() => Behaviors.same())));
  const plain: ActorRef<Asked> = region.entity("a");
  for (const place of [system, client, either]) {
    const one = place.entity(Entities, "a");
    const got: number = await one.ask((replyTo) => ({ type: "get", replyTo }));
    const list = await one.ask((replyTo) => ({ type: "list", prefix: ["a"], replyTo }));
    list.map((text) => text.length);
    const same: number = await place.ask(one, (replyTo) => ({ type: "get", replyTo }));
    const maybe = await place.askOrUndefined(one, (replyTo) => ({ type: "get", replyTo }));
    maybe?.toFixed();
    one.tell({ type: "set", value: got + same });
    // @ts-expect-error: there is no such message
    one.tell({ type: "sett", value: 1 });
    // @ts-expect-error: an entity takes messages, not envelopes
    one.tell(shardEnvelope("a", { type: "set", value: 1 }));
    // @ts-expect-error: the reply is a number
    const wrong: string = await one.ask((replyTo) => ({ type: "get", replyTo }));
    // @ts-expect-error: there is no such message
    one.ask((replyTo) => ({ type: "gett", replyTo }));
    // @ts-expect-error: a type of unknown messages
    place.entity(entityType("forgotten"), "a").tell("anything");
    // @ts-expect-error: nothing says what those take
    place.entityRef("forgotten").entity("a").tell("anything");
    place.entityRef<Asked>("asked").entity("a").tell({ type: "set", value: 1 });
    const known: readonly ActorRef<Asked>[] = place.lookup(ServiceKey<Asked>("asked"));
    const there: ActorRef<Asked> = place.lookup<Asked>("/asked", { node: "a:1" });
    const labelled: ActorRef<Asked> | undefined = place.lookup<Asked>("/asked", { nodeId: "a" });
    for await (const refs of place.subscribe(ServiceKey<Asked>("asked"))) {
      refs[0]?.tell({ type: "set", value: 1 });
    }
    console.log(wrong, known, there, labelled);
  }
  await client.entity(Entities, "a").ask((replyTo) => ({ type: "get", replyTo }), { retry: true });
  // @ts-expect-error: only a client tries again
  system.entity(Entities, "a").ask((replyTo) => ({ type: "get", replyTo }), { retry: true });
  return plain;
}

/** Never called: what is known to be a reference can be sent to by those who know what it takes. */
export function referencesAreChecked(value: unknown, schema: ActorRefSchema<number>) {
  if (isActorRef(value)) {
    const ref: ActorRef<never> = value;
    // @ts-expect-error: nothing says what it takes
    ref.tell(5);
  }
  const result = schema["~standard"].validate(value);
  if (result.issues === undefined) result.value.tell(5);
  // @ts-expect-error: it takes numbers
  if (result.issues === undefined) result.value.tell("5");
  type Output = NonNullable<ActorRefSchema<number>["~standard"]["types"]>["output"];
  const output: Output = actorRef<number>() as never;
  output.tell(5);
  const asMessage: MessageSchema<ActorRef<number>> = schema;
  return asMessage;
}

/** Code for any actor keeps its own type of replies. */
export function generic<M, R>(
  system: ActorSystem,
  ref: ActorRef<M>,
  make: (replyTo: ActorRef<R>) => M,
): Promise<R> {
  return system.ask(ref, make);
}

/** Never called: events have the types of their names. */
export function eventsAreTyped(system: ClusteredActorSystem, client: ClusterClient) {
  system.eventStream.subscribe("memberUp", ({ member }) => member.address);
  system.eventStream.subscribe("shardAllocated", ({ owner }) => owner.length);
  system.eventStream.subscribe("deadLetter", ({ reason }) => reason);
  client.eventStream.subscribe("clientState", ({ state }) => state.length);
  const local: EventStream = system.eventStream;
  local.subscribe("mine", (event: { type: "mine"; text: string }) => event.text);
  local.subscribe<{ type: "mine"; text: string }>("mine", ({ text }) => text);
  // @ts-expect-error: there is no such event
  system.eventStream.subscribe("memberup", () => {});
  // @ts-expect-error: nobody says what that event is
  local.subscribe("memberUp", () => {});
}

/** Never called: where the type of messages is forgotten, nothing can be sent. */
export function forgottenTypes(client: ClusterClient) {
  // @ts-expect-error: a key of unknown messages
  client.lookup(ServiceKey("payments"))[0]!.tell({ total: 1 });
  // @ts-expect-error: entities of unknown messages
  client.entityRef("counters").tell(shardEnvelope("a", 1));
  // @ts-expect-error: a type of unknown messages
  client.entityRef(entityType("counters")).tell(shardEnvelope("a", 1));
}

type Order =
  | { type: "order"; items: string[]; at: { x: number[] }; replyTo: ActorRef<number> }
  | { type: "none" };

/** An ask is written without `as const`; what is wrong in it is still an error. */
export function asksAreWrittenPlainly(system: ActorSystem, shop: ActorRef<Order>, items: string[]) {
  const at = { x: [1] };
  const answer: Promise<number> = system.ask(
    shop,
    (replyTo: ActorRef<number>) => ({ type: "order", items: ["a", "b"], at: { x: [1] }, replyTo }),
  );
  system.ask(shop, (replyTo: ActorRef<number>) => ({ type: "order", items, at, replyTo }));
  // @ts-expect-error: there is no such message
  system.ask(shop, (replyTo: ActorRef<number>) => ({ type: "offer", items, at, replyTo }));
  // @ts-expect-error: an item is a text
  system.ask(shop, (replyTo: ActorRef<number>) => ({ type: "order", items: [5], at, replyTo }));
  // @ts-expect-error: the reply is a number
  system.ask(shop, (replyTo: ActorRef<string>) => ({ type: "order", items, at, replyTo }));
  // @ts-expect-error: a field is missing
  system.ask(shop, (replyTo: ActorRef<number>) => ({ type: "order", items, replyTo }));
  return answer;
}

/** The same, for what an actor does in its context. */
export function mustNotCompileInContext(
  context: ActorContext<Big>,
  small: ActorRef<Small>,
  number: ActorRef<number>,
) {
  const self: ActorRef<Small> = context.self;
  // @ts-expect-error: the actor's own messages only
  context.timers.startSingle("key", { type: "c" }, 5);
  // @ts-expect-error: a field of the message is missing
  context.timers.startFixedDelay("key", { type: "b" }, 5);
  // @ts-expect-error: the actor's own messages only
  context.stash.add({ type: "c" });
  // @ts-expect-error: the actor's own messages only
  context.setReceiveTimeout(5, "idle");
  // @ts-expect-error: the actor's own messages only
  context.watchWith(small, "gone");
  // @ts-expect-error: the result is no message of this actor
  context.pipeToSelf(Promise.resolve("text"));
  // @ts-expect-error: the result is not mapped to a message of this actor
  context.pipeToSelf(Promise.resolve(5), (n) => `${n}`);
  context.pipeToSelf(Promise.resolve(5), (value) => ({ type: "b", value }));
  // @ts-expect-error: the adapter must give a message of this actor
  context.messageAdapter((n: number) => n);
  const adapter = context.messageAdapter((value: number) => ({ type: "b" as const, value }));
  adapter.tell(5);
  // @ts-expect-error: the adapter takes numbers
  adapter.tell("5");
  // @ts-expect-error: the one who is asked takes numbers
  context.ask(number, (_to: ActorRef<string>) => "five");
  // @ts-expect-error: a child of another protocol
  const child: ActorRef<number> = context.spawn(Behaviors.receive<Big>(() => Behaviors.same()));
  // @ts-expect-error: a context is for one protocol
  const other: ActorContext<Small> = context;
  return [self, child, other];
}

/** The same, for wrappers, systems and services. */
export function mustNotCompileElsewhere(system: ActorSystem, big: ActorRef<Big>) {
  const behavior: Behavior<Big> = Behaviors.receive(() => Behaviors.same());
  const supervised: Behavior<Small> = Behaviors.supervise(behavior);
  // @ts-expect-error: a wrapper does not change what is understood
  const wrong: Behavior<number> = Behaviors.supervise(behavior);
  // @ts-expect-error: not a directive
  Behaviors.supervise(behavior, { decider: () => "retry" });
  Behaviors.intercept(behavior, {
    // @ts-expect-error: an interceptor passes on messages of the same protocol
    onMessage: (_context, _message, next) => next(5),
  });
  // @ts-expect-error: a spy tells of what it has seen
  Behaviors.spy(behavior, big);
  // @ts-expect-error: the target takes other messages
  system.scheduler.once("key", { target: big, message: { type: "c" }, delay: 5 });
  const key = ServiceKey<Big>("big");
  const narrow = system.spawn(Behaviors.receive<Small>(() => Behaviors.same()), "narrow");
  // @ts-expect-error: the actor does not understand all that the service promises
  system.receptionist.register(key, narrow);
  // @ts-expect-error: the service takes other messages
  const found: readonly ActorRef<number>[] = system.receptionist.find(key);
  // @ts-expect-error: no phase of a shutdown
  system.onShutdown("sometime", "x", () => {});
  // @ts-expect-error: what a cluster spawns is no behaviour
  system.spawn(sharded(() => behavior), "entities");
  // @ts-expect-error: not a behaviour
  system.spawn(() => Behaviors.same(), "function");
  return [supervised, wrong, found];
}

Deno.test("what must not compile does not", () => {
  const all = [
    mustNotCompile,
    asksAreWrittenPlainly,
    mustNotCompileInContext,
    mustNotCompileElsewhere,
  ];
  for (const check of all) {
    assertEquals(typeof check, "function");
  }
});
