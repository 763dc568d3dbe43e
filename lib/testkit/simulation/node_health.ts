/**
 * Which nodes are healthy, judged by the faults. The cluster decides about its members without that
 * knowledge; invariants compare both.
 *
 * @module
 */
import { withDefaults } from "../../options/check_options.ts";
import { healthDefaults } from "../../options/tables/testkit_tables.ts";
import { type Fault, nodesOf } from "./fault.ts";
import type { SimulatedNode } from "./simulated_node.ts";

/** Thresholds from which on a disturbance counts. */
export interface HealthLimits {
  /**
   * Milliseconds that a node may be stopped as a whole, cut off or disturbed without counting as unhealthy: the
   * cluster must tolerate it. Default 3 000, the acceptable pause of the failure detector.
   */
  readonly tolerance?: number;
  /**
   * Milliseconds that the event loop of a node may be paused while its process runs. Default
   * 55 000, a little less than the stall limit of the membership.
   */
  readonly stall?: number;
  /**
   * Milliseconds for which a node counts as unhealthy after it has recovered: what was decided
   * about it may still be under way. Default 30 000.
   */
  readonly memory?: number;
}

/** Disturbances from which on a link counts as cut or a node as paused. */
const heavy = { loss: 0.3, latency: 1_000, messages: 0.3, turn: 20, drift: 0.1 };

interface Trouble {
  /** Since when the event loop is paused. */
  stalledSince: number | undefined;
  since: number | undefined;
  /** When its latest process started, if it is not the first. */
  restartedAt: number;
  /** Until when the node counts as unhealthy, after trouble that has ended. */
  until: number;
}

/** See the module's text. */
export class NodeHealth {
  readonly #nodes: readonly SimulatedNode[];
  readonly #tolerance: number;
  readonly #memory: number;
  readonly #stall: number;
  readonly #isCut: (from: string, to: string) => boolean;
  readonly #active = new Set<Fault>();
  readonly #troubles: Trouble[];
  /** When each node was last seen to be alive. */
  readonly #goneSince: (number | undefined)[];

  /** `isCut` tells of hosts. */
  constructor(
    nodes: readonly SimulatedNode[],
    limits: HealthLimits,
    isCut: (from: string, to: string) => boolean,
  ) {
    this.#nodes = nodes;
    const { tolerance, memory, stall } = withDefaults(healthDefaults, limits);
    this.#tolerance = tolerance;
    this.#memory = memory;
    this.#stall = stall;
    this.#isCut = isCut;
    this.#troubles = nodes.map(() => ({
      stalledSince: undefined,
      since: undefined,
      restartedAt: -Infinity,
      until: -Infinity,
    }));
    this.#goneSince = nodes.map(() => undefined);
  }

  /** A fault has begun or ended, or the status of a node has changed. */
  update(now: number, fault?: Fault, active = false): void {
    if (fault !== undefined) {
      if (active) this.#active.add(fault);
      else this.#active.delete(fault);
    }
    for (const { index, alive } of this.#nodes) {
      const gone = this.#goneSince[index];
      if (!alive) this.#goneSince[index] ??= now;
      else if (gone !== undefined) {
        this.#goneSince[index] = undefined;
        this.#troubles[index]!.restartedAt = now;
        this.#troubles[index]!.until = now + this.#memory;
      }
    }
    const counted = this.#nodes.filter(({ index }) => {
      const gone = this.#goneSince[index];
      return gone === undefined || now - gone < this.#memory;
    });
    for (const node of this.#nodes) {
      const trouble = this.#troubles[node.index]!;
      this.#updateStall(trouble, node.paused, now);
      if (this.#isDisturbed(node) || !this.#reachesMost(node, counted, now)) trouble.since ??= now;
      else if (trouble.since !== undefined) {
        const lasted = now - trouble.since;
        trouble.since = undefined;
        if (lasted > this.#tolerance || node.status === "starting") {
          trouble.until = now + this.#memory;
        }
      }
    }
  }

  /**
   * Whether no member has a reason to declare the node down: for a while it has run, was not paused,
   * and reached most of the others in both directions.
   */
  isHealthy(node: SimulatedNode, now: number): boolean {
    const { stalledSince, since, until } = this.#troubles[node.index]!;
    if (node.status !== "up" && node.status !== "starting") return false;
    if (stalledSince !== undefined && now - stalledSince > this.#stall) return false;
    return now >= until && (since === undefined || now - since <= this.#tolerance);
  }

  #updateStall(trouble: Trouble, paused: boolean, now: number): void {
    const { stalledSince } = trouble;
    if (paused) trouble.stalledSince ??= now;
    else if (stalledSince !== undefined) {
      trouble.stalledSince = undefined;
      if (now - stalledSince > this.#stall) trouble.until = now + this.#memory;
    }
  }

  #isDisturbed(node: SimulatedNode): boolean {
    if (!node.alive || node.frozen || node.status === "stopped" || node.status === "stopping") {
      return true;
    }
    for (const fault of this.#active) {
      if (fault.type === "slow" && fault.node === node.name && fault.turn >= heavy.turn) {
        return true;
      }
      if (
        fault.type === "clockDrift" && fault.node === node.name &&
        Math.abs(fault.rate - 1) >= heavy.drift
      ) return true;
    }
    return false;
  }

  /** More than half of all, itself included, in both directions. */
  #reachesMost(node: SimulatedNode, counted: readonly SimulatedNode[], now: number): boolean {
    let reached = 1;
    for (const other of counted) {
      if (other === node || !other.alive || other.paused) continue;
      // What has come back is another member; the one that it was is still counted as silent.
      if (now < this.#troubles[other.index]!.restartedAt + this.#memory) continue;
      if (!this.#isBad(node, other) && !this.#isBad(other, node)) reached++;
    }
    return reached * 2 > counted.length;
  }

  #isBad(from: SimulatedNode, to: SimulatedNode): boolean {
    if (this.#isCut(from.host, to.host)) return true;
    for (const fault of this.#active) {
      if (isHeavy(fault) && concerns(fault, from.name, to.name)) return true;
    }
    return false;
  }
}

function isHeavy(fault: Fault): boolean {
  switch (fault.type) {
    case "loss":
      return fault.probability >= heavy.loss;
    case "latency":
      return fault.max >= heavy.latency;
    case "messageLoss":
      return fault.probability >= heavy.messages;
    case "messageReordering":
      return fault.probability >= heavy.messages && (fault.delay ?? 1_000) >= heavy.latency;
    default:
      return false;
  }
}

function concerns(fault: Fault, from: string, to: string): boolean {
  if (nodesOf(fault).length === 0) return true;
  const { from: senders, to: receivers } = fault as {
    from?: readonly string[];
    to?: readonly string[];
  };
  return (senders?.includes(from) ?? true) && (receivers?.includes(to) ?? true);
}
