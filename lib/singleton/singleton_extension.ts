/**
 * Singletons and workers at one node: each is a sharded type whose entities always run. Who runs them,
 * when they move and where messages for them wait is all decided by sharding.
 *
 * @module
 */
import type { ActorRef } from "../actor/ref/ref.ts";
import { internalsOf } from "../actor/system/system_internals.ts";
import type { ExtensionBehavior } from "../cluster/node/extension_behavior.ts";
import type {
  ExtensionContext,
  ExtensionHealth,
  NodeExtension,
} from "../cluster/node/node_extension.ts";
import { checkValue } from "../options/check_options.ts";
import { entityTypeName } from "../options/tables/sharding_tables.ts";
import { PersistenceError } from "../persistence/errors.ts";
import { cronTime } from "../persistence/reminders/schedule.ts";
import type { EntityRef } from "../sharding/routing/entity_ref.ts";
import { sharded } from "../sharding/sharded_behavior.ts";
import { type Sharding, shardingKey, type ShardRefs, shardRefsOf } from "../sharding/sharding.ts";
import { shardedOptionsOf } from "./daemon_options.ts";
import { rendezvous } from "./rendezvous.ts";
import { ScheduledBehavior } from "./scheduled_behavior.ts";
import { type SingletonBehavior, singletonKind } from "./singleton_behavior.ts";
import { singletonPlace } from "./singleton_place.ts";
import { type NamedWorkers, startWorkers } from "./started_workers.ts";
import { type WorkersBehavior, workersKind } from "./workers_behavior.ts";
import { WorkersProxy } from "./workers_ref.ts";

/** What runs under a name. */
interface Started {
  readonly kind: "singleton" | "workers";
  readonly shardType: string;
  /** The ids of its entities, by their shards. */
  readonly ids: readonly string[];
}

/** See the module's text. */
export class SingletonExtension implements NodeExtension {
  readonly name = "singleton";
  readonly requires = ["sharding", "replication"] as const;
  readonly #started = new Map<string, Started>();
  #node!: ExtensionContext;
  #sharding!: Sharding;
  #refs!: ShardRefs;

  /** Registers the kinds, and runs the workers of layers below. */
  install(node: ExtensionContext): void {
    this.#node = node;
    this.#sharding = node.extension(shardingKey);
    this.#refs = shardRefsOf(this.#sharding);
    node.registerKind(singletonKind, (behavior, name) => this.#spawnSingleton(behavior, name));
    node.registerKind(workersKind, (behavior, name) => this.#spawnWorkers(behavior, name));
    internalsOf(node.system).startWorkers = ({ name, count, behavior, role }) => {
      // What other layers run takes no messages of clients.
      const options = { clients: () => false, ...role !== undefined && { role } };
      return this.#startWorkers({ name, count, behavior, options });
    };
  }

  /** Where each singleton and worker that was spawned here runs. */
  explain(): readonly string[] {
    const lines = [...this.#started].flatMap(([name, started]) => this.#explainOne(name, started));
    return lines.length > 0 ? lines : ["no singletons and no workers were spawned at this node"];
  }

  #explainOne(name: string, { kind, shardType, ids }: Started): readonly string[] {
    const running = new Set(this.#sharding.runningEntities(shardType));
    const table = this.#sharding.shardTable(shardType);
    return ids.map((id, index) => {
      const what = kind === "singleton" ? `"${name}"` : `worker ${index} of "${name}"`;
      // The table of a leader may have another number of shards, which those have that run.
      const place = table.length === ids.length ? table[index] : undefined;
      if (place === undefined) {
        const obstacle = this.#refs.obstacle(shardType);
        if (obstacle !== undefined) return `${what} cannot run as spawned here: ${obstacle}`;
        return `${what}: this node does not know where it runs; see the topic sharding`;
      }
      const { owner, epoch } = place;
      if (owner === this.#node.address && !running.has(id)) {
        return `${what} has failed or stopped itself at this node, and starts again after a pause`;
      }
      return `${what} runs at ${owner}, by the grant of epoch ${epoch}`;
    });
  }

  /** Works if sharding does. */
  health(): ExtensionHealth {
    let singletons = 0;
    for (const { kind } of this.#started.values()) if (kind === "singleton") singletons++;
    return { healthy: true, details: { singletons, workers: this.#started.size - singletons } };
  }

  #spawnSingleton(
    described: ExtensionBehavior<never>,
    name: string | undefined,
  ): ActorRef<never> {
    const { behavior, options } = described as unknown as SingletonBehavior<never>;
    const { shardType, entityId } = singletonPlace(name!);
    if (described instanceof ScheduledBehavior) this.#checkScheduled(described, entityId);
    const { strategy = rendezvous(entityId), ...rest } = options;
    const type = sharded<never>(() => behavior, {
      ...shardedOptionsOf(rest, 1),
      strategy,
    });
    const region = this.#refs.spawnDaemons(type, shardType, {
      ids: [entityId],
      actorName: entityId,
      recipient: entityId,
    });
    this.#started.set(entityId, { kind: "singleton", shardType, ids: [entityId] });
    return region.entity(entityId);
  }

  /** So that `spawn` throws, and not the actor at its start. */
  #checkScheduled({ when, options }: ScheduledBehavior, name: string): void {
    const { runtime: { clock }, roles, system } = this.#node;
    const { role, journal, replication } = options;
    cronTime(when, clock.wallTime());
    const runs = role === undefined || roles.includes(role);
    if (!runs || journal !== undefined || replication !== undefined) return;
    if (internalsOf(system).persistence?.journal !== undefined) return;
    throw new PersistenceError("noJournal", `the schedule "${name}" has no journal`, {
      value: name,
      remedy:
        "give it one, or replication, or give a journal to the node (persistence: { journal })",
    });
  }

  #spawnWorkers(described: ExtensionBehavior<never>, name: string | undefined): ActorRef<never> {
    const { count, behavior, options } = described as unknown as WorkersBehavior<never>;
    checkValue("name", entityTypeName, name);
    const started = this.#startWorkers({ name: name!, count, behavior, options });
    return new WorkersProxy(this.#node.system.lookup(`/${name}`)!, started);
  }

  #startWorkers<M>(workers: NamedWorkers<M>): readonly EntityRef<M>[] {
    const started = startWorkers(this.#refs, workers);
    const ids = started.map(({ entityId }) => entityId);
    this.#started.set(workers.name, { kind: "workers", shardType: started[0]!.entityType, ids });
    return started;
  }
}
