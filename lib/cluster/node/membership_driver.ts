/**
 * Drives the membership machine: feeds it ticks, messages and connection events, and carries out its
 * effects. Decides nothing.
 *
 * @module
 */
import type { Timer } from "../../runtime/clock.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import type { MemberEvent } from "../../membership/state/member_event.ts";
import {
  type JoinFailure,
  Membership,
  type MembershipConfig,
  type MembershipEffect,
  type MembershipEvent,
} from "../../membership/machine/membership.ts";
import {
  type MembershipMessage,
  parseMembershipMessage,
} from "../../membership/machine/messages.ts";
import type { HealthReport } from "../../membership/detector/health.ts";
import type { DownEvidence } from "../../membership/state/member.ts";
import type { DowningOutlook } from "../../membership/downing/outlook.ts";
import type { MembershipView } from "../../membership/state/view.ts";
import type { StallAnswer } from "../../runtime/stall_probe.ts";
import type { Lease } from "../lease/lease.ts";

/** Milliseconds between two ticks of the machine. */
const tickInterval = 100;
/** Maximum number of peers in the log of malformed messages. */
const maxMalformed = 1_000;

/** The dependencies of the driver. */
export interface MembershipPort {
  /** Sends to another node; best effort. */
  send(to: string, message: MembershipMessage): void;
  /** Publishes an event to users. */
  publish(event: MemberEvent): void;
  /** Called with every tick: the event loop runs. */
  beat(): void;
  /** The event loop stood still for `ms`, up to now. */
  stoodStill(ms: number): void;
  /** Probes the stall responder of a member. Never rejects. */
  probeStall(address: string, incarnation: number, port: number): Promise<StallAnswer>;
  /** Whether the host of a member refuses connections to both its ports. Never rejects. */
  portsRefuse(address: string, incarnation: number, stallPort: number): Promise<boolean>;
  /** The lease of the downing strategy, if it has one. */
  readonly lease: Lease | undefined;
  /** This node was declared down. */
  downed(evidence: DownEvidence): void;
  /** The cluster that this node was joining is lost: it must join again. */
  clusterLost(contacts: readonly string[]): void;
  /** A seed has rejected this node. */
  joinRefused(seed: string, code: string, reason: string): void;
  /** The node has a later incarnation. What is sent from now on must not come from the one before. */
  incarnationRaised(incarnation: number): void;
  /** See the effect `joinFailed`. */
  joinFailed(reason: string, cause: JoinFailure): void;
}

/** See the module's text. */
export class MembershipDriver {
  readonly #runtime: Runtime;
  #machine: Membership;
  readonly #port: MembershipPort;
  /** Peers whose malformed messages were logged. */
  readonly #malformed = new Set<string>();
  readonly #listeners = new Set<(view: MembershipView) => void>();
  #timer: Timer | undefined;
  #lastTick = 0;
  #stopped = false;
  #onLeft: (() => void) | undefined;

  /** Idle until `start`. */
  constructor(runtime: Runtime, config: MembershipConfig, port: MembershipPort) {
    this.#runtime = runtime;
    this.#machine = new Membership(config);
    this.#port = port;
  }

  /** The current view of the cluster. */
  get view(): MembershipView {
    return this.#machine.view;
  }

  /** Addresses of reachable members that have not seen the current state. */
  get missing(): readonly string[] {
    return this.#machine.missing;
  }

  /** Why this node is not a member yet: one sentence, and one per seed. Empty for members. */
  get waiting(): readonly string[] {
    return this.#machine.waiting(this.#runtime.clock.now());
  }

  /** Whether the list of seeds, or the answers about them, name any. */
  get knowsSeeds(): boolean {
    return this.#machine.knowsSeeds;
  }

  /** Whether a seed or a member has answered this node while it was joining. */
  get answered(): boolean {
    return this.#machine.answered;
  }

  /** Local health of this node and the state of the peers that it monitors. */
  get health(): HealthReport {
    return this.#machine.health(this.#runtime.clock.now());
  }

  /** The pending downing decision. Undefined: no member is unreachable. */
  get outlook(): DowningOutlook | undefined {
    return this.#machine.outlook(this.#runtime.clock.now());
  }

  /** Starts to join. */
  start(): void {
    this.#lastTick = this.#runtime.clock.now();
    this.#step({ type: "start", random: this.#runtime.random.next() });
    this.#scheduleTick();
  }

  /** Restarts with a new incarnation. */
  rejoin(config: MembershipConfig): void {
    this.#machine = new Membership(config);
    this.#step({ type: "start", random: this.#runtime.random.next() });
  }

  /** Handles a message of the node at `from`. */
  receive(from: string, value: unknown): void {
    const message = parseMembershipMessage(value);
    if (message === undefined) {
      // Once per peer.
      if (this.#malformed.has(from) || this.#malformed.size >= maxMalformed) return;
      this.#malformed.add(from);
      this.#runtime.logger.log("warn", "cluster", "ignored a malformed membership message", {
        peer: from,
      });
      return;
    }
    this.#step({ type: "received", from, message });
  }

  /** Any traffic has arrived from the node. */
  signOfLife(from: string): void {
    this.#step({ type: "signOfLife", from });
  }

  /** A connection to the node has ended. See `PeerGoneEvent` for `cutOff`. */
  peerGone(address: string, cutOff?: number): void {
    this.#step({ type: "peerGone", address, ...(cutOff !== undefined && { cutOff }) });
  }

  /** The node that was dialled under one address has another. */
  alias(of: string, address: string): void {
    this.#step({ type: "alias", of, address });
  }

  /** A node could not be dialled, or has rejected the connection. */
  unreachable(address: string, reason: string, isDefinite: boolean): void {
    this.#step({ type: "unreachable", address, reason, isDefinite });
  }

  /** Port of this node's stall responder; undefined: it does not listen. */
  stallResponder(port: number | undefined): void {
    this.#step({ type: "stallResponder", port });
  }

  /** The current dynamic seeds. */
  seeds(seeds: readonly string[]): void {
    this.#step({ type: "seeds", seeds });
  }

  /** Calls `listener` with every new view. Returns a function that ends that. */
  onView(listener: (view: MembershipView) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Leaves the cluster. Resolves on convergence or after `leaveTimeout`. */
  leave(): Promise<void> {
    return new Promise((resolve) => {
      this.#onLeft = resolve;
      this.#step({ type: "leave" });
    });
  }

  /** An operator has decided that a member is down; `why` says who, and why. */
  declareDown(address: string, why: string): void {
    this.#step({ type: "declareDown", address, why });
  }

  /** Ends all activity. */
  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
    this.#listeners.clear();
    this.#onLeft?.();
  }

  #scheduleTick(): void {
    if (this.#stopped) return;
    this.#timer = this.#runtime.clock.schedule(tickInterval, () => {
      const now = this.#runtime.clock.now();
      const lag = now - this.#lastTick - tickInterval;
      this.#lastTick = now;
      this.#port.beat();
      // A stall of this node must not be mistaken for silence of its peers.
      if (lag > tickInterval) {
        this.#step({ type: "lag", ms: lag });
        this.#port.stoodStill(lag);
      }
      this.#step({ type: "tick", random: this.#runtime.random.next() });
      this.#scheduleTick();
    });
  }

  async #probeStall(
    { address, incarnation, port }: MembershipEffect & { type: "probeStall" },
  ): Promise<void> {
    const answer = await this.#port.probeStall(address, incarnation, port);
    this.#step({ type: "stallAnswer", address, incarnation, ...answer });
  }

  async #probePorts(
    { address, incarnation, stallPort, sequence }: MembershipEffect & { type: "probePorts" },
  ): Promise<void> {
    const refused = await this.#port.portsRefuse(address, incarnation, stallPort);
    this.#step({ type: "portsAnswer", address, sequence, refused });
  }

  async #acquireLease(): Promise<void> {
    const { lease } = this.#port;
    try {
      if (lease === undefined) {
        throw new Error("the downing strategy requests a lease but has none");
      }
      const answer = await lease.acquire(this.view.self.address);
      this.#step(
        answer.granted
          ? { type: "leaseAnswer", outcome: "granted", detail: `token ${answer.token}` }
          : { type: "leaseAnswer", outcome: "held", detail: answer.holder },
      );
    } catch (error) {
      const detail = error instanceof Error ? error.message : String(error);
      this.#step({ type: "leaseAnswer", outcome: "failed", detail });
    }
  }

  async #releaseLease(): Promise<void> {
    try {
      await this.#port.lease?.release(this.view.self.address);
    } catch (error) {
      this.#runtime.logger.log("warn", "cluster", "failed to release the lease", { error });
    }
  }

  #step(event: MembershipEvent): void {
    if (this.#stopped) return;
    const effects = this.#machine.step(event, this.#runtime.clock.now());
    for (const effect of effects) this.#carryOut(effect);
  }

  #carryOut(effect: MembershipEffect): void {
    switch (effect.type) {
      case "send":
        return this.#port.send(effect.to, effect.message);
      case "probeStall":
        return void this.#probeStall(effect);
      case "probePorts":
        return void this.#probePorts(effect);
      case "acquireLease":
        return void this.#acquireLease();
      case "releaseLease":
        return void this.#releaseLease();
      case "publish":
        return this.#port.publish(effect.event);
      case "viewChanged":
        for (const listener of [...this.#listeners]) listener(effect.view);
        return;
      case "left":
        return this.#onLeft?.();
      case "downed":
        return this.#port.downed(effect);
      case "clusterLost":
        return this.#port.clusterLost(effect.contacts);
      case "incarnationRaised":
        return this.#port.incarnationRaised(effect.incarnation);
      case "joinRefused":
        return this.#port.joinRefused(effect.seed, effect.code, effect.reason);
      case "joinFailed":
        return this.#port.joinFailed(effect.reason, effect.cause);
      case "log":
        return this.#runtime.logger.log(effect.level, "cluster", effect.message, effect.fields);
    }
  }
}
