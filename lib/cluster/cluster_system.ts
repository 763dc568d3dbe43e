/**
 * A node: the local actor system, its connections, its membership. What runs on top of a cluster
 * (sharding, later more) is added by `lib/clustered_actor_system.ts`, which knows all layers.
 *
 * @module
 */
import { ActorSystem } from "../actor/actor_system.ts";
import type { MembershipView } from "../membership/view.ts";
import type { Member } from "../membership/member.ts";
import { Remoting } from "../remoting/remoting.ts";
import { consoleLogger } from "../runtime/logger.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { systemRuntime } from "../transport/system_runtime.ts";
import { barrierPath, Barriers } from "./barrier.ts";
import { checkClusterOptions, type ClusterOptions } from "./cluster_options.ts";
import { ClusterError, ClusterTimeoutError } from "./errors.ts";
import { Gateway } from "./gateway.ts";
import { MembershipDriver } from "./membership_driver.ts";
import { membershipConfig } from "./membership_config.ts";

/** Where nodes talk about membership. */
const membershipPath = "/_cluster";

/** See the module's text. */
export abstract class ClusterSystem extends ActorSystem {
  /** Clock, chance, network and log of this node. */
  protected readonly clusterRuntime: Runtime;
  readonly #options: ClusterOptions;
  #remoting: Remoting | undefined;
  #driver: MembershipDriver | undefined;
  #barriers: Barriers | undefined;
  #shutdown: Promise<void> | undefined;
  #lastRefusal = "";

  /** Checks the options; opens nothing. */
  protected constructor(options: ClusterOptions) {
    checkClusterOptions(options);
    const runtime = systemRuntime({
      logger: options.logger ?? consoleLogger("warn"),
      ...options.runtime,
    });
    super({ name: options.name, runtime });
    this.clusterRuntime = runtime;
    this.#options = options;
  }

  /** This node's address, `"host:port"`. */
  get address(): string {
    return this.remoting.address;
  }

  /** This node's label. */
  get nodeId(): string {
    return this.#options.nodeId ?? this.address;
  }

  /** The members that this node knows of, oldest first. */
  get members(): readonly Member[] {
    return this.view.members;
  }

  /** Address of the member that leads, if this node knows one. */
  get leader(): string | undefined {
    return this.view.leader;
  }

  /**
   * Resolves when at least `count` members are up.
   *
   * @param timeout milliseconds. Default 60 000.
   * @throws {ClusterTimeoutError} code `quorumTimeout`.
   */
  waitFor(count: number, { timeout = 60_000 }: { timeout?: number } = {}): Promise<void> {
    const up = () => this.view.members.filter(({ status }) => status === "up").length;
    if (up() >= count) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const stop = this.driver.onView(() => {
        if (up() < count) return;
        timer.cancel();
        stop();
        resolve();
      });
      const timer = this.clusterRuntime.clock.schedule(timeout, () => {
        stop();
        reject(this.#quorumTimeout(count, up(), timeout));
      });
    });
  }

  /**
   * Waits until `count` parties in the cluster wait at the same name, then lets all go on. The
   * name can be used again at once. Each call is one party.
   *
   * @param timeout milliseconds. Default 60 000.
   * @throws {ClusterTimeoutError} code `barrierTimeout`.
   * @throws {ClusterError} code `barrierConflict`: others expect another number.
   */
  barrier(
    name: string,
    count: number,
    { timeout = 60_000 }: { timeout?: number } = {},
  ): Promise<void> {
    return this.#barriers!.wait(name, count, timeout);
  }

  /** Leaves the cluster, stops all actors, closes all connections. */
  override shutdown(): Promise<void> {
    this.#shutdown ??= this.#shutdownOnce();
    return this.#shutdown;
  }

  /** Called when connections are open and before this node joins. */
  protected abstract install(remoting: Remoting): void;
  /** Called with every new view of the cluster. */
  protected abstract onView(view: MembershipView): void;
  /** Called before this node leaves: stop what others may only run after it stopped here. */
  protected abstract beforeLeave(): Promise<void>;
  /** Called when this node is no longer a member. */
  protected abstract afterLeave(): void;

  /** The connections. */
  protected get remoting(): Remoting {
    if (this.#remoting === undefined) {
      throw new ClusterError("notStarted", "the node has no address");
    }
    return this.#remoting;
  }

  /** What this node believes of the cluster. */
  protected get view(): MembershipView {
    return this.driver.view;
  }

  /** Opens connections, joins, waits for the quorum. Shuts down what it began if it fails. */
  protected async open(): Promise<void> {
    try {
      await this.#openConnections();
      this.#driver!.start();
      const { requiredQuorum = 1, startTimeout = 60_000 } = this.#options;
      await this.waitFor(requiredQuorum, { timeout: startTimeout });
    } catch (error) {
      await this.shutdown();
      throw error;
    }
  }

  private get driver(): MembershipDriver {
    if (this.#driver === undefined) {
      throw new ClusterError("notStarted", "the node has not started");
    }
    return this.#driver;
  }

  async #openConnections(): Promise<void> {
    const options = this.#options;
    const runtime = this.clusterRuntime;
    const incarnation = Math.max(1, Math.floor(runtime.clock.wallTime()));
    const remoting = await Remoting.start(this, {
      runtime,
      systemName: options.name,
      role: "node",
      nodeId: options.nodeId ?? "",
      incarnation,
      host: options.host,
      port: options.port,
      bindHost: options.bindHost ?? options.host,
      ...(options.tls && { tls: options.tls }),
      ...(options.addressMap && { addressMap: options.addressMap }),
      ...(options.transport && { limits: options.transport }),
      onPeerDown: (peer) => {
        if (peer.role === "client") gateway.onPeerDown(peer.address);
      },
      onSignOfLife: (peer) => {
        if (peer.role === "node") this.#driver?.signOfLife(peer.address);
      },
    });
    this.#remoting = remoting;
    const driver = new MembershipDriver(
      runtime,
      membershipConfig(options, remoting.address, incarnation),
      {
        send: (to, message) => remoting.send(to, membershipPath, 0, message),
        publish: (event) => this.eventStream.publish(event),
        downed: (by, why) => this.#onDowned(by, why),
        joinRefused: (seed, code, reason) => {
          this.#lastRefusal = `${seed} refused this node: ${reason} (${code})`;
          runtime.logger.log("warn", "cluster", this.#lastRefusal);
        },
      },
    );
    this.#driver = driver;
    const gateway = new Gateway(remoting, () => driver.view);
    const barriers = this.#openBarriers(remoting, driver);
    remoting.handleNodes(membershipPath, (peer, message) => driver.receive(peer.address, message));
    this.install(remoting);
    let leader: string | undefined;
    driver.onView((view) => {
      gateway.onView();
      this.onView(view);
      if (view.leader !== leader) {
        leader = view.leader;
        barriers.onLeaderChanged();
      }
    });
  }

  #openBarriers(remoting: Remoting, driver: MembershipDriver): Barriers {
    const barriers = new Barriers(this.clusterRuntime, {
      self: remoting.address,
      leader: () => driver.view.leader,
      members: () => driver.view.members.map(({ address }) => address),
      send: (to, message) => remoting.send(to, barrierPath, 0, message),
    });
    this.#barriers = barriers;
    remoting.handleNodes(barrierPath, (peer, message) => barriers.receive(peer.address, message));
    return barriers;
  }

  async #shutdownOnce(): Promise<void> {
    if (this.#driver !== undefined) {
      await this.beforeLeave();
      await this.#driver.leave();
      this.#driver.stop();
      this.afterLeave();
    }
    this.#barriers?.stop();
    await super.shutdown();
    await this.#remoting?.close();
  }

  #onDowned(by: string, why: string): void {
    this.clusterRuntime.logger.log("error", "cluster", "this node was declared down and stops", {
      by,
      why,
    });
    void this.shutdown();
  }

  #quorumTimeout(wanted: number, up: number, timeout: number): ClusterTimeoutError {
    const seeds = this.#options.seedNodes?.join(", ") || "none";
    const hint = this.#lastRefusal === "" ? "" : `; ${this.#lastRefusal}`;
    return new ClusterTimeoutError(
      "quorumTimeout",
      `${this.address} saw ${up} of ${wanted} members up within ${timeout} ms ` +
        `(seed nodes: ${seeds})${hint}`,
      { value: up, remedy: "check that the seed nodes run and can be reached" },
    );
  }
}
