/**
 * Event-sourced actors beside the raw engine of their store, in the same run:
 * `deno run -A --v8-flags=--expose-gc bench/persistence.ts`. PostgreSQL is measured if it is installed.
 * Parts alone: `bench/persistence.ts sqlite`, `postgres`, `heap`.
 *
 * Exits with 1 if a figure misses its target, or if an event is missing at the end.
 *
 * @module
 */
// @ts-types="../lib/persistence/postgres/pg_types.d.ts"
import pg from "pg";
import type { Behavior } from "../lib/actor/behavior/behavior.ts";
import { Behaviors } from "../lib/actor/behavior/behaviors.ts";
import type { ActorContext } from "../lib/actor/behavior/context.ts";
import type { EntityKeeper, LocalRef } from "../lib/actor/ref/local_ref.ts";
import type { ActorRef } from "../lib/actor/ref/ref.ts";
import { ActorSystem } from "../lib/actor/system/actor_system.ts";
import {
  eventSourced,
  type Journal,
  memoryJournal,
  sqliteJournal,
} from "../lib/persistence/mod.ts";
import { postgresJournal } from "../lib/persistence/postgres/postgres_journal.ts";
import { missing, PostgresServer } from "../tests/persistence/postgres_server.ts";
import { rawCallers, rawLoop, warmUp } from "./raw_sqlite.ts";
import { loadAverage, machine } from "./report.ts";

type Command = { readonly type: "add" | "get"; readonly replyTo: ActorRef<number> };

const payload = "x".repeat(100);
const seconds = 3;

const counter = (journal: Journal, id: string | undefined, snapshots?: { every: number }) =>
  eventSourced<Command, { text: string }, number>({
    ...(id !== undefined && { id }),
    ...(snapshots !== undefined && { snapshots }),
    journal,
    initial: 0,
    onCommand: (_context, count, { type, replyTo }, effect) =>
      type === "get"
        ? effect.reply(replyTo, count)
        : effect.persist({ text: payload }).thenReply(replyTo, (after) => after),
    onEvent: (count) => count + 1,
  });

/** Events a second that actors confirm, each asked again when it has answered `depth` asks. */
async function confirmed(journal: Journal, actors: number, depth: number, name: string) {
  const system = new ActorSystem();
  const times: number[] = [];
  let answered = 0;
  const refs = Array.from({ length: actors }, (_, n) => {
    return system.spawn(counter(journal, `${name}|${n}`), `${name}-${n}`);
  });
  const add = (replyTo: ActorRef<number>): Command => ({ type: "add", replyTo });
  await Promise.all(refs.map((ref) => system.ask(ref, add)));
  const begin = performance.now() + warmUp;
  const end = begin + seconds * 1_000;
  await Promise.all(refs.flatMap((ref) =>
    Array.from({ length: depth }, async () => {
      while (performance.now() < end) {
        const at = performance.now();
        await system.ask(ref, add, { timeout: 30_000 });
        answered++;
        if (at >= begin) times.push(performance.now() - at);
      }
    })
  ));
  const rate = times.length / (performance.now() - begin) * 1_000;
  let stored = 0;
  for (const ref of refs) {
    stored += await system.ask(ref, (replyTo) => ({ type: "get", replyTo }));
  }
  if (stored !== answered + actors) {
    throw new Error(`${answered} confirmed, ${stored} there`);
  }
  await system.shutdown();
  times.sort((a, b) => a - b);
  return { rate, p50: times[times.length >> 1]! };
}

/** Rows a second that `pg` inserts, over as many connections as the store has. */
async function rawPostgres(url: string, rows: number) {
  const pool = new pg.Pool({ connectionString: url, max: 4 });
  await pool.query("create table if not exists raw (id text, seq bigint, payload bytea)");
  const bytes = Array.from({ length: rows }, () => new TextEncoder().encode(payload));
  const begin = performance.now() + warmUp;
  const end = begin + seconds * 1_000;
  const times: number[] = [];
  await Promise.all(Array.from({ length: 4 }, async () => {
    while (performance.now() < end) {
      const at = performance.now();
      await pool.query(
        "insert into raw select 'raw', s, p from unnest($1::bigint[], $2::bytea[]) as t (s, p)",
        [bytes.map((_, n) => n), bytes.map((one) => `\\x${one.toHex()}`)],
      );
      if (at >= begin) times.push(performance.now() - at);
    }
  }));
  await pool.end();
  times.sort((a, b) => a - b);
  return { rate: rows * times.length / seconds, p50: times[times.length >> 1]! };
}

/** Milliseconds until an actor with so many events answers. */
async function recovery(
  journal: Journal,
  id: string,
  events: number,
  snapshots?: { every: number },
): Promise<number> {
  const system = new ActorSystem();
  const writer = system.spawn(counter(journal, id, snapshots), "writer");
  const add = (replyTo: ActorRef<number>): Command => ({ type: "add", replyTo });
  await Promise.all(
    Array.from({ length: events }, () => system.ask(writer, add, { timeout: 60_000 })),
  );
  await system.stop(writer);
  const times: number[] = [];
  for (let run = 0; run < 5; run++) {
    const at = performance.now();
    const ref = system.spawn(counter(journal, id, snapshots), `reader-${run}`);
    const count = await system.ask(ref, (replyTo) => ({ type: "get", replyTo }));
    times.push(performance.now() - at);
    if (count !== events) throw new Error(`${count} of ${events} events were recovered`);
    await system.stop(ref);
  }
  await system.shutdown();
  return times.sort((a, b) => a - b)[2]!;
}

/** Bytes of heap for each of so many actors at rest, each of which has been asked once. */
async function heap(
  count: number,
  spawn: (system: ActorSystem, n: number) => ActorRef<Command> | Promise<ActorRef<Command>>,
): Promise<number> {
  const collect = (globalThis as { gc?: () => void }).gc;
  const system = new ActorSystem();
  const measure = () => {
    collect?.();
    return Deno.memoryUsage().heapUsed;
  };
  const before = measure();
  const refs: ActorRef<Command>[] = [];
  for (let n = 0; n < count; n++) refs.push(await spawn(system, n));
  const get = (replyTo: ActorRef<number>): Command => ({ type: "get", replyTo });
  for (const ref of refs) await system.ask(ref, get, { timeout: 60_000 });
  const bytes = (measure() - before) / count;
  await system.shutdown();
  return bytes;
}

/** Spawns children of one actor that are sharded entities, as far as they can tell. */
function entities(system: ActorSystem, journal: Journal) {
  let parent!: ActorContext<never>;
  const keeper: EntityKeeper = {
    typeName: "heap",
    store: journal,
    idOf: ({ path }) => path.slice("/region/".length),
    pathOf: ({ path }) => path,
    epochOf: () => 1_000,
    passivate: () => {},
    keep: () => false,
    onNotRecovered: () => {},
    onStopped: () => {},
  };
  const region = Behaviors.setup<never>((context) => {
    parent = context;
    (context.self as LocalRef<never>).keepEntities(keeper);
    return Behaviors.receive<never>(() => Behaviors.same());
  });
  system.spawn(region, "region");
  return (behavior: Behavior<Command>, id: string) => parent.spawn(behavior, id);
}

/** What durability adds to an actor at rest: bytes of one durable actor and of a plain one. */
async function heapOfDurable(count: number) {
  const journal = memoryJournal();
  // What the store keeps for each id is not the actor's.
  for (let n = 0; n < count; n++) await journal.open(`heap|${n}`, undefined);
  const answer = (count: number): Behavior<Command> =>
    Behaviors.receive<Command>((_context, { replyTo }) => {
      replyTo.tell(count);
      return Behaviors.same();
    });
  const plain = await heap(count, (system, n) => system.spawn(answer(0), `plain-${n}`));
  const durable = await heap(
    count,
    (system, n) => system.spawn(counter(journal, `heap|${n}`), `heap-${n}`),
  );
  // As entities one behaviour serves all.
  const one = counter(journal, undefined);
  let spawn: ReturnType<typeof entities> | undefined;
  const entity = await heap(count, async (system, n) => {
    if (spawn === undefined) {
      spawn = entities(system, journal);
      await system.ask(
        system.spawn(answer(0), "ready"),
        (replyTo: ActorRef<number>): Command => ({ type: "get", replyTo }),
      );
    }
    return spawn(one, `${n}`);
  });
  return { plain, durable, entity };
}

let failed = 0;
function row(what: string, value: string, target?: { text: string; holds: boolean }): void {
  if (target?.holds === false) failed++;
  const verdict = target === undefined ? "" : `${target.text} ${target.holds ? "holds" : "MISSED"}`;
  console.log(`| ${what.padEnd(58)} | ${value.padStart(16)} | ${verdict.padEnd(28)} |`);
}

const perSecond = (rate: number) => `${Math.round(rate).toLocaleString("en")}/s`;
const percent = (part: number) => `${Math.round(part * 100)} %`;

console.log(`\n## Persistence\n\n${machine()}; ${loadAverage()}\n`);
row("figure", "measured", undefined);
row("---", "---:", undefined);

const isWanted = (part: string) => Deno.args.length === 0 || Deno.args.includes(part);
const folder = await Deno.makeTempDir();
if (isWanted("sqlite")) {
  const bytes = new TextEncoder().encode(payload);
  const raw = rawLoop(`${folder}/raw.db`, 64, bytes, seconds);
  const callers = await rawCallers(`${folder}/callers.db`, 64, bytes, seconds);
  const journal = await sqliteJournal(`${folder}/journal.db`);
  const many = await confirmed(journal, 64, 1, "many");
  row("SQLite, raw: one loop, 64 rows in each commit", perSecond(raw.rate));
  row("SQLite, raw in a thread, 64 callers, one row at a time", perSecond(callers.rate));
  row("  p50 beside one commit of the loop", `${(callers.p50 / raw.p50).toFixed(1)} times`);
  const share = many.rate / raw.rate;
  row("SQLite, 64 actors", perSecond(many.rate));
  row("  of the raw rate in a thread", percent(many.rate / callers.rate));
  row("  of the raw rate of the loop", percent(share), {
    text: "at least 60 %",
    holds: share >= 0.6,
  });
  const slower = many.p50 / raw.p50;
  row("  p50 beside one commit", `${slower.toFixed(1)} times`, {
    text: "within 2 times",
    holds: slower <= 2,
  });
  const one = await confirmed(journal, 1, 1, "one");
  const deep = await confirmed(journal, 1, 64, "deep");
  const faster = deep.rate / one.rate;
  row("SQLite, one actor, one command at a time", perSecond(one.rate));
  row("SQLite, one actor, 64 commands at a time", perSecond(deep.rate));
  row("  beside one at a time", `${faster.toFixed(1)} times`, {
    text: "at least 10 times",
    holds: faster >= 10,
  });
  const ms = await recovery(journal, "recovery|a", 10_000);
  row("SQLite, recovery of 10,000 events", `${ms.toFixed(0)} ms`, {
    text: "within 100 ms",
    holds: ms <= 100,
  });
  const flat: number[] = [];
  for (const events of [1_000, 10_000]) {
    flat.push(await recovery(journal, `snapshots|${events}`, events, { every: 100 }));
  }
  row(
    "SQLite, recovery of 1,000 and 10,000, a snapshot every 100",
    flat.map((time) => `${time.toFixed(1)} ms`).join(", "),
  );
  await journal.close();
}
await Deno.remove(folder, { recursive: true });

if (!isWanted("postgres")) {
  // Not asked for.
} else if (missing !== undefined) console.log(`PostgreSQL is not measured: ${missing}`);
else {
  await using server = await PostgresServer.create();
  const raw = await rawPostgres(server.url, 64);
  const few = await rawPostgres(server.url, 16);
  const journal = await postgresJournal(server.url);
  const many = await confirmed(journal, 64, 1, "many");
  const flood = await confirmed(journal, 64, 16, "flood");
  row("PostgreSQL, raw: 64 rows in each commit, 4 connections", perSecond(raw.rate));
  row("PostgreSQL, raw: 16 rows in each commit, 4 connections", perSecond(few.rate));
  row("PostgreSQL, 64 actors", perSecond(many.rate));
  row("  of the raw rate with 16 rows", percent(many.rate / few.rate));
  row("PostgreSQL, 64 actors, 16 commands at a time each", perSecond(flood.rate));
  const share = flood.rate / raw.rate;
  row("  of the raw rate", percent(share), { text: "at least 50 %", holds: share >= 0.5 });
  const slower = many.p50 / raw.p50;
  row("  p50 of 64 actors beside one raw commit", `${slower.toFixed(1)} times`, {
    text: "within 2 times",
    holds: slower <= 2,
  });
  await journal.close();
}

if (isWanted("heap")) {
  const { plain, durable, entity } = await heapOfDurable(100_000);
  row("heap of a plain actor at rest, of 100,000", `${Math.round(plain)} B`);
  row("heap of a durable actor at rest, of 100,000", `${Math.round(durable)} B`);
  row("  over the plain one", `${Math.round(durable - plain)} B`, {
    text: "under 1,024 B",
    holds: durable - plain < 1_024,
  });
  row("heap of a durable entity at rest, of 100,000 of one behaviour", `${Math.round(entity)} B`);
}
Deno.exit(failed > 0 ? 1 : 0);
