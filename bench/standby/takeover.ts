/**
 * The loss of the node that owns a shard, until all entities of the shard have answered from another one.
 *
 * @module
 */
import { AskError } from "@casty/casty";
import type { ClusterClient } from "@casty/casty/client";
import { postgresJournal } from "@casty/casty/postgres";
import { StoredForm } from "../../lib/persistence/schema.ts";
import { type Added, Totals } from "./node.ts";
import { StandbyCluster } from "./standby_cluster.ts";

/** What is measured. */
export interface TakeoverOptions {
  readonly name: string;
  readonly database: string;
  readonly entities: number;
  /** Of each entity. */
  readonly events: number;
  readonly replicas: number;
}

/** Milliseconds from the kill. */
export interface Takeover {
  /** Until the first entity has answered. */
  readonly first: number;
  /** Until all have. */
  readonly all: number;
  /** Of the first start of all, from the database, which the client has waited for. */
  readonly cold: number;
  /** Entities that the new owner has started from what was ready. */
  readonly used: number;
  readonly refused: number;
  /** How long the standbys have read before. */
  readonly filling: number;
}

const idsOf = (entities: number) => Array.from({ length: entities }, (_, index) => `e${index}`);

/** Stores the events of all entities. */
export async function store(database: string, entities: number, events: number): Promise<void> {
  await using journal = await postgresJournal(database);
  const form = new StoredForm<Added, unknown>();
  const one = form.writeEvent({ amount: 1, note: "as it was measured, one of many" }, Date.now());
  const batch = Array.from({ length: Math.min(events, 1_000) }, () => one);
  let next = 0;
  await Promise.all(Array.from({ length: 4 }, async () => {
    while (next < entities) {
      const id = `${Totals.name}|e${next++}`;
      const { epoch, lastSeq } = await journal.open(id, 1);
      for (let seq = lastSeq; seq < events; seq += batch.length) {
        const [result] = await journal.append([{ id, expectedSeq: seq, epoch, events: batch }]);
        if (result!.outcome !== "appended") throw new Error(JSON.stringify(result));
      }
    }
  }));
}

/** Asks an entity until it answers. */
async function sumOf(client: ClusterClient, id: string): Promise<number> {
  for (;;) {
    try {
      const entity = client.entity(Totals, id);
      return await entity.ask((replyTo) => ({ type: "get", replyTo }), { timeout: 900_000 });
    } catch (error) {
      if (!(error instanceof AskError)) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

/** Asks all; resolves with the times from `begun`. */
async function askAll(
  client: ClusterClient,
  { entities }: TakeoverOptions,
  sum: number,
  begun: number,
): Promise<{ readonly first: number; readonly all: number }> {
  let first: number | undefined;
  await Promise.all(
    idsOf(entities).map(async (id) => {
      const found = await sumOf(client, id);
      if (found !== sum) throw new Error(`${id} is ${found} instead of ${sum}`);
      first ??= performance.now() - begun;
    }),
  );
  return { first: first!, all: performance.now() - begun };
}

/** Measures one loss. Throws if an entity does not have all that was confirmed. */
export async function takeover(options: TakeoverOptions): Promise<Takeover> {
  const { entities, events, replicas } = options;
  await using cluster = await StandbyCluster.start({ ...options, nodes: 3 });
  await using client = await cluster.connect();
  const cold = (await askAll(client, options, events, performance.now())).all;
  const before = performance.now();
  if (replicas > 0) {
    await cluster.until(
      (status) => status.reduce((sum, { ready }) => sum + ready, 0) >= replicas * entities,
      600_000,
    );
  }
  const filling = performance.now() - before;
  // Each entity has one more, which the standbys apply.
  await Promise.all(
    idsOf(entities).map(async (id) => {
      const entity = client.entity(Totals, id);
      await entity.ask((replyTo) => ({ type: "add", amount: 1, replyTo }), { timeout: 900_000 });
    }),
  );
  const owner = await cluster.owner();
  const begun = performance.now();
  await owner.kill();
  const times = await askAll(client, options, events + 1, begun);
  const status = await cluster.status();
  const sum = (of: (one: typeof status[number]) => number) =>
    status.reduce((all, one) => all + of(one), 0);
  return {
    ...times,
    cold,
    filling,
    used: sum(({ used }) => used),
    refused: sum(({ refused }) => refused),
  };
}
