import {
  Behaviors,
  CastyError,
  ClusteredActorSystem,
  shardEnvelope,
  TlsConfig,
} from "@casty/casty";
import { metricsHandler, MetricsTelemetry } from "@casty/casty/metrics";
import { sqliteJournal } from "@casty/casty/persistence";
import {
  counter,
  counters,
  entityId,
  getValue,
  increments,
  storedCounter,
  systemName,
} from "./counter.ts";
import { stopOf } from "./stop_signal.ts";

/** Five processes that start at once on a machine that is busy may need longer than 5 s to answer. */
const withTimeout = { timeout: 60_000 };

/** The options of one node. */
export interface NodeOptions {
  readonly port: number;
  readonly host: string;
  readonly bindHost: string;
  readonly nodeId: string;
  readonly nodes: number;
  readonly seeds: readonly string[];
  readonly certFile: string | undefined;
  readonly keyFile: string | undefined;
  readonly caFile: string | undefined;
  /** Stay in the cluster after the result, until SIGINT, SIGTERM or an order to leave. */
  readonly stay: boolean;
  /** A file that exists while this node has the result and is a member. */
  readonly healthFile: string | undefined;
  /** Where metrics are served. Nowhere if undefined. */
  readonly metricsPort: number | undefined;
  /** Where the counter is stored: `sqlite:` and a folder. In memory if undefined. */
  readonly journal: string | undefined;
}

/** Runs one node; returns the exit code. */
export async function runNode(options: NodeOptions): Promise<number> {
  try {
    await count(options);
    return 0;
  } catch (error) {
    const reason = error instanceof CastyError ? `${error.message} (${error.code})` : error;
    console.error(`${options.nodeId} | FAILED: ${reason}`);
    return 1;
  }
}

async function count(options: NodeOptions): Promise<void> {
  const { nodeId, nodes, certFile, keyFile, caFile } = options;
  const say = (text: string) => console.log(`${nodeId} | ${text}`);
  const tls = certFile === undefined || caFile === undefined
    ? undefined
    : await TlsConfig.fromPaths({ certFile, caFile, ...(keyFile && { keyFile }), watch: true });

  const journal = await openJournal(options.journal);
  const telemetry = options.metricsPort === undefined ? undefined : new MetricsTelemetry();
  await using _metrics = telemetry && Deno.serve(
    { hostname: options.bindHost, port: options.metricsPort!, onListen() {} },
    metricsHandler(telemetry),
  );
  // Closed after the system, which stores until it has stopped.
  await using _closing = { [Symbol.asyncDispose]: async () => await journal?.close() };
  await using system = await ClusteredActorSystem.start({
    name: systemName,
    nodeId,
    host: options.host,
    port: options.port,
    bindHost: options.bindHost,
    seedNodes: options.seeds,
    ...(journal && { persistence: { journal } }),
    ...(tls && { tls }),
    ...(telemetry && { runtime: { telemetry } }),
  });
  say(`LISTENING ${system.address}`);
  await system.waitFor(nodes);
  say(`UP with ${nodes} members${tls === undefined ? "" : ", mutual TLS"}`);

  const ref = system.spawn(
    Behaviors.sharded(
      journal === undefined ? counter : storedCounter,
      { numShards: counters.numShards },
    ),
    counters.name,
  );
  if (nodeId === "node-1") {
    if (journal !== undefined) say(`STORED=${await system.ask(ref, getValue, withTimeout)}`);
    for (let i = 0; i < increments; i++) {
      ref.tell(shardEnvelope(entityId, { type: "increment", amount: 1 }));
    }
    // Messages of one sender keep their order, so the reply counts all increments.
    await system.ask(ref, getValue, withTimeout);
  }
  await system.barrier("writes-done", nodes);
  const value = await system.ask(ref, getValue, withTimeout);
  // Before the result is printed: who reads that may send the signal at once.
  const stopped = options.stay ? stopOf(system) : undefined;
  say(`RESULT=${value}`);
  await system.barrier("reads-done", nodes);
  if (stopped === undefined) return;
  if (options.healthFile) await Deno.writeTextFile(options.healthFile, `${value}\n`);
  await stopped;
  if (options.healthFile) await Deno.remove(options.healthFile);
  say("LEAVING");
}

/** All nodes of this machine use one file; the epoch of its shard's grant tells who may write. */
async function openJournal(journal: string | undefined) {
  if (journal === undefined) return undefined;
  const folder = journal.slice("sqlite:".length);
  await Deno.mkdir(folder, { recursive: true });
  return await sqliteJournal(`${folder}/counters.db`);
}
