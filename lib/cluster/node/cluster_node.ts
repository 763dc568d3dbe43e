/**
 * A node: the connections and the membership of an actor system. What runs on top of a cluster
 * plugs in as a {@linkcode NodeExtension}.
 *
 * @module
 */
import { checkValue, resolveOptions, withDefaults } from "../../options/check_options.ts";
import {
  clusterDefaults,
  clusterTable,
  clusterWaitTable,
} from "../../options/tables/cluster_tables.ts";
import type { ActorSystem } from "../../actor/system/actor_system.ts";
import { internalsOf } from "../../actor/system/system_internals.ts";
import { isAlive, isLeaving, isWorking, type Member } from "../../membership/state/member.ts";
import type { MembershipView } from "../../membership/state/view.ts";
import type { Remoting } from "../../remoting/remoting.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import { barrierPath, Barriers } from "./barrier.ts";
import type { ClusterOptions } from "./cluster_options.ts";
import { ClusterServices } from "./cluster_services.ts";
import {
  ClusterError,
  type ClusterTimeoutError,
  joinRefused,
  quorumTimeout,
  seedsUnusable,
} from "../errors.ts";
import { explain, type ExplainFacts } from "./explanation.ts";
import { Gateway } from "../gateway/gateway.ts";
import { clientTopologyPath } from "../gateway/topology.ts";
import type { Lease } from "../lease/lease.ts";
import { ClientAddressExchange, clientAddressPath } from "./client_address_exchange.ts";
import { MemberGate } from "./member_gate.ts";
import { MembershipDriver } from "./membership_driver.ts";
import { membershipConfig } from "./membership_config.ts";
import { openConnections } from "./node_connections.ts";
import {
  describeSeeds,
  dynamicSeeds,
  listedSeeds,
  SeedResolver,
} from "../bootstrap/seed_source.ts";
import type { NodeExtensions } from "./node_extensions.ts";
import { logStart } from "./start_log.ts";
import { type StallDetection, stallDetectionOf } from "../stall/stall_detection.ts";
import { logStall } from "../stall/stall_log.ts";
import { ViewWaits } from "./view_waits.ts";

/** Path of membership messages. */
const membershipPath = "/_cluster";

/** See the module's text. */
export class ClusterNode {
  readonly #system: ActorSystem;
  readonly #runtime: Runtime;
  readonly #options: ClusterOptions;
  readonly #extensions: NodeExtensions;
  #remoting: Remoting | undefined;
  #driver: MembershipDriver | undefined;
  #barriers: Barriers | undefined;
  #gateway: Gateway | undefined;
  #services: ClusterServices | undefined;
  #clientAddresses: ClientAddressExchange | undefined;
  #stall: StallDetection | undefined;
  #seeds: SeedResolver | undefined;
  readonly #waits: ViewWaits;
  /** Addresses of all members, for quick checks. */
  #members: ReadonlySet<string> = new Set();
  /** Nodes that are members, or were and are still connected: what they have sent before counts. */
  readonly #admitted = new Set<string>();
  #lastRefusal = "";
  /** The incarnation that connections send in their hello. */
  #incarnation = 0;
  /** Whether it was up once, so that its stall thread may run. */
  #opened = false;
  /** Whether this node may bootstrap a cluster. */
  #bootstraps = true;

  /** Opens no ports and connections before `start`. */
  constructor(
    system: ActorSystem,
    options: ClusterOptions,
    runtime: Runtime,
    extensions: NodeExtensions,
  ) {
    this.#system = system;
    this.#options = options;
    this.#runtime = runtime;
    this.#waits = new ViewWaits(runtime.clock);
    this.#extensions = extensions;
  }

  /** This node's address, `"host:port"`. */
  get address(): string {
    return this.remoting.address;
  }

  /** This node's label. */
  get nodeId(): string {
    return this.#options.nodeId ?? this.address;
  }

  /** The current view of the cluster. */
  get view(): MembershipView {
    return this.#started(this.#driver).view;
  }

  /** What this node knows about its cluster, and why it was refused while it joined. */
  get facts(): ExplainFacts {
    const { view, health, missing, waiting, outlook } = this.#started(this.#driver);
    const seeds = listedSeeds(this.#options.seedNodes);
    return { view, health, missing, seeds, waiting, lastRefusal: this.#lastRefusal, outlook };
  }

  /** The connections. */
  get remoting(): Remoting {
    return this.#started(this.#remoting);
  }

  /**
   * Resolves when at least `count` members are up.
   *
   * @param timeout milliseconds. Default 60 000.
   * @throws {ClusterTimeoutError} code `quorumTimeout`.
   */
  waitFor(count: number, options: { timeout?: number } = {}): Promise<void> {
    const { timeout } = resolveOptions(clusterWaitTable, options);
    checkCount(count);
    return this.#waitUntil(
      () => this.#up() >= count,
      timeout,
      () => this.#quorumTimeout(count, timeout),
    );
  }

  /**
   * Waits until `count` parties in the cluster wait at the same name, then releases all. The name
   * can be used again at once. Each call is one party.
   *
   * @param timeout milliseconds. Default 60 000.
   * @throws {ClusterTimeoutError} code `barrierTimeout`.
   * @throws {ClusterError} code `barrierConflict`: others expect another number.
   */
  barrier(
    name: string,
    count: number,
    options: { timeout?: number } = {},
  ): Promise<void> {
    const { timeout } = resolveOptions(clusterWaitTable, options);
    checkCount(count);
    return this.#started(this.#barriers).wait(name, count, timeout);
  }

  /** Opens connections, joins, waits for the quorum. If it fails, the caller closes the node. */
  async open(): Promise<void> {
    await this.#openConnections();
    this.#driver!.start();
    this.#resolveSeeds();
    const { requiredQuorum, startTimeout } = withDefaults(clusterDefaults, this.#options);
    await this.#waitUntil(
      () => isWorking(this.view.self) && this.#up() >= requiredQuorum,
      startTimeout,
      () => this.#quorumTimeout(requiredQuorum, startTimeout),
    );
    this.#opened = true;
    logStart(this.#runtime.logger, {
      address: this.address,
      nodeId: this.nodeId,
      cluster: this.#options.name,
      members: this.#up(),
      tls: this.#options.tls,
    });
    // Not before: loading the thread must not slow down the formation of the cluster.
    this.#stall?.start(this.view.self.incarnation);
  }

  /**
   * Joins the cluster again with a new incarnation, after this node was declared down. Resolves when
   * it is up.
   *
   * @throws {ClusterError} code `notDowned`.
   */
  async rejoin(): Promise<void> {
    const { self, members } = this.view;
    if (self.status !== "down") {
      throw new ClusterError("notDowned", `${self.address} is ${self.status} and not down`, {
        remedy: "call rejoin only after the node was declared down",
      });
    }
    // On the minority side of a partition, a bootstrap would make a second cluster.
    this.#joinAgain(members.map(({ address }) => address), false);
    const { startTimeout = clusterDefaults.startTimeout } = this.#options;
    await this.#waitUntil(
      () => isWorking(this.view.self),
      startTimeout,
      () => this.#quorumTimeout(1, startTimeout),
    );
  }

  /** Joins with a new incarnation. `contacts` may be members. */
  #joinAgain(contacts: readonly string[], bootstraps: boolean): void {
    const incarnation = Math.max(this.view.self.incarnation + 1, this.#wallTime());
    this.#connectAs(incarnation);
    const config = membershipConfig(this.#options, this.address, incarnation);
    this.#driver!.rejoin({ ...config, wallTime: this.#wallTime(), contacts, bootstraps });
    this.#bootstraps = bootstraps;
    this.#resolveSeeds();
    if (this.#opened) this.#stall?.start(incarnation);
  }

  /** Connections say the incarnation from now on: peers take none of it for that of another run. */
  #connectAs(incarnation: number): void {
    this.#incarnation = incarnation;
    const { endpoint } = this.remoting;
    for (const { address } of endpoint.peers()) {
      endpoint.disconnect(address, "restarting with a new incarnation");
    }
  }

  /** Looks the seeds up, unless they are a list, until this node leaves. */
  #resolveSeeds(): void {
    const { seedNodes } = this.#options;
    this.#seeds?.stop();
    if (!dynamicSeeds(seedNodes)) return;
    const isMember = () => this.view.clusterId !== undefined && isWorking(this.view.self);
    this.#seeds = new SeedResolver(
      this.#runtime,
      seedNodes,
      (seeds) => this.#driver?.seeds(seeds),
      isMember,
    );
    void this.#seeds.start();
  }

  /**
   * An operator has decided that another member is down; `why` says who, and why. Returns whether it was a
   * live member.
   */
  declareDown(address: string, why: string): boolean {
    const driver = this.#started(this.#driver);
    const member = driver.view.members.find((candidate) => candidate.address === address);
    if (member === undefined || !isAlive(member) || address === this.address) return false;
    driver.declareDown(address, why);
    return true;
  }

  /** Leaves the cluster. Connections stay open for remaining messages. */
  async leave(): Promise<void> {
    this.#seeds?.stop();
    if (this.#driver !== undefined) {
      this.#gateway?.drain();
      const { leaveTimeout = clusterDefaults.leaveTimeout } = this.#options;
      // First nothing new arrives, then what has arrived is done, and only then the actors stop.
      await Promise.all([
        this.#extensions.beforeLeave(leaveTimeout),
        this.#services?.withdraw(leaveTimeout),
      ]);
      await this.#driver.leave();
      this.#driver.stop();
      this.#extensions.afterLeave();
    }
    this.#barriers?.stop();
    this.#waits.giveUp();
  }

  /** Closes all connections after flushing queued messages. */
  async close(): Promise<void> {
    this.#services?.stop();
    this.#clientAddresses?.stop();
    await Promise.all([this.#stall?.close(), this.#remoting?.close()]);
  }

  async #openConnections(): Promise<void> {
    const options = this.#options;
    const runtime = this.#runtime;
    const incarnation = this.#wallTime();
    this.#incarnation = incarnation;
    const memberGate = new MemberGate({
      isMember: (address) => this.#members.has(address),
      now: () => runtime.clock.now(),
      log: internalsOf(this.#system).limitedLog,
    });
    const remoting = await openConnections(this.#system, options, runtime, {
      incarnation: () => this.#incarnation,
      onUnreachable: ({ address, reason, isDefinite }) => {
        this.#lastRefusal = `${address}: ${reason}`;
        this.#driver?.unreachable(address, reason, isDefinite);
      },
      onAlias: (of, address) => this.#driver?.alias(of, address),
      mayReach: (address) => this.#members.has(address),
      admitsNode: (address) => this.#admitted.has(address),
      onForeignNode: ({ address }, path, message, deliver, refuse) => {
        memberGate.wait(address, path, message, deliver, refuse);
      },
      onPeerDown: (peer, cut) => {
        const { address, incarnation } = peer;
        if (peer.role === "client") return gateway.onPeerDown(address);
        const isConnected = remoting.endpoint.isConnected(address);
        // A node may have subscribed as clients do.
        if (!isConnected) gateway.onPeerDown(address);
        if (!isConnected && !this.#members.has(address)) this.#admitted.delete(address);
        const isCutOff = cut && !isConnected;
        this.#driver?.peerGone(address, isCutOff ? incarnation : undefined);
      },
      onSignOfLife: (peer) => {
        if (peer.role === "node") this.#driver?.signOfLife(peer.address);
      },
    });
    this.#remoting = remoting;
    const driver = new MembershipDriver(
      runtime,
      { ...membershipConfig(options, remoting.address, incarnation), wallTime: incarnation },
      {
        send: (to, message) => remoting.send(to, membershipPath, 0, message),
        publish: (event) => this.#system.eventStream.publish(event),
        beat: () => this.#stall?.beat(),
        stoodStill: (ms) => logStall(this.#system, ms),
        probeStall: async (address, incarnation, port) =>
          await this.#stall?.ask(address, incarnation, port) ?? { outcome: "unknown", ms: 0 },
        portsRefuse: async (address, incarnation, stallPort) =>
          await this.#stall?.portsRefuse(address, incarnation, stallPort) ?? false,
        lease: leaseOf(options.downing, runtime),
        downed: () => this.#onDowned(),
        // Not within the step that reports it. A node that was downed before bootstraps no cluster.
        clusterLost: (contacts) =>
          runtime.clock.defer(() => this.#joinAgain(contacts, this.#bootstraps)),
        joinFailed: (reason, cause) => {
          const error = cause === "rejected" ? joinRefused : seedsUnusable;
          this.#waits.giveUp(error(remoting.address, reason));
        },
        incarnationRaised: (incarnation) => this.#connectAs(incarnation),
        joinRefused: (seed, code, reason) => {
          this.#lastRefusal = `${seed} rejected this node: ${reason} (${code})`;
          runtime.logger.log("warn", "cluster", "join rejected by a seed", { seed, code, reason });
        },
      },
    );
    this.#driver = driver;
    if (options.stallDetection ?? clusterDefaults.stallDetection) {
      this.#stall = stallDetectionOf(runtime, options, (port) => driver.stallResponder(port));
    }
    const clientAddresses = this.#openClientAddresses(remoting, memberGate);
    const gateway = this.#openGateway(remoting, driver, memberGate);
    const barriers = this.#openBarriers(remoting, driver, memberGate);
    remoting.handleNodes(
      membershipPath,
      (peer, message) => driver.receive(peer.address, message),
      { open: true },
    );
    const { roles = [] } = options;
    const { nodeId } = this;
    const [system, view] = [this.#system, () => driver.view];
    this.#extensions.install({ system, runtime, remoting, nodeId, roles, view, memberGate });
    let leader: string | undefined;
    driver.onView((view) => {
      this.#members = new Set(view.members.map(({ address }) => address));
      this.#admit(remoting);
      const alive = view.members.filter(isAlive);
      // Before it has joined and after it has left, a node has no view of other members.
      if (alive.some(({ address }) => address === remoting.address)) {
        remoting.onMembers(
          new Map(alive.map((member) => [member.address, member.incarnation])),
          addressesOf(alive.filter(isLeaving)),
          addressesOf(view.members.filter(({ status }) => status === "down")),
        );
      }
      clientAddresses.onMembers(
        new Map(
          alive.filter(({ address }) => address !== remoting.address)
            .map(({ address, incarnation }) => [address, incarnation]),
        ),
        view.unreachable,
        alive.some(({ address }) => address === remoting.address),
      );
      memberGate.onMembers();
      this.#services?.onView(view);
      gateway.onChange();
      this.#extensions.onView(view);
      if (view.leader !== leader) {
        leader = view.leader;
        barriers.onLeaderChanged();
      }
    });
  }

  /** A node that has left passes its last messages on; then it is forgotten. */
  #admit(remoting: Remoting): void {
    for (const address of this.#members) this.#admitted.add(address);
    for (const address of this.#admitted) {
      if (!this.#members.has(address) && !remoting.endpoint.isConnected(address)) {
        this.#admitted.delete(address);
      }
    }
  }

  #openClientAddresses(remoting: Remoting, memberGate: MemberGate): ClientAddressExchange {
    const { clock } = this.#runtime;
    const { endpoint } = remoting;
    const exchange = new ClientAddressExchange({
      registry: endpoint.clientAddresses,
      now: () => clock.now(),
      schedule: (delay, task) => clock.schedule(delay, task),
      send: (to, message) => remoting.send(to, clientAddressPath, 0, message),
      disconnect: (address) =>
        endpoint.disconnect(address, "its address belongs to another client"),
    });
    remoting.handleNodes(clientAddressPath, ({ address }, message) => {
      memberGate.pass(address, clientAddressPath, message, () => {
        exchange.receive(address, message);
      });
    });
    this.#clientAddresses = exchange;
    return exchange;
  }

  /** Registers the handlers of the paths that clients may use. */
  #openGateway(remoting: Remoting, driver: MembershipDriver, memberGate: MemberGate): Gateway {
    const services: ClusterServices = new ClusterServices({
      system: this.#system,
      remoting,
      memberGate,
      runtime: this.#runtime,
      changed: () => gateway.onChange(),
      whenConfirmed: (callback) => gateway.whenConfirmed(callback),
    });
    const gateway = new Gateway({
      remoting,
      view: () => driver.view,
      services: () => services.all(),
      defer: (task) => this.#runtime.clock.defer(task),
      now: () => this.#runtime.clock.now(),
    });
    // The path at which clients receive messages of the gateway.
    remoting.reserve(clientTopologyPath, { grants: false, own: true });
    this.#gateway = gateway;
    this.#services = services;
    return gateway;
  }

  #openBarriers(
    remoting: Remoting,
    driver: MembershipDriver,
    memberGate: MemberGate,
  ): Barriers {
    const barriers = new Barriers(this.#runtime, {
      self: remoting.address,
      leader: () => driver.view.leader,
      members: () => driver.view.members.map(({ address }) => address),
      send: (to, message) => remoting.send(to, barrierPath, 0, message),
    });
    this.#barriers = barriers;
    remoting.handleNodes(barrierPath, ({ address }, message) => {
      memberGate.pass(address, barrierPath, message, () => barriers.receive(address, message));
    });
    return barriers;
  }

  #onDowned(): void {
    const { whenDowned = clusterDefaults.whenDowned } = this.#options;
    if (whenDowned === "shutdown") return void this.#system.shutdown();
    if (whenDowned === "wait") return;
    // Not within the step that reported the downing.
    this.#runtime.clock.defer(() =>
      void this.rejoin().catch((error) => {
        // The machine keeps retrying.
        this.#runtime.logger.log("warn", "cluster", "rejoin timed out; retrying", { error });
      })
    );
  }

  #wallTime(): number {
    return Math.max(1, Math.floor(this.#runtime.clock.wallTime()));
  }

  #waitUntil(condition: () => boolean, timeout: number, late: () => Error): Promise<void> {
    const driver = this.#started(this.#driver);
    return this.#waits.until(condition, (listener) => driver.onView(listener), timeout, late);
  }

  #up(): number {
    return this.view.members.filter(({ status }) => status === "up").length;
  }

  #quorumTimeout(wanted: number, timeout: number): ClusterTimeoutError {
    const { address } = this;
    const joined = this.view.clusterId !== undefined;
    const waiting = joined ? explain(this.facts, "joining") : this.#driver?.waiting ?? [];
    // A member's last failure may be that of a seed which it has not needed.
    const failure = this.#lastRefusal;
    const reason = failure.slice(failure.indexOf(": ") + 2);
    const isTold = joined || failure === "" || waiting.some((line) => line.includes(reason));
    const last = isTold ? "" : `last failure: ${failure}`;
    return quorumTimeout({
      address,
      wanted,
      up: this.#up(),
      joined,
      answered: this.#driver?.answered ?? false,
      seedsKnown: this.#driver?.knowsSeeds ?? true,
      timeout,
      seeds: describeSeeds(this.#options.seedNodes),
      reasons: [...waiting, last, this.#seeds?.failure ?? ""],
    });
  }

  #started<T>(part: T | undefined): T {
    if (part !== undefined) return part;
    throw new ClusterError("notStarted", "the node has not started", {
      remedy: "use what ClusteredActorSystem.start has resolved with",
    });
  }
}

function addressesOf(members: readonly Member[]): Set<string> {
  return new Set(members.map(({ address }) => address));
}

function leaseOf(downing: ClusterOptions["downing"], runtime: Runtime): Lease | undefined {
  if (downing === undefined || !("lease" in downing)) return undefined;
  const { lease } = downing;
  return lease.bind?.(runtime) ?? lease;
}

/** How many members or parties are waited for. */
function checkCount(count: number): void {
  checkValue("count", clusterTable.options.requiredQuorum.type, count);
}
