/**
 * The main module of a node process that `up` has started.
 *
 * @module
 */
import { ClusteredActorSystem } from "../clustered_actor_system.ts";
import { dashboard } from "../dashboard/dashboard.ts";
import { CastyError } from "../runtime/casty_error.ts";
import { consoleLogger } from "../runtime/logger.ts";
import type { DialOptions, Link, Listener, ListenOptions, Network } from "../runtime/network.ts";
import { platform } from "../runtime/platform.ts";
import { systemNetwork } from "../transport/system_network.ts";
import { LineSplitter } from "./line_splitter.ts";
import { type NodeReport, type NodeStart, reportLine, stopLine } from "./node_start.ts";
import { UpError } from "./errors.ts";
import type { UpApp } from "./up_app.ts";

const changes = [
  "memberUp",
  "memberWeaklyUp",
  "memberLeft",
  "memberDowned",
  "memberRemoved",
  "unreachableMember",
  "reachableMember",
] as const;

if (import.meta.main) runNode();

/** Runs the node that standard input describes, until the input says stop or ends. */
function runNode(): void {
  // Ctrl-C reaches all processes of a terminal; the parent decides when nodes leave.
  platform.process.onSignal("SIGINT", () => {});
  let system: Promise<ClusteredActorSystem> | undefined;
  const stop = async () => {
    // A node that has not joined has nothing to hand over.
    if (started === undefined) platform.process.exit(0);
    await started.shutdown();
    platform.process.exit(0);
  };
  let started: ClusteredActorSystem | undefined;
  const input = new LineSplitter((line) => {
    if (line === stopLine) return void stop();
    if (system !== undefined) return;
    system = start(JSON.parse(line), (node) => started = node);
    system.catch((error) => {
      console.error(error instanceof CastyError ? `${error.message} (${error.code})` : error);
      platform.process.exit(1);
    });
  });
  readAll((chunk) => input.push(chunk)).finally(stop);
}

async function readAll(onChunk: (chunk: Uint8Array) => void): Promise<void> {
  const buffer = new Uint8Array(16_384);
  for (;;) {
    const length = await platform.process.stdin.read(buffer);
    if (length === null) return;
    onChunk(buffer.subarray(0, length));
  }
}

async function start(
  options: NodeStart,
  onStarted: (system: ClusteredActorSystem) => void,
): Promise<ClusteredActorSystem> {
  const { marker, host, nodeId } = options;
  const report = (told: NodeReport) => console.log(reportLine(marker, told));
  // First: code that cannot be loaded must not join.
  const setUp = await loadApp(options.app);
  const network = new ReportingNetwork((port) => report({ type: "listening", port }));
  const system = await ClusteredActorSystem.start({
    name: options.systemName,
    nodeId,
    host,
    port: 0,
    advertisedPort: options.advertisedPort,
    seedNodes: options.seeds,
    addressMap: options.addressMap,
    tls: options.tls,
    whenDowned: "rejoin",
    // Its thread has a port of its own, which no partition would cut off.
    stallDetection: false,
    logger: consoleLogger(options.logLevel),
    runtime: { network },
  });
  network.tell();
  onStarted(system);
  const tellMembers = () => report({ type: "members", members: countUp(system) });
  for (const type of changes) system.eventStream.subscribe(type, tellMembers);
  // Also when a viewer of the dashboard makes the node leave.
  system.onShutdown("afterStop", "end the process", () => {
    void system.shutdown().then(() => platform.process.exit(0));
  });
  const board = await dashboard(system, { ...options.dashboard, actions: true });
  report({ type: "dashboard", port: board.port, url: board.openUrl });
  await setUp(system);
  tellMembers();
  report({ type: "up" });
  return system;
}

function countUp({ cluster }: ClusteredActorSystem): number {
  return cluster.state().members.filter(({ status, reachable }) => status === "up" && reachable)
    .length;
}

/**
 * The machine's network, which tells its port once. A node dials others when it accepts connections;
 * the port is open before, while the node checks that peers without a certificate are refused.
 */
class ReportingNetwork implements Network {
  readonly #onPort: (port: number) => void;
  #port: number | undefined;

  constructor(onPort: (port: number) => void) {
    this.#onPort = onPort;
  }

  dial(options: DialOptions): Promise<Link> {
    this.tell();
    return systemNetwork.dial(options);
  }

  async listen(options: ListenOptions): Promise<Listener> {
    const listener = await systemNetwork.listen(options);
    this.#port = listener.port;
    return listener;
  }

  /** Tells the port unless it was told. */
  tell(): void {
    if (this.#port !== undefined) this.#onPort(this.#port);
    this.#port = undefined;
  }
}

async function loadApp(url: string): Promise<UpApp> {
  // A full URL, so that what a registry says of computed imports does not matter here.
  const { default: setUp } = await import(url);
  if (typeof setUp === "function") return setUp;
  throw new UpError("badApp", `${url} has no function as its default export`, {
    value: url,
    remedy: "write `export default (system: ClusteredActorSystem) => { ... }`",
  });
}
