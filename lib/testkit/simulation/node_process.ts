import type { HandlerReports } from "../../actor/services/handler_reports.ts";
import { internalsOf } from "../../actor/system/system_internals.ts";
import type { ClusterOptions } from "../../cluster/node/cluster_options.ts";
import { ClusteredActorSystem } from "../../clustered_actor_system.ts";
import { type NodeInternals, nodeInternalsOf } from "../../node_internals.ts";
import type { MembershipView } from "../../membership/state/view.ts";
import type { Journal } from "../../persistence/journal.ts";
import type { Storage } from "../../runtime/storage.ts";
import type { OwnedShard } from "../../sharding/sharding.ts";
import type { NodeStatus, SimulatedNode } from "./simulated_node.ts";
import { SimulationError } from "./errors.ts";
import { DiskFaults } from "./disk_faults.ts";
import { SimulatedDisk } from "./simulated_disk.ts";
import type { EventLoop } from "./event_loop.ts";
import type { MachineClock } from "./machine_clock.ts";

/** The stores of a process. */
export interface NodeStores {
  /** The database of the simulation, as it reaches it. */
  readonly database: Journal;
  /** A file on the disk of its machine. */
  readonly disk: Journal;
}

/** Dependencies of a node on the simulation. */
export interface NodeSurroundings {
  /** Creates the options, event loop and storage of the next process at a host. */
  launch(
    node: NodeProcess,
    host: string,
  ): { options: ClusterOptions; loop: EventLoop; storage: Storage };
  /** What the system of its present process reports handlers to. */
  reports(node: NodeProcess): HandlerReports;
  /** Its process is gone. */
  onGone(node: NodeProcess): void;
  /** The node is up. */
  onUp(node: NodeProcess): void | Promise<void>;
  /** Its status has changed. */
  onStatus(node: NodeProcess): void;
  /** Its process has ended without a fault, or could not become a member. */
  onEnded(node: NodeProcess): void;
  /** User code on it has thrown. */
  onError(error: unknown): void;
  /** How many connections of the host are open. */
  links(host: string): number;
  /** Takes the host off the network. */
  crash(host: string, silently: boolean): void;
}

/** What has changed of a node. */
export interface NodeChanges {
  readonly view: boolean;
  readonly grants: boolean;
}

const unchanged: NodeChanges = { view: false, grants: false };

/** A node of a simulated cluster, and its process, which can be started many times. */
export class NodeProcess implements SimulatedNode {
  /** `"node-1"` and so on: stays the same when the node starts again. */
  readonly name: string;
  /** Place in `Simulation.nodes`, from 0. */
  readonly index: number;
  /** The disk of its machine, which stays when it starts again, also at another address. */
  readonly disk = new SimulatedDisk();
  /** The faults of the disks of its machine. */
  readonly diskFaults = new DiskFaults();
  readonly #machine: MachineClock;
  readonly #surroundings: NodeSurroundings;
  #host: string;
  #starts = 0;
  #status: NodeStatus = "stopped";
  #system: ClusteredActorSystem | undefined;
  #internals: NodeInternals | undefined;
  #loop: EventLoop | undefined;
  #storage: Storage | undefined;
  #stores: NodeStores | undefined;
  #seenView: MembershipView | undefined;
  #seenGrants = 0;
  /** Called when the process has ended. */
  #onGone: (() => void)[] = [];

  constructor(
    name: string,
    index: number,
    machine: MachineClock,
    surroundings: NodeSurroundings,
  ) {
    this.name = name;
    this.index = index;
    this.#host = name;
    this.#machine = machine;
    this.#surroundings = surroundings;
  }

  /** The host under which others reach it now. */
  get host(): string {
    return this.#host;
  }

  /** Its address, `"host:port"`. */
  get address(): string {
    return `${this.#host}:${simulatedPort}`;
  }

  /** How often its process was started. */
  get starts(): number {
    return this.#starts;
  }

  /** Its status. */
  get status(): NodeStatus {
    return this.#status;
  }

  /** Whether its process exists. */
  get alive(): boolean {
    return this.#loop?.alive ?? false;
  }

  /** Whether its event loop is paused. */
  get paused(): boolean {
    return this.#loop?.paused ?? false;
  }

  get frozen(): boolean {
    return this.#loop?.frozen ?? false;
  }

  /**
   * Its actor system, once `start` has resolved.
   *
   * @throws {SimulationError} code `notRunning`: it is starting, or has ended.
   */
  get system(): ClusteredActorSystem {
    if (this.#system !== undefined && this.alive) return this.#system;
    throw this.#notRunning();
  }

  /** The same, or undefined where that throws. */
  get running(): ClusteredActorSystem | undefined {
    return this.alive ? this.#system : undefined;
  }

  /**
   * The files of its process; see `SimulatedNode`.
   *
   * @throws {SimulationError} code `notRunning`: its process does not exist.
   */
  get storage(): Storage {
    if (this.#storage !== undefined && this.alive) return this.#storage;
    throw this.#notRunning();
  }

  /** The database, as its process reaches it; see `SimulatedNode`. */
  get journal(): Journal {
    return this.#storesNow().database;
  }

  /** A store on the disk of its machine; see `SimulatedNode`. */
  get diskJournal(): Journal {
    return this.#storesNow().disk;
  }

  /** Whether what it owns is suspended: kept, but no handler runs. */
  get suspended(): boolean {
    return this.#internals?.suspended ?? false;
  }

  /** Its view of the cluster; undefined while it is starting and after its end. */
  get view(): MembershipView | undefined {
    return this.alive && this.#status !== "stopped" ? this.#internals?.view : undefined;
  }

  /** The shards that it owns, as far as it knows. None after its end. */
  ownedShards(): readonly OwnedShard[] {
    if (!this.alive || this.#status === "stopped") return [];
    return this.#system?.sharding.ownedShards() ?? [];
  }

  /** Messages and bytes that wait in its queues for another node. */
  queuedFor(address: string): { readonly messages: number; readonly bytes: number } {
    if (!this.alive) return { messages: 0, bytes: 0 };
    return this.#internals?.remoting.endpoint.queued(address) ?? { messages: 0, bytes: 0 };
  }

  /** The event loop of its latest process. */
  get loop(): EventLoop | undefined {
    return this.#loop;
  }

  /** The clock of its machine. */
  get machine(): MachineClock {
    return this.#machine;
  }

  /** Gives the process that is about to start its stores, so that its options can name them. */
  equip(stores: NodeStores): void {
    this.#stores = stores;
  }

  /** Starts its process; at another host if one is given. */
  start(host: string = this.#host): void {
    if (this.alive) return;
    this.#host = host;
    const starts = ++this.#starts;
    this.#system = undefined;
    this.#internals = undefined;
    this.#seenView = undefined;
    const { options, loop, storage } = this.#surroundings.launch(this, host);
    this.#loop = loop;
    this.#storage = storage;
    this.#become("starting");
    ClusteredActorSystem.start(options).then(
      (system) => {
        if (this.#starts === starts && loop.alive) this.#onStarted(system, starts);
      },
      () => {
        if (this.#starts === starts && loop.alive) this.#onEnded();
      },
    );
  }

  /** Its process has ended. */
  crash(silently: boolean): void {
    if (!this.alive) return;
    this.#loop!.end();
    this.#surroundings.crash(this.#host, silently);
    this.#become("crashed");
    this.#gone();
  }

  /** Shuts it down gracefully; resolves when that is done, or its process has ended before. */
  async stop(): Promise<void> {
    if (!this.alive) return;
    if (this.#system === undefined) return this.crash(false);
    this.#become("stopping");
    const gone = new Promise<void>((resolve) => this.onceGone(resolve));
    await Promise.race([this.#system.shutdown(), gone]);
  }

  /** Calls back when the process has ended; at once if there is none. */
  onceGone(callback: () => void): void {
    if (this.alive) this.#onGone.push(callback);
    else callback();
  }

  /** The changes since the last call. */
  takeChanges(): NodeChanges {
    const view = this.view;
    const grants = this.#system?.sharding.ownedVersion ?? 0;
    // Asked after each event: most change nothing.
    if (view === this.#seenView && grants === this.#seenGrants) return unchanged;
    const changes = { view: view !== this.#seenView, grants: grants !== this.#seenGrants };
    this.#seenView = view;
    this.#seenGrants = grants;
    return changes;
  }

  #onStarted(system: ClusteredActorSystem, starts: number): void {
    this.#system = system;
    this.#internals = nodeInternalsOf(system);
    internalsOf(system).reportHandlers(this.#surroundings.reports(this));
    system.onShutdown("afterStop", "simulation", () => {
      if (this.#starts === starts && this.alive) this.#onEnded();
    });
    this.#become("up");
    try {
      const set = this.#surroundings.onUp(this);
      if (set instanceof Promise) set.catch((error) => this.#surroundings.onError(error));
    } catch (error) {
      this.#surroundings.onError(error);
    }
  }

  #storesNow(): NodeStores {
    if (this.#stores !== undefined) return this.#stores;
    throw this.#notRunning();
  }

  #notRunning(): SimulationError {
    return new SimulationError("notRunning", `${this.name} is ${this.#status}`, {
      value: this.name,
      remedy: 'look at its status first, or wait: sim.until(() => node.status === "up")',
    });
  }

  #onEnded(): void {
    const asked = this.#status === "stopping";
    this.#become("stopped");
    // A system that could not start was shut down already.
    const closed = this.#system?.shutdown() ?? Promise.resolve();
    const loop = this.#loop!;
    const latest = loop.now() + closingLimit;
    void closed.then(() => this.#exit(loop, latest));
    if (!asked) this.#surroundings.onEnded(this);
  }

  /** The process ends when what was written to its connections has been read, or too late. */
  #exit(loop: EventLoop, latest: number): void {
    if (!loop.alive) return;
    if (this.#surroundings.links(this.#host) > 0 && loop.now() < latest) {
      loop.schedule(closingPause, () => this.#exit(loop, latest));
      return;
    }
    loop.end();
    this.#surroundings.crash(this.#host, false);
    this.#gone();
  }

  #gone(): void {
    this.#stores = undefined;
    this.#surroundings.onGone(this);
    const callbacks = this.#onGone;
    this.#onGone = [];
    for (const callback of callbacks) callback();
  }

  #become(status: NodeStatus): void {
    this.#status = status;
    this.#surroundings.onStatus(this);
  }
}

/** The port of all simulated nodes. */
export const simulatedPort = 25_520;
/** Milliseconds between two checks whether the connections of an ending process are closed. */
const closingPause = 10;
/** Milliseconds after which a process ends although its connections are not closed. */
const closingLimit = 3_000;
