/**
 * Which shards of a node go on although acknowledged events may be lost: as the type permits, or a person.
 *
 * @module
 */
import { rules } from "../runtime/rules.ts";
import type { ReplicaStatus } from "./primary.ts";
import type { PromotionWait } from "./promotion.ts";
import type { ReplicatedShard } from "./replicated_shard.ts";

/** Milliseconds that a shard waits for lost copies before `allowDataLoss` counts. */
const lossDelay = 15_000;
/**
 * For how long the permission of a person counts for shards that come to a node, milliseconds; and how long
 * these wait first: each promotion waits for an instant.
 */
const permissionLasts = 60_000;
const permittedDelay = 5_000;

/** What decides. */
export interface AcceptedLossesPort {
  /** Whether the type permits it. */
  readonly allowDataLoss: boolean;
  shard(shard: number): ReplicatedShard | undefined;
  isMember(address: string): boolean;
  /** A person has permitted it for a shard that waits. */
  onPermitted(shard: number, epoch: number): void;
}

/** See the module's text. */
export class AcceptedLosses {
  readonly #port: AcceptedLossesPort;
  /** Since when a shard waits for copies that may be lost. */
  readonly #waitingSince = new Map<number, number>();
  /** Until when a person permits that a shard goes on without lost events, by shard. */
  readonly #permittedUntil = new Map<number, number>();

  constructor(port: AcceptedLossesPort) {
    this.#port = port;
  }

  /** Whether a shard waits for copies. */
  isWaiting(shard: number): boolean {
    return this.#waitingSince.has(shard);
  }

  /** What the owner here says of its shard. */
  onStatus(shard: number, { phase }: ReplicaStatus, now: number): void {
    if (phase !== "fencing") this.#waitingSince.delete(shard);
    else if (!this.#waitingSince.has(shard)) this.#waitingSince.set(shard, now);
  }

  /** A shard has another grant, or none. */
  forget(shard: number): void {
    this.#waitingSince.delete(shard);
  }

  /**
   * A person permits that shards go on with what is left. Answers those that wait here for that. Another node
   * may have more of a shard: then it becomes the owner, and has to be permitted as well.
   */
  permit(shards: readonly number[], now: number): readonly number[] {
    for (const shard of shards) this.#permittedUntil.set(shard, now + permissionLasts);
    return [...new Set(shards)].filter((shard) => this.#accept(shard));
  }

  #accept(shard: number): boolean {
    const replicated = this.#port.shard(shard);
    const status = replicated?.status;
    const reason = status?.wait?.reason;
    if (status?.phase !== "fencing" || reason === undefined || reason === "nodes") return false;
    const { epoch } = status;
    this.#port.onPermitted(shard, epoch);
    replicated!.step({ type: "acceptLoss", epoch });
    return true;
  }

  /** As `allowDataLoss` or a person permits, after everything else has had its time. */
  tick(now: number): void {
    const { allowDataLoss } = this.#port;
    if (!allowDataLoss && this.#permittedUntil.size === 0) return;
    for (const [shard, since] of this.#waitingSince) {
      const isPermitted = now < (this.#permittedUntil.get(shard) ?? -Infinity);
      if (isPermitted && now - since >= permittedDelay) this.#accept(shard);
      if (!allowDataLoss || now - since < lossDelay) continue;
      this.#waitingSince.set(shard, now);
      const replicated = this.#port.shard(shard);
      const primary = replicated?.machine.primary;
      const wait = primary?.status(now).wait;
      if (wait === undefined || wait.reason === "nodes") continue;
      if (this.#isAwaited(wait, (address) => primary!.hasAnswered(address))) continue;
      replicated!.step({ type: "acceptLoss", epoch: primary!.epoch });
    }
  }

  /**
   * Whether what is missing may be at members that have not answered: they may be slow, or cut off from this
   * node only, and have everything. A member that has answered has lost it: its store is another one.
   */
  #isAwaited(wait: PromotionWait, hasAnswered: (address: string) => boolean): boolean {
    const { isMember } = this.#port;
    switch (wait.reason) {
      case "copies":
        return rules.silentMembersAreNoLoss &&
          wait.stores.some(({ address }) => isMember(address) && !hasAnswered(address));
      case "bootstrap":
        return wait.addresses.some((address) => isMember(address));
      default:
        return false;
    }
  }
}
