/**
 * One node whose entities are in PostgreSQL. Reads its options as one line of JSON from its input; then it
 * answers each further line with what it says of its standbys. Ends with its input.
 *
 * @module
 */
import {
  type ActorRef,
  Behaviors,
  ClusteredActorSystem,
  entityType,
  silentLogger,
} from "@casty/casty";
import { eventSourced } from "@casty/casty/persistence";
import { postgresJournal } from "@casty/casty/postgres";
import type { TlsMaterial } from "@casty/casty/runtime";
import { TextLineStream } from "../../examples/tls_counter/text_lines.ts";

/** Options of a node. */
export interface StandbyNodeOptions {
  readonly name: string;
  readonly nodeId: string;
  readonly port: number;
  readonly seedNodes: readonly string[];
  readonly tls: TlsMaterial;
  readonly database: string;
  /** Nodes that stand by. 0: the type is not replicated. */
  readonly replicas: number;
}

/** What a node says of its standbys. */
export interface StandbyStatus {
  readonly owned: number;
  readonly ready: number;
  /** Entities that have started from what was ready, and those whose kept state did not count. */
  readonly used: number;
  readonly refused: number;
}

/** Messages of a total. */
export type TotalMessage =
  | { readonly type: "add"; readonly amount: number; readonly replyTo: ActorRef<number> }
  | { readonly type: "get"; readonly replyTo: ActorRef<number> };

/** The entities: all in one shard. */
export const Totals = entityType<TotalMessage>("totals", { numShards: 1 });

/** A sum of amounts. */
export interface Added {
  readonly amount: number;
  readonly note: string;
}

const total = () =>
  eventSourced<TotalMessage, Added, { readonly sum: number; readonly count: number }>({
    initial: { sum: 0, count: 0 },
    onCommand: (_context, { sum }, message, effect) =>
      message.type === "get"
        ? effect.reply(message.replyTo, sum)
        : effect.persist({ amount: message.amount, note: "one more" })
          .thenReply(message.replyTo, (after) => after.sum),
    onEvent: ({ sum, count }, { amount }) => ({ sum: sum + amount, count: count + 1 }),
  });

function statusOf(system: ClusteredActorSystem): StandbyStatus {
  const text = system.cluster.explain("replication").join("\n");
  const number = (pattern: RegExp) => Number(pattern.exec(text)?.[1] ?? 0);
  return {
    owned: system.sharding.shardOwner(Totals.name, "0") === system.address ? 1 : 0,
    ready: number(/with (\d+) entities ready/),
    used: number(/(\d+) entities have started from what was ready/),
    refused: number(/and (\d+) from the store since/),
  };
}

async function main(): Promise<void> {
  let system: ClusteredActorSystem | undefined;
  const lines = Deno.stdin.readable.pipeThrough(new TextDecoderStream())
    .pipeThrough(new TextLineStream());
  for await (const line of lines) {
    if (system === undefined) {
      const { name, nodeId, port, seedNodes, tls, database, replicas } = JSON.parse(
        line,
      ) as StandbyNodeOptions;
      const journal = await postgresJournal(database);
      system = await ClusteredActorSystem.start({
        name,
        nodeId,
        host: "127.0.0.1",
        port,
        seedNodes: [...seedNodes],
        tls,
        requiredQuorum: seedNodes.length,
        startTimeout: 120_000,
        logger: silentLogger,
      });
      system.spawn(Behaviors.sharded(Totals, total, {
        journal,
        passivation: false,
        ...(replicas > 0 && { replication: { replicas } }),
      }));
    }
    console.log(JSON.stringify(statusOf(system)));
  }
  await system?.shutdown();
  Deno.exit(0);
}

if (import.meta.main) await main();
