import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { ActorSystem } from "../../lib/actor/system/actor_system.ts";
import type { Behavior } from "../../lib/actor/behavior/behavior.ts";
import { Behaviors } from "../../lib/actor/behavior/behaviors.ts";
import { discoverable } from "../../lib/actor/behavior/discoverable.ts";
import { ActorError } from "../../lib/actor/errors.ts";
import type { Listing } from "../../lib/actor/services/receptionist.ts";
import { type ActorRef, Ref } from "../../lib/actor/ref/ref.ts";
import { ServiceKey } from "../../lib/actor/services/service_key.ts";
import { ManualClock } from "../../lib/testkit/manual_clock.ts";

type Paths = readonly string[];
const pathsOf = (refs: readonly ActorRef<never>[]): Paths => refs.map(({ path }) => path);
const idle = Behaviors.receive<string>((_context, message) => {
  if (message === "fail") throw new Error("told to fail");
  return message === "stop" ? Behaviors.stopped() : Behaviors.same();
});
const key = ServiceKey<string>("service");

/** A system on virtual time; the ledger is checked at its end. */
function quiet() {
  const clock = new ManualClock();
  const lines: string[] = [];
  const logger = {
    log: (level: string, source: string, message: string) => {
      lines.push(`${level} ${source}: ${message}`);
    },
  };
  const system = new ActorSystem({ runtime: { clock, logger } });
  return {
    system,
    clock,
    lines,
    settle: () => clock.advance(0),
    async [Symbol.asyncDispose]() {
      await clock.resolve(system.shutdown());
      const { sent, delivered, deadLetters, inFlight } = system.ledger.snapshot();
      const lost = Object.values(deadLetters).reduce((sum, count) => sum + count, 0);
      assertEquals([sent, inFlight], [delivered + lost, 0]);
    },
  };
}

Deno.test("who is registered is found, in the order of registration, until it is taken back", async () => {
  await using run = quiet();
  const { receptionist } = run.system;
  assertEquals(receptionist.find(key), []);
  const [a, b, c] = ["a", "b", "c"].map((name) => run.system.spawn(idle, name));
  receptionist.register(key, b!);
  const forget = receptionist.register(key, a!);
  receptionist.register(key, c!);
  const before = receptionist.find(key);
  assertStrictEquals(before[1], a);
  assertEquals(pathsOf(before), ["/b", "/a", "/c"]);
  forget();
  receptionist.deregister(key, c!);
  assertEquals(pathsOf(receptionist.find(key)), ["/b"]);
  assertEquals(pathsOf(before), ["/b", "/a", "/c"]);
  assertThrows(() => (before as ActorRef<string>[]).push(a!), TypeError);
});

Deno.test("a key is known by its id, and keys do not mix", async () => {
  await using run = quiet();
  const { receptionist } = run.system;
  const ref = run.system.spawn(idle, "a");
  receptionist.register(ServiceKey<string>("one"), ref);
  assertEquals(receptionist.find(ServiceKey<string>("one")).length, 1);
  assertEquals(receptionist.find(ServiceKey<string>("two")).length, 0);
  assertEquals(ServiceKey("one"), ServiceKey("one"));
  // As it comes from the wire.
  assertEquals(receptionist.find<string>({ id: "one" }).length, 1);
});

Deno.test("registering twice is one entry, and taking back twice is once", async () => {
  await using run = quiet();
  const { receptionist } = run.system;
  const ref = run.system.spawn(idle, "a");
  let changes = -1;
  receptionist.subscribe(key, () => changes++);
  const first = receptionist.register(key, ref);
  const second = receptionist.register(key, ref);
  assertEquals([receptionist.find(key).length, changes], [1, 1]);
  first();
  second();
  receptionist.deregister(key, ref);
  assertEquals([receptionist.find(key).length, changes], [0, 2]);
  receptionist.register(key, ref);
  // Of a registration that is over already.
  first();
  assertEquals([receptionist.find(key).length, changes], [1, 3]);
});

Deno.test("an actor that stops is forgotten everywhere; one that restarts stays", async () => {
  await using run = quiet();
  const { receptionist } = run.system;
  const other = ServiceKey<string>("other");
  const ref = run.system.spawn(Behaviors.supervise(idle), "a");
  receptionist.register(key, ref);
  receptionist.register(other, ref);
  ref.tell("fail");
  await run.settle();
  assertEquals(pathsOf(receptionist.find(key)), ["/a"]);
  ref.tell("stop");
  await run.settle();
  assertEquals([receptionist.find(key), receptionist.find(other)], [[], []]);
  // It is too late for that.
  receptionist.register(key, ref);
  assertEquals(receptionist.find(key), []);
});

Deno.test("a listener gets the listing at once and after each change, until it unsubscribes", async () => {
  await using run = quiet();
  const { receptionist } = run.system;
  const heard: Paths[] = [];
  const end = receptionist.subscribe(key, (listing) => heard.push(pathsOf(listing)));
  const [a, b] = ["a", "b"].map((name) => run.system.spawn(idle, name));
  receptionist.register(key, a!);
  receptionist.register(ServiceKey<string>("other"), b!);
  receptionist.register(key, b!);
  a!.tell("stop");
  await run.settle();
  assertEquals(heard, [[], ["/a"], ["/a", "/b"], ["/b"]]);
  end();
  end();
  receptionist.deregister(key, b!);
  assertEquals(heard.length, 4);
});

Deno.test("an actor is sent listings until it stops", async () => {
  await using run = quiet();
  const { receptionist, eventStream } = run.system;
  const heard: Paths[] = [];
  let lost = 0;
  eventStream.subscribe("deadLetter", () => lost++);
  const observer = run.system.spawn(
    Behaviors.receive<Listing<string> | "stop">((_context, message) => {
      if (message === "stop") return Behaviors.stopped();
      assertEquals([message.type, message.key], ["listing", key]);
      heard.push(pathsOf(message.refs));
      return Behaviors.same();
    }),
    "observer",
  );
  receptionist.subscribe(key, observer);
  const a = run.system.spawn(idle, "a");
  const forget = receptionist.register(key, a);
  await run.settle();
  assertEquals(heard, [[], ["/a"]]);
  observer.tell("stop");
  await run.settle();
  forget();
  receptionist.subscribe(key, observer);
  assertEquals(lost, 0);
});

Deno.test("an actor subscribes through an adapter, which ends when it restarts", async () => {
  await using run = quiet();
  const { receptionist, eventStream } = run.system;
  const heard: string[] = [];
  let lost = 0;
  eventStream.subscribe("deadLetter", () => lost++);
  const behavior: Behavior<string> = Behaviors.setup((context) => {
    const adapter = context.messageAdapter((listing: Listing<string>) =>
      `${listing.refs.length} of ${listing.key.id}`
    );
    receptionist.subscribe(key, adapter);
    return Behaviors.receive((_context, message) => {
      if (message === "fail") throw new Error("told to fail");
      heard.push(message);
      return Behaviors.same();
    });
  });
  const observer = run.system.spawn(Behaviors.supervise(behavior), "observer");
  await run.settle();
  receptionist.register(key, run.system.spawn(idle, "a"));
  await run.settle();
  assertEquals(heard, ["0 of service", "1 of service"]);
  observer.tell("fail");
  await run.settle();
  receptionist.register(key, run.system.spawn(idle, "b"));
  await run.settle();
  assertEquals(heard.slice(2), ["1 of service", "2 of service"]);
  assertEquals(lost, 0);
});

Deno.test("an adapter can be registered, and is forgotten when its actor restarts", async () => {
  await using run = quiet();
  const { receptionist } = run.system;
  const numbers = ServiceKey<number>("numbers");
  const heard: string[] = [];
  let begun = 0;
  const behavior: Behavior<string> = Behaviors.setup((context) => {
    const map = begun++ === 0 ? String : (number: number) => `${number}!`;
    receptionist.register(numbers, context.messageAdapter(map));
    return Behaviors.receive((_context, message) => {
      if (message === "fail") throw new Error("told to fail");
      heard.push(message);
      return Behaviors.same();
    });
  });
  const actor = run.system.spawn(Behaviors.supervise(behavior), "a");
  await run.settle();
  receptionist.find(numbers)[0]!.tell(1);
  actor.tell("fail");
  await run.settle();
  assertEquals(receptionist.find(numbers).length, 1);
  receptionist.find(numbers)[0]!.tell(2);
  await run.settle();
  assertEquals(heard, ["1", "2!"]);
  await run.clock.resolve(run.system.stop(actor));
  assertEquals(receptionist.find(numbers), []);
});

Deno.test("a listener that throws is logged and disturbs no other", async () => {
  await using run = quiet();
  const { receptionist } = run.system;
  const heard: number[] = [];
  receptionist.subscribe(key, () => {
    throw new Error("no time");
  });
  receptionist.subscribe(key, ({ length }) => heard.push(length));
  receptionist.register(key, run.system.spawn(idle, "a"));
  assertEquals(heard, [0, 1]);
  assertEquals(run.lines, Array(2).fill("error receptionist: a listener threw"));
});

Deno.test("listeners that change the service leave all with the newest listing", async () => {
  await using run = quiet();
  const { receptionist } = run.system;
  const [a, b] = ["a", "b"].map((name) => run.system.spawn(idle, name));
  const heard: Paths[][] = [[], []];
  receptionist.subscribe(key, (listing) => heard[0]!.push(pathsOf(listing)));
  const end = receptionist.subscribe(key, (listing) => {
    if (listing.length === 1) receptionist.register(key, b!);
    else if (listing.length === 2) end();
  });
  receptionist.subscribe(key, (listing) => heard[1]!.push(pathsOf(listing)));
  receptionist.register(key, a!);
  assertEquals(heard, [[[], ["/a"], ["/a", "/b"]], [[], ["/a", "/b"]]]);
  receptionist.deregister(key, b!);
  receptionist.register(key, b!);
  assertEquals(heard[1]!.slice(2), [["/a"], ["/a", "/b"]]);
});

Deno.test("a listener that ends another's subscription ends it at once", async () => {
  await using run = quiet();
  const { receptionist } = run.system;
  let heard = 0;
  let end = () => {};
  receptionist.subscribe(key, () => end());
  end = receptionist.subscribe(key, () => heard++);
  receptionist.register(key, run.system.spawn(idle, "a"));
  assertEquals(heard, 1);
});

Deno.test("a discoverable actor is listed from its start to its end, through restarts", async () => {
  for (
    const behavior of [
      discoverable(Behaviors.supervise(idle), key),
      Behaviors.supervise(discoverable(idle, key)),
      Behaviors.setup<string>(() => Behaviors.supervise(discoverable(idle, key))),
      discoverable(Behaviors.setup<string>(() => Behaviors.supervise(idle)), key),
      Behaviors.withLifecycle(discoverable(Behaviors.supervise(idle), key), {}),
    ]
  ) {
    await using run = quiet();
    const heard: Paths[] = [];
    run.system.receptionist.subscribe(key, (listing) => heard.push(pathsOf(listing)));
    const ref = run.system.spawn(behavior, "a");
    await run.settle();
    ref.tell("fail");
    await run.settle();
    assertEquals(heard, [[], ["/a"]]);
    ref.tell("stop");
    await run.settle();
    assertEquals(heard, [[], ["/a"], []]);
  }
});

Deno.test("a child can be discoverable, and an actor can become it later", async () => {
  await using run = quiet();
  const { receptionist } = run.system;
  const parent = run.system.spawn(
    Behaviors.receive<string>((context) => {
      context.spawn(discoverable(idle, key), "child");
      return discoverable(idle, key);
    }),
    "parent",
  );
  await run.settle();
  assertEquals(receptionist.find(key), []);
  parent.tell("go");
  await run.settle();
  assertEquals(pathsOf(receptionist.find(key)), ["/parent", "/parent/child"]);
  parent.tell("stop");
  await run.settle();
  assertEquals(receptionist.find(key), []);
});

Deno.test("one behaviour may be discoverable under several keys", async () => {
  await using run = quiet();
  const other = ServiceKey<string>("other");
  run.system.spawn(discoverable(discoverable(idle, key), other), "a");
  await run.settle();
  const { receptionist } = run.system;
  assertEquals([key, other].map((each) => receptionist.find(each).length), [1, 1]);
});

Deno.test("keys must be 1 to 256 printable characters", () => {
  for (
    const id of ["a", " ", "payment/eu", "оплата", "支払い", "x".repeat(256), "😀".repeat(256)]
  ) {
    assertEquals(ServiceKey<string>(id), { id });
  }
  const bad = ["", "x".repeat(257), "a\nb", "\u0000", "a\u200bb", "\u2028", "\ud800", 5, null, {}];
  for (const id of bad) {
    const error = assertThrows(() => ServiceKey<string>(id as string), ActorError);
    assertEquals([error.code, error.value], ["badServiceKey", id]);
    assert(error.message.length < 300, error.message);
  }
  assert(Object.isFrozen(ServiceKey<string>("a")));
});

class FarRef extends Ref<string> {
  readonly node = "far:1";
  readonly path = "/there";
  readonly uid = 7;
  override tell(): void {}
}

Deno.test("what cannot be registered, found or subscribed is a clear error", async () => {
  await using run = quiet();
  await using elsewhere = quiet();
  const { receptionist } = run.system;
  const code = (call: () => unknown) => assertThrows(call, ActorError).code;
  const ref = run.system.spawn(idle, "a");
  for (const noKey of ["service", undefined, null, {}, { id: "" }]) {
    const wrong = noKey as unknown as ServiceKey<string>;
    assertEquals(code(() => receptionist.register(wrong, ref)), "badServiceKey");
    assertEquals(code(() => receptionist.deregister(wrong, ref)), "badServiceKey");
    assertEquals(code(() => receptionist.find(wrong)), "badServiceKey");
    assertEquals(code(() => receptionist.subscribe(wrong, () => {})), "badServiceKey");
    assertEquals(code(() => discoverable(idle, wrong)), "badServiceKey");
  }
  for (const foreign of [new FarRef(), elsewhere.system.spawn(idle, "b"), null]) {
    const wrong = foreign as ActorRef<string>;
    assertEquals(code(() => receptionist.register(key, wrong)), "notLocal");
    receptionist.deregister(key, wrong);
  }
  for (const listener of [null, undefined, 5, {}]) {
    const wrong = listener as unknown as () => void;
    assertEquals(code(() => receptionist.subscribe(key, wrong)), "badSubscriber");
  }
  assertEquals(receptionist.find(key), []);
});

Deno.test("after a shutdown no actor is listed and no listener is called", async () => {
  const run = quiet();
  const { receptionist } = run.system;
  const heard: number[] = [];
  receptionist.subscribe(key, ({ length }) => heard.push(length));
  const ref = run.system.spawn(idle, "a");
  receptionist.register(key, ref);
  await run[Symbol.asyncDispose]();
  assertEquals(heard, [0, 1, 0]);
  receptionist.register(key, ref);
  assertEquals([receptionist.find(key).length, heard.length], [0, 3]);
});

type Small = { type: "a" };
type Big = { type: "a" } | { type: "b" };

/** Never called: each `@ts-expect-error` fails the type check if the line compiles. */
export function mustNotCompile(
  { receptionist }: ActorSystem,
  small: ActorRef<Small>,
  big: ActorRef<Big>,
  smallBehavior: Behavior<Small>,
  bigBehavior: Behavior<Big>,
) {
  const forSmall = ServiceKey<Small>("small");
  const forBig = ServiceKey<Big>("big");
  receptionist.register(forBig, big);
  receptionist.register(forSmall, big);
  // @ts-expect-error: an actor that takes less than its service does
  receptionist.register(forBig, small);
  const narrowed: ServiceKey<Small> = forBig;
  // @ts-expect-error: who is found by it would be told what it does not take
  const widened: ServiceKey<Big> = forSmall;
  const found: readonly ActorRef<Big>[] = receptionist.find(forBig);
  // @ts-expect-error: an actor that takes less than it is said to
  const wrong: readonly ActorRef<Big>[] = receptionist.find(forSmall);
  // @ts-expect-error: an actor that takes less than its service does
  discoverable(smallBehavior, forBig);
  const whole: Behavior<Big> = discoverable(bigBehavior, forSmall);
  const inferred: Behavior<Small> = discoverable(
    Behaviors.receive((_context, { type }) =>
      type === "a" ? Behaviors.same() : Behaviors.stopped()
    ),
    forSmall,
  );
  receptionist.subscribe(forBig, (listing) => listing[0]?.tell({ type: "b" }));
  // @ts-expect-error: a message of another type
  receptionist.subscribe(forSmall, (listing) => listing[0]?.tell({ type: "b" }));
  return [narrowed, widened, found, wrong, whole, inferred];
}
