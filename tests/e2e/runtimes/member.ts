/**
 * A node of a cluster, or a client of one, in a process of any runtime. Its first argument is
 * {@linkcode MemberSettings} as JSON; each line of its input is a {@linkcode MemberOrder}, answered
 * with one line of JSON. SIGTERM ends it.
 */
import process from "node:process";
import { createInterface } from "node:readline";
import {
  type ActorRef,
  type Behavior,
  Behaviors,
  ClusteredActorSystem,
  consoleLogger,
  leastShards,
  type ShardEnvelope,
  shardEnvelope,
  TlsConfig,
} from "@casty/casty";
import { ClusterClient } from "@casty/casty/client";

/** Certificate files, as `TlsConfig.fromPaths` takes them. */
export type MemberFiles = Readonly<Record<"certFile" | "keyFile" | "caFile", string>>;

/** How a process starts. */
export interface MemberSettings {
  readonly nodeId: string;
  readonly seeds: readonly string[];
  /** Of the node. */
  readonly node: MemberFiles;
  /** Of the client that the process opens on demand. */
  readonly client: MemberFiles;
}

/** What a process is told to do. */
export type MemberOrder =
  /** Waits until so many members are up. */
  | { readonly type: "waitFor"; readonly members: number }
  | { readonly type: "add"; readonly entityId: string; readonly amount: number }
  /** Asks as a member. */
  | { readonly type: "read"; readonly entityId: string }
  /** Asks as a client. */
  | {
    readonly type: "readAsClient";
    readonly entityId: string;
    readonly contactPoints: readonly string[];
  };

/** Which runtime a process is. */
export type RuntimeName = "deno" | "node" | "bun";

/** What a counter answers: its value, and the runtime of the process that it runs in. */
export interface Count {
  readonly value: number;
  readonly on: RuntimeName;
}

type CounterMessage =
  | { type: "add"; amount: number; replyTo: ActorRef<Count> }
  | { type: "get"; replyTo: ActorRef<Count> };

const counters = { name: "counters", numShards: 1_000 } as const;
const { versions } = process as { versions: Record<string, string | undefined> };
const on: RuntimeName = versions.deno !== undefined ? "deno" : versions.bun ? "bun" : "node";

function counter(): Behavior<CounterMessage> {
  const active = (value: number): Behavior<CounterMessage> =>
    Behaviors.receive((_context, message) => {
      const next = message.type === "add" ? value + message.amount : value;
      message.replyTo.tell({ value: next, on });
      return active(next);
    });
  return active(0);
}

const settings = JSON.parse(process.argv[2]!) as MemberSettings;
const system = await ClusteredActorSystem.start({
  name: "runtimes",
  nodeId: settings.nodeId,
  host: "127.0.0.1",
  port: 0,
  seedNodes: settings.seeds,
  logger: consoleLogger("info"),
  stopOnSignals: true,
  tls: await TlsConfig.fromPaths(settings.node),
});
const { numShards } = counters;
// The next shard goes to the node with the fewest, and stays there: counters are kept in memory.
const { allocate } = leastShards();
const sharded = Behaviors.sharded(counter, { numShards, strategy: { allocate } });
let region: ActorRef<ShardEnvelope<CounterMessage>>;

const get = (entityId: string) => (replyTo: ActorRef<Count>) =>
  shardEnvelope<CounterMessage>(entityId, { type: "get", replyTo });

async function readAsClient(contactPoints: readonly string[], entityId: string): Promise<Count> {
  const client = await ClusterClient.connect({
    contactPoints,
    systemName: "runtimes",
    tls: await TlsConfig.fromPaths(settings.client),
  });
  try {
    const ref = client.entityRef<CounterMessage>(counters.name, { numShards });
    return await client.ask(ref, get(entityId));
  } finally {
    await client.close();
  }
}

async function perform(order: MemberOrder): Promise<unknown> {
  switch (order.type) {
    case "waitFor":
      await system.waitFor(order.members);
      // Not before: shards of a node that is alone for a while would stay there.
      region = system.spawn(sharded, counters.name);
      return;
    case "add": {
      const { entityId, amount } = order;
      return await system.ask(
        region,
        (replyTo: ActorRef<Count>) => shardEnvelope(entityId, { type: "add", amount, replyTo }),
      );
    }
    case "read":
      return await system.ask(region, get(order.entityId));
    case "readAsClient":
      return await readAsClient(order.contactPoints, order.entityId);
  }
}

console.log(JSON.stringify({ value: system.address }));
for await (const line of createInterface({ input: process.stdin })) {
  try {
    console.log(JSON.stringify({ value: await perform(JSON.parse(line)) ?? null }));
  } catch (error) {
    console.log(JSON.stringify({ error: String(error) }));
  }
}
