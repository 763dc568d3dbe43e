import type { Runtime } from "../../runtime/runtime.ts";
import type { ClusterOptions } from "../node/cluster_options.ts";
import { StallDetection } from "./stall_detection.ts";

/** Milliseconds that a stall responder has at least: a handshake and an answer. */
const minTimeout = 2_000;

/** The stall detection that a user's options amount to. */
export function stallDetectionOf(
  runtime: Runtime,
  options: ClusterOptions,
  onPort: (port: number | undefined) => void,
): StallDetection {
  const { host, bindHost = host, stallPort: port = 0, tls, addressMap } = options;
  const { heartbeatInterval = 1_000 } = options.membership ?? {};
  return new StallDetection(runtime, {
    host: bindHost,
    port,
    timeout: Math.max(minTimeout, 2 * heartbeatInterval),
    onPort,
    ...(tls && { tls }),
    ...(addressMap && { addressMap }),
  });
}
