import type { Logger } from "../runtime/logger.ts";
import { checkContactPoints, type ContactPoints } from "./client_options.ts";

/** Finds out what the contact points are, and keeps what each of them has said last. */
export class ContactBook {
  readonly #points: ContactPoints;
  readonly #logger: Logger;
  #addresses: readonly string[] = [];
  readonly #said = new Map<string, string>();
  #complaint: string | undefined;
  #resolving = false;

  /** Has asked nobody. */
  constructor(points: ContactPoints, logger: Logger) {
    this.#points = points;
    this.#logger = logger;
  }

  /** What went wrong last. */
  lastFailure: string | undefined;

  /** Tells `take` the contact points: at once if they are a list. One call at a time. */
  resolve(take: (addresses: readonly string[]) => void): void {
    const points = this.#points;
    if (typeof points !== "function") return take(this.#addresses = checkContactPoints(points));
    if (this.#resolving) return;
    this.#resolving = true;
    ask(points).then((addresses) => {
      this.#complaint = undefined;
      take(this.#addresses = addresses);
    }).catch((error) => {
      this.#complaint = `contactPoints() failed: ${error instanceof Error ? error.message : error}`;
      this.lastFailure = this.#complaint;
      this.#logger.log("warn", "client", "the contact points cannot be found out", { error });
    }).finally(() => this.#resolving = false);
  }

  /** A node cannot be reached, has refused, or is gone. */
  failed(address: string, reason: string): void {
    this.lastFailure = `${address}: ${reason}`;
    // Bounded by what can be reported: contact points and the members that were learned.
    if (this.#said.size < 1_000 || this.#said.has(address)) this.#said.set(address, reason);
  }

  /** What each contact point has said, for an error. */
  report(): string {
    const lines = this.#addresses.map((address) =>
      `${address}: ${this.#said.get(address) ?? "no answer"}`
    );
    if (this.#complaint !== undefined) lines.push(this.#complaint);
    return lines.join("; ") || "there are no contact points yet";
  }
}

async function ask(
  points: () => readonly string[] | Promise<readonly string[]>,
): Promise<readonly string[]> {
  return checkContactPoints(await points());
}
