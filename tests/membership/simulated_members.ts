import { Membership, type MembershipConfig } from "../../lib/membership/machine/membership.ts";
import type { MembershipEffect, MembershipEvent } from "../../lib/membership/machine/membership.ts";
import type { DownEvidence } from "../../lib/membership/state/member.ts";
import type { MemberEvent } from "../../lib/membership/state/member_event.ts";
import {
  type MembershipMessage,
  parseMembershipMessage,
} from "../../lib/membership/machine/messages.ts";
import type { MembershipView } from "../../lib/membership/state/view.ts";
import { draw, MachineWorld } from "../machine_world.ts";

/** How the simulated network treats one message. */
export interface Weather {
  /** Share of messages that are lost, 0 to 1. */
  loss: number;
  /** Milliseconds, drawn evenly. */
  latency: { min: number; max: number };
  /** Whether a message from one address reaches another at all. */
  cut: (from: string, to: string) => boolean;
  /** Whether a firewall answers with RST for `to` what `from` sends there. */
  rejects: (from: string, to: string) => boolean;
}

/** One node: a machine and what it has asked for. */
export class SimulatedMember {
  machine: Membership;
  alive = true;
  /** Whether the machine has crashed with it: nobody answers for it. */
  vanished = false;
  /** Addresses that this node dials elsewhere, through an address map. */
  readonly mapped = new Set<string>();
  /** Until when the event loop is stalled. */
  pausedUntil = 0;
  /** Whether the whole process is frozen, not only its event loop. */
  frozen = false;
  lastTick: number;
  readonly events: MemberEvent[] = [];
  left = false;
  /** How often its cluster was lost while it was joining. */
  lost = 0;
  downed: DownEvidence | undefined;
  readonly refusals: string[] = [];
  /** `"<cause>: <reason>"`. */
  readonly failed: string[] = [];
  readonly log: string[] = [];
  readonly config: MembershipConfig;

  constructor(config: MembershipConfig, now: number) {
    this.config = config;
    this.machine = new Membership(config);
    this.lastTick = now;
  }

  get view(): MembershipView {
    return this.machine.view;
  }

  get address(): string {
    return this.config.self.address;
  }

  /** Addresses of members that this node believes to be up. */
  get up(): string[] {
    return this.view.members.filter(({ status }) => status === "up")
      .map(({ address }) => address);
  }
}

const tickInterval = 100;

/** Machines on a network in virtual time. Everything follows from the seed. */
export class SimulatedMembers extends MachineWorld {
  readonly trace: string[] = [];
  readonly weather: Weather = {
    loss: 0,
    latency: { min: 1, max: 10 },
    cut: () => false,
    rejects: () => false,
  };
  readonly nodes = new Map<string, SimulatedMember>();
  messages = 0;
  /** Whether nodes that start from now on have stall responders. */
  stallResponders = false;
  leaseHolder: string | undefined;
  leaseFails = false;
  readonly #carry: ((message: MembershipMessage) => MembershipMessage) | undefined;

  /**
   * @param carry what arrives of a message. Default: a copy, as the wire would make it. Large runs
   * share it, and keep no trace.
   */
  constructor(seed: number, carry?: (message: MembershipMessage) => MembershipMessage) {
    super(seed);
    this.#carry = carry;
  }

  /** Starts a node that listens from now on. */
  start(
    name: string,
    seeds: readonly string[],
    config: Partial<MembershipConfig> = {},
  ): SimulatedMember {
    const address = name.includes(":") ? name : `${name}:1`;
    const node = new SimulatedMember({
      self: { address, nodeId: name, incarnation: 1 + Math.floor(this.now), roles: [] },
      seeds: seeds.map((seed) => seed.includes(":") ? seed : `${seed}:1`),
      ...config,
    }, this.now);
    const replaced = this.nodes.get(address);
    if (replaced) replaced.alive = false;
    this.nodes.set(address, node);
    this.step(node, { type: "start" });
    if (this.stallResponders) this.step(node, { type: "stallResponder", port: 2 });
    this.#scheduleTick(node, this.random.next() * tickInterval);
    return node;
  }

  /** Crashes the node. */
  crash(node: SimulatedMember): void {
    node.alive = false;
  }

  /** Kills the process: its system ends all connections, and answers for its ports. */
  kill(node: SimulatedMember): void {
    this.crash(node);
    for (const other of this.nodes.values()) {
      const { cut } = this.weather;
      if (cut(node.address, other.address)) continue;
      this.later(draw(this.random, this.weather.latency), () => this.cutOff(other, node));
    }
  }

  /** The last connection of `node` to `other` is reset. */
  cutOff(node: SimulatedMember, other: SimulatedMember): void {
    const { address, incarnation } = other.view.self;
    this.step(node, { type: "peerGone", address, cutOff: incarnation });
  }

  /** A firewall between the groups answers with RST: for connections that exist, and new ones. */
  reject(group: readonly SimulatedMember[], others: readonly SimulatedMember[]): void {
    const [here, there] = [group, others].map((side) => new Set(side.map((one) => one.address)));
    const between = (from: string, to: string) =>
      (here!.has(from) && there!.has(to)) || (there!.has(from) && here!.has(to));
    this.weather.rejects = between;
    for (const node of group) {
      for (const other of others) {
        this.later(draw(this.random, this.weather.latency), () => {
          this.cutOff(node, other);
          this.cutOff(other, node);
        });
      }
    }
  }

  /** Stalls the node's event loop. Messages that arrive meanwhile are handled afterwards. */
  pause(node: SimulatedMember, ms: number): void {
    node.pausedUntil = this.now + ms;
  }

  /** Only messages within one of the groups arrive. */
  partition(...groups: readonly (readonly SimulatedMember[])[]): void {
    const side = new Map<string, number>();
    groups.forEach((group, index) => group.forEach((node) => side.set(node.address, index)));
    this.weather.cut = (from, to) => side.get(from) !== side.get(to);
  }

  heal(): void {
    this.weather.cut = () => false;
    this.weather.rejects = () => false;
  }

  step(node: SimulatedMember, event: MembershipEvent): void {
    if (!node.alive) return;
    for (const effect of node.machine.step(event, this.now)) this.#carryOut(node, effect);
  }

  #carryOut(node: SimulatedMember, effect: MembershipEffect): void {
    const stamp = this.now.toFixed(3);
    switch (effect.type) {
      case "send":
        return this.#send(node.address, effect.to, effect.message);
      case "publish":
        node.events.push(effect.event);
        if (this.#carry === undefined) {
          this.trace.push(`${stamp} ${node.address} ${JSON.stringify(effect.event)}`);
        }
        return;
      case "left":
        node.left = true;
        node.alive = false;
        this.trace.push(`${stamp} ${node.address} left`);
        return;
      case "downed":
        node.downed = effect;
        node.alive = false;
        this.trace.push(`${stamp} ${node.address} downed ${effect.by} ${effect.why}`);
        return;
      case "joinRefused":
        node.refusals.push(`${effect.code}: ${effect.reason}`);
        return;
      case "log":
        node.log.push(`${stamp} ${effect.message} ${JSON.stringify(effect.fields)}`);
        return;
      case "clusterLost":
        node.lost++;
        this.trace.push(`${stamp} ${node.address} lost its cluster`);
        // Like a real node: not within the step that has reported it.
        return this.later(0, () => this.#joinAgain(node, effect.contacts));
      case "joinFailed":
        node.failed.push(`${effect.cause}: ${effect.reason}`);
        return;
      case "viewChanged":
        return;
      case "probeStall":
        return this.#probeStall(node, effect);
      case "probePorts":
        return this.#probePorts(node, effect);
      case "acquireLease":
        return this.later(5, () => {
          const held = this.leaseHolder !== undefined && this.leaseHolder !== node.address;
          this.leaseHolder ??= node.address;
          this.step(node, {
            type: "leaseAnswer",
            outcome: this.leaseFails ? "failed" : held ? "held" : "granted",
            detail: this.leaseHolder,
          });
        });
      case "releaseLease":
        if (this.leaseHolder === node.address) this.leaseHolder = undefined;
    }
  }

  #joinAgain(node: SimulatedMember, contacts: readonly string[]): void {
    if (!node.alive) return;
    const incarnation = node.view.self.incarnation + 1;
    node.machine = new Membership({
      ...node.config,
      self: { ...node.config.self, incarnation },
      contacts,
    });
    this.step(node, { type: "start" });
    if (this.stallResponders) this.step(node, { type: "stallResponder", port: 2 });
  }

  /** Answers like a thread of its own: only a frozen process or a cut link prevents it. */
  #probeStall(
    from: SimulatedMember,
    { address, incarnation }: MembershipEffect & { type: "probeStall" },
  ): void {
    const { cut, rejects } = this.weather;
    const isRejected = rejects(from.address, address);
    const isCut = cut(from.address, address) || cut(address, from.address) ||
      this.nodes.get(address)?.vanished === true;
    this.later(isCut ? 2_000 : 20, () => {
      const node = this.nodes.get(address);
      const ms = Math.max(0, this.now - (node?.lastTick ?? 0));
      const outcome = isCut || node?.frozen
        ? "unknown"
        : !node?.alive || isRejected
        ? "gone"
        : ms > 1_000
        ? "stalled"
        : "alive";
      const answer = { address, incarnation, outcome, ms } as const;
      this.step(from, { type: "stallAnswer", ...answer });
    });
  }

  #probePorts(
    from: SimulatedMember,
    { address, incarnation, sequence }: MembershipEffect & { type: "probePorts" },
  ): void {
    const { cut, rejects } = this.weather;
    const isCut = cut(from.address, address) || cut(address, from.address);
    const node = this.nodes.get(address);
    const answers = !isCut && node?.vanished !== true;
    this.later(answers ? 20 : 2_000, () => {
      const isThere = node?.alive === true && node.view.self.incarnation === incarnation;
      const refused = answers && !from.mapped.has(address) &&
        (rejects(from.address, address) || !isThere);
      this.step(from, { type: "portsAnswer", address, sequence, refused });
    });
  }

  #send(from: string, to: string, message: MembershipMessage): void {
    this.messages++;
    const { loss, latency, cut, rejects } = this.weather;
    const lost = this.copies({ loss }) === 0;
    const delay = draw(this.random, latency);
    if (this.#carry === undefined) {
      this.trace.push(
        `${this.now.toFixed(3)} ${from} -> ${to} ${message.type}${lost ? " lost" : ""}`,
      );
    }
    if (lost || cut(from, to) || rejects(from, to)) return;
    // As the wire would do it: the receiver gets its own copy, checked.
    const copy = this.#carry?.(message) ?? structuredClone(message);
    // One connection keeps the order.
    this.carry(delay, `${from}>${to}`, () => this.#deliver(from, to, copy));
  }

  #deliver(from: string, to: string, value: unknown): void {
    const node = this.nodes.get(to);
    if (node === undefined || !node.alive) return;
    if (this.now < node.pausedUntil) {
      return void this.clock.scheduleAt(
        node.pausedUntil + 1,
        () => this.#deliver(from, to, value),
      );
    }
    const message = this.#carry === undefined
      ? parseMembershipMessage(value)
      : value as MembershipMessage;
    if (message === undefined) throw new Error(`malformed: ${JSON.stringify(value)}`);
    this.step(node, { type: "received", from, message });
  }

  #scheduleTick(node: SimulatedMember, delay: number): void {
    this.later(delay, () => {
      if (!node.alive) return;
      if (this.now < node.pausedUntil) {
        return this.#scheduleTick(node, node.pausedUntil - this.now);
      }
      const lag = this.now - node.lastTick - tickInterval;
      node.lastTick = this.now;
      if (lag > tickInterval) this.step(node, { type: "lag", ms: lag });
      this.step(node, { type: "tick", random: this.random.next() });
      this.#scheduleTick(node, tickInterval);
    });
  }
}
