/**
 * Nodes and clients publish to topics and subscribe, while everything goes wrong. No subscriber ever
 * gets a message twice or out of the order of its publisher, and when the faults are over all
 * subscribers get everything again.
 *
 * @module
 */
import type { LocalSystem } from "../../../lib/actor/behavior/local_system.ts";
import type { ClusterClient } from "../../../lib/client/cluster_client.ts";
import { Behaviors } from "../../../lib/behaviors.ts";
import { Topic } from "../../../lib/topics/topic.ts";
import type { TopicHandle } from "../../../lib/topics/topic_handle.ts";
import {
  type Invariant,
  randomFaults,
  type Scenario,
  type SimulatedNode,
  type Simulation,
  standardInvariants,
} from "../../../lib/testkit/mod.ts";

/** What is published: a publisher numbers its messages. */
interface Event {
  readonly by: string;
  readonly number: number;
}

/** Not retained, and retained. */
const topics: readonly Topic<Event>[] = [Topic("events"), Topic("latest", { retain: 4 })];
const clients = 2;

/** One subscriber: the latest number of each publisher, and how many messages it got. */
class Subscriber {
  readonly #name: string;
  readonly #latest = new Map<string, number>();
  /** What must never happen, in words. */
  violation: string | undefined;
  got = 0;

  constructor(name: string) {
    this.#name = name;
  }

  take({ by, number }: Event): void {
    const latest = this.#latest.get(by) ?? 0;
    if (number <= latest) {
      this.violation ??= `${this.#name} got message ${number} of ${by} after ${latest}`;
    }
    this.#latest.set(by, number);
    this.got++;
  }

  /** Whether it has got this message of each publisher. */
  hasAll(numbers: ReadonlyMap<string, number>): boolean {
    return [...numbers].every(([by, number]) => this.#latest.get(by) === number);
  }
}

/** One run. */
class Run {
  /** All that were ever made, of processes that have ended as well. */
  readonly #all: Subscriber[] = [];
  /** Those of the processes that run, by topic. */
  readonly #current = new Map<string, Subscriber>();
  readonly #numbers = new Map<string, number>();
  #made = 0;

  readonly invariant = (): Invariant => ({
    name: "topicOrder",
    on: "second",
    check: () => this.#all.find(({ violation }) => violation !== undefined)?.violation,
  });

  setup({ name, starts, system }: SimulatedNode): void {
    for (const topic of topics) {
      this.subscribe(name, `${name}.${starts}`, system.topic(topic), system);
    }
  }

  /** Subscribes an actor to a topic. */
  subscribe(
    place: string,
    run: string,
    topic: TopicHandle<Event>,
    system: LocalSystem,
  ): void {
    const subscriber = new Subscriber(`${run} ${topic.name}`);
    this.#all.push(subscriber);
    this.#current.set(`${place} ${topic.name}`, subscriber);
    topic.subscribe(system.spawn(taking(subscriber), `${topic.name}-${this.#made++}`));
  }

  publish(by: string, topic: TopicHandle<Event>): void {
    const key = `${topic.name} ${by}`;
    const number = (this.#numbers.get(key) ?? 0) + 1;
    this.#numbers.set(key, number);
    topic.publish({ by, number });
  }

  /** Everybody publishes until the faults are over; then all must get all. */
  async run(sim: Simulation): Promise<void> {
    const connected: ClusterClient[] = [];
    for (let index = 0; index < clients; index++) {
      const client = await sim.connect();
      connected.push(client);
      for (const topic of topics) {
        this.subscribe(`client-${index}`, `client-${index}`, client.topic(topic), client.system);
      }
    }
    let over = false;
    const faultsOver = sim.faultsOver().then(() => over = true);
    while (!over) {
      this.#publishSome(sim, connected);
      await sim.sleep(20 + sim.random.next() * 200);
    }
    await faultsOver;
    await sim.converged({ limit: 90_000 });
    await sim.until(() => connected.every(({ state }) => state === "connected"), { limit: 60_000 });
    await sim.sleep(15_000);
    await this.#expectAll(sim, connected);
  }

  #publishSome(sim: Simulation, connected: readonly ClusterClient[]): void {
    const topic = topics[Math.floor(sim.random.next() * topics.length)]!;
    for (const { name, starts, running } of sim.nodes) {
      if (running !== undefined && sim.random.next() < 0.5) {
        this.publish(`${name}.${starts}`, running.topic(topic));
      }
    }
    for (const [index, client] of connected.entries()) {
      if (sim.random.next() < 0.3) this.publish(`client-${index}`, client.topic(topic));
    }
  }

  async #expectAll(sim: Simulation, connected: readonly ClusterClient[]): Promise<void> {
    for (const topic of topics) {
      const numbers = new Map<string, number>();
      const last = (by: string, handle: TopicHandle<Event>) => {
        this.publish(by, handle);
        numbers.set(by, this.#numbers.get(`${topic.name} ${by}`)!);
      };
      for (const { name, starts, system } of sim.nodes) {
        last(`${name}.${starts}`, system.topic(topic));
      }
      for (const [index, client] of connected.entries()) {
        last(`client-${index}`, client.topic(topic));
      }
      const places = [
        ...sim.nodes.map(({ name }) => name),
        ...connected.map((_, index) => `client-${index}`),
      ];
      await sim.until(
        () => places.every((place) => this.#current.get(`${place} ${topic.name}`)!.hasAll(numbers)),
        { limit: 10_000 },
      );
    }
  }
}

function taking(subscriber: Subscriber) {
  return Behaviors.receive<Event>((_context, event) => {
    subscriber.take(event);
    return Behaviors.same();
  });
}

/** See the module's text. */
export const topicEvents: Scenario = {
  name: "topics",
  create: () => {
    const run = new Run();
    return {
      name: "topics",
      nodes: 4,
      duration: 200_000,
      faults: randomFaults({ every: 5_000, quiet: 120_000 }),
      setup: (node) => run.setup(node),
      invariants: [...standardInvariants, run.invariant],
      source: { module: import.meta.url, export: "topicEvents" },
      run: (sim) => run.run(sim),
    };
  },
};
