import { type HolderId, holderKey } from "./lease_config.ts";
import { defaultLeaseTiming, type LeaseTiming } from "./lease_timing.ts";

/** How many former members are kept; of older ones the absence counts from when it matters. */
const maxGone = 1_024;

/**
 * The members of this node's view, and since when former ones are gone. Kept also while another node
 * coordinates, so that a new coordinator need not wait for what has long been known.
 */
export class LeaseMembers {
  readonly #timing: LeaseTiming;
  /** The members, by key. */
  readonly #present = new Map<string, HolderId>();
  readonly #incarnations = new Map<string, number>();
  readonly #goneSince = new Map<string, { readonly id: HolderId; readonly since: number }>();
  /** Since when this node has a view: it may not know who was gone before. */
  #since = Infinity;

  constructor(timing: LeaseTiming = defaultLeaseTiming) {
    this.#timing = timing;
  }

  /** The members now. */
  all(): Iterable<HolderId> {
    return this.#present.values();
  }

  /** Whether this incarnation is a member. */
  has(id: HolderId): boolean {
    return this.#present.has(holderKey(id));
  }

  /** Takes over the members of a view. */
  update(members: readonly HolderId[], now: number): void {
    this.#since = Math.min(this.#since, now);
    const before = [...this.#present.values()];
    this.#present.clear();
    this.#incarnations.clear();
    for (const id of members) {
      this.#present.set(holderKey(id), id);
      this.#incarnations.set(id.address, id.incarnation);
      this.#goneSince.delete(holderKey(id));
    }
    for (const id of before) if (!this.has(id)) this.#goneAt(id, now);
  }

  /**
   * When a voter counts as dead: it acknowledges nothing more, and what it has acknowledged has ended.
   * `Infinity`: it is a member.
   */
  deadAt(id: HolderId, now: number): number {
    if (this.has(id)) return Infinity;
    // Two processes cannot have one address at the same time.
    const isReplaced = (this.#incarnations.get(id.address) ?? 0) > id.incarnation;
    const { takeoverWait, lostVoterWait } = this.#timing;
    return this.#goneAt(id, now) + (isReplaced ? takeoverWait : lostVoterWait);
  }

  /** When all that are members no more, and may know what no member knows, count as dead. */
  allDeadAt(now: number): number {
    let last = this.#since + this.#timing.lostVoterWait;
    for (const { id } of this.#goneSince.values()) last = Math.max(last, this.deadAt(id, now));
    return last;
  }

  #goneAt(id: HolderId, now: number): number {
    const key = holderKey(id);
    const known = this.#goneSince.get(key);
    if (known !== undefined) return known.since;
    this.#goneSince.set(key, { id, since: now });
    for (const oldest of this.#goneSince.keys()) {
      if (this.#goneSince.size <= maxGone) break;
      this.#goneSince.delete(oldest);
    }
    return now;
  }
}
