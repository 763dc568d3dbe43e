/**
 * Producer controllers at clients and nodes deliver to sharded entities, to one consumer and to workers,
 * while nodes crash, leave, stand still and are cut off, shards move, and messages of the protocol are
 * lost, come twice and overtake each other.
 *
 * Of one producer and one receiver no number is skipped, none comes twice in one incarnation, and a later
 * incarnation goes back at most. What a client has sent is confirmed once, and all of it is in the end.
 *
 * @module
 */
import type { ActorRef } from "../../../lib/actor/ref/ref.ts";
import type { StatusReply } from "../../../lib/actor/behavior/status_reply.ts";
import { ServiceKey } from "../../../lib/actor/services/service_key.ts";
import { Behaviors } from "../../../lib/behaviors.ts";
import {
  consumerController,
  type ConsumerMessage,
  type Deliver,
  type Delivery,
  producerController,
  type ProducerMessage,
} from "../../../lib/delivery/mod.ts";
import { entityType } from "../../../lib/sharding/routing/entity_type.ts";
import {
  type Fault,
  type FaultPlan,
  randomFaults,
  type Scenario,
  type SimulatedNode,
  type Simulation,
  standardInvariants,
} from "../../../lib/testkit/mod.ts";

/** Numbered for each producer and receiver, from 1. */
interface Message {
  readonly producer: string;
  readonly to: string;
  readonly number: number;
  /** Of messages that travel in parts: see {@linkcode textOf}. */
  readonly text?: string;
}
type Receiver = ConsumerMessage<Message>;

const Inboxes = entityType<Receiver>("inboxes", { numShards: 24 });
const Workers = ServiceKey<Receiver>("workers");
const Readers = ServiceKey<Receiver>("readers");
const ids = Array.from({ length: 6 }, (_, at) => `inbox-${at}`);
/** Bytes of a part. */
const chunkSize = 1_024;
/** Content of none to a dozen parts, of which nobody else has the same. */
const textOf = (producer: string, number: number) =>
  `${producer} ${number} `.repeat((number % 70) * 10);
/** Milliseconds in which messages are sent. */
const sending = 75_000;

/** What was handled; belongs to one run. */
class Handled {
  /** By producer and receiver. */
  readonly #progress = new Map<string, { highest: number; incarnation: number; last: number }>();
  readonly #ids = new Map<string, string>();
  /** Messages that a handler has begun with. */
  readonly #begun = new Set<string>();
  #incarnations = 0;
  wrong: string | undefined;
  total = 0;
  repeated = 0;

  /**
   * A handler has been given a message. One that a later owner has overtaken goes on after a wait, and says
   * what it was told at its begin.
   */
  begin({ producer, to, number }: Message, { again }: Delivery): void {
    const name = `${producer} ${to} ${number}`;
    if (this.#begun.has(name) && !again) this.#fail(`${name} has come again and does not say so`);
    this.#begun.add(name);
  }

  /** For one incarnation of a receiver; `inOrder`: false for workers, which share the messages. */
  taker(inOrder: boolean): (message: Message, delivery: Delivery) => void {
    const incarnation = ++this.#incarnations;
    return (message, { id }) => {
      this.total++;
      const { producer, to, number, text } = message;
      const name = `${producer} ${to} ${number}`;
      if (text !== undefined && text !== textOf(producer, number)) {
        this.#fail(`${name} has other content than was sent`);
      }
      const known = this.#ids.get(name);
      if (known !== undefined) this.repeated++;
      if ((known ?? id) !== id) this.#fail(`${name} has come with another id`);
      this.#ids.set(name, id);
      if (inOrder) this.#checkOrder(message, incarnation);
    };
  }

  has(message: Message): boolean {
    return this.#ids.has(`${message.producer} ${message.to} ${message.number}`);
  }

  #checkOrder({ producer, to, number }: Message, incarnation: number): void {
    const key = `${producer} ${to}`;
    const before = this.#progress.get(key) ?? { highest: 0, incarnation: 0, last: 0 };
    const { highest, last } = before;
    if (number > highest + 1) this.#fail(`${key}: ${number} has come after ${highest}`);
    // Others may have had a turn in between: incarnations of a reader can overlap.
    if (incarnation === before.incarnation && number !== last + 1) {
      this.#fail(`${key}: ${number} has come after ${last} in one incarnation`);
    }
    this.#progress.set(key, { highest: Math.max(highest, number), incarnation, last: number });
  }

  #fail(what: string): void {
    this.wrong ??= what;
  }
}

/** `goesOn`: it fails before it has handled a message, and goes on with the state that it has. */
function consumer(handled: Handled, inOrder: boolean, window: number, goesOn: boolean) {
  return Behaviors.supervise(
    Behaviors.setup<Receiver>(({ system }) => {
      const take = handled.taker(inOrder);
      const { clock, random } = system.runtime;
      return consumerController<Message>({
        window,
        onMessage: async (_context, message, delivery) => {
          handled.begin(message, delivery);
          const time = random.next() * 40;
          await new Promise<void>((resolve) => void clock.schedule(time, resolve));
          const fails = random.next() < 0.01;
          if (!fails || !goesOn) take(message, delivery);
          if (fails) throw new Error("a handler fails now and then");
        },
      });
    }),
    {
      decider: () => goesOn ? "resume" : "restart",
      maxRestarts: Infinity,
      backoff: { min: 10, max: 100, jitter: 0.2 },
    },
  );
}

function spawnReceivers(node: SimulatedNode, handled: Handled, inParts: boolean): void {
  const { system } = node;
  const passivation = { idle: 3_000 };
  system.spawn(
    Behaviors.sharded(Inboxes, () => consumer(handled, true, 8, inParts), { passivation }),
  );
  system.spawn(Behaviors.discoverable(consumer(handled, false, 3, inParts), Workers), "worker");
  system.spawn(Behaviors.discoverable(consumer(handled, true, 8, inParts), Readers), "reader");
  const name = `${node.name}.${node.starts}`;
  const producer = system.spawn(
    producerController<Message>({
      entities: system.entityRef(Inboxes),
      bufferSize: 50,
      ...(inParts && { chunkSize }),
    }),
    "node-producer",
  );
  const { clock, random } = system.runtime;
  const counts = new Map<string, number>();
  const send = () => {
    const to = ids[Math.floor(random.next() * ids.length)]!;
    const number = (counts.get(to) ?? 0) + 1;
    const message = numbered(name, to, number, inParts);
    // One that is refused is not numbered.
    const deliver = (acceptedTo: ActorRef<StatusReply<number>>): Deliver<Message> => ({
      type: "deliver",
      entityId: to,
      message,
      acceptedTo,
    });
    system.askStatus(producer, deliver, { timeout: 100_000 }).then(() => {
      counts.set(to, number);
      clock.schedule(random.next() * 200, send);
    }, () => {});
  };
  send();
}

function numbered(producer: string, to: string, number: number, inParts: boolean): Message {
  return { producer, to, number, ...(inParts && { text: textOf(producer, number) }) };
}

/** Messages of one producer at a client. */
class Sender {
  readonly #sim: Simulation;
  readonly #counts = new Map<string, number>();
  readonly sent: Message[] = [];
  confirmed = 0;
  wrong: string | undefined;

  constructor(sim: Simulation) {
    this.#sim = sim;
  }

  /** Sends until `sending` is over. */
  async run(
    ask: (deliver: (confirmedTo: ActorRef<StatusReply<number>>) => Deliver<Message>) => Promise<
      unknown
    >,
    name: string,
    receivers: readonly string[],
    toEntities: boolean,
    inParts: boolean,
  ): Promise<void> {
    while (this.#sim.now < sending) {
      const to = receivers[Math.floor(this.#sim.random.next() * receivers.length)]!;
      const number = (this.#counts.get(to) ?? 0) + 1;
      this.#counts.set(to, number);
      const message = numbered(name, to, number, inParts);
      this.sent.push(message);
      const entity = toEntities ? { entityId: to } : {};
      ask((confirmedTo) => ({ type: "deliver", ...entity, message, confirmedTo })).then(
        () => void this.confirmed++,
        (error) => this.wrong ??= `${name} ${to} ${number}: ${error}`,
      );
      await this.#sim.sleep(this.#sim.random.next() * 100);
    }
  }
}

async function work(sim: Simulation, handled: Handled, inParts: boolean): Promise<void> {
  const client = await sim.connect();
  const inboxes = client.entityRef(Inboxes);
  const parts = inParts ? { chunkSize } : {};
  const large = { bufferSize: 5_000, ...parts };
  const targets = [
    ["to-entities", producerController<Message>({ entities: inboxes, ...parts }), ids],
    ["to-workers", producerController<Message>({ workers: Workers, ...large }), ["work"]],
    ["to-reader", producerController<Message>({ consumer: Readers, ...large }), ["read"]],
  ] as const;
  const senders = targets.map(([name, behavior, receivers]) => {
    const producer: ActorRef<ProducerMessage<Message>> = client.spawn(behavior, `${name}-producer`);
    const sender = new Sender(sim);
    const ask = (deliver: (confirmedTo: ActorRef<StatusReply<number>>) => Deliver<Message>) =>
      client.askStatus(producer, deliver, { timeout: 1_000_000 });
    return { sender, done: sender.run(ask, name, receivers, name === "to-entities", inParts) };
  });
  await Promise.all(senders.map(({ done }) => done));
  await sim.faultsOver();
  for (const { sender } of senders) {
    const what = `all of ${sender.sent.at(-1)?.producer} is confirmed`;
    await sim.until(() => sender.confirmed === sender.sent.length || sender.wrong !== undefined, {
      limit: 120_000,
      what,
    });
    if (sender.wrong !== undefined) throw new Error(sender.wrong);
    const lost = sender.sent.find((message) => !handled.has(message));
    if (lost !== undefined) throw new Error(`nobody has handled ${JSON.stringify(lost)}`);
  }
  const sent = senders.map(({ sender }) => sender.sent.length).join(" + ");
  sim.note(`sent ${sent}, handled ${handled.total}, repeated ${handled.repeated}`);
}

const random = randomFaults({
  kinds: ["crash", "stop", "pause", "partition", "reset", "latency", "loss"],
  every: 5_000,
  longest: 12_000,
  quiet: 60_000,
});

/** Paths of what this protocol alone uses: it tolerates whatever happens to messages. */
const paths = [
  "/worker",
  "/reader",
  "/node-producer",
  "/to-entities-producer",
  "/to-workers-producer",
  "/to-reader-producer",
];

const faults: FaultPlan = (chance, scene) => {
  const kinds = ["messageLoss", "messageDuplication", "messageReordering"] as const;
  const ofMessages = kinds.map((type): Fault => ({
    type,
    at: Math.round(chance.next() * 40_000),
    for: 25_000,
    probability: Math.round(1 + chance.next() * 20) / 100,
    paths,
  }));
  return [...random(chance, scene), ...ofMessages];
};

function scenarioOf(name: string, exported: string, inParts: boolean): Scenario {
  return {
    name,
    nodes: 5,
    duration: 140_000,
    linger: 1_000,
    faults,
    restartEnded: 8_000,
    create: () => {
      const handled = new Handled();
      return {
        setup: (node) => spawnReceivers(node, handled, inParts),
        invariants: [...standardInvariants, () => ({
          name: "deliveriesAreInOrder",
          on: "second",
          check: () => handled.wrong,
        })],
        run: (sim) => work(sim, handled, inParts),
      };
    },
    source: { module: import.meta.url, export: exported },
  };
}

/** See the module's text. */
export const deliveries: Scenario = scenarioOf("deliveries", "deliveries", false);

/**
 * The same with messages in parts, of more parts than the windows of consumers, and with consumers that go on
 * after failures: each message arrives as it was sent.
 */
export const deliveriesInParts: Scenario = scenarioOf(
  "deliveries in parts",
  "deliveriesInParts",
  true,
);
