import { Behavior } from "./actor/behavior/behavior.ts";
import { Behaviors } from "./actor/behavior/behaviors.ts";
import type { SpawnOptions } from "./actor/behavior/spawn_options.ts";
import { BroadcastBehavior } from "./broadcast/broadcast_behavior.ts";
import type { ExtensionBehavior } from "./cluster/node/extension_behavior.ts";
import type { CastyConfig } from "./config/load_config.ts";
import { overlaid } from "./config/overlay.ts";
import { placeText } from "./config/setting.ts";
import type { OptionTable } from "./options/option.ts";
import { shardedTable } from "./options/tables/sharding_tables.ts";
import { scheduledTable, singletonTable, workersTable } from "./options/tables/singleton_tables.ts";
import type { Logger } from "./runtime/logger.ts";
import type { EntityFactory } from "./sharding/routing/entity_factory.ts";
import { ShardedBehavior, type ShardedOptions } from "./sharding/sharded_behavior.ts";
import type { DaemonOptions } from "./singleton/daemon_options.ts";
import { ScheduledBehavior } from "./singleton/scheduled_behavior.ts";
import { SingletonBehavior } from "./singleton/singleton_behavior.ts";
import { WorkersBehavior } from "./singleton/workers_behavior.ts";

/** What can be set for what a name stands for. */
interface Kind {
  /** With its article. */
  readonly name: string;
  /** Options of the table `sharding` that it has; undefined: it has neither `sharding` nor `replication`. */
  readonly sharding?: OptionTable;
  /** Whether its mailbox and supervision are its own business. */
  readonly isClosed?: boolean;
}

const kinds = {
  actor: { name: "an actor" },
  type: { name: "a sharded type", sharding: shardedTable },
  singleton: { name: "a singleton", sharding: singletonTable },
  workers: { name: "a group of workers", sharding: workersTable },
  schedule: { name: "a schedule", sharding: scheduledTable, isClosed: true },
} as const satisfies Readonly<Record<string, Kind>>;

/**
 * Gives the actors that a system spawns what a configuration sets for them by name. What the program
 * passes itself counts more, option by option.
 */
export class ConfiguredActors {
  readonly #config: CastyConfig;
  /** Names whose settings were compared with what they stand for. */
  readonly #compared = new Set<string>();
  #logger: Logger | undefined;

  /** From a loaded configuration. */
  constructor(config: CastyConfig) {
    this.#config = config;
  }

  /** Where settings that do not apply are logged. */
  logTo(logger: Logger): void {
    this.#logger = logger;
  }

  /** The options of an actor. */
  spawnOptions(name: string, given: SpawnOptions | undefined): SpawnOptions | undefined {
    const { mailbox, spawn } = this.#config.ofActor(name);
    if (mailbox === undefined && spawn === undefined) return given;
    return overlaid(spawn, mailbox && { mailbox }, given);
  }

  /** The behaviour of an actor: its own strategies decide first, being further inside. */
  behavior<M>(name: string, behavior: Behavior<M>): Behavior<M> {
    this.#compare(name, kinds.actor);
    const { supervision } = this.#config.ofActor(name);
    // What is no behaviour is refused by `spawn`.
    if (supervision === undefined || !(behavior instanceof Behavior)) return behavior;
    return Behaviors.supervise(behavior, supervision);
  }

  /**
   * What an extension carries out, with the options of its name. The instance of a broadcast actor is an
   * actor of that name.
   */
  described(
    behavior: ExtensionBehavior<never>,
    name: string | undefined,
  ): ExtensionBehavior<never> {
    if (behavior instanceof ShardedBehavior) {
      const known = name ?? behavior.entityType?.name;
      return known === undefined ? behavior : this.#sharded(known, behavior) as never;
    }
    if (typeof name !== "string" || behavior instanceof BroadcastBehavior) return behavior;
    if (behavior instanceof ScheduledBehavior) {
      const { when, job, options } = behavior;
      const given = this.#daemonOptions(name, kinds.schedule, options);
      return new ScheduledBehavior(when, job, given) as never;
    }
    if (behavior instanceof SingletonBehavior) {
      const options = this.#daemonOptions(name, kinds.singleton, behavior.options);
      return new SingletonBehavior(this.#supervised(name, behavior.behavior), options) as never;
    }
    if (behavior instanceof WorkersBehavior) {
      const options = this.#daemonOptions(name, kinds.workers, behavior.options);
      const worker = (index: number) => this.#supervised(name, behavior.behavior(index));
      return new WorkersBehavior(behavior.count, worker, options);
    }
    return behavior;
  }

  #sharded<M>(name: string, behavior: ShardedBehavior<M>): ShardedBehavior<M> {
    const { factory, options, entityType } = behavior;
    const given = this.shardedOptions(name, options);
    const supervised = this.factory(name, factory, options);
    if (given === options && supervised === factory) return behavior;
    return new ShardedBehavior(supervised, given, entityType);
  }

  /** The options of a sharded type. */
  shardedOptions(name: string, given: ShardedOptions = {}): ShardedOptions {
    this.#compare(name, kinds.type);
    const { sharding } = this.#config.ofType(name, given.replication !== undefined);
    return sharding === undefined ? given : overlaid(sharding, given);
  }

  /** The factory of a sharded type, with supervision. */
  factory<M>(
    name: string,
    factory: EntityFactory<M>,
    { replication }: ShardedOptions = {},
  ): EntityFactory<M> {
    const { supervision } = this.#config.ofType(name, replication !== undefined);
    if (supervision === undefined) return factory;
    return (...args: Parameters<EntityFactory<M>>) => {
      return Behaviors.supervise(factory(...args), supervision);
    };
  }

  /** Of what is set for sharded types, the options that it has. */
  #daemonOptions<O extends DaemonOptions>(name: string, kind: Kind, given: O): O {
    this.#compare(name, kind);
    const { sharding = {} } = this.#config.ofType(name, given.replication !== undefined);
    const known = Object.entries(sharding).filter(([option]) => hasOption(kind, option));
    return overlaid(Object.fromEntries(known), given) as O;
  }

  #supervised<M>(name: string, behavior: Behavior<M>): Behavior<M> {
    const { supervision } = this.#config.ofType(name, false);
    if (supervision === undefined || !(behavior instanceof Behavior)) return behavior;
    return Behaviors.supervise(behavior, supervision);
  }

  /**
   * Logs what is set for exactly this name and does not apply, once. A pattern may be meant for other
   * names, too.
   */
  #compare(name: string, kind: Kind): void {
    const override = this.#config.namedOverride(name);
    if (override === undefined || this.#compared.has(name)) return;
    this.#compared.add(name);
    const { mailbox, supervision, sharding, replication } = override.settings;
    const unused = [
      ...kind.isClosed && mailbox !== undefined ? ["mailbox"] : [],
      ...kind.isClosed && supervision !== undefined ? ["supervision"] : [],
      ...Object.keys(sharding ?? {}).filter((option) => !hasOption(kind, option))
        .map((option) => `sharding.${option}`),
      ...kind.sharding === undefined && replication !== undefined ? ["replication"] : [],
    ];
    if (unused.length === 0) return;
    this.#logger?.log("warn", "config", `a setting does not apply to ${kind.name}`, {
      name,
      settings: unused.join(", "),
      place: placeText(this.#config.file ?? "", override.position),
    });
  }
}

function hasOption({ sharding }: Kind, option: string): boolean {
  return sharding !== undefined && Object.hasOwn(sharding.options, option);
}
