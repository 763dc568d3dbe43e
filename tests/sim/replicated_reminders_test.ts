import { assert, assertEquals } from "@std/assert";
import type { ActorRef } from "../../lib/actor/ref/ref.ts";
import { Behaviors } from "../../lib/behaviors.ts";
import { eventSourced } from "../../lib/persistence/mod.ts";
import { entityType } from "../../lib/sharding/routing/entity_type.ts";
import { simulate, type SimulatedNode } from "../../lib/testkit/mod.ts";
import { setup } from "./diaries.ts";

type Command = { type: "set"; delay: number; replyTo: ActorRef<number> } | { type: "ring" };
const Alarms = entityType<Command>("alarms", { numShards: 6 });
const ids = Array.from({ length: 24 }, (_, index) => `alarm-${index}`);

/** When reminders came, in milliseconds after they were due. */
type Rung = Map<string, number[]>;

const alarm = (rung: Rung) =>
  eventSourced<Command, string, number>({
    initial: 0,
    onCommand({ reminders, entityId, system }, count, command, effect) {
      if (command.type === "ring") {
        const late = system.runtime.clock.wallTime() - reminders.current!.due;
        rung.set(entityId!, [...rung.get(entityId!) ?? [], late]);
        return effect.persist("rung");
      }
      reminders.once("ring", command.delay, { type: "ring" });
      return effect.persist("set").thenReply(command.replyTo, () => count + 1);
    },
    onEvent: (count) => count + 1,
  });

for (const stored of [false, true]) {
  const where = stored ? "on disks" : "in memory";

  const spawn = (rung: Rung) => (node: SimulatedNode) =>
    void node.system.spawn(Behaviors.sharded(Alarms, () => alarm(rung), {
      passivation: { idle: 1_000 },
      replication: { ackTimeout: 2_000 },
      ...(stored && { journal: node.diskJournal }),
    }));

  const run = async (kill: boolean): Promise<Rung> => {
    const rung: Rung = new Map();
    const options = { ...setup, seed: 31, nodes: 4, duration: 200_000, setup: spawn(rung) };
    await simulate(options, async (sim) => {
      const client = await sim.connect();
      const set = (id: string) =>
        client.entity(Alarms, id)
          .ask((replyTo) => ({ type: "set", delay: 20_000, replyTo }), { timeout: 20_000 });
      await Promise.all(ids.map(set));
      await sim.sleep(5_000);
      // They do not run: only their store knows of them.
      for (const { system } of sim.nodes) {
        assertEquals(system.sharding.runningEntities(Alarms.name), []);
      }
      const [lost] = sim.nodes.filter((node) => node.ownedShards().length > 0);
      if (kill) sim.inject({ type: "crash", at: 0, node: lost!.name, restartAfter: 3_000 });
      await sim.until(() => rung.size === ids.length, { what: "all have rung", limit: 60_000 });
      await sim.sleep(15_000);
    });
    return rung;
  };

  Deno.test(`reminders of replicated entities that do not run come in time (${where})`, async () => {
    for (const [id, times] of await run(false)) {
      assertEquals(times.length, 1, id);
      assert(times[0]! < 1_000, `${id} was ${times[0]} ms late`);
    }
  });

  Deno.test(`reminders of replicated entities come once, also when their owner is lost (${where})`, async () => {
    for (const [id, times] of await run(true)) {
      assertEquals(times.length, 1, id);
      assert(times[0]! < 15_000, `${id} was ${times[0]} ms late`);
    }
  });
}
