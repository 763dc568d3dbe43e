import { rules } from "../../runtime/rules.ts";
import type { LocalRegion } from "../routing/local_region.ts";

/** Runs the entities of the shards that a region owns. */
export interface ShardRunner {
  /** The highest epoch that copies of the type at this node have promised. Default: there are none. */
  readonly highestEpoch?: number;
  /** Hands a message to an entity of a shard that this node runs. */
  deliver(shard: number, entityId: string, message: unknown): void;
  /** Whether the entity runs, or is about to. Default: always. */
  has?(shard: number, entityId: string): boolean;
  /** This node owns the shard from now on. `previous`: the epoch of the grant before, if it is known. */
  startShard(shard: number, epoch: number, previous?: number): void;
  /** This node, which runs the shard, has a newer grant of it. */
  renewShard(shard: number, epoch: number): void;
  /**
   * Stops all entities of a shard, `inTurn` after the messages in their mailboxes, or at once, and
   * calls back when none is left.
   */
  stopShard(shard: number, how: "inTurn" | "now", done: () => void): void;
}

interface Held {
  epoch: number;
  stopping: boolean;
}

/** The answer of a region to a grant or a hand-off. */
export type RegionAnswer = "running" | "stopping" | "stopped";

/**
 * Which shards of one type this node owns. Invariant: a shard that was handed off is never started again
 * under the same grant, however often and late the grant is repeated: so lost and repeated messages do
 * no harm.
 */
export class Region implements LocalRegion {
  readonly #runner: ShardRunner;
  readonly #held: (Held | undefined)[] = [];
  /** The newest grant of each shard that has ended here. */
  readonly #ended = new Map<number, number>();
  readonly #onChange: (shard: number, epoch: number, how: ShardChange) => void;
  #count = 0;
  /** Counts the changes of `grants`. */
  version = 0;
  /** Whether entities can be started. */
  ready = false;

  constructor(
    runner: ShardRunner,
    onChange: (shard: number, epoch: number, how: ShardChange) => void = () => {},
  ) {
    this.#runner = runner;
    this.#onChange = onChange;
  }

  /** The highest epoch that copies of the type at this node have promised; 0: there is none. */
  get highestEpoch(): number {
    return this.#runner.highestEpoch ?? 0;
  }

  /** Number of shards that this node owns, including shards in hand-off. */
  get size(): number {
    return this.#count;
  }

  /** The shards that this node owns, with the epochs of their grants; 1: it hands the shard off. */
  grants(): [shard: number, epoch: number, stopping: 0 | 1][] {
    const grants: [number, number, 0 | 1][] = [];
    this.#held.forEach((held, shard) => {
      if (held !== undefined) grants.push([shard, held.epoch, held.stopping ? 1 : 0]);
    });
    return grants;
  }

  /** The epoch of the grant of a shard, or 0 if this node does not own it. */
  epochOf(shard: number): number {
    return this.#held[shard]?.epoch ?? 0;
  }

  hasHeld(shard: number, epoch: number): boolean {
    return this.epochOf(shard) >= epoch || (this.#ended.get(shard) ?? 0) >= epoch;
  }

  /** Hands a message to an entity. False: the shard is not owned here, or is being handed off. */
  deliver(shard: number, entityId: string, message: unknown): boolean {
    const held = this.#held[shard];
    if (held === undefined || held.stopping) return false;
    this.#runner.deliver(shard, entityId, message);
    return true;
  }

  /** Whether a message would start the entity here. */
  wouldStart(shard: number, entityId: string): boolean {
    const held = this.#held[shard];
    if (held === undefined || held.stopping) return false;
    return this.#runner.has?.(shard, entityId) === false;
  }

  /** Starts a shard, unless that grant has ended already. `previous`: the epoch of the one before. */
  own(shard: number, epoch: number, previous?: number): RegionAnswer {
    const held = this.#held[shard];
    if (held !== undefined) {
      if (held.stopping) return "stopping";
      if (epoch > held.epoch) {
        held.epoch = epoch;
        this.version++;
        this.#runner.renewShard(shard, epoch);
      }
      return "running";
    }
    if (epoch <= (this.#ended.get(shard) ?? 0)) return "stopped";
    this.#held[shard] = { epoch, stopping: false };
    this.#count++;
    this.version++;
    this.#runner.startShard(shard, epoch, previous);
    this.#onChange(shard, epoch, "started");
    return "running";
  }

  /**
   * Hands a shard off in order: entities stop when they have handled the messages in their mailboxes.
   * `done` is called when none is left, with the answer "stopping" only.
   */
  handOff(shard: number, epoch: number, done: () => void): RegionAnswer {
    const held = this.#held[shard];
    if (held === undefined || held.epoch > epoch) {
      // The hand-off may have overtaken the grant: that must not be taken any more.
      this.#end(shard, epoch);
      return "stopped";
    }
    if (held.stopping) return "stopping";
    held.stopping = true;
    held.epoch = epoch;
    this.version++;
    this.#runner.stopShard(shard, "inTurn", () => {
      if (this.#held[shard] !== held) return;
      this.#drop(shard, held, "handedOff");
      done();
    });
    if (this.#held[shard] !== held) return "stopped";
    if (rules.shardStopsBeforeHandOff) return "stopping";
    done();
    return "stopped";
  }

  /** Another node has a newer grant: if this node runs an older one, its entities stop at once. */
  fence(shard: number, epoch: number): void {
    const held = this.#held[shard];
    if (held === undefined || held.epoch >= epoch) return;
    this.#drop(shard, held, "fenced");
    this.#runner.stopShard(shard, "now", () => {});
  }

  #drop(shard: number, held: Held, how: ShardChange): void {
    this.#held[shard] = undefined;
    this.#count--;
    this.version++;
    this.#end(shard, held.epoch);
    this.#onChange(shard, held.epoch, how);
  }

  #end(shard: number, epoch: number): void {
    if (epoch > (this.#ended.get(shard) ?? 0)) this.#ended.set(shard, epoch);
  }
}

/** How a shard was started or stopped at a node. */
export type ShardChange = "started" | "handedOff" | "fenced";
