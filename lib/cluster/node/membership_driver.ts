/**
 * Carries the membership machine: feeds it ticks, messages and connection events, and does what it
 * asks for. Decides nothing.
 *
 * @module
 */
import type { Timer } from "../../runtime/clock.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import type { MemberEvent } from "../../membership/state/member_event.ts";
import {
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
/** Peers of which is remembered that they have sent something malformed. */
const maxMalformed = 1_000;

/** What the driver needs from the node. */
export interface MembershipPort {
  /** Sends to another node; best effort. */
  send(to: string, message: MembershipMessage): void;
  /** Something that users may want to know. */
  publish(event: MemberEvent): void;
  /** The event loop has run: called with every tick. */
  beat(): void;
  /** Asks the stall responder of a member. Never rejects. */
  probeStall(address: string, incarnation: number, port: number): Promise<StallAnswer>;
  /** The lease of the downing strategy, if it has one. */
  readonly lease: Lease | undefined;
  /** The others have declared this node down. */
  downed(evidence: DownEvidence): void;
  /** A seed has refused this node for good. */
  joinRefused(seed: string, code: string, reason: string): void;
  /** All seeds that answer have, for a reason that does not pass. */
  joinFailed(reason: string): void;
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

  /** Does nothing before `start`. */
  constructor(runtime: Runtime, config: MembershipConfig, port: MembershipPort) {
    this.#runtime = runtime;
    this.#machine = new Membership(config);
    this.#port = port;
  }

  /** What this node believes of the cluster now. */
  get view(): MembershipView {
    return this.#machine.view;
  }

  /** Addresses of reachable members that have not seen what this node knows. */
  get missing(): readonly string[] {
    return this.#machine.missing;
  }

  /** Why this node is not a member yet: a sentence, and one for each seed. Empty for members. */
  get waiting(): readonly string[] {
    return this.#machine.waiting(this.#runtime.clock.now());
  }

  /** How this node sees itself and the peers that it watches. */
  get health(): HealthReport {
    return this.#machine.health(this.#runtime.clock.now());
  }

  /** What will come of those who are unreachable. Undefined: nobody is. */
  get outlook(): DowningOutlook | undefined {
    return this.#machine.outlook(this.#runtime.clock.now());
  }

  /** Begins to join. */
  start(): void {
    this.#lastTick = this.#runtime.clock.now();
    this.#step({ type: "start", random: this.#runtime.random.next() });
    this.#scheduleTick();
  }

  /** Begins anew, as another life of the node. */
  rejoin(config: MembershipConfig): void {
    this.#machine = new Membership(config);
    this.#step({ type: "start", random: this.#runtime.random.next() });
  }

  /** Takes a message that the node at `from` has sent. */
  receive(from: string, value: unknown): void {
    const message = parseMembershipMessage(value);
    if (message === undefined) {
      // Once for each peer, whatever it sends.
      if (this.#malformed.has(from) || this.#malformed.size >= maxMalformed) return;
      this.#malformed.add(from);
      this.#runtime.logger.log("warn", "cluster", "a malformed membership message was ignored", {
        from,
      });
      return;
    }
    this.#step({ type: "received", from, message });
  }

  /** Something has arrived from the node: it lives. */
  signOfLife(from: string): void {
    this.#step({ type: "signOfLife", from });
  }

  /** The connection to the node has ended: worth a look at once. */
  peerGone(address: string): void {
    this.#step({ type: "peerGone", address });
  }

  /** This node's stall responder listens there now, or not any more. */
  stallResponder(port: number | undefined): void {
    this.#step({ type: "stallResponder", port });
  }

  /** These are the seeds now, besides those of the configuration. */
  seeds(seeds: readonly string[]): void {
    this.#step({ type: "seeds", seeds });
  }

  /** Calls back with every new view. Answers how to stop that. */
  onView(listener: (view: MembershipView) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Leaves the cluster. Resolves when the others know, or the machine has given up. */
  leave(): Promise<void> {
    return new Promise((resolve) => {
      this.#onLeft = resolve;
      this.#step({ type: "leave" });
    });
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
      // A node that was asleep must not take its own deafness for the silence of others.
      if (lag > tickInterval) this.#step({ type: "lag", ms: lag });
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

  async #acquireLease(): Promise<void> {
    const { lease } = this.#port;
    try {
      if (lease === undefined) throw new Error("the strategy wants a lease but has none");
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
      this.#runtime.logger.log("warn", "cluster", "the lease could not be given back", { error });
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
      case "joinRefused":
        return this.#port.joinRefused(effect.seed, effect.code, effect.reason);
      case "joinFailed":
        return this.#port.joinFailed(effect.reason);
      case "log":
        return this.#runtime.logger.log(effect.level, "cluster", effect.message, effect.fields);
    }
  }
}
