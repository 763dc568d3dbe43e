import { assert, assertEquals } from "@std/assert";
import type { Behavior } from "../../lib/actor/behavior/behavior.ts";
import { AskError } from "../../lib/actor/errors.ts";
import type { ActorRef } from "../../lib/actor/ref/ref.ts";
import { Behaviors } from "../../lib/behaviors.ts";
import { shardEnvelope } from "../../lib/sharding/routing/shard_envelope.ts";
import { simulate, type Simulation } from "../../lib/testkit/mod.ts";

interface Message {
  readonly from: string;
  readonly waits?: boolean;
}

const ids = Array.from({ length: 12 }, (_, index) => `entity-${index}`);

/** What two of five nodes do whose handlers wait when they are cut off, replaced, and come back. */
async function comeBack(seed: number) {
  const waiting = new Map<string, string>();
  const stopped: string[] = [];
  const handled: string[] = [];
  const entity = (name: string) => (id: string): Behavior<Message> =>
    Behaviors.receive<Message>((context, { from, waits }) => {
      handled.push(`${id} at ${name} from ${from}`);
      if (waits !== true) return Behaviors.same();
      waiting.set(id, name);
      // As a call that a slow service answers much later.
      const wait = () => new Promise<never>(() => {});
      if (Number(id.slice(-1)) % 2 === 0) return wait();
      context.spawn(Behaviors.receive<string>(wait), "child").tell("wait");
      return Behaviors.same();
    }, (_context, { type }) => {
      if (type === "postStop") stopped.push(`${id} at ${name}`);
      return Behaviors.same();
    });
  const run = async (sim: Simulation) => {
    await sim.sleep(15_000);
    const names = sim.nodes.map(({ name }) => name);
    const [here, away] = [names.slice(0, 3), names.slice(3)];
    const [asker] = sim.nodes;
    const tell = (message: Message) => {
      const region = asker!.running!.entityRef<Message>("places", { numShards: 40 });
      for (const id of ids) region.tell(shardEnvelope(id, message));
    };
    tell({ from: "before" });
    await sim.sleep(1_000);
    tell({ from: "before", waits: true });
    await sim.sleep(1_000);
    sim.inject({ type: "partition", at: 0, for: 9_000, between: away, and: here });
    await sim.sleep(7_000);
    tell({ from: "the cut" });
    await sim.sleep(1_000);
    const replaced = [...waiting].filter(([, name]) => away.includes(name));
    assert(replaced.length > 2, "too few entities are concerned");
    for (const [id] of replaced) {
      const others = handled.filter((one) =>
        one.startsWith(`${id} at `) && one.endsWith("the cut")
      );
      assertEquals(others.length, 1, `nobody has taken ${id} over`);
    }
    // The cut ends after one more second: long before the stop timeout they have ended.
    await sim.sleep(3_000);
    for (const [id, name] of replaced) assert(stopped.includes(`${id} at ${name}`), id);
  };
  await simulate({ seed, failures: false, shrink: 0 }, {
    name: "handlers wait while their node is replaced",
    nodes: 5,
    duration: 60_000,
    linger: 0,
    restartEnded: false,
    faults: [],
    cluster: { seedNodes: Array.from({ length: 5 }, (_, index) => `node-${index + 1}:25520`) },
    setup: ({ system, name }) =>
      void system.spawn(Behaviors.sharded(entity(name), { numShards: 40 }), "places"),
    run,
  });
}

Deno.test("a handler that waits when its node is replaced does not keep the entity running there", async () => {
  for (let seed = 1; seed <= 3; seed++) await comeBack(seed);
});

interface Ask {
  readonly replyTo: ActorRef<string>;
}

/** Why asks at nodes end that are replaced: of each entity there one that is handled, and one that waits. */
async function askedWhenReplaced(seed: number) {
  const reasons: string[] = [];
  const entity = (): Behavior<Ask> => Behaviors.receive<Ask>(() => new Promise<never>(() => {}));
  const run = async (sim: Simulation) => {
    await sim.sleep(15_000);
    const names = sim.nodes.map(({ name }) => name);
    const [here, away] = [names.slice(0, 3), names.slice(3)];
    const ended: Promise<void>[] = [];
    const askers = sim.nodes.map(({ name, running }) => ({ name, system: running! }));
    for (const { name, system } of askers) {
      const region = system.entityRef<Ask>("places", { numShards: 40 });
      for (const id of ids) {
        if (system.sharding.shardOwner("places", id) !== `${name}:25520` || !away.includes(name)) {
          continue;
        }
        for (let turn = 0; turn < 2; turn++) {
          const ask = system.ask(
            region,
            (replyTo: ActorRef<string>) => shardEnvelope(id, { replyTo }),
            { timeout: 60_000 },
          );
          ended.push(ask.then(() => {}, (error) => {
            reasons.push(`${turn} ${error instanceof AskError ? error.reason : error}`);
          }));
        }
      }
    }
    // The shards have owners before that; the first asks of all are on their way.
    await sim.sleep(1_000);
    assertEquals(reasons, []);
    sim.inject({ type: "partition", at: 0, for: 12_000, between: away, and: here });
    await sim.sleep(20_000);
    assert(ended.length > 4 && reasons.length === ended.length, `${reasons} of ${ended.length}`);
  };
  await simulate({ seed, failures: false, shrink: 0 }, {
    name: "owners with asks are replaced",
    nodes: 5,
    duration: 60_000,
    linger: 0,
    restartEnded: false,
    faults: [],
    cluster: { seedNodes: Array.from({ length: 5 }, (_, index) => `node-${index + 1}:25520`) },
    setup: ({ system }) =>
      void system.spawn(Behaviors.sharded(entity, { numShards: 40 }), "places"),
    run,
  });
  return [...new Set(reasons)].sort();
}

Deno.test("asks at an owner that is replaced say that it is lost, or that the shard has moved", async () => {
  for (let seed = 1; seed <= 3; seed++) {
    assertEquals(await askedWhenReplaced(seed), ["0 ownerLost", "1 shardMoved"]);
  }
});
