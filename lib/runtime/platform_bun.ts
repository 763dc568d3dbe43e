import { nodePlatform } from "./platform_node.ts";
import type { Platform } from "./platform_port.ts";

/** Bun 1.4 and newer. */
export const bunPlatform: Platform = {
  ...nodePlatform,
  name: "bun",
};
