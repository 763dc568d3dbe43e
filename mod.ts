/**
 * Actors and clusters for Deno: typed behaviours, a gossiping cluster over mutual TLS, sharded
 * entities.
 *
 * @module
 */
export { Behaviors } from "./lib/behaviors.ts";
export { ClusteredActorSystem } from "./lib/clustered_actor_system.ts";
export { CastyError, type CastyErrorOptions } from "./lib/runtime/casty_error.ts";
export { type ShardEnvelope, shardEnvelope } from "./lib/sharding/shard_envelope.ts";
export { TlsConfig } from "./lib/transport/tls_config.ts";
export { ActorSystem, type ActorSystemOptions } from "./lib/actor/actor_system.ts";
export type { Behavior, OnMessage, OnSetup, OnSignal } from "./lib/actor/behavior.ts";
export type { ActorRef } from "./lib/actor/ref.ts";
