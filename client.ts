/**
 * The client of a cluster, for processes that are not members.
 *
 * @module
 */
export { type ClientOptions, ClusterClient } from "./lib/client/cluster_client.ts";
export type { AddressMap } from "./lib/client/address_map.ts";
export { ClientError } from "./lib/client/errors.ts";
export type { Topology, TopologyMember } from "./lib/cluster/topology.ts";
export {
  type SerializedType,
  type Serializer,
  serializer,
  type SerializerForm,
  type SerializerOptions,
} from "./lib/wire/serializer.ts";
