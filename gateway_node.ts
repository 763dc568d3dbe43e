/**
 * Gateways on servers of `node:http`: on Node and Bun. Needs the npm package `ws`.
 *
 * @module
 */
export {
  type NodeListeners,
  nodeListeners,
  type NodeRequestInfo,
  type WebHandler,
} from "./lib/gateway/node/node_listeners.ts";
