import type { NodeLease } from "../lease/node_lease.ts";
import {
  isOutdated,
  isPlausibleTerm,
  noTerm,
  sameTerm,
  type Stamp,
  type Term,
} from "../routing/term.ts";
import type { CoordinationMessage, RegionReport } from "../coordinator/coordination_protocol.ts";
import type { TypeOptions } from "../coordinator/type_options.ts";
import type { StartShardMessage } from "../routing/protocol.ts";
import type { ShardRouter } from "../routing/shard_router.ts";
import type { Region } from "./region.ts";

/** Dependencies of {@linkcode NodeRegions}. */
export interface NodeRegionsPort {
  /** This node's address. */
  readonly self: string;
  /** The member that leads, so that coordinates. */
  leader(): string | undefined;
  /** Milliseconds since the Unix epoch. */
  wallTime(): number;
  /** The lease of this node. */
  readonly lease: NodeLease;
  send(to: string, message: CoordinationMessage): void;
}

/** One type at this node. */
interface RegionType {
  readonly router: ShardRouter;
  /** Undefined: this node owns no shards of the type. */
  readonly region: Region | undefined;
  /** Those that nodes have to agree on. */
  readonly options: TypeOptions | undefined;
}

/** A shard, and the epoch of a grant of it. */
interface AboutShard {
  readonly shardType: string;
  readonly shard: number;
  readonly epoch: number;
}

/**
 * The node's side of the coordination: acknowledges the term of a coordinator, obeys only the one
 * whose term it has acknowledged last, starts and hands off shards, and reports its shards.
 *
 * Invariant: a node that has acknowledged a term takes no grant of an earlier one, so a deposed
 * coordinator can change nothing where its successor has been acknowledged.
 */
export class NodeRegions {
  readonly #port: NodeRegionsPort;
  readonly #types = new Map<string, RegionType>();
  /** Of this node at its address; 0 while it is no member. */
  #incarnation = 0;
  #acknowledged: Term = noTerm;
  #stamps = 0;
  #retiring = false;

  constructor(port: NodeRegionsPort) {
    this.#port = port;
  }

  /** Adds a type. Its region owns no shards before {@linkcode NodeRegions.open}. */
  add(router: ShardRouter, region: Region | undefined, options?: TypeOptions): void {
    this.#types.set(router.shardType, { router, region, options });
  }

  /** The region of a type can start entities. */
  open(shardType: string): void {
    const region = this.of(shardType);
    if (region === undefined) return;
    region.ready = true;
    this.report();
  }

  /** The region of a type, if this node can own shards of it. */
  of(shardType: string): Region | undefined {
    return this.#types.get(shardType)?.region;
  }

  /** Whether this node can own shards of any type. */
  get any(): boolean {
    for (const { region } of this.#types.values()) if (region !== undefined) return true;
    return false;
  }

  /** How many shards this node owns, of all types. */
  get owned(): number {
    let owned = 0;
    for (const { region } of this.#types.values()) owned += region?.size ?? 0;
    return owned;
  }

  /** The latest term that this node has acknowledged. */
  get acknowledged(): Term {
    return this.#acknowledged;
  }

  /** Counts the changes of the owned shards. */
  get version(): number {
    let version = 0;
    for (const { region } of this.#types.values()) version += region?.version ?? 0;
    return version;
  }

  /** The shards that this node owns, of all types. */
  grants(): AboutShard[] {
    return [...this.#types].flatMap(([shardType, { region }]) =>
      (region?.grants() ?? []).map(([shard, epoch]) => ({ shardType, shard, epoch }))
    );
  }

  /** Whether this node has started handing off all shards. */
  get retiring(): boolean {
    return this.#retiring;
  }

  /**
   * Which incarnation of this node is a member; 0: none. A node that is no member any more owns no
   * shard: other nodes may run its entities by now.
   */
  setIncarnation(incarnation: number): void {
    if (this.#incarnation !== 0 && incarnation !== this.#incarnation) {
      this.stopAll();
    }
    this.#incarnation = incarnation;
  }

  /** Acknowledges the term of the leader that this node sees, unless a later one was acknowledged. */
  onReportRequest(from: string, term: Term): void {
    if (from !== this.#port.leader()) return;
    if (isOutdated(term, this.#acknowledged)) {
      return this.#port.send(from, { type: "outdatedTerm", term: this.#acknowledged });
    }
    // A peer must not use up the numbers of terms.
    if (this.acknowledge(term)) this.report();
  }

  /**
   * Acknowledges a term of which this node has learned otherwise. The next coordinator it reports to
   * then begins a later one. Returns false if the term cannot be true.
   */
  acknowledge(term: Term): boolean {
    if (!isPlausibleTerm(term, this.#acknowledged[0], this.#port.wallTime())) return false;
    this.#acknowledged = term;
    this.#port.lease.acknowledge(term);
    return true;
  }

  /** The coordinator grants a shard. */
  onStartShard(from: string, message: StartShardMessage): void {
    if (!this.#obeys(from, message.term) || message.incarnation !== this.#incarnation) return;
    if (!this.#port.lease.accepts(message.config)) return;
    const { shardType, shard, epoch, previous } = message;
    const { router, region } = this.#types.get(shardType) ?? {};
    if (!region?.ready || shard >= router!.numShards) return;
    const answer = this.#retiring ? "stopped" : region.own(shard, epoch, previous);
    if (answer === "running") {
      const held = region.epochOf(shard);
      router!.learn(shard, this.#port.self, held, this.#incarnation);
      const stamp = this.#stamp();
      this.#port.send(from, { type: "started", stamp, shardType, shard, epoch: held });
    } else if (answer === "stopped") {
      if (this.#retiring) this.report();
      this.#handOff(shardType, shard, epoch);
    }
  }

  /** The coordinator has requested a hand-off. */
  onHandOff(from: string, message: AboutShard & { readonly term: Term }): void {
    if (!this.#obeys(from, message.term)) return;
    const { shardType, shard, epoch } = message;
    const type = this.#types.get(shardType);
    if (type === undefined || shard >= type.router.numShards) return;
    const held = type.region?.epochOf(shard) ?? 0;
    if (held > 0 && held < epoch) {
      // Another node had a later grant than this one.
      type.region!.fence(shard, epoch);
      return this.#confirmStopped(shardType, shard, epoch);
    }
    if (type.region !== undefined) this.#handOff(shardType, shard, epoch);
    else this.#confirmStopped(shardType, shard, epoch);
  }

  /** This node leaves: reports that first, then hands off all shards, and takes no others. */
  retire(): void {
    if (this.#retiring) return;
    this.#retiring = true;
    this.report();
    this.handOffAll();
    this.report();
  }

  /** Stops all shards at once, without handling what waits in mailboxes. */
  stopAll(): void {
    for (const { region } of this.#types.values()) {
      for (const [shard] of region?.grants() ?? []) region!.fence(shard, Infinity);
    }
  }

  /** Hands off the remaining shards. */
  handOffAll(): void {
    for (const [shardType, { region }] of this.#types) {
      for (const [shard, epoch, stopping] of region?.grants() ?? []) {
        if (stopping === 0) this.#handOff(shardType, shard, epoch);
      }
    }
  }

  /** Sends the coordinator the shard report: all that this node owns. */
  report(): void {
    const regions: RegionReport[] = [];
    for (const [shardType, { router, region, options }] of this.#types) {
      if (!region?.ready) continue;
      const { numShards } = router;
      const lastEpoch = Math.max(router.lastEpoch, region.highestEpoch);
      const shards = region.grants();
      regions.push({ shardType, numShards, shards, lastEpoch, ...(options && { options }) });
    }
    this.#toLeader({
      type: "shardReport",
      term: this.#acknowledged,
      stamp: this.#stamp(),
      retiring: this.#retiring,
      regions,
      ...this.#port.lease.report(),
    });
  }

  #obeys(from: string, term: Term): boolean {
    return from === this.#port.leader() && sameTerm(term, this.#acknowledged);
  }

  /** Stops a shard's entities and confirms; if there are none to stop, confirms again. */
  #handOff(shardType: string, shard: number, epoch: number): void {
    const { router, region } = this.#types.get(shardType)!;
    const held = region!.epochOf(shard);
    // Messages of this node wait for older ones in flight to it, which must be delivered first. The
    // coordinator repeats the hand-off.
    if (held > 0 && router.isRoutePending(shard)) return;
    if (held > 0 && held <= epoch) router.hold(shard);
    // The callback runs synchronously if there are no entities to stop; then `answer` is "stopped",
    // too.
    let confirmed = false;
    const answer = region!.handOff(shard, epoch, () => {
      confirmed = true;
      this.#confirmStopped(shardType, shard, epoch);
    });
    if (answer === "stopped" && !confirmed) this.#confirmStopped(shardType, shard, epoch);
  }

  #confirmStopped(shardType: string, shard: number, epoch: number): void {
    this.#toLeader({ type: "stopped", stamp: this.#stamp(), shardType, shard, epoch });
  }

  #stamp(): Stamp {
    return [this.#incarnation, ++this.#stamps];
  }

  #toLeader(message: CoordinationMessage): void {
    const leader = this.#port.leader();
    if (leader !== undefined) this.#port.send(leader, message);
  }
}
