import { assert, assertEquals } from "@std/assert";
import type { Behavior } from "../../lib/actor/behavior/behavior.ts";
import { discoverable } from "../../lib/actor/behavior/discoverable.ts";
import type { ActorRef } from "../../lib/actor/ref/ref.ts";
import { ServiceKey } from "../../lib/actor/services/service_key.ts";
import { Behaviors } from "../../lib/behaviors.ts";
import { Routers } from "../../lib/routing/routers.ts";
import {
  type Fault,
  simulate,
  type SimulatedNode,
  type Simulation,
} from "../../lib/testkit/mod.ts";

/** Nodes that start again, one after another. */
const restarted = 5;
/** Asks a second, in each of the ways. */
const rate = 60;
/** Milliseconds that a process takes to start. */
const boot = 300;
/** Milliseconds that an ask waits. */
const timeout = 5_000;

interface Checkout {
  readonly replyTo: ActorRef<string>;
}

const key = ServiceKey<Checkout>("checkout");

/** Answers after some work: messages wait in its mailbox meanwhile. */
function service({ system, name }: SimulatedNode, work: number) {
  const { clock } = system.runtime;
  return discoverable(
    Behaviors.receive<Checkout>(async (_context, { replyTo }) => {
      await new Promise<void>((resolve) => clock.schedule(work, () => resolve()));
      replyTo.tell(name);
      return Behaviors.same();
    }),
    key,
  );
}

/** Answers at once. */
function quickService({ name }: SimulatedNode) {
  return discoverable(
    Behaviors.receive<Checkout>((_context, { replyTo }) => {
      replyTo.tell(name);
      return Behaviors.same();
    }),
    key,
  );
}

/** One way to ask the service. */
type Way = () => Promise<string>;

/** A client and a node that stays ask, each through a group router and through a listing. */
async function waysOf(sim: Simulation, stays: SimulatedNode): Promise<Record<string, Way>> {
  const client = await sim.connect();
  const relayed = await sim.connect({ unisocket: true });
  const { system } = stays;
  const message = (replyTo: ActorRef<string>): Checkout => ({ replyTo });
  const ofClient = client.system.spawn(Routers.group(key), "router");
  const ofRelayed = relayed.system.spawn(Routers.group(key), "router");
  const ofNode = system.spawn(Routers.group(key), "router");
  let turn = 0;
  const next = (refs: readonly ActorRef<Checkout>[]) => refs[turn++ % refs.length]!;
  const find = () => system.receptionist.find(key);
  await sim.until(() => client.lookup(key).length === restarted && find().length === restarted);
  return {
    "router of a client": () => client.ask(ofClient, message, { timeout }),
    "listing of a client": () => client.ask(next(client.lookup(key)), message, { timeout }),
    "router of a client with one connection": () => relayed.ask(ofRelayed, message, { timeout }),
    "router of a node": () => system.ask(ofNode, message, { timeout }),
    "listing of a node": () => system.ask(next(find()), message, { timeout }),
  };
}

/** Restarts five nodes one after another, each `pace` after the one before. */
async function restartAll(sim: Simulation, pace: number): Promise<void> {
  for (const node of sim.nodes.slice(0, restarted)) {
    const { starts } = node;
    const from = sim.now;
    sim.inject({ type: "stop", at: 0, node: node.name, restartAfter: boot });
    await sim.until(() => node.starts > starts && node.status === "up");
    await sim.sleep(Math.max(0, pace - (sim.now - from)));
  }
}

/** Messages take their time, and those on different connections overtake each other. */
const slowNetwork: Fault = {
  type: "latency",
  at: 0,
  for: 200_000,
  min: 0,
  max: 60,
  distribution: "exponential",
};

/** Asks in all ways while five nodes restart; each answer or failure by its way. */
async function run(
  pace: number,
  seed: number,
  work: number,
  faults: readonly Fault[] = [],
): Promise<Map<string, string[]>> {
  const outcomes = new Map<string, string[]>();
  const nodes = restarted + 1;
  await simulate({
    seed,
    nodes,
    duration: 300_000,
    linger: 100,
    setup: (node) => {
      if (node.index === restarted) return;
      node.system.spawn(work > 0 ? service(node, work) : quickService(node), "checkout");
    },
    shrink: 0,
    failures: false,
    cluster: { seedNodes: Array.from({ length: nodes }, (_, i) => `node-${i + 1}:25520`) },
  }, async (sim) => {
    const ways = await waysOf(sim, sim.nodes.at(-1)!);
    for (const fault of faults) sim.inject(fault);
    let pending = 0;
    const ask = async (name: string, way: Way) => {
      pending++;
      const heard = outcomes.get(name) ?? [];
      outcomes.set(name, heard);
      try {
        await way();
        heard.push("answered");
      } catch (error) {
        heard.push(`at ${sim.now}: ${(error as Error).message}`);
      }
      pending--;
    };
    let asking = true;
    const load = (async () => {
      while (asking) {
        for (const [name, way] of Object.entries(ways)) void ask(name, way);
        await sim.sleep(1_000 / rate);
      }
    })();
    await restartAll(sim, pace);
    await sim.sleep(3_000);
    asking = false;
    await load;
    await sim.until(() => pending === 0);
  });
  return outcomes;
}

/** All ways were used, and every ask was answered. */
function assertAnswered(outcomes: ReadonlyMap<string, readonly string[]>): void {
  assertEquals(outcomes.size, 5);
  for (const [way, heard] of outcomes) {
    assert(heard.length > 200, `${way}: ${heard.length} asks`);
    assertEquals(heard.filter((outcome) => outcome !== "answered"), [], way);
  }
}

for (const pace of [0, 200, 1_000, 5_000]) {
  for (const [kind, work] of [["quick", 0], ["busy", 8]] as const) {
    Deno.test(`no ask of a ${kind} service fails while five nodes restart, ${pace} ms apart`, async () => {
      assertAnswered(await run(pace, 7_200_001, work));
    });
  }
}

Deno.test("no ask of a service fails while five nodes restart over a slow network", async () => {
  for (const seed of [1, 2, 3]) assertAnswered(await run(200, seed, 8, [slowNetwork]));
});

type Answer = Checkout & { readonly type: "answer" };

/** Answers when a promise has, which it does not wait for. */
function pipingService({ system, name }: SimulatedNode) {
  const { clock } = system.runtime;
  return discoverable(
    Behaviors.receive<Checkout | Answer>((context, message) => {
      const { replyTo } = message;
      if ("type" in message) replyTo.tell(name);
      else {
        const work = new Promise<void>((resolve) => clock.schedule(2_000, () => resolve()));
        context.pipeToSelf(work, () => ({ type: "answer", replyTo }));
      }
      return Behaviors.same();
    }),
    key as ServiceKey<Checkout | Answer>,
  );
}

const services = {
  "has in its mailbox": (node: SimulatedNode) => service(node, 50),
  "waits for": (node: SimulatedNode) => pipingService(node),
  "has passed on to its children": (node: SimulatedNode) =>
    discoverable(Routers.pool(2, service(node, 100)) as Behavior<Checkout>, key),
};

for (const [what, made] of Object.entries(services)) {
  Deno.test(`a node that leaves finishes first what its service ${what}`, async () => {
    const answers: string[] = [];
    await simulate({
      seed: 1,
      nodes: 2,
      duration: 60_000,
      shrink: 0,
      failures: false,
      setup: (node) => {
        if (node.index === 0) node.system.spawn(made(node) as Behavior<Checkout>, "checkout");
      },
    }, async (sim) => {
      const { system } = sim.node("node-2");
      await sim.until(() => system.receptionist.find(key).length > 0);
      const [found] = system.receptionist.find(key);
      const message = (replyTo: ActorRef<string>): Checkout => ({ replyTo });
      const asking = Array.from({ length: 50 }, async () => {
        answers.push(await system.ask(found!, message));
      });
      const from = sim.now;
      sim.inject({ type: "stop", at: 0, node: "node-1" });
      await Promise.all(asking);
      await sim.until(() => sim.node("node-1").status === "stopped");
      assert(sim.now - from < 5_000, `it has left after ${sim.now - from} ms`);
    });
    assertEquals(answers.length, 50);
  });
}

Deno.test("a service that never has nothing to do does not keep its node from leaving", async () => {
  await simulate({
    seed: 1,
    nodes: 2,
    duration: 60_000,
    shrink: 0,
    failures: false,
    setup: (node) => {
      if (node.index === 0) node.system.spawn(service(node, 60_000), "checkout");
    },
  }, async (sim) => {
    const { system } = sim.node("node-2");
    await sim.until(() => system.receptionist.find(key).length === 1);
    const [found] = system.receptionist.find(key);
    const message = (replyTo: ActorRef<string>): Checkout => ({ replyTo });
    const told = system.ask(found!, message, { timeout: 60_000 }).catch(({ code }) => code);
    await sim.sleep(100);
    const from = sim.now;
    sim.inject({ type: "stop", at: 0, node: "node-1" });
    assertEquals(await told, "askTargetDead");
    assert(sim.now - from < 12_000, `it is told after ${sim.now - from} ms`);
  });
});
