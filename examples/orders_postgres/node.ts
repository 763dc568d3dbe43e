import { Behaviors, ClusteredActorSystem, type TlsConfig } from "@casty/casty";
import { postgresJournal } from "@casty/casty/postgres";
import { stopOf, stopSignal } from "../tls_counter/stop_signal.ts";
import { order } from "./order.ts";
import { Orders, systemName } from "./orders.ts";

/** The options of one node. */
export interface NodeOptions {
  readonly nodeId: string;
  readonly host: string;
  readonly bindHost: string;
  readonly port: number;
  readonly seeds: readonly string[];
  readonly tls: TlsConfig;
}

/** Runs one node until SIGINT, SIGTERM or an order to leave. */
export async function runNode(database: string, options: NodeOptions): Promise<void> {
  const { seeds, ...rest } = options;
  const journal = await postgresJournal(database);
  const signal = stopSignal();
  const system = await ClusteredActorSystem.start({
    ...rest,
    name: systemName,
    seedNodes: seeds,
    persistence: { journal },
    // Convergence is impossible after the kill of a node.
    leaveTimeout: 1_000,
  });
  const stopped = stopOf(system, signal);
  system.spawn(Behaviors.sharded(Orders, order));
  console.log(`LISTENING ${system.address}`);
  await stopped;
  await system.shutdown();
  await journal.close();
}
