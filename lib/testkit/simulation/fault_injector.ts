import type { Random } from "../../runtime/random.ts";
import type { MemoryNetwork } from "../../transport/memory/memory_network.ts";
import type { Fault, MessageFault, PartitionFault } from "./fault.ts";
import { messageCopies } from "./message_copies.ts";
import type { NodeProcess } from "./node_process.ts";
import { portableLog } from "./portable_log.ts";
import type { UnsyncedOutcome } from "./simulated_disk.ts";
import type { StoreFaults } from "./store_faults.ts";
import type { SimulationTime } from "./simulation_time.ts";

/** First pause before a lost packet is sent again, and the longest, milliseconds (RFC 6298). */
const retransmission = { first: 200, longest: 60_000 };
/** Milliseconds by which messages are late, at most. */
const defaultDelay = 1_000;

type ShapingFault = Extract<Fault, { type: "latency" | "loss" }>;
type LossyFault = Extract<
  Fault,
  { type: "messageLoss" | "messageDuplication" | "messageReordering" }
>;

/** Targets of the injector. */
export interface FaultTargets {
  readonly time: SimulationTime;
  readonly network: MemoryNetwork;
  readonly random: Random;
  /** @throws for a name that is none. */
  node(name: string): NodeProcess;
  /** The faults of the database. */
  readonly storeFaults: StoreFaults;
  /** The power of the machine of a node has failed, for its disks. */
  failDisks(node: NodeProcess, outcome: UnsyncedOutcome): void;
  /** The node at a host, or the host's own name. */
  nameOf(host: string): string;
  /** A host name that no node knows. */
  newHost(node: NodeProcess): string;
  /** A fault has begun or ended. */
  onChange(fault: Fault, active: boolean): void;
}

/** Injects faults at their times. */
export class FaultInjector {
  readonly #targets: FaultTargets;
  readonly #shaping: ShapingFault[] = [];
  readonly #messageFaults: LossyFault[] = [];
  readonly #partitions = new Map<PartitionFault, [from: string, to: string][]>();
  #active = 0;

  constructor(targets: FaultTargets) {
    this.#targets = targets;
  }

  /** Faults that have begun and not ended, or will begin. */
  get outstanding(): number {
    return this.#active;
  }

  /** Has a fault happen at its time, counted from now. */
  schedule(fault: Fault): void {
    const { time } = this.#targets;
    this.#active++;
    time.schedule(fault.at, () => {
      const end = this.#begin(fault);
      this.#targets.onChange(fault, true);
      const finish = () => {
        this.#active--;
        end?.();
        this.#targets.onChange(fault, false);
      };
      if ("for" in fault) time.schedule(fault.for, finish);
      else if (fault.type === "crash" && fault.restartAfter !== undefined) {
        time.schedule(fault.restartAfter, finish);
      } else if (fault.type !== "stop") finish();
    });
  }

  /** Milliseconds that a packet travels. */
  readonly travel = (from: string, to: string, drawn: number): number => {
    if (this.#shaping.length === 0) return drawn;
    const { nameOf, random } = this.#targets;
    let time = drawn;
    for (const fault of this.#shaping) {
      if (!concerns(fault, nameOf(from), nameOf(to))) continue;
      if (fault.type === "latency") {
        const draw = random.next();
        const { min, max, distribution } = fault;
        time += distribution === "exponential"
          ? min - portableLog(1 - draw) * (max - min)
          : min + draw * (max - min);
        continue;
      }
      let pause = retransmission.first;
      while (random.next() < fault.probability) {
        time += pause;
        pause = Math.min(pause * 2, retransmission.longest);
      }
    }
    return time;
  };

  /** Delivers a message to a node, or does not, or twice, or late. */
  inbound(node: NodeProcess, from: string, path: string, deliver: () => void): void {
    for (const fault of this.#messageFaults) {
      const { nameOf, random } = this.#targets;
      const sender = nameOf(from.slice(0, from.lastIndexOf(":")));
      if (!concerns(fault, sender, node.name) || !concernsPath(fault, path)) continue;
      const { probability } = fault;
      if (fault.type === "messageLoss") {
        if (messageCopies(random, { loss: probability }) === 0) return;
        continue;
      }
      // One that is reordered arrives once, like a second copy without the first.
      if (messageCopies(random, { duplication: probability }) === 1) continue;
      const delay = random.next() * (fault.delay ?? defaultDelay);
      node.loop?.schedule(delay, deliver);
      if (fault.type === "messageReordering") return;
      break;
    }
    deliver();
  }

  /** A node has restarted at a host that the partitions do not know. */
  onNewHost(node: NodeProcess): void {
    for (const fault of this.#partitions.keys()) {
      if (fault.between.includes(node.name) || fault.and.includes(node.name)) this.#cut(fault);
    }
  }

  #begin(fault: Fault): (() => void) | undefined {
    const { network } = this.#targets;
    switch (fault.type) {
      case "partition":
        this.#partitions.set(fault, []);
        this.#cut(fault);
        return () => this.#mend(fault);
      case "latency":
      case "loss":
        return during(this.#shaping, fault);
      case "messageLoss":
      case "messageDuplication":
      case "messageReordering":
        return during(this.#messageFaults, fault);
      case "reset": {
        const [one, other] = [this.#node(fault.between), this.#node(fault.and)];
        network.reset(one.host, other.host, { inMidstream: fault.midFrame ?? false });
        return;
      }
      case "crash":
        return this.#crash(fault);
      case "stop":
        void this.#stop(fault);
        return;
      case "pause": {
        const { loop } = this.#node(fault.node);
        loop?.pause(fault.whole ?? false);
        return () => loop?.resume(fault.whole ?? false);
      }
      case "suspend": {
        const { loop } = this.#node(fault.node);
        loop?.suspend(fault.for);
        return () => loop?.wake();
      }
      case "slow": {
        const { loop } = this.#node(fault.node);
        loop?.slowDown(fault.turn);
        return () => loop?.slowDown(-fault.turn);
      }
      case "clockSkew":
        this.#node(fault.node).machine.skew += fault.by;
        return;
      case "diskFull":
      case "diskSlow":
      case "diskError":
        return this.#node(fault.node).diskFaults.begin(fault);
      case "storeDown":
      case "storeSlow":
      case "storeError":
      case "storeFull":
        return this.#targets.storeFaults.begin(fault);
      case "clockDrift": {
        const { machine } = this.#node(fault.node);
        machine.rate = fault.rate;
        return () => machine.rate = 1;
      }
    }
  }

  #node(name: string): NodeProcess {
    return this.#targets.node(name);
  }

  #crash(fault: Extract<Fault, { type: "crash" }>): (() => void) | undefined {
    const node = this.#node(fault.node);
    const { silently = false, unsynced = silently ? "random" : "kept" } = fault;
    node.crash(silently);
    this.#targets.failDisks(node, unsynced);
    return fault.restartAfter === undefined ? undefined : () => this.#restart(node, fault);
  }

  async #stop(fault: Extract<Fault, { type: "stop" }>): Promise<void> {
    const node = this.#node(fault.node);
    await node.stop();
    const { restartAfter } = fault;
    const over = () => {
      this.#active--;
      this.#targets.onChange(fault, false);
    };
    if (restartAfter === undefined) return over();
    this.#targets.time.schedule(restartAfter, () => this.#restart(node, fault, over));
  }

  #restart(node: NodeProcess, fault: { identity?: "same" | "new" }, started = () => {}): void {
    // Its connections are still being closed in order; the port is not free before.
    if (node.alive && node.status === "stopped") {
      return node.onceGone(() => this.#restart(node, fault, started));
    }
    node.start(fault.identity === "new" ? this.#targets.newHost(node) : undefined);
    started();
  }

  #cut(fault: PartitionFault): void {
    const cuts = this.#partitions.get(fault)!;
    const add = (from: string, to: string) => {
      if (from === to || cuts.some(([a, b]) => a === from && b === to)) return;
      cuts.push([from, to]);
      this.#targets.network.cut(from, to);
    };
    for (const one of fault.between) {
      for (const other of fault.and) {
        add(this.#node(one).host, this.#node(other).host);
        if (!fault.oneWay) add(this.#node(other).host, this.#node(one).host);
      }
    }
  }

  #mend(fault: PartitionFault): void {
    for (const [from, to] of this.#partitions.get(fault)!) this.#targets.network.mend(from, to);
    this.#partitions.delete(fault);
  }
}

function during<F>(list: F[], fault: F): () => void {
  list.push(fault);
  return () => void list.splice(list.indexOf(fault), 1);
}

function concerns(
  fault: { from?: readonly string[]; to?: readonly string[] },
  from: string,
  to: string,
): boolean {
  return (fault.from?.includes(from) ?? true) && (fault.to?.includes(to) ?? true);
}

function concernsPath(fault: MessageFault, path: string): boolean {
  if (fault.paths === undefined) return path.startsWith("/_cluster");
  return fault.paths.some((prefix) => path.startsWith(prefix));
}
