/**
 * The client of a cluster, for processes that are not members.
 *
 * @example
 * ```ts
 * import { type ActorRef, Behaviors, ClusteredActorSystem, shardEnvelope } from "@casty/casty";
 * import { ClusterClient } from "@casty/casty/client";
 *
 * type Get = { type: "get"; replyTo: ActorRef<string> };
 * const name = (id: string) =>
 *   Behaviors.receive<Get>((_context, { replyTo }) => {
 *     replyTo.tell(id);
 *     return Behaviors.same();
 *   });
 * const node = { name: "example", host: "127.0.0.1", port: 0 };
 * await using system = await ClusteredActorSystem.start(node);
 * system.spawn(Behaviors.sharded(name, { numShards: 20 }), "names");
 *
 * await using client = await ClusterClient.connect({
 *   contactPoints: [system.address],
 *   systemName: "example",
 * });
 * const names = client.entityRef<Get>("names", { numShards: 20 });
 * const get = (replyTo: ActorRef<string>) => shardEnvelope("alice", { type: "get" as const, replyTo });
 * console.assert(await client.ask(names, get) === "alice");
 * ```
 *
 * @module
 */
export { ClusterClient } from "./lib/client/cluster_client.ts";
export type { ClientOptions, ContactPoints } from "./lib/client/client_options.ts";
export type { AskRetry, ClientAskOptions } from "./lib/client/client_ask.ts";
export type {
  ClientEvent,
  ClientNodeChanged,
  ClientState,
  ClientStateChanged,
} from "./lib/client/client_state.ts";
export type { ListingSubscription } from "./lib/client/listing_subscription.ts";
export type { AddressMap } from "./lib/client/address_map.ts";
export { OptionError } from "./lib/options/option_error.ts";
export { ClientError, type ClientErrorCode } from "./lib/client/errors.ts";
export type {
  OtherMember,
  OtherMemberState,
  Topology,
  TopologyMember,
  TopologyService,
} from "./lib/cluster/gateway/topology.ts";
export type { ShardLocations, ShardPlace } from "./lib/sharding/routing/shard_place.ts";
export type { ShardBufferLimits } from "./lib/sharding/routing/shard_routes.ts";
export {
  type SerializedType,
  type Serializer,
  serializer,
  type SerializerForm,
  type SerializerOptions,
} from "./lib/wire/serializer.ts";
export {
  EntityType,
  entityType,
  type EntityTypeOptions,
} from "./lib/sharding/routing/entity_type.ts";
export type { MessageSchema, SchemaResult } from "./lib/sharding/routing/schema.ts";
