/**
 * The client of a gateway, for browsers and other programs outside of the cluster: it loads nothing but
 * itself.
 *
 * @module
 */
export {
  GatewayClient,
  gatewayClient,
  type GatewayClientOptions,
  type GatewayStateChange,
  type GatewayTopicHandle,
  type WebSocketFactory,
} from "./lib/gateway/client/gateway_client.ts";
export {
  type GatewayFetch,
  gatewayFetch,
  type GatewayFetchOptions,
  type GatewayFetchTopic,
  type GatewaySubscribeOptions,
} from "./lib/gateway/client/gateway_fetch.ts";
export {
  GatewaySubscription,
  type GatewayTopicEvent,
} from "./lib/gateway/client/gateway_subscription.ts";
export type {
  AnyApi,
  DefinitionsOf,
  EntityMethods,
  EntityName,
  GatewayCallOptions,
  MessageOf,
  MethodOf,
  PublishedOf,
  TopicName,
} from "./lib/gateway/client/client_types.ts";
export type { GatewayClientState } from "./lib/gateway/session/client_session.ts";
export type { CallOutcome, GapReason } from "./lib/gateway/protocol/frames.ts";
export {
  GatewayError,
  type GatewayErrorCode,
  type GatewayRejection,
} from "./lib/gateway/errors.ts";
