import type { HolderId } from "../lease/lease_config.ts";
import { compareStamps, type Stamp } from "../routing/term.ts";
import { rules } from "../../runtime/rules.ts";
import type { ViewMember } from "./coordinator_view.ts";

/** One member, as its coordinator knows it. */
interface CoordinatedNode {
  readonly incarnation: number;
  /** It has acknowledged the current term, and reported its shards. */
  reported: boolean;
  retiring: boolean;
  /** Its last report claims shards that are not its any more: it has to stop them. */
  conflicts: boolean;
  /** The stamp of its newest message. */
  stamp: Stamp;
}

/**
 * The members of a cluster, as its coordinator knows them: which have acknowledged the term, whose
 * report is pending, and which are eligible for shards.
 */
export class CoordinatedNodes {
  readonly #nodes = new Map<string, CoordinatedNode>();
  /** Members whose report is pending; a new coordinator grants no shards before. */
  readonly #awaited = new Set<string>();
  #able = "";
  #stableSince = 0;

  /** Whether reports are pending, before which no shard may be granted. */
  get awaitsReports(): boolean {
    return this.#awaited.size > 0;
  }

  /** Since when the same nodes can own shards. */
  get stableSince(): number {
    return this.#stableSince;
  }

  /** The addresses of all. */
  addresses(): Iterable<string> {
    return this.#nodes.keys();
  }

  /** Members that have not acknowledged the term yet, or have to report again. */
  unreported(): string[] {
    return [...this.#nodes].filter(([, { reported, conflicts }]) => !reported || conflicts)
      .map(([address]) => address);
  }

  /** Whether a member has acknowledged this term and reported its shards. */
  hasReported(address: string): boolean {
    return this.#nodes.get(address)?.reported === true;
  }

  /** Whether a member has reported that it leaves. */
  isRetiring(address: string): boolean {
    return this.#nodes.get(address)?.retiring === true;
  }

  /** Members that have reported, and claim no shards of others. */
  settled(): HolderId[] {
    return [...this.#nodes].filter(([, { reported, conflicts }]) => reported && !conflicts)
      .map(([address, { incarnation }]) => ({ address, incarnation }));
  }

  /** Members that claim shards of others. */
  conflicting(): HolderId[] {
    return [...this.#nodes].filter(([, { conflicts }]) => conflicts)
      .map(([address, { incarnation }]) => ({ address, incarnation }));
  }

  /** Members whose reports are awaited. */
  awaited(): Iterable<string> {
    return this.#awaited;
  }

  /** The lease of a member has ended: what it owned is not its any more. */
  excuse({ address, incarnation }: HolderId): void {
    if (this.#nodes.get(address)?.incarnation === incarnation) this.#awaited.delete(address);
  }

  /** Notes whether a member claims shards that are not its any more. */
  noteConflicts(address: string, conflicts: boolean): void {
    const node = this.#nodes.get(address);
    if (node !== undefined) node.conflicts = conflicts;
  }

  /** The incarnation of a member; 0 if it is none. */
  incarnationOf(address: string): number {
    return this.#nodes.get(address)?.incarnation ?? 0;
  }

  /** This node does not lead any more. */
  clear(): void {
    this.#nodes.clear();
    this.#awaited.clear();
  }

  /** A new term begins: all must report again. */
  awaitAll(): void {
    for (const [address, node] of this.#nodes) {
      node.reported = false;
      node.conflicts = false;
      this.#awaited.add(address);
    }
  }

  /**
   * Adds a member unless it is known. `awaited`: its report is pending, because it may own shards.
   */
  add({ address, incarnation }: ViewMember, awaited: boolean): boolean {
    if (this.#nodes.has(address)) return false;
    this.#nodes.set(address, {
      incarnation,
      reported: false,
      retiring: false,
      conflicts: false,
      stamp: [incarnation, 0],
    });
    if (awaited) this.#awaited.add(address);
    return true;
  }

  /**
   * Removes nodes that are no longer members or have a new incarnation. Returns them, and whether they
   * had reported in this term.
   */
  retain(members: readonly ViewMember[]): { readonly id: HolderId; readonly reported: boolean }[] {
    const present = new Map(members.map(({ address, incarnation }) => [address, incarnation]));
    const gone: { id: HolderId; reported: boolean }[] = [];
    for (const [address, { incarnation, reported }] of this.#nodes) {
      if (present.get(address) === incarnation) continue;
      this.#nodes.delete(address);
      this.#awaited.delete(address);
      gone.push({ id: { address, incarnation }, reported });
    }
    return gone;
  }

  /** Whether a message with this stamp is of the present incarnation of a member. */
  isCurrent(from: string, stamp: Stamp): boolean {
    return this.#nodes.get(from)?.incarnation === stamp[0];
  }

  /** Notes a confirmation. It names an epoch, so a late one does no harm. False: it is not current. */
  confirmed(from: string, stamp: Stamp): boolean {
    if (!this.isCurrent(from, stamp)) return false;
    const node = this.#nodes.get(from)!;
    if (compareStamps(stamp, node.stamp) > 0) node.stamp = stamp;
    return true;
  }

  /** Notes a report. False: its sender has sent something newer, so the report is not complete. */
  reported(from: string, stamp: Stamp, retiring: boolean): boolean {
    const node = this.#nodes.get(from)!;
    if (compareStamps(stamp, node.stamp) < 0) return false;
    node.stamp = stamp;
    node.reported = true;
    node.retiring = retiring;
    this.#awaited.delete(from);
    return true;
  }

  /** Records changes of the set of eligible nodes: rebalancing waits after a change. */
  noteAble(members: readonly ViewMember[], now: number): void {
    const able = members.filter((member) => this.mayOwn(member)).map(({ address }) => address)
      .join();
    if (able === this.#able) return;
    this.#able = able;
    this.#stableSince = now;
  }

  /**
   * Whether a member may be given shards: it is up, so every later leader knows it and requests its
   * report, and it has acknowledged this term, so it obeys no earlier coordinator.
   */
  mayOwn({ address, eligible, joining }: ViewMember): boolean {
    const node = this.#nodes.get(address);
    const up = eligible || (joining && !rules.onlyUpMembersOwn);
    return up && node !== undefined && node.reported && !node.retiring;
  }
}
