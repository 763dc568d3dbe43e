/**
 * Barriers across the cluster: the leader keeps the rounds; every node repeats its arrivals until
 * they are answered.
 *
 * @module
 */
import { checkValue } from "../../options/check_options.ts";
import { barrierParties } from "../../options/tables/cluster_tables.ts";
import type { Timer } from "../../runtime/clock.ts";
import { randomId } from "../../runtime/random.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import { type Arrival, BarrierRounds } from "./barrier_rounds.ts";
import { ClusterError, ClusterTimeoutError, systemStopped } from "../errors.ts";

/** Path of barrier messages. */
export const barrierPath = "/_cluster/barrier";

/** Milliseconds between two repetitions of an arrival. */
const repeatInterval = 250;
/** Number of releases kept for repetition, because messages may be lost. */
const rememberedReleases = 10_000;

/** A message of the barrier protocol. */
export type BarrierMessage =
  | {
    readonly type: "arrive";
    readonly name: string;
    readonly expected: number;
    readonly id: string;
  }
  | { readonly type: "cancel"; readonly name: string; readonly id: string }
  | { readonly type: "released"; readonly ids: readonly string[] }
  | { readonly type: "refused"; readonly id: string; readonly reason: string };

/** The dependencies of barriers. */
export interface BarrierPort {
  readonly self: string;
  leader(): string | undefined;
  /** Addresses of all members, this node included. */
  members(): readonly string[];
  send(to: string, message: BarrierMessage): void;
}

interface Waiting {
  readonly name: string;
  readonly expected: number;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
  readonly timer: Timer;
}

/** See the module's text. */
export class Barriers {
  readonly #runtime: Runtime;
  readonly #port: BarrierPort;
  readonly #rounds = new BarrierRounds(20 * repeatInterval);
  readonly #waiting = new Map<string, Waiting>();
  /** Ids of recently released arrivals, in order. */
  readonly #released = new Set<string>();
  #repeat: Timer | undefined;

  /** Idle until the first `wait`. */
  constructor(runtime: Runtime, port: BarrierPort) {
    this.#runtime = runtime;
    this.#port = port;
  }

  /** Resolves when `expected` parties wait at `name`. */
  wait(name: string, expected: number, timeout: number): Promise<void> {
    checkValue("count", barrierParties, expected);
    const id = randomId(this.#runtime.random, 12);
    return new Promise((resolve, reject) => {
      const timer = this.#runtime.clock.schedule(timeout, () => this.#onTimeout(id, timeout));
      this.#waiting.set(id, { name, expected, resolve, reject, timer });
      this.#arrive(id);
      this.#scheduleRepeat();
    });
  }

  /** Takes a message that the node at `from` has sent. */
  receive(from: string, value: unknown): void {
    const message = parseBarrierMessage(value);
    if (message === undefined) return;
    switch (message.type) {
      case "arrive":
        return this.#onArrive(message.name, message.expected, { id: message.id, node: from });
      case "cancel":
        return this.#rounds.cancel(message.name, message.id);
      case "released":
        return this.#onReleased(message.ids);
      case "refused":
        return this.#settle(message.id)?.reject(
          new ClusterError("barrierConflict", message.reason, {
            remedy: "let all parties expect the same number",
          }),
        );
    }
  }

  /** Another node leads: repeats all arrivals to it. */
  onLeaderChanged(): void {
    if (this.#port.leader() !== this.#port.self) this.#rounds.clear();
    for (const id of this.#waiting.keys()) this.#arrive(id);
  }

  /** Rejects all pending waits of this node. */
  stop(): void {
    this.#repeat?.cancel();
    for (const id of [...this.#waiting.keys()]) {
      this.#settle(id)?.reject(systemStopped());
    }
  }

  #arrive(id: string): void {
    const waiting = this.#waiting.get(id);
    const leader = this.#port.leader();
    if (waiting === undefined || leader === undefined) return;
    const { name, expected } = waiting;
    this.#send(leader, { type: "arrive", name, expected, id });
  }

  #onArrive(name: string, expected: number, arrival: Arrival): void {
    if (this.#released.has(arrival.id)) {
      return this.#send(arrival.node, { type: "released", ids: [arrival.id] });
    }
    if (this.#port.leader() !== this.#port.self) return;
    const outcome = this.#rounds.arrive(name, expected, arrival, this.#runtime.clock.now());
    switch (outcome.type) {
      case "waiting":
        return;
      case "released": {
        const ids = outcome.arrivals.map(({ id }) => id);
        // To all members: the next leader must know the released arrivals.
        for (const member of this.#port.members()) this.#send(member, { type: "released", ids });
        return;
      }
      case "conflict":
        return this.#send(arrival.node, {
          type: "refused",
          id: arrival.id,
          reason: `barrier "${name}" waits for ${outcome.expected} parties, not ${expected}`,
        });
      case "full":
        return this.#send(arrival.node, {
          type: "refused",
          id: arrival.id,
          reason: `barrier "${name}" cannot be opened: too many barriers are open`,
        });
    }
  }

  #onReleased(ids: readonly string[]): void {
    for (const id of ids) {
      this.#released.add(id);
      this.#settle(id)?.resolve();
    }
    for (const oldest of this.#released) {
      if (this.#released.size <= rememberedReleases) break;
      this.#released.delete(oldest);
    }
  }

  #onTimeout(id: string, timeout: number): void {
    const waiting = this.#settle(id);
    if (waiting === undefined) return;
    const leader = this.#port.leader();
    if (leader !== undefined) this.#send(leader, { type: "cancel", name: waiting.name, id });
    waiting.reject(
      new ClusterTimeoutError(
        "barrierTimeout",
        `barrier "${waiting.name}" did not see ${waiting.expected} parties within ${timeout} ms`,
        { value: waiting.name, remedy: "check that all parties arrive, or raise the timeout" },
      ),
    );
  }

  #settle(id: string): Waiting | undefined {
    const waiting = this.#waiting.get(id);
    waiting?.timer.cancel();
    this.#waiting.delete(id);
    return waiting;
  }

  #send(to: string, message: BarrierMessage): void {
    if (to === this.#port.self) this.receive(to, message);
    else this.#port.send(to, message);
  }

  #scheduleRepeat(): void {
    this.#repeat?.cancel();
    this.#repeat = this.#runtime.clock.schedule(repeatInterval, () => {
      for (const id of [...this.#waiting.keys()]) this.#arrive(id);
      if (this.#waiting.size > 0) this.#scheduleRepeat();
    });
  }
}

function parseBarrierMessage(value: unknown): BarrierMessage | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { type, name, expected, id, ids, reason } = value as Record<string, unknown>;
  if (type === "released") {
    if (!Array.isArray(ids) || !ids.every(isShortText)) return undefined;
    return { type, ids };
  }
  if (!isShortText(id)) return undefined;
  if (type === "refused") return typeof reason === "string" ? { type, id, reason } : undefined;
  if (!isShortText(name)) return undefined;
  if (type === "cancel") return { type, name, id };
  if (type !== "arrive" || !Number.isSafeInteger(expected) || (expected as number) < 1) {
    return undefined;
  }
  return { type, name, expected: expected as number, id };
}

function isShortText(value: unknown): value is string {
  return typeof value === "string" && value.length > 0 && value.length <= 256;
}
