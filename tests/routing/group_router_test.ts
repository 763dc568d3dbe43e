import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { Behaviors } from "../../lib/actor/behavior/behaviors.ts";
import { discoverable } from "../../lib/actor/behavior/discoverable.ts";
import { ActorError, AskError } from "../../lib/actor/errors.ts";
import type { ActorRef } from "../../lib/actor/ref/ref.ts";
import { ServiceKey } from "../../lib/actor/services/service_key.ts";
import type { SpyEvent } from "../../lib/actor/behavior/spy.ts";
import { Routers } from "../../lib/routing/routers.ts";
import { consistentHash } from "../../lib/routing/routing_strategy.ts";
import { assertBalanced, quietSystem, Received, tellNumbers } from "./quiet_system.ts";
import { OptionError } from "../../lib/options/option_error.ts";

const key = ServiceKey<number>("numbers");

Deno.test("a group routes to the actors of a service, in turn, as they come and go", async () => {
  await using quiet = quietSystem();
  const received = new Received<number>();
  const worker = discoverable(received.behavior(), key);
  const group = quiet.system.spawn(Routers.group(key), "group");
  const a = quiet.system.spawn(worker, "a");
  quiet.system.spawn(worker, "b");
  await quiet.settle();
  tellNumbers(group, 4);
  await quiet.settle();
  assertEquals([received.of("/a"), received.of("/b")], [[1, 3], [2, 4]]);
  await quiet.clock.resolve(quiet.system.stop(a));
  quiet.system.spawn(worker, "c");
  await quiet.settle();
  tellNumbers(group, 4);
  await quiet.settle();
  assertEquals([received.of("/b"), received.of("/c")], [[2, 4, 1, 3], [2, 4]]);
  assertEquals(quiet.lost, []);
});

Deno.test("messages wait for the first routee, in order, and go on in order", async () => {
  await using quiet = quietSystem();
  const received = new Received<number>();
  const group = quiet.system.spawn(Routers.group(key), "group");
  tellNumbers(group, 5);
  await quiet.settle();
  assertEquals(quiet.system.ledger.snapshot().delivered, 5);
  group.tell(6);
  quiet.system.receptionist.register(key, quiet.system.spawn(received.behavior(), "worker"));
  group.tell(7);
  await quiet.settle();
  assertEquals(received.all, [1, 2, 3, 4, 5, 6, 7]);
  assertEquals(quiet.system.ledger.snapshot().sent, 14);
});

Deno.test("messages wait again when the last routee has gone", async () => {
  await using quiet = quietSystem();
  const received = new Received<number>();
  const worker = discoverable(received.behavior(0), key);
  const group = quiet.system.spawn(Routers.group(key), "group");
  for (const name of ["first", "second"]) {
    quiet.system.spawn(worker, name);
    tellNumbers(group, 2);
    group.tell(0);
    await quiet.settle();
    tellNumbers(group, 1);
    await quiet.settle();
  }
  assertEquals([received.of("/first"), received.of("/second")], [[1, 2], [1, 1, 2]]);
});

Deno.test("a message beyond the buffer is a dead letter, and fails its ask", async () => {
  await using quiet = quietSystem();
  const asking = ServiceKey<ActorRef<string>>("asking");
  const group = quiet.system.spawn(Routers.group(asking, { bufferSize: 2 }), "group");
  const asks = [1, 2, 3].map(() =>
    quiet.system.ask(group, (replyTo: ActorRef<string>) => replyTo, { timeout: 1_000 })
  );
  asks.forEach((ask) => ask.catch(() => {}));
  await assertRejects(() => quiet.clock.resolve(asks[2]!), AskError);
  assertEquals(quiet.lost.map(({ reason, target }) => [reason, target]), [
    ["bufferFull", "/group"],
  ]);
  assertBalanced(quiet.system);
  const answering = Behaviors.receive<ActorRef<string>>((_context, replyTo) => {
    replyTo.tell("yes");
    return Behaviors.same();
  });
  quiet.system.spawn(discoverable(answering, asking), "worker");
  assertEquals(await quiet.clock.resolve(Promise.all(asks.slice(0, 2))), ["yes", "yes"]);
});

Deno.test("the buffer holds 1 000 messages by default, and none with bufferSize 0", async () => {
  await using quiet = quietSystem();
  tellNumbers(quiet.system.spawn(Routers.group(key), "usual"), 1_003);
  await quiet.settle();
  assertEquals(quiet.lost.map(({ message }) => message), [1_001, 1_002, 1_003]);
  quiet.system.spawn(Routers.group(key, { bufferSize: 0 }), "none").tell(1);
  await quiet.settle();
  assertEquals(quiet.lost.length, 4);
  assert(quiet.lost.every(({ reason }) => reason === "bufferFull"));
});

Deno.test("what waits when the router stops is a dead letter", async () => {
  await using quiet = quietSystem();
  const group = quiet.system.spawn(Routers.group(key), "group");
  tellNumbers(group, 3);
  await quiet.settle();
  await quiet.clock.resolve(quiet.system.stop(group));
  assertEquals(quiet.lost.map(({ reason, message }) => [reason, message]), [
    ["stopped", 1],
    ["stopped", 2],
    ["stopped", 3],
  ]);
  assertBalanced(quiet.system);
  const received = new Received<number>();
  quiet.system.receptionist.register(key, quiet.system.spawn(received.behavior(), "late"));
  await quiet.settle();
  assertEquals(received.all, []);
});

Deno.test("a router that restarts turns waiting messages into dead letters, and subscribes again", async () => {
  await using quiet = quietSystem();
  const failing = Behaviors.intercept(Routers.group(key), {
    onMessage: (_context, message, next) => {
      if (message === 0) throw new Error("as told");
      return next(message);
    },
  });
  const group = quiet.system.spawn(Behaviors.supervise(failing), "group");
  for (const message of [1, 0, 2]) group.tell(message);
  await quiet.settle();
  assertEquals(quiet.lost.map(({ reason, message }) => [reason, message]), [["stopped", 1]]);
  const received = new Received<number>();
  quiet.system.receptionist.register(key, quiet.system.spawn(received.behavior(), "worker"));
  await quiet.settle();
  assertEquals(received.all, [2]);
});

Deno.test("a message without a key is lost, and no other, those that wait included", async () => {
  await using quiet = quietSystem();
  const strategy = consistentHash((message: number) => {
    if (message === 0) throw new Error("no key");
    return `${message}`;
  });
  const group = quiet.system.spawn(Routers.group(key, { strategy }), "group");
  for (const message of [1, 0, 2]) group.tell(message);
  await quiet.settle();
  assertEquals(
    quiet.lost.map(({ reason, target, message }) => [reason, target, message]),
    [["invalidMessage", "/group", 0]],
  );
  const received = new Received<number>();
  quiet.system.receptionist.register(key, quiet.system.spawn(received.behavior(), "worker"));
  await quiet.settle();
  group.tell(3);
  await quiet.settle();
  assertEquals(received.all, [1, 2, 3]);
  assertBalanced(quiet.system);
});

Deno.test("messages of one key go to one routee, also those that had to wait", async () => {
  await using quiet = quietSystem();
  const received = new Received<number>();
  let calls = 0;
  const strategy = consistentHash((message: number) => {
    calls++;
    return `${message % 7}`;
  });
  const group = quiet.system.spawn(Routers.group(key, { strategy }), "group");
  tellNumbers(group, 70);
  await quiet.settle();
  // Both at once: the buffer is emptied to the first of them alone.
  const refs = ["a", "b"].map((name) => quiet.system.spawn(received.behavior(), name));
  const registrations = refs.map((ref) => quiet.system.receptionist.register(key, ref));
  await quiet.settle();
  assertEquals(received.paths, ["/a"]);
  tellNumbers(group, 70);
  await quiet.settle();
  const later = new Map<number, string>();
  for (const path of ["/a", "/b"]) {
    for (const message of received.of(path).slice(path === "/a" ? 70 : 0)) {
      assertEquals(later.get(message % 7) ?? path, path);
      later.set(message % 7, path);
    }
  }
  assertEquals(later.size, 7);
  assertEquals(calls, 140);
  registrations.forEach((forget) => forget());
});

Deno.test("a router that offers the service that it looks for does not route to itself", async () => {
  await using quiet = quietSystem();
  const received = new Received<number>();
  const group = quiet.system.spawn(discoverable(Routers.group(key), key), "group");
  await quiet.settle();
  assertEquals(quiet.system.receptionist.find(key).length, 1);
  tellNumbers(group, 2);
  await quiet.settle();
  quiet.system.spawn(discoverable(received.behavior(), key), "worker");
  await quiet.settle();
  assertEquals(received.all, [1, 2]);
});

Deno.test("interceptors of a group see its messages and nothing else", async () => {
  await using quiet = quietSystem();
  const received = new Received<number>();
  const events: unknown[] = [];
  const observer = quiet.system.spawn(
    Behaviors.receive<SpyEvent>((_context, { event }) => {
      events.push(event);
      return Behaviors.same();
    }),
    "observer",
  );
  const group = quiet.system.spawn(Behaviors.spy(Routers.group(key), observer), "group", {
    mailbox: { capacity: 1 },
  });
  await quiet.settle();
  quiet.system.spawn(discoverable(received.behavior(), key), "worker");
  await quiet.settle();
  tellNumbers(group, 1);
  await quiet.settle();
  assertEquals(events, [1]);
  assertEquals(received.all, [1]);
});

Deno.test("dead letters that change the service while the buffer is emptied do no harm", async () => {
  await using quiet = quietSystem();
  const { system } = quiet;
  const received = new Received<number>();
  const group = system.spawn(Routers.group(key), "group");
  tellNumbers(group, 6);
  await quiet.settle();
  const full = system.spawn(received.behavior(), "full", { mailbox: { capacity: 2 } });
  const roomy = system.spawn(received.behavior(), "roomy");
  await quiet.settle();
  system.eventStream.subscribe("deadLetter", ({ message }) => {
    if (message !== 3) return;
    system.receptionist.deregister(key, full);
    system.receptionist.register(key, roomy);
  });
  system.receptionist.register(key, full);
  await quiet.settle();
  assertEquals(received.of("/full"), [1, 2]);
  assertEquals(received.of("/roomy"), [4, 5, 6]);
  assertEquals(quiet.lost.map(({ message }) => message), [3]);
});

Deno.test("options that cannot be used are refused, and the error names them", () => {
  for (const bufferSize of [-1, 0.5, NaN, Infinity, 1_000_001]) {
    const error = assertThrows(() => Routers.group(key, { bufferSize }), OptionError);
    assertEquals([error.code, error.value], ["badOption", bufferSize]);
    assert(error.message.startsWith("bufferSize: "), error.message);
  }
  const strategy = { kind: "nearest" } as unknown as ReturnType<typeof consistentHash<number>>;
  const error = assertThrows(() => Routers.group(key, { strategy }), OptionError);
  assert(error.message.startsWith("strategy: "), error.message);
  const noKey = "numbers" as unknown as ServiceKey<number>;
  assertEquals(assertThrows(() => Routers.group(noKey), ActorError).code, "badServiceKey");
});

Deno.test("messages wait for the first actor of a service, and for bufferTime after the last", async () => {
  await using quiet = quietSystem();
  const { clock, system } = quiet;
  const asked = ServiceKey<ActorRef<string>>("asked");
  const router = system.spawn(Routers.group(asked, { bufferTime: 400 }), "router");
  const ask = () =>
    system.ask(router, (replyTo: ActorRef<string>) => replyTo, { timeout: 60_000 })
      .then((reply) => `${reply} ${clock.now()}`, ({ reason }) => `${reason} ${clock.now()}`);
  const worker = Behaviors.receive<ActorRef<string>>((_context, replyTo) => {
    replyTo.tell("yes");
    return Behaviors.same();
  });
  const first = ask();
  await clock.advance(10_000);
  const routee = system.spawn(discoverable(worker, asked), "one");
  assertEquals(await clock.resolve(first), "yes 10000");
  await clock.resolve(system.stop(routee));
  const early = ask();
  await clock.advance(300);
  const late = ask();
  assertEquals(await clock.resolve(early), "noRoutee 10400");
  assertEquals(await clock.resolve(late), "noRoutee 10700");
  const saved = ask();
  await clock.advance(300);
  system.spawn(discoverable(worker, asked), "two");
  assertEquals(await clock.resolve(saved), "yes 11000");
});
