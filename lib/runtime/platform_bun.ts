import { nodePlatform } from "./platform_node.ts";
import type { Platform } from "./platform_port.ts";

/** Bun 1.4 and newer. */
export const bunPlatform: Platform = {
  ...nodePlatform,
  name: "bun",
  // Its event `secure` is another one, and it keeps the chain.
  tls: {
    ...nodePlatform.tls,
    prepareServer() {},
    accept: (server, under) => void server.emit("connection", under),
  },
};
