/**
 * One node of `bench/formation.ts`: prints `READY` when everything is loaded, waits for a line on
 * its standard input, joins, and prints `UP` with a report when it sees all members up.
 *
 * @module
 */
import process from "node:process";
import { ClusteredActorSystem, TlsConfig } from "@casty/casty";

/** The options of a node, passed as JSON on its command line. */
export interface FormationSettings {
  readonly port: number;
  readonly seeds: readonly string[];
  readonly size: number;
  readonly stallDetection: boolean;
  readonly cert: string;
  readonly key: string;
  readonly ca: string;
}

/** The report of a node. */
export interface FormationReport {
  /** Milliseconds of processor time since the start of the join. */
  readonly cpu: number;
  /** Bytes of memory. */
  readonly rss: number;
}

function cpuTime(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

async function main({ port, seeds, size, stallDetection, cert, key, ca }: FormationSettings) {
  const tls = await TlsConfig.fromPaths({ certFile: cert, keyFile: key, caFile: ca });
  console.log("READY");
  await Deno.stdin.read(new Uint8Array(16));
  const before = cpuTime();
  await using _system = await ClusteredActorSystem.start({
    name: "formation",
    host: "127.0.0.1",
    port,
    seedNodes: seeds,
    requiredQuorum: size,
    startTimeout: 180_000,
    stallDetection,
    tls,
  });
  const report: FormationReport = { cpu: cpuTime() - before, rss: Deno.memoryUsage().rss };
  console.log(`UP ${JSON.stringify(report)}`);
  // Runs until its parent process ends its input.
  while (await Deno.stdin.read(new Uint8Array(16)) !== null);
}

if (import.meta.main) {
  try {
    await main(JSON.parse(Deno.args[0]!));
  } catch (error) {
    console.log(`FAILED ${error instanceof Error ? error.message : error}`);
    Deno.exit(1);
  }
}
