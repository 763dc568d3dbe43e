/**
 * A node whose entities have reminders, until it is killed. Arguments: the file or address of the store,
 * and how many entities set reminders now; 0: it only keeps running. Prints a line for each reminder
 * that is stored and each that has arrived and is stored.
 *
 * @module
 */
import { Behaviors } from "../../../lib/behaviors.ts";
import { ClusteredActorSystem } from "../../../lib/clustered_actor_system.ts";
import type { ActorRef } from "../../../lib/actor/ref/ref.ts";
import { eventSourced } from "../../../lib/persistence/mod.ts";
import { entityType } from "../../../lib/sharding/routing/entity_type.ts";
import { openStore } from "../ledger_child.ts";

type Command =
  | { readonly type: "set"; readonly delay: number; readonly replyTo: ActorRef<number> }
  | { readonly type: "ring" };

/** What the alarms store. */
export type AlarmEvent =
  | { readonly type: "set"; readonly at: number }
  | { readonly type: "rang"; readonly key: string; readonly due: number };

/** Milliseconds between the times of those that come again and again. */
export const interval = 1_000;

const Alarms = entityType<Command>("alarms", { numShards: 8 });

const alarm = eventSourced<Command, AlarmEvent, number>({
  initial: 0,
  onCommand({ reminders, entityId, system }, count, command, effect) {
    if (command.type === "set") {
      const at = system.runtime.clock.wallTime();
      reminders.once("once", command.delay, { type: "ring" });
      reminders.every("every", interval, { type: "ring" });
      return effect.persist({ type: "set", at }).thenReply(command.replyTo, () => at);
    }
    const { key, due } = reminders.current!;
    return effect.persist({ type: "rang", key, due })
      .thenRun(() => console.log(`rang ${entityId} ${key} ${due} ${count}`));
  },
  onEvent: (count) => count + 1,
});

async function work(place: string, entities: number): Promise<void> {
  const journal = await openStore(place);
  const system = await ClusteredActorSystem.start({
    name: "alarms",
    host: "127.0.0.1",
    port: 0,
    persistence: { journal, dueInterval: 100 },
    runtime: { logger: { log: () => {} } },
  });
  // They end between two rings: the store has to start them.
  system.spawn(Behaviors.sharded(Alarms, () => alarm, { passivation: { idle: 300 } }));
  for (let n = 0; n < entities; n++) {
    const id = `alarm-${n}`;
    // The last ones are due after the process is killed.
    const delay = 500 + n * 100;
    const at = await system.entity(Alarms, id).ask((replyTo) => ({ type: "set", delay, replyTo }));
    console.log(`set ${id} ${at}`);
  }
  await new Promise(() => setInterval(() => {}, 1_000));
}

if (import.meta.main) await work(Deno.args[0]!, Number(Deno.args[1]));
