import { askPath } from "../actor/ref/reply_path.ts";
import type { TemporaryRef } from "../actor/ref/local_ref.ts";
import { accountOf, type Peer } from "../transport/base/peer.ts";
import { Tally } from "../transport/base/tally.ts";

/**
 * Counts the asks of this system that clients are to answer, by certificate: one that answers none must
 * not use up what the system may ask at all.
 */
export class HeldAsks {
  readonly #limit: number;
  readonly #held = new Tally();

  /** At most `limit` for one certificate. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** The reference is sent to a client. False: the client holds too many already. */
  hold(ref: TemporaryRef, peer: Peer): boolean {
    if (!ref.path.startsWith(askPath)) return true;
    const account = accountOf(peer);
    if (this.#held.of(account) >= this.#limit) return false;
    this.#held.add(account, 1);
    ref.whenStopped(() => this.#held.add(account, -1));
    return true;
  }
}
