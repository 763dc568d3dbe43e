import { refusedOption } from "../../options/explain.ts";
import { checkOptions, resolveOptions } from "../../options/check_options.ts";
import {
  convergedTable,
  faultsOverTable,
  latencyDefaults,
  simulatedClientTable,
  simulationDefaults,
  untilTable,
} from "../../options/tables/testkit_tables.ts";
import type { ClusterOptions } from "../../cluster/node/cluster_options.ts";
import { ClusterClient } from "../../client/cluster_client.ts";
import type { MemberDowned } from "../../membership/state/member_event.ts";
import type { Logger } from "../../runtime/logger.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import type { Storage } from "../../runtime/storage.ts";
import { MemoryNetwork } from "../../transport/memory/memory_network.ts";
import { SeededRandom } from "../seeded_random.ts";
import { DiskJournal } from "./disk_journal.ts";
import { DiskFaults } from "./disk_faults.ts";
import type { DoubleOwnership } from "./double_ownership.ts";
import { EntityRuns } from "./entity_runs.ts";
import { EventLoop } from "./event_loop.ts";
import type { Fault } from "./fault.ts";
import { checkFaults } from "./fault_check.ts";
import { FaultInjector } from "./fault_injector.ts";
import { MachineClock } from "./machine_clock.ts";
import { NodeHealth } from "./node_health.ts";
import type { NodeOptions, SimulationSetup } from "./scenario.ts";
import { NodeProcess, simulatedPort } from "./node_process.ts";
import type { Downing, SimulatedClientOptions, Simulation } from "./simulation.ts";
import { DatabaseServer } from "./simulated_database.ts";
import { SimulatedDisk } from "./simulated_disk.ts";
import type { SimulatedNode } from "./simulated_node.ts";
import { SimulatedStorage } from "./simulated_storage.ts";
import { SimulatedStallProbes } from "./simulated_stall_probes.ts";
import { TraceHash } from "./trace_hash.ts";
import { SimulationTime } from "./simulation_time.ts";
import { Waiters } from "./waiters.ts";

/** Bytes that the systems at both ends of a connection hold, as Linux does by default. */
const socketBuffer = 262_144;
/** Name of the simulated system, for clients. */
const systemName = "simulation";
/** Nodes that all nodes know before they join. */
const seedCount = 3;
/** Folder of the disk that all machines have in common. */
const sharedFolder = "/shared";
/** A time longer than any simulation. */
const never = 0x7fff_ffff;

/** A cluster in one process on virtual time, as a scenario sees it. */
export class SimulatedWorld implements Simulation {
  /** Seed of all randomness. */
  readonly seed: number | string;
  /** Chance for the scenario. */
  readonly random: SeededRandom;
  /** All nodes, in whatever state. */
  readonly nodes: readonly NodeProcess[];
  /** Members that were declared down so far, each once. */
  readonly downings: readonly Downing[] = [];
  /** The network under the nodes. */
  readonly network: MemoryNetwork;
  /** The time of the world. */
  readonly time: SimulationTime;
  /** Begins and ends faults. */
  readonly injector: FaultInjector;
  /** A hash of all events. */
  readonly trace = new TraceHash();
  /** The database that all nodes have in common. */
  readonly database: DatabaseServer;
  /** Errors thrown outside the promise of the scenario. */
  error: { readonly thrown: unknown } | undefined;
  readonly #setup: SimulationSetup;
  readonly #chance: SeededRandom;
  readonly #stallProbes: SimulatedStallProbes;
  /** The disk that all machines have mounted under `sharedFolder`. */
  readonly #sharedDisk = new SimulatedDisk();
  readonly #diskChance: SeededRandom;
  readonly #byHost = new Map<string, NodeProcess>();
  readonly #names: ReadonlySet<string>;
  readonly #health: NodeHealth;
  readonly #entityRuns = new EntityRuns(() => this.now);
  readonly #log: (line: string) => void;
  readonly #waiters: Waiters;
  readonly #downed = new Set<string>();
  /** Indices of nodes that a supervisor will start again. */
  readonly #comingBack = new Set<number>();
  #zero = 0;
  #clients = 0;
  #statusChanged = true;

  /** Nothing runs yet. */
  constructor(seed: number | string, setup: SimulationSetup, log: (line: string) => void) {
    this.seed = seed;
    this.#setup = setup;
    this.#log = log;
    this.#chance = new SeededRandom(seed);
    this.random = this.#chance.fork("scenario");
    this.#diskChance = this.#chance.fork("disk");
    this.#sharedDisk.makeFolder(sharedFolder, "");
    this.time = new SimulationTime(this.trace);
    this.database = new DatabaseServer(this.time, this.#chance.fork("database"));
    this.#waiters = new Waiters(this.time);
    this.network = new MemoryNetwork({
      clock: this.time,
      random: this.#chance.fork("network"),
      latency: setup.latency ?? latencyDefaults,
      travel: (from, to, drawn) => this.injector.travel(from, to, drawn),
      socketBuffer,
      observe: (from, to, kind, bytes) => {
        this.trace.text(from);
        this.trace.text(to);
        this.trace.text(kind);
        if (bytes !== undefined) this.trace.bytes(bytes);
      },
    });
    this.#stallProbes = new SimulatedStallProbes(this.time, this.network);
    const count = setup.nodes ?? simulationDefaults.nodes;
    this.nodes = Array.from({ length: count }, (_, index) => this.#makeNode(index));
    this.#names = new Set(this.nodes.map(({ name }) => name));
    for (const node of this.nodes) this.#byHost.set(node.name, node);
    this.#health = new NodeHealth(
      this.nodes,
      setup.health ?? {},
      (from, to) => this.network.isCut(from, to),
    );
    this.injector = this.#makeInjector();
  }

  /** Virtual milliseconds since the scenario began; below 0 while the cluster forms. */
  get now(): number {
    return this.time.now() - this.#zero;
  }

  /** Entities that two nodes have run, each pair of instances once. */
  get doubleOwnerships(): readonly DoubleOwnership[] {
    return this.#entityRuns.found;
  }

  /**
   * A node by its name.
   *
   * @throws {OptionError} if there is none of the name.
   */
  node(name: string): NodeProcess {
    const node = this.nodes.find((candidate) => candidate.name === name);
    if (node !== undefined) return node;
    throw refusedOption("name", name, `use node-1 to node-${this.nodes.length}`);
  }

  /** Whether packets get from one node to another now, and both run. */
  reaches(from: SimulatedNode, to: SimulatedNode): boolean {
    const run = from.alive && to.alive && !from.paused && !to.paused;
    return run && !this.network.isCut(from.host, to.host);
  }

  /** Resolves after `duration` virtual milliseconds. */
  sleep(duration: number): Promise<void> {
    return new Promise((resolve) => void this.time.schedule(duration, resolve));
  }

  /** Resolves when a condition holds. */
  until(
    condition: () => boolean,
    options: { readonly limit?: number; readonly what?: string } = {},
  ): Promise<void> {
    const { limit, what } = resolveOptions(untilTable, options);
    return this.#waiters.wait(condition, limit, what ?? condition.toString());
  }

  /** Resolves when no fault is active or pending, and all nodes that should run are up. */
  faultsOver(options: { readonly limit?: number } = {}): Promise<void> {
    const { limit = never } = resolveOptions(faultsOverTable, options);
    return this.until(() => this.injector.outstanding === 0, {
      limit,
      what: "all faults are over",
    });
  }

  /** Resolves when all nodes that are up agree that exactly they are the members, and on the leader. */
  converged(options: { readonly limit?: number } = {}): Promise<void> {
    const { limit } = resolveOptions(convergedTable, options);
    return this.until(() => this.#isConverged(), {
      limit,
      what: "all nodes that should run do, and agree on the members",
    });
  }

  /**
   * Has something go wrong now. `at` counts from now.
   *
   * @throws {SimulationError} code `badFault`.
   */
  inject(fault: Fault): void {
    checkFaults([fault], this.#names);
    this.injector.schedule(fault);
  }

  /** Starts a node that has ended or crashed. */
  start(node: SimulatedNode): void {
    this.node(node.name).start();
  }

  /** A client on a separate host, connected to the cluster. It is closed with the simulation. */
  connect(options: SimulatedClientOptions = {}): Promise<ClusterClient> {
    const host = `client-${++this.#clients}`;
    const loop = new EventLoop(-1, this.time, new MachineClock(this.time));
    checkOptions(simulatedClientTable, options);
    return ClusterClient.connect({
      contactPoints: this.#seeds(),
      ...options,
      systemName,
      runtime: this.#runtime(host, loop, new SimulatedDisk(), new DiskFaults(), 1),
    });
  }

  /** Adds a text to the trace. */
  note(text: string): void {
    this.trace.text(text);
  }

  /** Starts all nodes. */
  startAll(): void {
    const { startSpread = simulationDefaults.startSpread } = this.#setup;
    const chance = this.#chance.fork("start");
    for (const node of this.nodes) {
      this.time.schedule(chance.next() * startSpread, () => node.start());
    }
  }

  /** Starts the time of the scenario. */
  begin(faults: readonly Fault[]): void {
    this.#zero = this.time.now();
    checkFaults(faults, this.#names);
    for (const fault of faults) this.injector.schedule(fault);
    this.#health.update(this.now);
  }

  /** Whether all nodes are up and see all others up. */
  isFormed(): boolean {
    return this.nodes.every(({ status, view }) =>
      status === "up" &&
      view?.members.filter((member) => member.status === "up").length === this.nodes.length
    );
  }

  /** To be called after each event: returns the changes, if there are any. */
  afterEvent(): { view: boolean; shards: boolean } {
    const owner = this.time.lastLoop?.owner ?? -1;
    const changes = this.nodes[owner]?.takeChanges();
    const status = this.#statusChanged;
    this.#statusChanged = false;
    this.#waiters.look();
    return { view: status || !!changes?.view, shards: status || !!changes?.grants };
  }

  /** To be called at intervals: some of what is watched also depends on time. */
  lookAround(): void {
    this.#health.update(this.now);
    this.#entityRuns.scan();
  }

  /** Ends all nodes at once. */
  end(): void {
    for (const node of this.nodes) node.crash(true);
  }

  #makeNode(index: number): NodeProcess {
    const machine = new MachineClock(this.time);
    const { setup, restartEnded = simulationDefaults.restartEnded } = this.#setup;
    return new NodeProcess(`node-${index + 1}`, index, machine, {
      launch: (node, host) => this.#launch(node, host),
      reports: (node) => this.#entityRuns.reportsOf(node),
      onGone: (node) => this.#entityRuns.onGone(node.name, node.starts),
      onUp: (node) => {
        node.running?.eventStream.subscribe("memberDowned", (event) => {
          this.#onDowned(event as unknown as MemberDowned);
        });
        return setup?.(node);
      },
      onStatus: () => {
        this.#statusChanged = true;
        this.#health.update(this.now);
      },
      onEnded: (node) => {
        if (restartEnded === false) return;
        this.#comingBack.add(node.index);
        this.time.schedule(restartEnded, () => this.#comeBack(node, node.starts));
      },
      onError: (thrown) => this.error ??= { thrown },
      links: (host) => this.network.links(host),
      crash: (host, silently) => this.network.crash(host, { silently }),
    });
  }

  #comeBack(node: NodeProcess, starts: number): void {
    // Its connections are still being closed in order.
    if (node.alive && node.starts === starts) {
      return node.onceGone(() => this.#comeBack(node, starts));
    }
    this.#comingBack.delete(node.index);
    node.start();
  }

  #makeInjector(): FaultInjector {
    let hosts = 0;
    return new FaultInjector({
      time: this.time,
      network: this.network,
      random: this.#chance.fork("faults"),
      node: (name) => this.node(name),
      nameOf: (host) => this.#byHost.get(host)?.name ?? host,
      storeFaults: this.database.faults,
      failDisks: ({ name, disk }, outcome) => {
        disk.fail(name, outcome, this.#diskChance);
        this.#sharedDisk.fail(name, outcome, this.#diskChance);
      },
      newHost: (node) => `${node.name}-new-${++hosts}`,
      onChange: (fault, active) => this.#health.update(this.now, fault, active),
    });
  }

  #launch(node: NodeProcess, host: string): {
    options: ClusterOptions;
    loop: EventLoop;
    storage: Storage;
  } {
    if (!this.#byHost.has(host)) {
      this.#byHost.set(host, node);
      this.time.schedule(0, () => this.injector.onNewHost(node));
    }
    const loop = new EventLoop(node.index, this.time, node.machine);
    const runtime: Runtime = {
      ...this.#runtime(host, loop, node.disk, node.diskFaults, node.starts),
      stallProbe: this.#stallProbes.probe(host, loop),
      inbound: (from, path, deliver) => this.injector.inbound(node, from, path, deliver),
    };
    node.equip({
      database: this.database.journalOf({
        node: node.name,
        enter: loop.enter,
        alive: () => loop.alive,
      }),
      disk: new DiskJournal({
        storage: runtime.storage,
        clock: loop,
        machine: node.name,
        path: "/journal",
        ledger: this.database.ledger,
      }),
    });
    const { cluster = {} } = this.#setup;
    const own: NodeOptions = typeof cluster === "function" ? cluster(node) : cluster;
    const options = {
      seedNodes: this.#seeds(),
      startTimeout: never,
      ...own,
      name: systemName,
      nodeId: node.name,
      host,
      port: simulatedPort,
      runtime,
      logger: own.logger ?? runtime.logger,
    };
    return { options, loop, storage: runtime.storage };
  }

  #runtime(
    host: string,
    loop: EventLoop,
    disk: SimulatedDisk,
    faults: DiskFaults,
    pid: number,
  ): Runtime {
    const network = this.network.host(host, { clock: loop, enter: loop.enter });
    const machine = this.#byHost.get(host)?.name ?? host;
    return {
      clock: loop,
      random: this.#chance.fork(`${host} ${this.time.now()}`),
      logger: this.#logger(host),
      network,
      storage: new SimulatedStorage({
        disk: (path) => isShared(path) ? this.#sharedDisk : disk,
        clock: this.time,
        random: this.#diskChance,
        faults,
        self: { host: machine, pid, startedAt: Math.floor(this.time.wallTime()) },
        enter: loop.enter,
        alive: () => loop.alive,
      }),
    };
  }

  #logger(host: string): Logger {
    return {
      log: (level, source, message, fields) => {
        if (level !== "warn" && level !== "error") return;
        // Of course it is.
        if (message.startsWith("without TLS")) return;
        this.#log(
          `${this.now.toFixed(0)} ${host} ${level} ${source}: ${message} ${fieldsText(fields)}`,
        );
      },
    };
  }

  /** The current addresses of the first nodes, like a name service. */
  #seeds(): string[] {
    return this.nodes.slice(0, seedCount).map(({ address }) => address);
  }

  #onDowned({ member, evidence }: MemberDowned): void {
    const { address, incarnation } = member;
    const key = `${address} ${incarnation}`;
    if (this.#downed.has(key)) return;
    this.#downed.add(key);
    const node = this.#byHost.get(address.slice(0, address.lastIndexOf(":")));
    // If a node has a new address, its old one is really dead.
    const isCurrent = node?.address === address && node.view?.self.incarnation === incarnation;
    const healthy = isCurrent && this.#health.isHealthy(node, this.now);
    const { by, why } = evidence;
    (this.downings as Downing[]).push({ at: this.now, address, incarnation, by, why, healthy });
  }

  /** Whether the node runs, or will be started, and is not up yet. */
  #isExpected({ status, index }: NodeProcess): boolean {
    return status === "starting" || status === "stopping" || this.#comingBack.has(index);
  }

  #isConverged(): boolean {
    // Asked after each event: it allocates nothing until the numbers are right.
    let up = 0;
    for (const node of this.nodes) {
      if (node.status === "up") up++;
      else if (this.#isExpected(node)) return false;
    }
    const leader = this.nodes.find(({ status }) => status === "up")?.view?.leader;
    for (const { status, view } of this.nodes) {
      if (status !== "up") continue;
      if (view?.leader !== leader || view?.members.length !== up) return false;
      if (view.unreachable.size > 0) return false;
    }
    const addresses = new Set<string>();
    for (const { status, address } of this.nodes) if (status === "up") addresses.add(address);
    return up > 0 &&
      this.nodes.every(({ status, view }) =>
        status !== "up" ||
        view!.members.every(({ address, status }) => status === "up" && addresses.has(address))
      );
  }
}

function isShared(path: string): boolean {
  return path === sharedFolder || path.startsWith(`${sharedFolder}/`);
}

function fieldsText(fields: unknown): string {
  try {
    return fields === undefined ? "" : JSON.stringify(fields) ?? "";
  } catch {
    return String(fields);
  }
}
