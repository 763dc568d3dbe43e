import { assert, assertEquals } from "@std/assert";
import { Behaviors } from "../../../lib/behaviors.ts";
import type { ActorRef } from "../../../lib/actor/ref/ref.ts";
import {
  eventSourced,
  type Journal,
  memoryJournal,
  type PersistenceError,
  persistenceId,
} from "../../../lib/persistence/mod.ts";
import type { ClusteredActorSystem } from "../../../lib/clustered_actor_system.ts";
import { entityType } from "../../../lib/sharding/routing/entity_type.ts";
import type { ShardedOptions } from "../../../lib/sharding/sharded_behavior.ts";
import { simulate, type Simulation, type SimulationSetup } from "../../../lib/testkit/mod.ts";

type Command =
  | { type: "set"; key: string; delay: number; replyTo: ActorRef<string> }
  | { type: "send"; replyTo: ActorRef<string> }
  | { type: "ring" };

const Alarms = entityType<Command>("alarms", { numShards: 12 });
const Nobody = entityType<string>("nobody");

/** When reminders came, by the entity and its key: milliseconds of the simulation. */
type Rung = Map<string, number[]>;

const alarm = (
  rung: Rung,
  now: () => number,
  more: { id?: string; journal?: Journal } = {},
) =>
  eventSourced<Command, string, number>({
    ...more,
    initial: 0,
    onCommand({ reminders, entityId, system }, count, command, effect) {
      if (command.type === "send") {
        // Nobody runs it: the message waits.
        const nobody = (system as ClusteredActorSystem).entity(Nobody, "x");
        return effect.persist("sent").thenSend(nobody, "hello")
          .thenReply(command.replyTo, () => "sent");
      }
      if (command.type === "ring") {
        const name = `${entityId} ${reminders.current!.key}`;
        rung.set(name, [...rung.get(name) ?? [], now()]);
        return effect.persist("rung");
      }
      const { key, delay, replyTo } = command;
      try {
        reminders.once(key, delay, { type: "ring" });
      } catch (error) {
        return effect.reply(replyTo, (error as PersistenceError).code);
      }
      return effect.persist("set").thenReply(replyTo, () => `set ${count}`);
    },
    onEvent: (count) => count + 1,
  });

interface World {
  readonly sim: Simulation;
  readonly rung: Rung;
  set(id: string, key: string, delay: number): Promise<string>;
  send(id: string): Promise<string>;
  running(): string[];
}

/** A cluster of three nodes with one journal. */
async function inCluster(
  script: (world: World) => Promise<void>,
  options: ShardedOptions = {},
  setup: Partial<SimulationSetup> = {},
  factory: typeof alarm = alarm,
): Promise<void> {
  await simulate({ seed: 1, failures: false, shrink: 0 }, {
    name: "alarms",
    nodes: 3,
    duration: 600_000,
    linger: 100,
    create: () => {
      const journal = memoryJournal();
      const rung: Rung = new Map();
      let now = () => 0;
      return {
        ...setup,
        setup: (node) => {
          const behavior = Behaviors.sharded(Alarms, () => factory(rung, () => now()), {
            journal,
            passivation: { idle: 3_000 },
            ...options,
          });
          node.system.spawn(behavior);
        },
        run: async (sim) => {
          now = () => sim.now;
          const client = await sim.connect();
          await script({
            sim,
            rung,
            running: () =>
              sim.nodes.filter(({ status }) => status === "up")
                .flatMap(({ system }) => [...system.sharding.runningEntities("alarms")]),
            send: (id) => client.entity(Alarms, id).ask((replyTo) => ({ type: "send", replyTo })),
            set: (id, key, delay) =>
              client.entity(Alarms, id).ask((replyTo) => ({ type: "set", key, delay, replyTo })),
          });
        },
      };
    },
  });
}

Deno.test("a passivated entity is started by its reminder, in time", async () => {
  await inCluster(async ({ sim, rung, set, running }) => {
    const begun = sim.now;
    for (const id of ["a", "b", "c", "d"]) assertEquals(await set(id, "k", 60_000), "set 0");
    await sim.sleep(30_000);
    assertEquals(running(), []);
    await sim.until(() => rung.size === 4, { limit: 60_000 });
    for (const [name, times] of rung) {
      const late = times[0]! - begun - 60_000;
      assert(times.length === 1 && late >= -1 && late < 1_000, `${name}: late by ${late} ms`);
    }
    await sim.sleep(30_000);
    assertEquals([...rung.values()].map(({ length }) => length), [1, 1, 1, 1]);
    assertEquals(running(), []);
  });
});

Deno.test("after an outage of all nodes reminders start their entities, which nobody asks", async () => {
  await inCluster(
    async ({ sim, rung, set }) => {
      for (const id of ["a", "b", "c", "d"]) await set(id, "k", 30_000);
      await sim.faultsOver();
      await sim.until(() => rung.size === 4, { limit: 60_000 });
      await sim.sleep(30_000);
      assertEquals([...rung.values()].map(({ length }) => length), [1, 1, 1, 1]);
    },
    {},
    {
      faults: [1, 2, 3].map((number) => ({
        type: "crash" as const,
        at: 5_000,
        node: `node-${number}`,
        restartAfter: 60_000,
      })),
    },
  );
});

Deno.test("reminders come from the journal of the node as well", async () => {
  const journal = memoryJournal();
  await inCluster(
    async ({ sim, rung, set }) => {
      await set("a", "k", 20_000);
      await sim.until(() => rung.size === 1, { limit: 30_000 });
    },
    { journal: undefined } as never,
    { cluster: { persistence: { journal } } },
  );
});

Deno.test("an entity that nothing would start cannot have reminders", async () => {
  const other = memoryJournal();
  for (
    const place of [{ id: persistenceId("alarm", "x") }, { journal: other }, {
      id: persistenceId("alarms", "x"),
    }]
  ) {
    await inCluster(
      async ({ set }) => assertEquals(await set("a", "k", 20_000), "notWoken"),
      {},
      {},
      (rung, now) => alarm(rung, now, place),
    );
  }
});

Deno.test("an entity that has messages to deliver is started again, though nobody asks it", async () => {
  await inCluster(
    async ({ sim, send, running }) => {
      assertEquals(await send("a"), "sent");
      await sim.faultsOver();
      await sim.until(() => running().includes("a"), { limit: 30_000 });
    },
    {},
    {
      faults: [1, 2, 3].map((number) => ({
        type: "crash" as const,
        // Before it has tried so often that nobody needs to start it for that.
        at: 2_500,
        node: `node-${number}`,
        restartAfter: 10_000,
      })),
    },
  );
});
