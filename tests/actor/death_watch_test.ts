import { assertEquals, assertInstanceOf } from "@std/assert";
import { ActorSystem } from "../../lib/actor/system/actor_system.ts";
import type { Behavior } from "../../lib/actor/behavior/behavior.ts";
import { Behaviors } from "../../lib/actor/behavior/behaviors.ts";
import { internalsOf } from "../../lib/actor/system/system_internals.ts";
import { type ActorRef, Ref } from "../../lib/actor/ref/ref.ts";
import { silentLogger } from "../../lib/runtime/logger.ts";
import { VirtualSystem } from "./virtual_system.ts";

type Order =
  | { type: "watch"; ref: ActorRef<never> }
  | { type: "unwatch"; ref: ActorRef<never> }
  | { type: "text"; text: string }
  | { type: "hold"; until: Promise<void> }
  | { type: "dump"; replyTo: ActorRef<string[]> };

/** Writes down what it hears. */
const listening = (): Behavior<Order> => {
  const heard: string[] = [];
  return Behaviors.receive((context, order) => {
    if (order.type === "watch") context.watch(order.ref);
    else if (order.type === "unwatch") context.unwatch(order.ref);
    else if (order.type === "text") heard.push(order.text);
    else if (order.type === "hold") return order.until.then(() => Behaviors.same());
    else order.replyTo.tell([...heard]);
    return Behaviors.same();
  }, (_context, signal) => {
    if (signal.type === "terminated") heard.push(`${signal.ref.path} ${signal.reason}`);
    return Behaviors.same();
  });
};

const dump = (replyTo: ActorRef<string[]>): Order => ({ type: "dump", replyTo });
const quiet = () => new ActorSystem({ runtime: { logger: silentLogger } });
const failing = Behaviors.receive<string>((_context, message) => {
  if (message === "fail") throw new Error("broken");
  return Behaviors.stopped();
});

Deno.test("any actor can be watched, and the watcher is signalled once", async () => {
  await using system = quiet();
  const listener = system.spawn(listening(), "listener");
  for (const [name, message] of [["root", "end"], ["other", "fail"]] as const) {
    const ref = system.spawn(failing, name);
    listener.tell({ type: "watch", ref });
    listener.tell({ type: "watch", ref });
    await system.ask(listener, dump);
    const gone = Promise.withResolvers<void>();
    const off = system.eventStream.subscribe("actorStopped", () => gone.resolve());
    ref.tell(message);
    await gone.promise;
    off();
  }
  assertEquals(await system.ask(listener, dump), ["/root stopped", "/other failed"]);
});

Deno.test("terminated arrives after all that the actor has sent", async () => {
  await using system = quiet();
  const listener = system.spawn(listening(), "listener");
  const ref = system.spawn(
    Behaviors.receive<string>(() => {
      for (let i = 0; i < 3; i++) listener.tell({ type: "text", text: `word ${i}` });
      return Behaviors.stopped();
    }),
    "talker",
  );
  listener.tell({ type: "watch", ref });
  await system.ask(listener, dump);
  const gone = Promise.withResolvers<void>();
  system.eventStream.subscribe("actorStopped", () => gone.resolve());
  ref.tell("go");
  await gone.promise;
  const heard = await system.ask(listener, dump);
  assertEquals(heard, ["word 0", "word 1", "word 2", "/talker stopped"]);
});

Deno.test("after unwatch no signal arrives, even one that is queued", async () => {
  await using system = quiet();
  const listener = system.spawn(listening(), "listener");
  const ref = system.spawn(failing, "watched");
  listener.tell({ type: "watch", ref });
  await system.ask(listener, dump);
  const busy = Promise.withResolvers<void>();
  listener.tell({ type: "hold", until: busy.promise });
  listener.tell({ type: "unwatch", ref });
  await system.stop(ref);
  busy.resolve();
  assertEquals(await system.ask(listener, dump), []);
});

Deno.test("a bounded mailbox never drops a signal", async () => {
  await using system = quiet();
  const listener = system.spawn(listening(), "listener", {
    mailbox: { capacity: 2, overflow: "dropOldest" },
  });
  const ref = system.spawn(failing, "watched");
  listener.tell({ type: "watch", ref });
  await system.ask(listener, dump);
  const busy = Promise.withResolvers<void>();
  listener.tell({ type: "hold", until: busy.promise });
  await system.stop(ref);
  for (let i = 0; i < 5; i++) listener.tell({ type: "text", text: `${i}` });
  busy.resolve();
  assertEquals(await system.ask(listener, dump), ["/watched stopped", "4"]);
});

class FarRef extends Ref<unknown> {
  readonly node = "far:1";
  readonly path = "/there";
  readonly uid = 7;
  override tell(): void {}
}

Deno.test("references of other systems are watched through the layer above", async () => {
  await using system = quiet();
  const calls: string[] = [];
  const internals = internalsOf(system);
  internals.remoteWatch = {
    watch: (watcher, target) => calls.push(`watch ${watcher.path} ${target}`),
    unwatch: (watcher, target) => calls.push(`unwatch ${watcher.path} ${target}`),
  };
  const listener = system.spawn(listening(), "listener");
  listener.tell({ type: "watch", ref: new FarRef() });
  listener.tell({ type: "watch", ref: new FarRef() });
  await system.ask(listener, dump);
  internals.terminated(listener as Ref<unknown>, new FarRef(), "nodeDown");
  internals.terminated(listener as Ref<unknown>, new FarRef(), "nodeDown");
  assertEquals(await system.ask(listener, dump), ["/there nodeDown"]);
  listener.tell({ type: "watch", ref: new FarRef() });
  await system.ask(listener, dump);
  await system.stop(listener);
  assertEquals(calls, [
    "watch /listener far:1/there",
    "watch /listener far:1/there",
    "unwatch /listener far:1/there",
  ]);
});

Deno.test("without such a layer, to watch a foreign reference is a clear error", async () => {
  await using system = quiet();
  const stopped = Promise.withResolvers<unknown>();
  system.eventStream.subscribe("actorStopped", ({ cause }) => stopped.resolve(cause));
  system.spawn(listening(), "listener").tell({ type: "watch", ref: new FarRef() });
  const cause = await stopped.promise;
  assertInstanceOf(cause, Error);
  assertEquals((cause as Error & { code: string }).code, "cannotWatch");
});

Deno.test("an adapter can be watched: it ends with the incarnation of its actor", async () => {
  await using virtual = new VirtualSystem();
  const adapters: ActorRef<number>[] = [];
  const heard: string[] = [];
  const ref = virtual.system.spawn(
    Behaviors.supervise(Behaviors.setup<string>((context) => {
      adapters.push(context.messageAdapter((n: number) => `${n}`));
      return Behaviors.receive(() => {
        throw new Error("told to");
      });
    })),
    "adapted",
  );
  await virtual.settle();
  const watcher = virtual.system.spawn(
    Behaviors.receive<ActorRef<never>>((context, target) => {
      context.watch(target);
      return Behaviors.same();
    }, (_context, signal) => {
      if (signal.type === "terminated") heard.push(`${signal.ref.path} ${signal.reason}`);
      return Behaviors.same();
    }),
    "watcher",
  );
  watcher.tell(adapters[0]!);
  watcher.tell(ref);
  await virtual.settle();
  ref.tell("fail");
  await virtual.settle();
  assertEquals(heard, [`${adapters[0]!.path} stopped`]);
  watcher.tell(adapters[0]!);
  watcher.tell(adapters[1]!);
  await virtual.clock.resolve(virtual.system.stop(ref));
  await virtual.settle();
  assertEquals(heard.slice(1), [
    `${adapters[0]!.path} stopped`,
    "/adapted stopped",
    `${adapters[1]!.path} stopped`,
  ]);
});
