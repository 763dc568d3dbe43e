import type { MembershipConfig } from "../../membership/machine/membership.ts";
import type { ClusterOptions } from "./cluster_options.ts";
import { dynamicSeeds, listedSeeds } from "../bootstrap/seed_source.ts";

/** Raised when nodes of different versions cannot be members of one cluster. */
const membershipVersion = "1";

/** The configuration of the membership machine that a user's options amount to. */
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
    ...(options.downing !== undefined && { downing: options.downing }),
    ...(options.leaveTimeout !== undefined && { leaveTimeout: options.leaveTimeout }),
  };
}

/**
 * What nodes must agree on. Serializers are not among it: nodes with different versions of one run
 * side by side while a cluster is renewed.
 */
function agreements({ clusterConfig = {} }: ClusterOptions): Record<string, string> {
  const agreed: Record<string, string> = { "casty.membership": membershipVersion };
  for (const [key, value] of Object.entries(clusterConfig)) agreed[`user.${key}`] = value;
  return agreed;
}
