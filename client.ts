/**
 * The client of a cluster, for processes that are not members.
 *
 * @module
 */
export { ClusterClient } from "./lib/client/cluster_client.ts";
export type { ClientOptions, ContactPoints } from "./lib/client/client_options.ts";
export type { AskRetry, ClientAskOptions } from "./lib/client/client_ask.ts";
export type {
  ClientNodeChanged,
  ClientState,
  ClientStateChanged,
} from "./lib/client/client_state.ts";
export type { ListingSubscription } from "./lib/client/listing_subscription.ts";
export type { AddressMap } from "./lib/client/address_map.ts";
export { OptionError } from "./lib/options/option_error.ts";
export { ClientError, type ClientErrorCode } from "./lib/client/errors.ts";
export type { Topology, TopologyMember, TopologyService } from "./lib/cluster/gateway/topology.ts";
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
