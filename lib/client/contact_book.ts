import type { Clock, Timer } from "../runtime/clock.ts";
import type { Logger } from "../runtime/logger.ts";
import { checkContactPoints, type ContactPoints } from "./client_options.ts";

/** Milliseconds after which a function that has not answered may be called again. */
const patience = 10_000;

/** Finds out what the contact points are, and keeps what each of them has said last. */
export class ContactBook {
  readonly #points: ContactPoints;
  readonly #logger: Logger;
  readonly #clock: Clock;
  #addresses: readonly string[] = [];
  readonly #said = new Map<string, string>();
  #complaint: string | undefined;
  /** Until the function has answered, or has had its time. */
  #asking: Timer | undefined;
  /** How often it was called. */
  #count = 0;

  /** Has asked nobody. */
  constructor(points: ContactPoints, { logger, clock }: { logger: Logger; clock: Clock }) {
    this.#points = points;
    this.#logger = logger;
    this.#clock = clock;
  }

  /** What went wrong last. */
  lastFailure: string | undefined;

  /** Tells `take` the contact points: at once if they are a list. One call at a time. */
  resolve(take: (addresses: readonly string[]) => void): void {
    const points = this.#points;
    if (typeof points !== "function") return take(this.#addresses = checkContactPoints(points));
    if (this.#asking !== undefined) return;
    const asking = this.#asking = this.#clock.schedule(patience, () => {
      end();
      this.#fail(`contactPoints() has not answered within ${patience} ms`);
    });
    // Whoever answers late is heard all the same, unless it was called again since.
    const end = () => {
      asking.cancel();
      if (this.#asking === asking) this.#asking = undefined;
    };
    const count = ++this.#count;
    ask(points).then((addresses) => {
      if (count !== this.#count) return;
      this.#complaint = undefined;
      take(this.#addresses = addresses);
    }).catch((error) => {
      if (count !== this.#count) return;
      const why = error instanceof Error ? error.message : error;
      this.#fail(`contactPoints() failed: ${why}`, error);
    }).finally(end);
  }

  /** Waits for nothing any more. */
  close(): void {
    this.#count++;
    this.#asking?.cancel();
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
    else if (this.#asking !== undefined) lines.push("contactPoints() has not answered yet");
    return lines.join("; ") || "there are no contact points yet";
  }

  #fail(complaint: string, error?: unknown): void {
    this.#complaint = complaint;
    this.lastFailure = complaint;
    const fields = error === undefined ? { complaint } : { error };
    this.#logger.log("warn", "client", "the contact points cannot be found out", fields);
  }
}

async function ask(
  points: () => readonly string[] | Promise<readonly string[]>,
): Promise<readonly string[]> {
  return checkContactPoints(await points());
}
