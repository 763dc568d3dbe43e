/**
 * What people write in their first hour that does not work, and what they are told: `deno run` does not
 * check types, so each of these runs.
 *
 * @module
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import type { Behavior } from "../../lib/actor/behavior/behavior.ts";
import type { CastyError } from "../../lib/runtime/casty_error.ts";
import type { ActorRef } from "../../lib/actor/ref/ref.ts";
import { ServiceKey } from "../../lib/actor/services/service_key.ts";
import { Behaviors } from "../../lib/behaviors.ts";
import { ClusteredActorSystem } from "../../lib/clustered_actor_system.ts";
import { OptionError } from "../../lib/options/option_error.ts";
import { Routers } from "../../lib/routing/routers.ts";
import { streamConsumer, streamProducer, streamSink, streamSource } from "../../lib/streams/mod.ts";
import { ActorSystem } from "../../lib/actor/system/actor_system.ts";

type Get = { type: "get"; replyTo: ActorRef<number> };
const silent = { runtime: { logger: { log() {} } } };

async function told(asking: () => Promise<unknown>): Promise<[code: string, message: string]> {
  try {
    await asking();
  } catch (error) {
    const { code, message } = error as CastyError;
    return [code, message];
  }
  throw new Error("it was answered");
}

const get = (replyTo: ActorRef<number>): Get => ({ type: "get", replyTo });

Deno.test("an asker is told what a handler or a setup has returned instead of a behaviour", async () => {
  await using system = new ActorSystem(silent);
  const ask = (behavior: unknown, name: string) =>
    told(() => system.ask(system.spawn(behavior as Behavior<Get>, name), get));
  const advice = "return a behaviour from all its branches: Behaviors.same() changes nothing";
  for (
    const [name, handler, what] of [
      ["nothing", () => {}, "undefined"],
      ["later", async () => {}, "undefined"],
      ["number", () => 5, "5"],
      ["state", () => ({ count: 1 }), "an object with count"],
    ] as const
  ) {
    const [code, message] = await ask(Behaviors.receive(handler as never), name);
    assertEquals(code, "askHandlerFailed");
    assertEquals(
      message,
      `/${name} has failed while it handled the ask: ActorError: the handler of /${name} returned ` +
        `no behaviour but ${what}; ${advice}; see the log of its node`,
    );
  }
  const [code, message] = await ask(Behaviors.setup((() => {}) as never), "setup");
  assertEquals(code, "askTargetDead");
  assertEquals(
    message,
    "/setup has stopped and cannot reply: ActorError: the setup of /setup returned no behaviour but " +
      "undefined; return the first behaviour from all its branches, such as Behaviors.receive(...); " +
      "watch it, or look it up again",
  );
});

Deno.test("a function that makes a behaviour is no behaviour", async () => {
  await using system = new ActorSystem(silent);
  const { message } = assertThrows(() => system.spawn((() => Behaviors.ignore()) as never, "x"));
  assertEquals(
    message,
    "/x was given no behaviour but a function; call the function, and give what it returns",
  );
});

Deno.test("an asker is told what its message lacks", async () => {
  await using system = new ActorSystem(silent);
  const ref = system.spawn(Behaviors.ignore(), "quiet");
  const ask = async (factory: (replyTo: ActorRef<number>) => unknown) => {
    const [code, message] = await told(() => system.ask(ref, factory as never, { timeout: 1 }));
    assertEquals(code, "askTimeout");
    return message.slice("/quiet did not reply within 1 ms; ".length);
  };
  assertEquals(
    await ask(() => Promise.resolve(1)),
    "give ask a function that returns the message itself: it has returned a promise",
  );
  const none =
    "put replyTo, which the function is given, into the message: none was found in its " +
    "fields";
  assertEquals(await ask(() => ({ type: "get" })), none);
  assertEquals(await ask(() => "get"), none);
  assertEquals(await ask(() => {}), none);
  const usual = "check that it replies to this message, or raise the timeout";
  assertEquals(await ask(get), usual);
  assertEquals(await ask((replyTo) => ["get", { replyTo }]), usual);
});

Deno.test("who asks an actor that has failed before is told why it has stopped", async () => {
  await using system = new ActorSystem(silent);
  const failing = Behaviors.receive<Get>(() => {
    throw new RangeError("no more seats");
  });
  const ref = system.spawn(failing, "seats");
  await told(() => system.ask(ref, get));
  for (let i = 0; i < 2; i++) {
    assertEquals(await told(() => system.ask(ref, get)), [
      "askTargetDead",
      "/seats has stopped and cannot reply: RangeError: no more seats; watch it, or look it up again",
    ]);
  }
});

Deno.test("an asker of a router is told that it has passed nothing on", async () => {
  await using system = new ActorSystem(silent);
  const key = ServiceKey<Get>("nobody");
  const router = system.spawn(Routers.group(key), "router");
  const ask = () => told(() => system.ask(router, get, { timeout: 1 }));
  const within = "/router did not reply within 1 ms; ";
  const lack = "it has waited in the router: start an actor that the router routes to";
  assertEquals(await ask(), ["askTimeout", within + lack]);
  system.spawn(Behaviors.discoverable(Behaviors.ignore(), key), "quiet");
  const usual = "check that it replies to this message, or raise the timeout";
  assertEquals(await ask(), ["askTimeout", within + usual]);
});

Deno.test("what is no producer is refused before a stream begins", async () => {
  await using system = new ActorSystem(silent);
  for (const wrong of ["/numbers", undefined, streamProducer(), { tell: () => {} }]) {
    for (
      const begin of [
        () => streamSource(system, wrong as never),
        () => streamSink(system, wrong as never),
        () => streamConsumer(wrong as never, { onElement() {} }),
      ]
    ) {
      const { message } = assertThrows(begin, OptionError, "producer: ");
      assert(message.includes("; give the ActorRef of a producer: system.spawn("), message);
    }
  }
});

Deno.test("a count of members or parties that is no whole number is refused at once", async () => {
  await using node = await ClusteredActorSystem.start({
    name: "shop",
    host: "127.0.0.1",
    port: 0,
    runtime: silent.runtime,
  });
  for (const wrong of ["3", 0, 1.5, NaN, undefined]) {
    const count = wrong as number;
    assertThrows(() => node.waitFor(count), OptionError, "count: ");
    assertThrows(() => node.barrier("all", count), OptionError, "count: ");
  }
  await node.waitFor(1);
});
