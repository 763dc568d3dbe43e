import type { ActorRef } from "../../actor/ref/ref.ts";
import { EntityProxy } from "./entity_ref.ts";
import { regionPrefix } from "./protocol.ts";
import { isShardEnvelope } from "./shard_envelope.ts";
import { shardOf } from "./shard_hash.ts";

/** Dependencies of {@linkcode ReplacedOwners}. */
export interface ReplacedOwnersPort {
  /** Calls back when the call at hand is over. */
  defer(task: () => void): void;
  /** How many shards a type has, if it is known. */
  numShardsOf(shardType: string): number | undefined;
  /** Fails the asks that a node has to answer and for which `isMeant` returns true. */
  failAsks(
    node: string,
    isMeant: (target: ActorRef<never>, message: unknown) => boolean,
  ): void;
  /** The same for asks of others that were sent on from here to entities behind the region at `path`. */
  failForeignAsks?(node: string, isMeant: (path: string, entityId: string) => boolean): void;
}

/**
 * Tells askers at once that a lost owner does not answer: its shard has been granted to another node, so
 * its lease has ended, and what it had is not handled under that grant any more. It may be a member
 * still, for seconds or, where it has lost a majority only, for as long as nobody downs it.
 *
 * Shards of one owner move together: the pending asks are looked at once for all that one message tells.
 */
export class ReplacedOwners {
  readonly #port: ReplacedOwnersPort;
  /** Shards by their lost owner, each as type and number. */
  readonly #shards = new Map<string, Set<string>>();

  constructor(port: ReplacedOwnersPort) {
    this.#port = port;
  }

  /** Another node owns the shard, and the former owner cannot be reached. */
  add(owner: string, shardType: string, shard: number): void {
    if (this.#shards.size === 0) this.#port.defer(() => this.#tell());
    const shards = this.#shards.get(owner);
    if (shards === undefined) this.#shards.set(owner, new Set([keyOf(shardType, shard)]));
    else shards.add(keyOf(shardType, shard));
  }

  #tell(): void {
    const all = [...this.#shards];
    this.#shards.clear();
    for (const [owner, shards] of all) {
      const has = (key: string | undefined) => key !== undefined && shards.has(key);
      this.#port.failAsks(owner, (target, message) => has(this.#shardAsked(target, message)));
      this.#port.failForeignAsks?.(owner, (path, entityId) => {
        return path.startsWith(regionPrefix) &&
          has(this.#shardOf(path.slice(regionPrefix.length), entityId));
      });
    }
  }

  /** The shard of the entity that an ask is for. */
  #shardAsked(target: ActorRef<never>, message: unknown): string | undefined {
    let shardType: string;
    let entityId: string;
    if (target instanceof EntityProxy) ({ entityType: shardType, entityId } = target);
    else if (isShardEnvelope(message)) {
      shardType = target.path.slice(1);
      entityId = message.entityId;
    } else return undefined;
    return this.#shardOf(shardType, entityId);
  }

  #shardOf(shardType: string, entityId: string): string | undefined {
    const numShards = this.#port.numShardsOf(shardType);
    return numShards === undefined ? undefined : keyOf(shardType, shardOf(entityId, numShards));
  }
}

function keyOf(shardType: string, shard: number): string {
  return `${shard} ${shardType}`;
}
