/**
 * Entities and topics for browsers and other programs outside of the cluster, over WebSockets and HTTP.
 *
 * @module
 */
export {
  type Gateway,
  gateway,
  type GatewayApi,
  type GatewayAsk,
  type GatewayDefinitions,
  type GatewayEntity,
  type GatewayOperation,
  type GatewayPrincipal,
  type GatewayTell,
  type GatewayTopic,
  type GatewayTopicOptions,
  type Operations,
  type UnwrappedReply,
} from "./lib/gateway/api/gateway_api.ts";
export type { InputOf, OutputOf } from "./lib/gateway/api/gateway_schema.ts";
export type { JsonOf } from "./lib/gateway/api/json_of.ts";
export {
  GatewayError,
  type GatewayErrorCode,
  type GatewayRejection,
} from "./lib/gateway/errors.ts";
export type { CallOutcome } from "./lib/gateway/protocol/frames.ts";
export { type GatewayHandler, gatewayHandler } from "./lib/gateway/server/gateway_handler.ts";
export type { GatewayHost, HostRuntime } from "./lib/gateway/server/gateway_host.ts";
export type { GatewayFacts, GatewayOptions } from "./lib/gateway/server/gateway_options.ts";
export type { Authorize, GatewayRequest } from "./lib/gateway/server/operations.ts";
export type { UpgradeWebSocket } from "./lib/runtime/platform_port.ts";
