import { assert, assertEquals, assertThrows } from "@std/assert";
import { Behaviors } from "../../lib/behaviors.ts";
import type { ClusteredActorSystem } from "../../lib/clustered_actor_system.ts";
import { OptionError } from "../../lib/options/option_error.ts";
import { type Journal, memoryJournal, PersistenceError } from "../../lib/persistence/mod.ts";
import type {
  ScheduledJob,
  ScheduledOptions,
  ScheduleMessage,
  ScheduleStatus,
  ScheduleTime,
} from "../../lib/singleton/scheduled_behavior.ts";
import type { ActorRef } from "../../lib/actor/ref/ref.ts";
import { SimulatedCluster } from "../sim/simulated_cluster.ts";
import { connect, placesOf } from "./singletons.ts";

interface Run {
  readonly due: number;
  readonly at: number;
  readonly node: string;
}

const every10 = "*/10 * * * * *";
const status = (replyTo: ActorRef<ScheduleStatus>) => ({ type: "status", replyTo }) as const;

/** Spawns a schedule that notes its runs. */
function spawnOn(
  nodes: readonly ClusteredActorSystem[],
  runs: Run[],
  journal: Journal,
  when: ScheduleTime = every10,
  options: ScheduledOptions = {},
) {
  return nodes.map((node) => {
    const job: ScheduledJob = ({ system }, { due }) =>
      void runs.push({ due, at: system.runtime.clock.wallTime(), node: node.nodeId });
    return node.spawn(Behaviors.scheduled(when, job, { journal, ...options }), "jobs");
  });
}

const places = (nodes: readonly ClusteredActorSystem[]) => placesOf(nodes, "_singleton-jobs");

Deno.test("a schedule runs once at each time, on one node, and goes on when its node leaves or crashes", async () => {
  const cluster = new SimulatedCluster("schedule");
  let nodes = await cluster.start(4);
  const runs: Run[] = [];
  spawnOn(nodes, runs, memoryJournal());
  for (const how of ["leave", "crash"] as const) {
    const before = runs.length;
    await cluster.clock.runUntil(() => runs.length === before + 3, 60_000);
    const [place] = places(nodes);
    const victim = nodes.find(({ nodeId }) => nodeId === place)!;
    nodes = nodes.filter((node) => node !== victim);
    if (how === "leave") await cluster.stop([victim]);
    else cluster.network.crash(place!, { silently: true });
  }
  const before = runs.length;
  await cluster.clock.runUntil(() => runs.length === before + 3, 60_000);
  const dues = runs.map(({ due }) => due);
  assertEquals(dues.map((due) => due % 10_000).filter((rest) => rest !== 0), []);
  const gaps = dues.slice(1).map((due, index) => due - dues[index]!);
  // No node was gone for as long as it takes from one time to the next.
  assertEquals(gaps.filter((gap) => gap !== 10_000), []);
  assertEquals(new Set(runs.map(({ node }) => node)).size, 3);
  assert(runs.every(({ due, at }) => at >= due), "none too soon");
  await cluster.stop(nodes);
});

Deno.test("times that pass while the whole cluster is down are one run", async () => {
  const journal = memoryJournal();
  const runs: Run[] = [];
  const first = new SimulatedCluster("schedule before");
  const before = await first.start(2);
  spawnOn(before, runs, journal);
  await first.clock.runUntil(() => runs.length === 2, 60_000);
  const seen = first.clock.wallTime();
  await first.stop(before);
  const second = new SimulatedCluster("schedule after");
  await second.clock.advance(seen + 95_000 - second.clock.wallTime());
  const after = await second.start(2);
  const [jobs] = spawnOn(after, runs, journal);
  await second.clock.runUntil(() => runs.length === 4, 60_000);
  const [, last, missed, next] = runs;
  assertEquals(missed!.due - last!.due, 10_000);
  assert(missed!.at - missed!.due > 80_000, `${missed!.at - missed!.due} ms late`);
  assertEquals(next!.due % 10_000, 0);
  assert(next!.due > missed!.at && next!.due - missed!.at <= 10_000, "the rhythm stays");
  const { runs: count, last: told, next: due } = await second.clock.resolve(jobs!.ask(status));
  assertEquals([count, told!.due, due], [4, next!.due, next!.due + 10_000]);
  await second.stop(after);
});

Deno.test("a run that fails is repeated for the same time, and no other run overlaps one", async () => {
  const cluster = new SimulatedCluster("schedule fails");
  const nodes = await cluster.start(2);
  const journal = memoryJournal();
  const seen: string[] = [];
  let failures = 2;
  let active = 0;
  const job: ScheduledJob = async ({ system }, { due }) => {
    active++;
    seen.push(`${due} ${active}`);
    await new Promise<void>((resolve) => system.runtime.clock.schedule(14_000, resolve));
    active--;
    if (failures-- > 0) throw new Error("as planned");
  };
  for (const node of nodes) node.spawn(Behaviors.scheduled(every10, job, { journal }), "jobs");
  await cluster.clock.runUntil(() => seen.length === 5, 200_000);
  const dues = seen.map((line) => Number(line.split(" ")[0]));
  assertEquals(new Set(dues.slice(0, 3)).size, 1);
  assertEquals(new Set(dues.slice(2)).size, 3);
  assert(seen.every((line) => line.endsWith(" 1")), seen.join());
  await cluster.stop(nodes);
});

Deno.test("a schedule is kept at several nodes without a journal", async () => {
  const cluster = new SimulatedCluster("schedule replicated");
  const nodes = await cluster.start(3);
  const runs: Run[] = [];
  for (const node of nodes) {
    const job: ScheduledJob = (_context, { due }) =>
      void runs.push({ due, at: cluster.clock.wallTime(), node: node.nodeId });
    node.spawn(Behaviors.scheduled(every10, job, { replication: { replicas: 2 } }), "jobs");
  }
  await cluster.clock.runUntil(() => runs.length === 2, 60_000);
  const [place] = places(nodes);
  cluster.network.crash(place!, { silently: true });
  const others = nodes.filter(({ nodeId }) => nodeId !== place);
  await cluster.clock.runUntil(() => runs.length === 5, 60_000);
  const dues = runs.map(({ due }) => due);
  assertEquals(new Set(dues).size, 5);
  const asked = others[0]!.singleton<ScheduleMessage>("jobs").ask(status);
  assertEquals((await cluster.clock.resolve(asked)).runs, 5);
  await cluster.stop(others);
});

Deno.test("another expression or time zone replaces the stored one, the same does not", async () => {
  const journal = memoryJournal();
  let wall = 0;
  const nextOf = async (when: ScheduleTime): Promise<number> => {
    const cluster = new SimulatedCluster("schedule changes");
    await cluster.clock.advance(Math.max(0, wall - cluster.clock.wallTime()));
    const nodes = await cluster.start(1);
    const [jobs] = spawnOn(nodes, [], journal, when);
    const { next } = await cluster.clock.resolve(jobs!.ask(status));
    wall = cluster.clock.wallTime() + 1_000;
    await cluster.stop(nodes);
    return next!;
  };
  const utc = await nextOf("0 12 * * *");
  assertEquals(new Date(utc).toISOString().slice(11, 16), "12:00");
  assertEquals(await nextOf({ expression: "0 12 * * *", timeZone: "UTC" }), utc);
  const tokyo = await nextOf({ expression: "0 12 * * *", timeZone: "Asia/Tokyo" });
  assertEquals(new Date(tokyo).toISOString().slice(11, 16), "03:00");
  const hourly = await nextOf("@hourly");
  assertEquals(new Date(hourly).toISOString().slice(14, 16), "00");
});

Deno.test("schedules that cannot work are refused at once", async () => {
  const cluster = new SimulatedCluster("schedule refused");
  const [node] = await cluster.start(1);
  const journal = memoryJournal();
  const spawn = (when: ScheduleTime, options: ScheduledOptions = { journal }) => () =>
    node!.spawn(Behaviors.scheduled(when, () => {}, options), "jobs");
  for (
    const [code, attempt] of [
      ["badReminder", spawn("every minute")],
      ["badReminder", spawn("0 0 31 2 *")],
      ["badReminder", spawn({ expression: "0 0 * * *", timeZone: "Mars/Olympus" })],
      ["noJournal", spawn(every10, {})],
    ] as const
  ) {
    assertEquals(assertThrows(attempt, PersistenceError).code, code);
  }
  assertThrows(() => Behaviors.scheduled(every10, undefined as never), OptionError);
  assertThrows(() => Behaviors.scheduled(every10, () => {}, { zone: "UTC" } as never), OptionError);
  // The node does not run it: it needs no journal.
  node!.spawn(Behaviors.scheduled(every10, () => {}, { role: "back" }), "elsewhere");
  await cluster.stop([node!]);
});

Deno.test("a peer that forges a due time runs nothing", async () => {
  const cluster = new SimulatedCluster("schedule forged");
  const nodes = await cluster.start(1);
  const runs: Run[] = [];
  spawnOn(nodes, runs, memoryJournal(), "0 12 * * *");
  const client = await connect(cluster);
  const jobs = client.singleton<ScheduleMessage | { type: string }>("jobs");
  for (const type of ["due", "begin", "nothing"]) jobs.tell({ type });
  jobs.tell({ type: "status" });
  const { runs: count } = await cluster.clock.resolve(
    client.singleton<ScheduleMessage>("jobs").ask(status),
  );
  assertEquals([count, runs.length], [0, 0]);
  await cluster.clock.resolve(client.close());
  await cluster.stop(nodes);
});
