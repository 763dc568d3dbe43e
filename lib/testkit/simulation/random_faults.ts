import { checkValue, resolveOptions } from "../../options/check_options.ts";
import { choice, list } from "../../options/option.ts";
import { randomFaultsTable } from "../../options/tables/testkit_tables.ts";
import type { SeededRandom } from "../seeded_random.ts";
import {
  diskFaultKinds,
  type Fault,
  type FaultKind,
  faultKinds,
  storeFaultKinds,
} from "./fault.ts";
import { portableLog } from "./portable_log.ts";
import type { FaultPlan } from "./scenario.ts";

/** Products, since engines round `**` differently. */
const square = (value: number): number => value * value;
const cube = (value: number): number => value * value * value;

/** Kinds, rates and severities of random faults. */
export interface RandomFaultOptions {
  /**
   * Enabled kinds. Default: all except `suspend` and the faults of disks and the database. Those
   * concern only scenarios that use them.
   */
  readonly kinds?: readonly FaultKind[];
  /** Virtual milliseconds between two faults, on average. Default 5 000. */
  readonly every?: number;
  /** Longest span of a fault, virtual milliseconds. Default 20 000. */
  readonly longest?: number;
  /**
   * Nodes that may be crashed, stopped, paused or cut off at a time, so that a majority stays.
   * Default: less than half of them.
   */
  readonly maxVictims?: number;
  /** The last part of the scenario, without faults. Default: a third of the duration. */
  readonly quiet?: number;
}

const defaultKinds = faultKinds.filter((kind) =>
  kind !== "suspend" && !diskFaultKinds.includes(kind) && !storeFaultKinds.includes(kind)
);

/** Milliseconds after which a node counts as recovered from a fault. */
const recovery = 30_000;

/**
 * A plan that generates faults from the seed. Crashed and stopped nodes are restarted, what is cut
 * is healed, and at the end there is time to recover.
 *
 * @example
 * ```ts
 * import { randomFaults, SeededRandom } from "@casty/casty/testkit";
 *
 * const plan = randomFaults({ kinds: ["partition", "crash"], every: 2_000 });
 * const faults = plan(new SeededRandom(1), { nodes: ["node-1", "node-2"], duration: 60_000 });
 * console.assert(faults.every(({ at }) => at < 40_000));
 * ```
 */
export function randomFaults(options: RandomFaultOptions = {}): FaultPlan {
  const { kinds = defaultKinds, every, longest } = resolveOptions(randomFaultsTable, options);
  checkValue("kinds", list(choice(...faultKinds), 1), kinds);
  return (random, { nodes, duration }) => {
    const { quiet = duration / 3, maxVictims = Math.ceil(nodes.length / 2) - 1 } = options;
    const end = duration - quiet;
    const maker = new FaultMaker(random, nodes, Math.min(longest, end), maxVictims);
    const faults: Fault[] = [];
    for (let at = 0;;) {
      at = Math.round(at - portableLog(1 - random.next()) * every);
      if (at >= end) return faults;
      const fault = maker.make(kinds[Math.floor(random.next() * kinds.length)]!, at, end - at);
      if (fault !== undefined) faults.push(fault);
    }
  };
}

class FaultMaker {
  readonly #random: SeededRandom;
  readonly #nodes: readonly string[];
  readonly #longest: number;
  readonly #maxVictims: number;
  /** Until when a node counts as a victim. */
  readonly #hitUntil = new Map<string, number>();

  constructor(random: SeededRandom, nodes: readonly string[], longest: number, max: number) {
    this.#random = random;
    this.#nodes = nodes;
    this.#longest = longest;
    this.#maxVictims = max;
  }

  make(type: FaultKind, at: number, rest: number): Fault | undefined {
    const span = Math.round(Math.min(rest, 100 + square(this.#random.next()) * this.#longest));
    const base = { at, for: span };
    switch (type) {
      case "partition":
        return this.#partition(at, span);
      case "latency": {
        const max = Math.round(5 + cube(this.#random.next()) * 1_000);
        const distribution = this.#chance(0.5) ? "uniform" as const : "exponential" as const;
        return { type, ...base, ...this.#between(), min: 0, max, distribution };
      }
      case "loss":
        return { type, ...base, ...this.#between(), probability: this.#share(0.2) };
      case "messageLoss":
        return { type, ...base, ...this.#between(), probability: this.#share(0.25) };
      case "messageDuplication":
      case "messageReordering":
        return { type, ...base, ...this.#between(), probability: this.#share(0.5), delay: 500 };
      case "reset":
        return this.#reset(at);
      case "crash":
      case "stop":
        return this.#end(type, at, span);
      case "diskFull":
      case "diskSlow":
      case "diskError":
        return this.#ofDisk(type, at, span);
      case "storeDown":
      case "storeSlow":
      case "storeError":
      case "storeFull":
        return this.#ofStore(type, at, span);
      default:
        return this.#ofOne(type, at, span);
    }
  }

  #ofOne(
    type: "pause" | "suspend" | "slow" | "clockSkew" | "clockDrift",
    at: number,
    span: number,
  ): Fault | undefined {
    if (type === "clockSkew") {
      const by = Math.round((this.#random.next() - 0.5) * 120_000);
      return { type, at, node: this.#any(), by };
    }
    if (type === "clockDrift") {
      const rate = 1 + Math.round((this.#random.next() - 0.5) * 40) / 1_000;
      return { type, at, for: span, node: this.#any(), rate };
    }
    if (type === "slow") {
      const turn = Math.round((0.1 + this.#random.next() * 5) * 10) / 10;
      return { type, at, for: span, node: this.#any(), turn };
    }
    if (type === "suspend") {
      const node = this.#victim(at, span);
      return node === undefined ? undefined : { type, at, for: span, node };
    }
    // Every node must survive a short pause; only a long one makes it a victim.
    if (this.#chance(0.5)) return { type, at, for: Math.min(span, 2_500), node: this.#any() };
    const node = this.#victim(at, span);
    return node === undefined ? undefined : { type, at, for: span, node, whole: this.#chance(0.5) };
  }

  #ofDisk(type: "diskFull" | "diskSlow" | "diskError", at: number, span: number): Fault {
    const base = { at, for: span, node: this.#any() };
    if (type === "diskFull") return { type, ...base };
    if (type === "diskSlow") {
      return { type, ...base, delay: Math.round(cube(this.#random.next()) * 5_000) };
    }
    const operations = ["read", "write", "sync"] as const;
    const operation = operations[Math.floor(this.#random.next() * operations.length)]!;
    return { type, ...base, operation, probability: this.#share(0.5) };
  }

  #ofStore(
    type: "storeDown" | "storeSlow" | "storeError" | "storeFull",
    at: number,
    span: number,
  ): Fault {
    const base = { at, for: span };
    switch (type) {
      case "storeDown":
        return { type, ...base, ...(this.#chance(0.5) && { nodes: [this.#any()] }) };
      case "storeSlow":
        return { type, ...base, delay: Math.round(cube(this.#random.next()) * 10_000) };
      case "storeError":
        return {
          type,
          ...base,
          when: this.#chance(0.5) ? "before" : "after",
          probability: this.#share(0.5),
        };
      case "storeFull":
        return { type, ...base };
    }
  }

  #end(type: "crash" | "stop", at: number, restartAfter: number): Fault | undefined {
    const node = this.#victim(at, restartAfter);
    if (node === undefined) return undefined;
    const identity = this.#chance(0.3) ? "new" as const : "same" as const;
    if (type === "stop") return { type, at, node, restartAfter, identity };
    return { type, at, node, silently: this.#chance(0.5), restartAfter, identity };
  }

  #partition(at: number, span: number): Fault | undefined {
    const between: string[] = [];
    const size = 1 + Math.floor(this.#random.next() * this.#maxVictims);
    while (between.length < size) {
      const node = this.#victim(at, span);
      if (node === undefined) break;
      between.push(node);
    }
    const and = this.#nodes.filter((node) => !between.includes(node));
    if (between.length === 0 || and.length === 0) return undefined;
    const oneWay = this.#chance(0.3);
    if (oneWay && this.#chance(0.5)) {
      return { type: "partition", at, for: span, between: and, and: between, oneWay };
    }
    return { type: "partition", at, for: span, between, and, ...(oneWay && { oneWay }) };
  }

  #reset(at: number): Fault | undefined {
    const between = this.#any();
    const and = this.#any();
    if (between === and) return undefined;
    return { type: "reset", at, between, and, midFrame: this.#chance(0.5) };
  }

  /** A node that is not a victim yet, if that leaves a majority. */
  #victim(at: number, span: number): string | undefined {
    const hit = this.#nodes.filter((node) => (this.#hitUntil.get(node) ?? -1) > at);
    if (hit.length >= this.#maxVictims) return undefined;
    const healthy = this.#nodes.filter((node) => !hit.includes(node));
    const node = healthy[Math.floor(this.#random.next() * healthy.length)]!;
    this.#hitUntil.set(node, at + span + recovery);
    return node;
  }

  /** All traffic, or that from or to one node. */
  #between(): { from?: readonly string[]; to?: readonly string[] } {
    const draw = this.#random.next();
    if (draw < 0.4) return {};
    return draw < 0.7 ? { from: [this.#any()] } : { to: [this.#any()] };
  }

  #any(): string {
    return this.#nodes[Math.floor(this.#random.next() * this.#nodes.length)]!;
  }

  #share(most: number): number {
    return Math.round((0.01 + this.#random.next() * most) * 1_000) / 1_000;
  }

  #chance(probability: number): boolean {
    return this.#random.next() < probability;
  }
}
