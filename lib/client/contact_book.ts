import type { Clock, Timer } from "../runtime/clock.ts";
import type { Logger } from "../runtime/logger.ts";
import { checkContactPoints, type ContactPoints } from "./client_options.ts";

/** Milliseconds after which a function whose promise is pending may be called again. */
const resolveTimeout = 10_000;

interface Failure {
  readonly reason: string;
  readonly isDefinite: boolean;
}

/** Resolves the contact points, and keeps the latest failure of each. */
export class ContactBook {
  readonly #points: ContactPoints;
  readonly #logger: Logger;
  readonly #clock: Clock;
  #addresses: readonly string[] = [];
  readonly #failures = new Map<string, Failure>();
  #resolveFailure: string | undefined;
  /** Set while the function is awaited, at most for its timeout. */
  #resolving: Timer | undefined;
  /** How often the function was called. */
  #calls = 0;

  /** Does not resolve the contact points before the first call. */
  constructor(points: ContactPoints, { logger, clock }: { logger: Logger; clock: Clock }) {
    this.#points = points;
    this.#logger = logger;
    this.#clock = clock;
  }

  /** The latest failure. */
  lastFailure: string | undefined;

  /** Passes the contact points to `take`: at once if they are a list. One call at a time. */
  resolve(take: (addresses: readonly string[]) => void): void {
    const points = this.#points;
    if (typeof points !== "function") return take(this.#addresses = checkContactPoints(points));
    if (this.#resolving !== undefined) return;
    const timer = this.#resolving = this.#clock.schedule(resolveTimeout, () => {
      end();
      this.#fail(`contactPoints() has not answered within ${resolveTimeout} ms`);
    });
    // A late answer counts, unless the function was called again since.
    const end = () => {
      timer.cancel();
      if (this.#resolving === timer) this.#resolving = undefined;
    };
    const count = ++this.#calls;
    ask(points).then((addresses) => {
      if (count !== this.#calls) return;
      this.#resolveFailure = undefined;
      take(this.#addresses = addresses);
    }).catch((error) => {
      if (count !== this.#calls) return;
      const why = error instanceof Error ? error.message : error;
      this.#fail(`contactPoints() failed: ${why}`, error);
    }).finally(end);
  }

  /** Ends waiting. */
  close(): void {
    this.#calls++;
    this.#resolving?.cancel();
  }

  /**
   * A node cannot be reached, has rejected this client, or was removed. `isDefinite`: another attempt
   * fails as well. Answers whether the same failure was noted before.
   */
  failed(address: string, reason: string, isDefinite = false): boolean {
    this.lastFailure = `${address}: ${reason}`;
    const known = this.#failures.get(address);
    // Bounded: contact points and members of the topology.
    if (known !== undefined || this.#failures.size < 1_000) {
      this.#failures.set(address, { reason, isDefinite });
    }
    return known?.reason === reason;
  }

  /** A node is connected: its failures are over. */
  connected(address: string): void {
    this.#failures.delete(address);
  }

  /** Whether the latest failure of each contact point is definite. */
  get isHopeless(): boolean {
    return this.#addresses.length > 0 &&
      this.#addresses.every((address) => this.#failures.get(address)?.isDefinite === true);
  }

  /** The latest failure of each contact point, for an error. */
  report(): string {
    const lines = this.#addresses.map((address) =>
      `${address}: ${this.#failures.get(address)?.reason ?? "no answer"}`
    );
    if (this.#resolveFailure !== undefined) lines.push(this.#resolveFailure);
    else if (this.#resolving !== undefined) lines.push("contactPoints() has not answered yet");
    return lines.join("; ") || "there are no contact points yet";
  }

  #fail(reason: string, error?: unknown): void {
    this.#resolveFailure = reason;
    this.lastFailure = reason;
    const fields = error === undefined ? { reason } : { error };
    this.#logger.log("warn", "client", "contact points could not be resolved", fields);
  }
}

async function ask(
  points: () => readonly string[] | Promise<readonly string[]>,
): Promise<readonly string[]> {
  return checkContactPoints(await points());
}
