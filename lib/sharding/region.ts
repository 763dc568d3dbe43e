import type { Behavior } from "../actor/behavior.ts";
import { Behaviors } from "../actor/behaviors.ts";
import type { ActorContext } from "../actor/context.ts";
import type { ActorRef } from "../actor/ref.ts";
import type { EntityFactory } from "./sharded_behavior.ts";

interface OwnedShard {
  readonly epoch: number;
  readonly entities: Map<string, ActorRef<unknown>>;
}

/** Runs the entities of the shards that this node owns. */
export class Region {
  readonly #factory: EntityFactory<unknown>;
  readonly #shards = new Map<number, OwnedShard>();
  readonly #shardOfRef = new Map<ActorRef<unknown>, readonly [shard: number, entityId: string]>();
  #context: ActorContext<never> | undefined;
  /** Counts the changes of what `grants` answers. */
  version = 0;

  /** Owns nothing. */
  constructor(factory: EntityFactory<unknown>) {
    this.#factory = factory;
  }

  /** The actor whose children the entities are; `onReady` is called when it can have some. */
  behavior(onReady: () => void): Behavior<never> {
    return Behaviors.setup((context) => {
      this.#context = context;
      onReady();
      return Behaviors.receive<never>(
        () => Behaviors.same(),
        (_context, signal) => {
          if (signal.type === "terminated") this.#forget(signal.ref as ActorRef<unknown>);
          if (signal.type === "postStop") this.#context = undefined;
          return Behaviors.same();
        },
      );
    });
  }

  /** Whether entities can be started. */
  get ready(): boolean {
    return this.#context !== undefined;
  }

  /** Starts no more entities, and takes nothing for those that run: the region is about to stop. */
  close(): void {
    this.#context = undefined;
  }

  /** The shards that this node owns, with the epochs of their grants. */
  grants(): [shard: number, epoch: number][] {
    return [...this.#shards].map(([shard, { epoch }]) => [shard, epoch]);
  }

  /** The epoch of the grant of a shard, or 0 if this node does not own it. */
  epochOf(shard: number): number {
    return this.#shards.get(shard)?.epoch ?? 0;
  }

  /** Takes over a shard. Entities that run under an older grant go on. */
  own(shard: number, epoch: number): void {
    const owned = this.#shards.get(shard);
    if (owned !== undefined && owned.epoch >= epoch) return;
    this.#shards.set(shard, { epoch, entities: owned?.entities ?? new Map() });
    this.version++;
  }

  /** Gives a shard up: its entities stop, and get nothing more. */
  release(shard: number): void {
    const owned = this.#shards.get(shard);
    if (owned === undefined) return;
    this.#shards.delete(shard);
    this.version++;
    for (const entity of owned.entities.values()) {
      this.#shardOfRef.delete(entity);
      this.#context?.stop(entity);
    }
  }

  /** Gives all shards up. */
  releaseAll(): void {
    for (const shard of [...this.#shards.keys()]) this.release(shard);
  }

  /** Hands a message to an entity, which is started if need be. False: the shard is not ours. */
  deliver(shard: number, entityId: string, message: unknown): boolean {
    const owned = this.#shards.get(shard);
    if (owned === undefined || this.#context === undefined) return false;
    const entity = owned.entities.get(entityId) ??
      this.#start(this.#context, shard, owned, entityId);
    entity.tell(message);
    return true;
  }

  #start(
    context: ActorContext<never>,
    shard: number,
    owned: OwnedShard,
    entityId: string,
  ): ActorRef<unknown> {
    const behavior = entityBehavior(this.#factory, entityId);
    const entity = context.spawn(behavior, freeName(context, entityId));
    context.watch(entity);
    owned.entities.set(entityId, entity);
    this.#shardOfRef.set(entity, [shard, entityId]);
    return entity;
  }

  #forget(entity: ActorRef<unknown>): void {
    const place = this.#shardOfRef.get(entity);
    if (place === undefined) return;
    this.#shardOfRef.delete(entity);
    this.#shards.get(place[0])?.entities.delete(place[1]);
  }
}

/** A factory that throws must stop its entity, not the region. */
function entityBehavior(
  factory: EntityFactory<unknown>,
  entityId: string,
): Behavior<unknown> {
  return Behaviors.setup(() => factory(entityId));
}

/**
 * The id where it can be an actor's name. `undefined` leaves the choice to the context: for ids that
 * are too long, and while an entity of an earlier grant is still stopping under the name.
 */
function freeName(context: ActorContext<never>, entityId: string): string | undefined {
  const name = `entity-${encodeURIComponent(entityId).replace(/[()]/g, escapeParenthesis)}`;
  const taken = context.system.lookup(`${context.self.path}/${name}`) !== undefined;
  return name.length <= 200 && !taken ? name : undefined;
}

function escapeParenthesis(char: string): string {
  return char === "(" ? "%28" : "%29";
}
