/**
 * The loss of the node that owns a shard of 1,000 entities with 1,000 events each in PostgreSQL, with hot
 * standbys and without: three processes over mutual TLS on loopback, one of which is killed, and a client
 * that asks all entities. The time until a shard has a new owner is a part of both.
 *
 *     deno task bench:standby-failover [--entities 1000] [--events 1000] [--rounds 3]
 *
 * Exits with 1 if an entity lacks something, if an entity with standbys has not started from what was ready,
 * or if standbys gain nothing.
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { missing, PostgresServer } from "../tests/persistence/postgres_server.ts";
import { loadAverage, machine } from "./report.ts";
import { store, type Takeover, takeover } from "./standby/takeover.ts";

const median = (values: readonly number[]) =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? NaN;
const seconds = (value: number) => `${(value / 1_000).toFixed(2)} s`;

/** Answers what does not hold. */
async function measure(): Promise<readonly string[]> {
  if (missing !== undefined) return [missing];
  const flags = parseArgs(Deno.args, { string: ["entities", "events", "rounds"] });
  const entities = Number(flags.entities ?? 1_000);
  const events = Number(flags.events ?? 1_000);
  const rounds = Number(flags.rounds ?? 3);
  console.log(`\n## Hot standbys\n\n${machine()}; ${loadAverage()}\n`);
  await using server = await PostgresServer.create();
  const faults: string[] = [];
  const figures = new Map<number, Takeover[]>([[0, []], [2, []]]);
  await store(server.url, entities, events);
  let stored = events;
  for (let round = 1; round <= rounds; round++) {
    for (const [replicas, found] of figures) {
      const name = `standby-${replicas}-${round}`;
      const options = { name, database: server.url, entities, events: stored, replicas };
      const figure = await takeover(options);
      // The event that the run has added to each.
      stored++;
      found.push(figure);
      const { used, refused } = figure;
      const expected = replicas > 0 ? entities : 0;
      if (used !== expected || refused > 0) {
        faults.push(
          `${name}: ${used} of ${expected} have started from what was ready, ${refused} not`,
        );
      }
    }
  }
  const row = (...cells: readonly string[]) => console.log(`| ${cells.join(" | ")} |`);
  row(
    `${entities} entities with ${events} events each, median of ${rounds}`,
    "without",
    "2 standbys",
  );
  row("---", "---:", "---:");
  const line = (what: string, of: (figure: Takeover) => number) => {
    const values = [...figures.values()].map((found) => median(found.map(of)));
    row(what, ...values.map(seconds));
    return values as [number, number];
  };
  line("first start of all, from the database", ({ cold }) => cold);
  line("until the standbys were ready after it", ({ filling }) => filling);
  line("kill -9 of the owner until the first answer", ({ first }) => first);
  line("  until all have answered", ({ all }) => all);
  const [without, ready] = line(
    "  from the first answer to the last",
    ({ first, all }) => all - first,
  );
  console.log(`\n${loadAverage()}`);
  if (ready > without / 2) faults.push("standbys have not halved the time from the first answer");
  return faults;
}

if (import.meta.main) {
  const faults = await measure();
  for (const fault of faults) console.error(fault);
  Deno.exit(faults.length > 0 ? 1 : 0);
}
