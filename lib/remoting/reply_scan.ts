import { askPath } from "../actor/ref/reply_path.ts";
import type { RefAddress } from "../actor/ref/ref.ts";
import type { Clock } from "../runtime/clock.ts";
import type { LongRead } from "../transport/connection/read_turns.ts";
import { RefScan } from "../wire/ref_scan.ts";
import { turnOf } from "./long_message.ts";
import { maxReportedAsks } from "./lost_asks.ts";

/** Receives what a {@linkcode ReplyScan} has found. */
export interface ReplyScanOwner {
  /** The reply references in the message, at most `maxReportedAsks`. */
  onFound(replyRefs: readonly RefAddress[]): void;
  /** It is no message at all. */
  onError(error: unknown): void;
}

/**
 * Reads a refused message once more, in turns, for the asks in it, which then fail at once instead of at
 * their timeout.
 */
export class ReplyScan implements LongRead {
  done = false;
  readonly #scan: RefScan;
  readonly #clock: Clock;
  readonly #owner: ReplyScanOwner;

  /** Scans `body`, which must stay as it is until the scan is done. */
  constructor(body: Uint8Array, maxPath: number, clock: Clock, owner: ReplyScanOwner) {
    const wanted = (path: string) => path.startsWith(askPath);
    this.#scan = new RefScan(body, 0, body.length, { maxPath, wanted, most: maxReportedAsks });
    this.#clock = clock;
    this.#owner = owner;
  }

  step(): number {
    const before = this.#scan.values;
    try {
      this.done = this.#scan.step(turnOf(this.#clock));
      if (this.done) this.#owner.onFound(this.#scan.found);
    } catch (error) {
      this.done = true;
      this.#owner.onError(error);
    }
    return this.#scan.values - before;
  }
}
