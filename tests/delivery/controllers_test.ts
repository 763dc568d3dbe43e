import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { ActorSystem } from "../../lib/actor/system/actor_system.ts";
import type { Behavior } from "../../lib/actor/behavior/behavior.ts";
import { Behaviors } from "../../lib/actor/behavior/behaviors.ts";
import { discoverable } from "../../lib/actor/behavior/discoverable.ts";
import { AskError } from "../../lib/actor/errors.ts";
import type { ActorRef } from "../../lib/actor/ref/ref.ts";
import { ServiceKey } from "../../lib/actor/services/service_key.ts";
import {
  consumerController,
  type ConsumerMessage,
  type Delivery,
  type DeliveryParked,
  producerController,
  type ProducerMessage,
} from "../../lib/delivery/mod.ts";
import { OptionError } from "../../lib/options/option_error.ts";
import { silentLogger } from "../../lib/runtime/logger.ts";
import { ManualClock } from "../../lib/testkit/manual_clock.ts";
import { SeededRandom } from "../../lib/testkit/seeded_random.ts";

/** A system on virtual time. */
class World implements AsyncDisposable {
  readonly clock = new ManualClock();
  readonly system: ActorSystem;

  constructor() {
    const runtime = { clock: this.clock, random: new SeededRandom(1), logger: silentLogger };
    this.system = new ActorSystem({ runtime });
  }

  run<T>(promise: Promise<T>): Promise<T> {
    return this.clock.resolve(promise);
  }

  confirmed<T>(producer: ActorRef<ProducerMessage<T>>, message: NoInfer<T>): Promise<number> {
    return this.system.askStatus(
      producer,
      (confirmedTo: ActorRef<never>) => ({ type: "deliver", message, confirmedTo }) as never,
      { timeout: 60_000 },
    ) as Promise<number>;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.clock.resolve(this.system.shutdown());
    const { sent, delivered, deadLetters, inFlight } = this.system.ledger.snapshot();
    const lost = Object.values(deadLetters).reduce((sum, count) => sum + count, 0);
    assertEquals(sent, delivered + lost + inFlight);
    // Asks share a timer, which ends with the deadline of the last.
    await this.clock.advance(60_000);
    assertEquals(this.clock.pending, 0, "a timer is left over");
  }
}

const upTo = (count: number) => Array.from({ length: count }, (_, at) => at + 1);

Deno.test("messages are confirmed in order, within the window of the consumer", async () => {
  await using world = new World();
  const got: number[] = [];
  let waiting = 0;
  let most = 0;
  const consumer = world.system.spawn(
    consumerController<number>({
      window: 4,
      onMessage: async ({ system }, number) => {
        most = Math.max(most, ++waiting);
        await new Promise<void>((resolve) => void system.runtime.clock.schedule(10, resolve));
        waiting--;
        got.push(number);
      },
    }),
    "consumer",
  );
  const producer = world.system.spawn(producerController<number>({ consumer }), "producer");
  const numbers = await world.run(
    Promise.all(upTo(50).map((each) => world.confirmed(producer, each))),
  );
  assertEquals([numbers, got, most], [upTo(50), upTo(50), 1]);
});

Deno.test("a consumer that fails gets the message again with the same id", async () => {
  await using world = new World();
  const got: [number, Delivery][] = [];
  const consumer = world.system.spawn(
    Behaviors.supervise(
      consumerController<number>({
        onMessage: (_context, number, delivery) => {
          got.push([number, delivery]);
          if (number === 3 && got.length === 3) throw new Error("once");
        },
      }),
      { maxRestarts: 3 },
    ),
    "consumer",
  );
  const producer = world.system.spawn(producerController<number>({ consumer }), "producer");
  await world.run(Promise.all(upTo(6).map((each) => world.confirmed(producer, each))));
  // What was under way when it failed is not handled before what is sent again.
  const handled = got.map(([number]) => number);
  assertEquals([handled.slice(0, 3), handled.slice(-4)], [[1, 2, 3], [3, 4, 5, 6]]);
  const third = got.filter(([number]) => number === 3).map(([, delivery]) => delivery);
  assertEquals(new Set(third.map(({ id }) => id)).size, 1);
  assertEquals(third.map(({ again }) => again), [false, true]);
});

/** Handles all but one message, and delivers six. */
async function deliverPoison(
  world: World,
  behavior: (consumer: Behavior<ConsumerMessage<number>>) => Behavior<ConsumerMessage<number>>,
  options: { readonly isAsync: boolean },
) {
  const parked: DeliveryParked[] = [];
  world.system.eventStream.subscribe<DeliveryParked>(
    "deliveryParked",
    (event) => void parked.push(event),
  );
  const got: number[] = [];
  const consumer = world.system.spawn(
    behavior(consumerController<number>({
      onMessage: (_context, number) => {
        got.push(number);
        if (number !== 3) return;
        if (options.isAsync) return Promise.reject(new Error("poison"));
        throw new Error("poison");
      },
    })),
    "consumer",
  );
  const producer = world.system.spawn(
    producerController<number>({ consumer, maxAttempts: 3 }),
    "producer",
  );
  const results = await world.run(
    Promise.allSettled(upTo(6).map((each) => world.confirmed(producer, each))),
  );
  return { parked, got, results };
}

for (const decider of ["restart", "resume"] as const) {
  for (const isAsync of [false, true]) {
    const how = `${decider}${isAsync ? ", with a promise" : ""}`;
    Deno.test(`a message on which handlers always fail is parked, and the next go on: ${how}`, async () => {
      await using world = new World();
      const supervised = (consumer: Behavior<ConsumerMessage<number>>) =>
        Behaviors.supervise(consumer, { decider: () => decider, maxRestarts: 100 });
      const { parked, got, results } = await deliverPoison(world, supervised, { isAsync });
      assertEquals(got.filter((number) => number === 3).length, 3);
      assertEquals([...new Set(got)], upTo(6));
      const failed = results.flatMap((result, at) => result.status === "rejected" ? [at + 1] : []);
      assertEquals(failed, [3]);
      const { reason } = results[2] as PromiseRejectedResult;
      assertEquals(reason.rejection.code, "deliveryParked");
      const [{ id, ...event }] = parked as [DeliveryParked];
      assertEquals(event, {
        type: "deliveryParked",
        producer: "/producer",
        attempts: 3,
        message: 3,
      });
      assert(id.endsWith(":3") && parked.length === 1);
      assertEquals(world.system.ledger.snapshot().deadLetters.invalidMessage, 1);
    });
  }
}

Deno.test("failures count whichever worker has the job, and its other jobs are done", async () => {
  await using world = new World();
  const key = ServiceKey<ConsumerMessage<number>>("workers");
  const got: number[] = [];
  // Each ends with its failure.
  const spawn = (name: string) =>
    world.system.spawn(
      discoverable(
        consumerController<number>({
          window: 2,
          onMessage: (_context, number) => {
            got.push(number);
            if (number === 2) throw new Error("poison");
          },
        }),
        key,
      ),
      name,
    );
  for (const name of ["a", "b", "c"]) spawn(name);
  const producer = world.system.spawn(
    producerController<number>({ workers: key, maxAttempts: 2 }),
    "producer",
  );
  const results = await world.run(
    Promise.allSettled(upTo(20).map((each) => world.confirmed(producer, each))),
  );
  assertEquals(got.filter((number) => number === 2).length, 2);
  assertEquals(
    results.flatMap(({ status }, at) => status === "rejected" ? [at + 1] : []),
    [2],
  );
});

Deno.test("when a consumer stops, the next that offers the service gets the rest", async () => {
  await using world = new World();
  const key = ServiceKey<ConsumerMessage<number>>("numbers");
  const got: string[] = [];
  const spawn = (name: string) =>
    world.system.spawn(
      discoverable(
        consumerController<number>({
          window: 2,
          onMessage: async ({ system }, number) => {
            await new Promise<void>((resolve) => void system.runtime.clock.schedule(10, resolve));
            got.push(`${name}${number}`);
          },
        }),
        key,
      ),
      name,
    );
  const producer = world.system.spawn(producerController<number>({ consumer: key }), "producer");
  const all = Promise.all(upTo(6).map((each) => world.confirmed(producer, each)));
  await world.clock.advance(5_000);
  assertEquals(got, []);
  const first = spawn("a");
  spawn("b");
  await world.clock.advance(25);
  const stopped = world.system.stop(first);
  await world.run(all);
  await stopped;
  const numbers = got.map((each) => Number(each.slice(1)));
  assertEquals([...new Set(numbers)], upTo(6));
  assert(got.includes("a1") && got.includes("b6"), got.join());
});

Deno.test("the next consumer is one that was registered all the time", async () => {
  await using world = new World();
  const key = ServiceKey<ConsumerMessage<number>>("numbers");
  const got: string[] = [];
  const [first] = ["a", "b"].map((name) =>
    world.system.spawn(
      discoverable(
        consumerController<number>({
          onMessage: (_context, number) => void got.push(name + number),
        }),
        key,
      ),
      name,
    )
  );
  const producer = world.system.spawn(producerController<number>({ consumer: key }), "producer");
  await world.run(world.confirmed(producer, 1));
  // As when its node cannot be reached: it is not listed, and ends later.
  world.system.receptionist.deregister(key, first!);
  await world.run(world.confirmed(producer, 2));
  await world.run(world.system.stop(first!));
  await world.run(world.confirmed(producer, 3));
  assertEquals(got, ["a1", "a2", "b3"]);
});

Deno.test("jobs go to the workers with demand, and those of one that has stopped to others", async () => {
  await using world = new World();
  const key = ServiceKey<ConsumerMessage<number>>("workers");
  const done: string[] = [];
  const workers = ["a", "b", "c"].map((name) =>
    world.system.spawn(
      discoverable(
        consumerController<number>({
          window: 2,
          onMessage: async ({ system }, job) => {
            const time = name === "a" ? 1_000 : 10;
            await new Promise<void>((resolve) => void system.runtime.clock.schedule(time, resolve));
            done.push(`${name}${job}`);
          },
        }),
        key,
      ),
      name,
    )
  );
  const producer = world.system.spawn(producerController<number>({ workers: key }), "producer");
  const all = Promise.all(upTo(40).map((job) => world.confirmed(producer, job)));
  await world.clock.advance(500);
  // The slow one has no more than its window.
  assertEquals(done.length, 38);
  const stopped = world.system.stop(workers[0]!);
  await world.run(all);
  await stopped;
  assertEquals(new Set(done.map((each) => each.slice(1))).size, 40);
});

Deno.test("a large message travels in parts, and one with references whole", async () => {
  await using world = new World();
  const got: unknown[] = [];
  const parts: boolean[] = [];
  const consumer = world.system.spawn(
    Behaviors.intercept(
      consumerController<unknown>({
        window: 3,
        onMessage: (_context, value) => void got.push(value),
      }),
      {
        onMessage: (_context, message, next) => {
          if (message.type === "deliveryMessage") parts.push(message.chunk !== undefined);
          return next(message);
        },
      },
    ),
    "consumer",
  );
  const producer = world.system.spawn(
    producerController<unknown>({ consumer, chunkSize: 1_024 }),
    "producer",
  );
  const long = { text: "x".repeat(10_000), at: new Date(7) };
  const withRef = { text: "y".repeat(10_000), ref: consumer };
  await world.run(
    Promise.all([1, long, withRef, 2].map((each) => world.confirmed(producer, each))),
  );
  assertEquals(got, [1, long, withRef, 2]);
  assertEquals(parts.filter((each) => each).length, 10);
});

for (const decider of ["restart", "resume"] as const) {
  Deno.test(`a message in parts on which a handler fails comes again as a whole: ${decider}`, async () => {
    await using world = new World();
    const got: string[] = [];
    let failures = 2;
    const behavior = consumerController<string>({
      window: 3,
      onMessage: (_context, text, { again }) => {
        if (text.startsWith("b") && failures-- > 0) throw new Error("not yet");
        got.push(`${text[0]}${text.length}${again ? " again" : ""}`);
      },
    });
    const consumer = world.system.spawn(
      Behaviors.supervise(behavior, { decider: () => decider, maxRestarts: 100 }),
      "consumer",
    );
    const producer = world.system.spawn(
      producerController<string>({ consumer, chunkSize: 1_024 }),
      "producer",
    );
    const texts = ["a", "b", "c"].map((letter) => letter.repeat(10_000));
    await world.run(Promise.all(texts.map((each) => world.confirmed(producer, each))));
    assertEquals(got.map((each) => each.slice(0, 6)), ["a10000", "b10000", "c10000"]);
    assert(got[1]!.endsWith("again"));
    assertEquals(world.system.ledger.snapshot().deadLetters.invalidMessage ?? 0, 0);
  });
}

Deno.test("a copy that was under way when a handler failed says that the message comes again", async () => {
  await using world = new World();
  const told: boolean[] = [];
  const behavior = consumerController<string>({
    onMessage: (_context, _text, { again }) => {
      told.push(again);
      if (told.length === 1) throw new Error("not yet");
    },
  });
  const consumer = world.system.spawn(
    Behaviors.supervise(behavior, { decider: () => "resume", maxRestarts: 100 }),
    "consumer",
  );
  const twice = Behaviors.receive<ConsumerMessage<string>>((_context, message) => {
    consumer.tell(message);
    if (message.type === "deliveryMessage") consumer.tell(message);
    return Behaviors.same();
  });
  const network = world.system.spawn(twice, "network");
  const producer = world.system.spawn(
    producerController<string>({ consumer: network }),
    "producer",
  );
  await world.run(world.confirmed(producer, "a"));
  assertEquals(told.slice(0, 2), [false, true]);
});

Deno.test("a full buffer holds up those who wait for a place, and refuses others", async () => {
  await using world = new World();
  const key = ServiceKey<ConsumerMessage<number>>("late");
  const producer = world.system.spawn(
    producerController<number>({ consumer: key, bufferSize: 2, maxWaiting: 1 }),
    "producer",
  );
  const accept = (message: number) =>
    world.system.askStatus(
      producer,
      (acceptedTo: ActorRef<never>) => ({ type: "deliver", message, acceptedTo }) as never,
      { timeout: 60_000 },
    ) as Promise<number>;
  assertEquals(await world.run(Promise.all([accept(1), accept(2)])), [1, 2]);
  const third = accept(3);
  const error = await world.run(assertRejects(() => accept(4), AskError));
  assertEquals(error.rejection?.code, "deliveryBufferFull");
  await assertRejects(() => world.run(world.confirmed(producer, 5)), AskError, "wait");
  producer.tell({ type: "deliver", message: 6 });
  await world.clock.advance(0);
  assertEquals(world.system.ledger.snapshot().deadLetters.bufferFull, 1);
  const got: number[] = [];
  const consumer = consumerController<number>({ onMessage: (_c, number) => void got.push(number) });
  world.system.spawn(discoverable(consumer, key), "consumer");
  assertEquals(await world.run(third), 3);
  await world.clock.advance(0);
  assertEquals(got, [1, 2, 3]);
});

Deno.test("what is not confirmed when the producer stops is told to its senders", async () => {
  await using world = new World();
  const key = ServiceKey<ConsumerMessage<number>>("nobody");
  const producer = world.system.spawn(producerController<number>({ consumer: key }), "producer");
  const confirmed = world.confirmed(producer, 1);
  const rejected = assertRejects(() => confirmed, AskError);
  await world.clock.advance(10);
  await world.run(world.system.stop(producer));
  assertEquals((await rejected).rejection?.code, "producerStopped");
});

Deno.test("messages that are none change nothing", async () => {
  await using world = new World();
  const got: number[] = [];
  const consumer = world.system.spawn(
    consumerController<number>({ onMessage: (_context, number) => void got.push(number) }),
    "consumer",
  );
  const producer = world.system.spawn(producerController<number>({ consumer }), "producer");
  for (
    const wrong of [
      undefined,
      null,
      1,
      {},
      { type: "deliveryOpen", stream: "a" },
      {
        type: "deliveryMessage",
        stream: "a",
        session: 1,
        number: 1,
        ticket: 1,
        producer: 7,
      },
      { type: "deliveryDemand", stream: "a.1", session: 1, through: -1, upTo: 1 },
      {
        type: "deliver",
        entityId: "x",
        message: 1,
      },
    ]
  ) {
    consumer.tell(wrong as never);
    producer.tell(wrong as never);
  }
  assertEquals(await world.run(world.confirmed(producer, 1)), 1);
  assertEquals(got, [1]);
});

Deno.test("options are checked", () => {
  assertThrows(() => producerController({}), OptionError, "exactly one");
  const workers = ServiceKey<ConsumerMessage<number>>("a");
  assertThrows(
    () => producerController({ workers, consumer: workers }),
    OptionError,
    "exactly one",
  );
  assertThrows(() => producerController({ workers, bufferSize: 0 }), OptionError, "bufferSize");
  assertThrows(() => consumerController({} as never), OptionError, "onMessage");
});
