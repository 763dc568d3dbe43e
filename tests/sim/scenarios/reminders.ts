/**
 * Reminders of sharded entities while nodes crash, leave, stand still and all stop at once, and the
 * database fails now and then. Entities are passivated between their reminders.
 *
 * At the end, by what is in the journal: every reminder has come, none twice for one due time, each
 * rhythm was kept, and times that passed in an outage were one.
 *
 * @module
 */
import type { ActorRef } from "../../../lib/actor/ref/ref.ts";
import { Behaviors } from "../../../lib/behaviors.ts";
import { eventSourced, type Journal } from "../../../lib/persistence/mod.ts";
import { StoredForm } from "../../../lib/persistence/schema.ts";
import { entityType } from "../../../lib/sharding/routing/entity_type.ts";
import {
  type Fault,
  randomFaults,
  type Scenario,
  type SimulatedNode,
  type Simulation,
} from "../../../lib/testkit/mod.ts";
import { failingDatabase } from "./durable_registers.ts";

/** What an entity is told. */
type Command =
  | { readonly type: "start"; readonly replyTo: ActorRef<"started"> }
  | { readonly type: "once" | "tick" | "cron" };
/** What an entity has stored. */
type Event =
  | { readonly type: "started"; readonly at: number }
  | { readonly type: "fired"; readonly key: string; readonly due: number; readonly at: number };

const source = (name: string) => ({ module: import.meta.url, export: name });
const Alarms = entityType<Command>("alarms", { numShards: 24 });
const ids = Array.from({ length: 8 }, (_, at) => `alarm-${at}`);

const interval = 5_000;
const onces = [1_500, 12_000, 30_000, 55_000];
/** Milliseconds within which a due reminder comes once its entity can run. */
const slack = 40_000;

const alarm = () =>
  Behaviors.supervise(
    eventSourced<Command, Event, boolean>({
      initial: false,
      onCommand({ reminders, system }, started, command, effect) {
        const at = system.runtime.clock.wallTime();
        if (command.type === "start") {
          if (started) return effect.reply(command.replyTo, "started");
          reminders.every("tick", interval, { type: "tick" });
          reminders.cron("cron", "*/10 * * * * *", { type: "cron" });
          for (const delay of onces) reminders.once(`once-${delay}`, delay, { type: "once" });
          return effect.persist({ type: "started", at })
            .thenReply(command.replyTo, () => "started" as const);
        }
        const { key, due } = reminders.current!;
        return effect.persist({ type: "fired", key, due, at });
      },
      onEvent: (started, { type }) => started || type === "started",
      snapshots: { every: 7 },
    }),
    { maxRestarts: Infinity, backoff: { min: 20, max: 1_000, jitter: 0.2 } },
  );

function spawnAlarms(node: SimulatedNode): void {
  const { journal } = node;
  node.system.spawn(Behaviors.sharded(Alarms, alarm, { journal, passivation: { idle: 2_000 } }));
}

/** Starts every entity, whatever happens. */
async function startAll(sim: Simulation): Promise<void> {
  const client = await sim.connect();
  for (const id of ids) {
    for (;;) {
      const ask = client.entity(Alarms, id).ask(
        (replyTo) => ({ type: "start", replyTo }),
        { timeout: 3_000 },
      );
      if (await ask.catch(() => undefined) === "started") break;
      await sim.sleep(500);
    }
  }
}

const form = new StoredForm<Event, boolean>();

async function eventsOf(journal: Journal, id: string): Promise<Event[]> {
  const events: Event[] = [];
  for await (const { payload } of journal.read(`alarms|${id}`)) {
    if (payload.length > 0) events.push(form.readEvent(payload, 0));
  }
  return events;
}

/** Throws unless an entity was told all that it has to be told until `end`. Returns how often. */
function check(id: string, events: readonly Event[], end: number): number {
  const wrong = (text: string): never => {
    throw new Error(`${id}: ${text}`);
  };
  const [first, ...rest] = events;
  if (first?.type !== "started") return wrong("was not started");
  const dues = new Map<string, number[]>();
  const lastAt = new Map<string, number>();
  for (const event of rest) {
    if (event.type !== "fired") return wrong("was started twice");
    const { key, due, at } = event;
    if (at < due) wrong(`${key} has come ${due - at} ms too soon`);
    const earlier = dues.get(key) ?? [];
    if (earlier.includes(due)) wrong(`${key} has come twice for ${due}`);
    const before = lastAt.get(key) ?? 0;
    if (due <= before) wrong(`${key} has come for ${due}, which was made up for at ${before}`);
    lastAt.set(key, at);
    dues.set(key, [...earlier, due]);
  }
  for (const delay of onces) {
    const count = dues.get(`once-${delay}`)?.length ?? 0;
    if (count !== 1) wrong(`once-${delay} has come ${count} times`);
  }
  for (const [key, span] of [["tick", interval], ["cron", 10_000]] as const) {
    const times = dues.get(key) ?? [];
    const offset = key === "tick" ? Math.ceil(first.at) % span : 0;
    const off = times.find((due) => due % span !== offset);
    if (off !== undefined) wrong(`${key} has lost its rhythm at ${off}`);
    const last = times.at(-1) ?? wrong(`${key} has never come`);
    if (end - last > slack) wrong(`${key} has not come since ${last}, ${end - last} ms ago`);
  }
  return rest.length;
}

async function run(sim: Simulation): Promise<void> {
  await startAll(sim);
  await sim.faultsOver();
  await sim.sleep(Math.max(...onces) + slack);
  // A node that was the last to be restarted may still wait to join.
  const up = () => sim.nodes.find(({ status }) => status === "up");
  await sim.until(() => up() !== undefined, { limit: 60_000, what: "a node is up" });
  const end = up()!.system.runtime.clock.wallTime();
  const { contents, counts } = sim.database;
  let fired = 0;
  for (const id of ids) fired += check(id, await eventsOf(contents, id), end);
  sim.note(`fired ${fired}, unknown ${counts.unknown}, refused ${counts.refused}`);
}

const crashes = randomFaults({
  kinds: ["crash", "stop", "pause"],
  every: 8_000,
  longest: 10_000,
  quiet: 190_000,
});

/** Nodes crash, leave and are restarted while the database fails. */
export const reminders: Scenario = {
  name: "reminders",
  nodes: 5,
  duration: 240_000,
  linger: 1_000,
  cluster: { seedNodes: Array.from({ length: 5 }, (_, index) => `node-${index + 1}:25520`) },
  setup: spawnAlarms,
  run,
  faults: (random, scene) => [...crashes(random, scene), ...failingDatabase(random, scene)],
  restartEnded: 10_000,
  source: source("reminders"),
};

/** All nodes crash at once, and come back half a minute later. */
export const remindersInOutage: Scenario = {
  ...reminders,
  name: "reminders in an outage",
  faults: (random, scene) => {
    const at = 10_000 + Math.floor(random.next() * 10_000);
    const outage = scene.nodes.map((node): Fault => ({
      type: "crash",
      at,
      node,
      restartAfter: 30_000,
    }));
    return [...outage, ...failingDatabase(random, scene)];
  },
  source: source("remindersInOutage"),
};

/** All of this module. */
export const reminderScenarios: readonly Scenario[] = [reminders, remindersInOutage];
