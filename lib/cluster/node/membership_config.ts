import type { MembershipConfig } from "../../membership/machine/membership.ts";
import type { ClusterOptions } from "./cluster_options.ts";
import { dynamicSeeds, listedSeeds } from "../bootstrap/seed_source.ts";

/** Incremented when nodes of different versions cannot be members of one cluster. */
const membershipVersion = "1";

/** Maps the options of a node to the configuration of its membership machine. */
export function membershipConfig(
  options: ClusterOptions,
  address: string,
  incarnation: number,
): MembershipConfig {
  const {
    gossipInterval,
    heartbeatInterval,
    acceptablePause,
    stableAfter,
    stallLimit,
    weaklyUpAfter,
  } = options.membership ?? {};
  return {
    self: {
      address,
      nodeId: options.nodeId ?? address,
      incarnation,
      roles: [...options.roles ?? []],
      ...(options.appVersion !== undefined && { appVersion: options.appVersion }),
      ...(options.zone !== undefined && { zone: options.zone }),
    },
    seeds: [...listedSeeds(options.seedNodes)],
    clusterConfig: agreements(options),
    dynamicSeeds: dynamicSeeds(options.seedNodes),
    ...(options.allowSelfBootstrap !== undefined &&
      { allowSelfBootstrap: options.allowSelfBootstrap }),
    ...(gossipInterval !== undefined && { gossipInterval }),
    ...(heartbeatInterval !== undefined && { heartbeatInterval }),
    ...(acceptablePause !== undefined && { detector: { acceptablePause } }),
    ...(stableAfter !== undefined && { stableAfter }),
    ...(weaklyUpAfter !== undefined && { weaklyUpAfter }),
    ...(stallLimit !== undefined && { stallLimit }),
    translated: isTranslated(options),
    ...(options.downing !== undefined && { downing: options.downing }),
    ...(options.leaveTimeout !== undefined && { leaveTimeout: options.leaveTimeout }),
  };
}

/** Whether the address of the node leads to it through another host or port. */
function isTranslated({ host, port, advertisedHost, advertisedPort }: ClusterOptions): boolean {
  return (advertisedHost !== undefined && advertisedHost !== host) ||
    (advertisedPort !== undefined && advertisedPort !== port);
}

/**
 * The configuration that nodes must agree on. It excludes serializers: nodes with different versions
 * of one run side by side during a rolling update.
 */
function agreements({ clusterConfig = {} }: ClusterOptions): Record<string, string> {
  const agreed: Record<string, string> = { "casty.membership": membershipVersion };
  for (const [key, value] of Object.entries(clusterConfig)) agreed[`user.${key}`] = value;
  return agreed;
}
