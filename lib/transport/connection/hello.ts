import type { EndpointOptions } from "../endpoint/endpoint_options.ts";
import { features, type Hello, protocol } from "./handshake.ts";
import type { Lane } from "../base/lane.ts";
import type { TransportLimits } from "../base/limits.ts";

/** What an endpoint says of itself on a connection for `lane`. */
export function introduce(
  options: EndpointOptions,
  limits: TransportLimits,
  address: string,
  lane: Lane,
): Hello {
  const { systemName, role, nodeId, incarnation, serializers = [] } = options;
  const { maxFrame, maxMessage, maxInternedPaths, window } = limits;
  return {
    protocolMin: protocol.min,
    protocolMax: protocol.max,
    systemName,
    role,
    nodeId: nodeId || address,
    address,
    incarnation: typeof incarnation === "function" ? incarnation() : incarnation,
    lane,
    maxFrame,
    window,
    features: Object.values(features),
    maxMessage,
    maxInternedPaths,
    // Who has none says what it has always said.
    ...(serializers.length > 0 && { serializers }),
  };
}
