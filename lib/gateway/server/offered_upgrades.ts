import { platform } from "../../runtime/platform.ts";
import type { UpgradeWebSocket } from "../../runtime/platform_port.ts";
import { GatewayError } from "../errors.ts";

const offers = new WeakMap<Request, UpgradeWebSocket>();

/** The server of a request can make a WebSocket of it, or throws why it cannot. */
export function offerUpgrade(request: Request, upgrade: UpgradeWebSocket): void {
  offers.set(request, upgrade);
}

/** What makes a WebSocket of a request: its server, or else the platform. */
export function upgradeFor(request: Request): UpgradeWebSocket {
  return offers.get(request) ?? platform.upgradeWebSocket ?? noUpgrade;
}

/** For servers that hand over requests of which they cannot make WebSockets. */
export const noUpgrade: UpgradeWebSocket = () => {
  throw new GatewayError("noWebSocket", "the server of the gateway cannot make WebSockets", {
    value: platform.name,
    remedy: "pass its events request and upgrade to nodeListeners, or set the option upgrade",
  });
};
