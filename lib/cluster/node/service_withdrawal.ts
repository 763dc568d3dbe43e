import type { Withdrawal } from "../../remoting/withdrawal_protocol.ts";
import type { Clock, Timer } from "../../runtime/clock.ts";
import { rules } from "../../runtime/rules.ts";

/** Milliseconds that a node which leaves waits for those that send to its services. */
const withdrawTimeout = 2_000;
/** Milliseconds after which those that have not answered are told again. */
const repeatInterval = 250;

/** Dependencies of a {@linkcode ServiceWithdrawal}. */
export interface ServiceWithdrawalPort {
  readonly clock: Pick<Clock, "now" | "schedule">;
  /** Those that may send to services here: members that are reachable, and connected clients. */
  peers(): Iterable<string>;
  /** On the lane of users, best effort. */
  send(to: string, message: Withdrawal): void;
}

/**
 * How the services of a node that leaves get no more messages: it tells all that may send there, and
 * waits until each has answered. The answer comes behind all that the peer has sent before.
 */
export class ServiceWithdrawal {
  readonly #port: ServiceWithdrawalPort;
  readonly #answered = new Set<string>();
  readonly #done = Promise.withResolvers<void>();
  #end = 0;
  #timer: Timer | undefined;

  /** Sends nothing before `run`. */
  constructor(port: ServiceWithdrawalPort) {
    this.#port = port;
  }

  /** Resolves when all have answered, or after `timeout` milliseconds (at most 2 s). */
  run(timeout: number): Promise<void> {
    this.#end = this.#port.clock.now() + Math.min(timeout, withdrawTimeout);
    this.#tell();
    return this.#done.promise;
  }

  /** A peer has answered. */
  onWithdrawn(peer: string): void {
    this.#answered.add(peer);
    // Others may have connected meanwhile: they are told with the next repetition.
    if (this.#missing().length === 0) this.stop();
  }

  /** Waits no longer. */
  stop(): void {
    this.#timer?.cancel();
    this.#done.resolve();
  }

  #missing(): readonly string[] {
    return [...this.#port.peers()].filter((peer) => !this.#answered.has(peer));
  }

  #tell(): void {
    const missing = this.#missing();
    const { clock, send } = this.#port;
    if (missing.length === 0 || clock.now() >= this.#end) return this.stop();
    if (!rules.servicesAreWithdrawnFirst) return this.stop();
    for (const peer of missing) send(peer, { type: "withdraw" });
    const delay = Math.min(repeatInterval, this.#end - clock.now());
    this.#timer = clock.schedule(delay, () => this.#tell());
  }
}
