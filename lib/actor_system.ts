/**
 * Actor systems that can be configured by a file: the composition root of a system in one process.
 *
 * @module
 */
import type { Behavior } from "./actor/behavior/behavior.ts";
import type { LocalSystem } from "./actor/behavior/local_system.ts";
import type { SpawnOptions } from "./actor/behavior/spawn_options.ts";
import type { ActorRef } from "./actor/ref/ref.ts";
import { ActorSystem as LocalActorSystem } from "./actor/system/actor_system.ts";
import type { ActorSystemOptions } from "./actor/system/actor_system_options.ts";
import type { ConfigPlace } from "./config/config_place.ts";
import type { ConfiguredActors } from "./configured_actors.ts";
import { checkOptions } from "./options/check_options.ts";
import { configPlaceTable } from "./options/tables/cluster_tables.ts";

/**
 * Gives the actors that a system spawns from now on what a configuration sets for their names.
 * Precondition: it is an {@linkcode ActorSystem}.
 */
export let configureActors: (system: LocalSystem, configured: ConfiguredActors) => void;

/** A system whose actors get what a configuration sets for their names. */
class ConfigurableActorSystem extends LocalActorSystem {
  #configured: ConfiguredActors | undefined;

  static {
    configureActors = (system, configured) => {
      (system as ConfigurableActorSystem).#configured = configured;
      configured.logTo(system.runtime.logger);
    };
  }

  /** See {@linkcode ActorSystemConstructor.fromConfig}. */
  static async fromConfig(
    options: ActorSystemOptions = {},
    place: ConfigPlace = {},
  ): Promise<LocalSystem> {
    checkOptions(configPlaceTable, place);
    // Only then: programs without a file load no parser.
    const [{ loadConfig }, { systemOptionsOf }, { ConfiguredActors }, { systemConfigSource }] =
      await Promise.all([
        import("./config/load_config.ts"),
        import("./configured_system.ts"),
        import("./configured_actors.ts"),
        import("./runtime/system_config_source.ts"),
      ]);
    const { file, source = systemConfigSource } = place;
    const config = await loadConfig(source, file);
    const system = new ConfigurableActorSystem(systemOptionsOf(config, options));
    configureActors(system, new ConfiguredActors(config));
    return system;
  }

  /** Starts an actor, with the options of its name. */
  override spawn<M>(behavior: Behavior<M>, name: string, options?: SpawnOptions): ActorRef<M> {
    const configured = this.#configured;
    if (configured === undefined || typeof name !== "string") {
      return super.spawn(behavior, name, options);
    }
    return super.spawn(
      configured.behavior(name, behavior),
      name,
      configured.spawnOptions(name, options),
    );
  }
}

/** Creates actor systems. */
export interface ActorSystemConstructor {
  /**
   * The system runs at once.
   *
   * @throws {OptionError}
   */
  new (options?: ActorSystemOptions): LocalSystem;
  /**
   * A system with the options of a file, `casty.toml`, and of environment variables such as
   * `CASTY_SYSTEM_MAX_TASKS`; see `docs/configuration.md`. `options` override both, the environment
   * overrides the file. The sections `system`, `mailbox`, `spawn`, `supervision` and `actors` count,
   * and `cluster.name`; the others are checked only.
   *
   * @throws {ConfigError} codes `noConfigFile`, `unreadableConfig`, `badToml`, `badConfig`.
   * @throws {OptionError}
   *
   * @example
   * ```ts
   * import { ActorSystem, Behaviors, silentLogger } from "@casty/casty";
   *
   * const folder = await Deno.makeTempDir();
   * const file = `${folder}/casty.toml`;
   * await Deno.writeTextFile(file, `
   * [system]
   * name = "shop"
   * [actors."orders"]
   * mailbox = { capacity = 1 }
   * `);
   * await using system = await ActorSystem.fromConfig(
   *   { runtime: { logger: silentLogger } },
   *   { file },
   * );
   * const orders = system.spawn(Behaviors.receive<string>(() => Behaviors.same()), "orders");
   * for (let index = 0; index < 100; index++) orders.tell("order");
   * console.assert(system.name === "shop");
   * console.assert((system.ledger.snapshot().deadLetters.mailboxFull ?? 0) > 90);
   * await Deno.remove(folder, { recursive: true });
   * ```
   */
  fromConfig(options?: ActorSystemOptions, place?: ConfigPlace): Promise<LocalSystem>;
}

/** A set of actors in one process; see {@linkcode LocalSystem}. */
export type ActorSystem = LocalSystem;
/** Creates a system of actors in one process. */
export const ActorSystem: ActorSystemConstructor = ConfigurableActorSystem;
