import { defaultDetectorOptions, type DetectorOptions } from "../detector/phi_accrual.ts";
import type { DowningStrategy } from "../downing/downing.ts";
import { checkOptions } from "../../options/check_options.ts";
import { refusedOption } from "../../options/explain.ts";
import {
  clusterDefaults,
  detectorTable,
  membershipDefaults,
  membershipTable,
  membershipTimingTable,
} from "../../options/tables/cluster_tables.ts";
import { checkValue, optionsOf } from "../../options/check_options.ts";
import { keepMajority } from "../downing/keep_majority.ts";
import { fieldLimits, isAddress, isIncarnation, isShortText } from "./message_fields.ts";

/** The identity of this node. */
export interface SelfDescription {
  /** `"host:port"`, by which other nodes reach this one. */
  readonly address: string;
  /** A label for people, 1 to 255 characters. */
  readonly nodeId: string;
  /**
   * Higher than any earlier incarnation at this address, for example the start time. An integer of
   * at least 0. If the cluster knows a later one, the node raises its own while it joins.
   */
  readonly incarnation: number;
  readonly roles: readonly string[];
  /** Version of the application; 1 to 255 characters. */
  readonly appVersion?: string;
  /** Availability zone; 1 to 255 characters. */
  readonly zone?: string;
}

/** Intervals and limits of the membership protocol; times in milliseconds. */
export interface MembershipLimits {
  /** Between two gossip rounds; a quarter of it until convergence. Default 1 000. */
  readonly gossipInterval: number;
  /** Number of peers per gossip round. Default 3. */
  readonly gossipFanout: number;
  /** Between two heartbeats. Default 1 000. */
  readonly heartbeatInterval: number;
  /** Number of members that monitor each member. Default 5. */
  readonly monitorsPerMember: number;
  /** Number of indirect probes before a member is accused. Default 3. */
  readonly indirectProbes: number;
  /** How long the event loop of a member may stall before the member can be downed. Default 60 000. */
  readonly stallLimit: number;
  /** Between two attempts to join, after the first twenty, which are 250 apart. Default 1 000. */
  readonly joinRetryInterval: number;
  /** How long the first seed waits for all seeds before a majority suffices. Default 5 000. */
  readonly seedTimeout: number;
  /**
   * How long answers about dynamic seeds are collected before one of them bootstraps; all addresses
   * of the answers in that time count. Default 5 000.
   */
  readonly seedWindow: number;
  /**
   * How long a node that joins while a member is unreachable waits before it becomes weakly up.
   * `Infinity`: until no member is unreachable. Default 7 000.
   */
  readonly weaklyUpAfter: number;
  /** How long leaving may take before the node stops without convergence. Default 5 000. */
  readonly leaveTimeout: number;
  /** Maximum number of members; more are rejected. Default 5 000. */
  readonly maxMembers: number;
  /** How long tombstones of removed members are kept. Default 86 400 000 (24 hours). */
  readonly tombstoneLifetime: number;
  /** Maximum number of tombstones. Default 10 000. */
  readonly maxTombstones: number;
}

/** Configuration of a membership machine. Only `self` and `seeds` are required. */
export interface MembershipConfig extends Partial<MembershipLimits> {
  readonly self: SelfDescription;
  /** Wall time when the node starts, milliseconds. Default: `self.incarnation`. */
  readonly wallTime?: number;
  /**
   * Addresses of seed nodes; the same list on all nodes; may contain this node. If it contains no
   * other node, this node bootstraps a cluster at once. The first seed bootstraps one when it finds
   * none and a majority of the seeds agrees. The other nodes never do.
   */
  readonly seeds: readonly string[];
  /**
   * Addresses that may be members, such as those of a former view: this node also joins through
   * them, but they are no seeds and do not vote. Default: none.
   */
  readonly contacts?: readonly string[];
  /**
   * Whether `seeds` events add seeds to the list. Then the lowest address of all that were named
   * within `seedWindow` counts as the first seed. Default false.
   */
  readonly dynamicSeeds?: boolean;
  /** Whether this node may bootstrap a cluster when it finds none. Default true. */
  readonly bootstraps?: boolean;
  /** Whether it may do so without a majority of the seeds and without being first. Default false. */
  readonly allowSelfBootstrap?: boolean;
  /** Must be equal on all members; a node with another value for a key is rejected. */
  readonly clusterConfig?: Readonly<Record<string, string>>;
  /**
   * Whether other nodes reach this one through a translated address: an advertised host or port. They
   * never take it for gone then. Default false.
   */
  readonly translated?: boolean;
  /** Options of the failure detector. */
  readonly detector?: Partial<DetectorOptions>;
  /** How long the set of unreachable members must be stable before downing. Default: by size. */
  readonly stableAfter?: number;
  /** Decides which side of a partition survives. Default: `keepMajority()`. */
  readonly downing?: DowningStrategy;
}

/** A configuration with all defaults filled in. */
export interface ResolvedConfig extends MembershipLimits {
  readonly self: SelfDescription;
  readonly wallTime: number;
  /** Without duplicates. */
  readonly seeds: readonly string[];
  readonly contacts: readonly string[];
  readonly dynamicSeeds: boolean;
  readonly bootstraps: boolean;
  readonly allowSelfBootstrap: boolean;
  readonly clusterConfig: Readonly<Record<string, string>>;
  readonly translated: boolean;
  readonly detector: DetectorOptions;
  readonly stableAfter: number | undefined;
  readonly downing: DowningStrategy;
}

/** The defaults of {@linkcode MembershipLimits}. */
export const defaultMembershipLimits: MembershipLimits = membershipDefaults;

/**
 * Checks a configuration and fills in the defaults.
 *
 * @throws {OptionError}
 */
export function resolveConfig(config: MembershipConfig): ResolvedConfig {
  const {
    self,
    seeds,
    clusterConfig = {},
    detector,
    stableAfter,
    downing = keepMajority(),
    wallTime: _wallTime,
    ...rest
  } = config;
  const limits = optionsOf(membershipTable, rest);
  checkSelf(self);
  if (!seeds.every(isAddress)) refuse("seeds", seeds, 'write each as "host:port"');
  const heartbeatInterval = limits.heartbeatInterval ?? defaultMembershipLimits.heartbeatInterval;
  const resolved: ResolvedConfig = {
    ...defaultMembershipLimits,
    ...limits,
    self: { ...self, roles: [...self.roles] },
    wallTime: config.wallTime ?? self.incarnation,
    seeds: [...new Set(seeds)],
    contacts: [...config.contacts ?? []],
    dynamicSeeds: config.dynamicSeeds ?? false,
    bootstraps: config.bootstraps ?? true,
    allowSelfBootstrap: config.allowSelfBootstrap ?? clusterDefaults.allowSelfBootstrap,
    clusterConfig,
    translated: config.translated ?? false,
    detector: {
      ...defaultDetectorOptions,
      // User traffic must not teach the detector shorter intervals than those of heartbeats.
      minSampleInterval: heartbeatInterval / 2,
      firstEstimate: heartbeatInterval,
      ...detector,
    },
    stableAfter,
    downing,
  };
  checkClusterConfig(clusterConfig);
  checkNumbers(resolved);
  return resolved;
}

function checkSelf(self: SelfDescription): void {
  const { address, nodeId, incarnation, roles } = self;
  for (const name of ["appVersion", "zone"] as const) {
    if (self[name] !== undefined && !isShortText(self[name])) {
      refuse(`self.${name}`, self[name], "use 1 to 255 characters");
    }
  }
  if (!isAddress(address)) refuse("self.address", address, 'write "host:port"');
  if (!isShortText(nodeId)) refuse("self.nodeId", nodeId, "use 1 to 255 characters");
  if (!isIncarnation(incarnation)) {
    refuse("self.incarnation", incarnation, "use a whole number of at least 0");
  }
  if (roles.length > fieldLimits.roles || !roles.every(isShortText)) {
    refuse("self.roles", roles, `use up to ${fieldLimits.roles} texts of 1 to 255 characters`);
  }
}

function checkClusterConfig(clusterConfig: Readonly<Record<string, string>>): void {
  const entries = Object.entries(clusterConfig);
  const { configEntries, configValue } = fieldLimits;
  if (
    entries.length > configEntries ||
    !entries.every(([key, value]) => isShortText(key) && value.length <= configValue)
  ) {
    const remedy = `use up to ${configEntries} keys of 1 to 255 characters, with values of up to ` +
      `${configValue} characters`;
    refuse("clusterConfig", clusterConfig, remedy);
  }
}

function checkNumbers(config: ResolvedConfig): void {
  checkOptions(membershipTable, optionsOf(membershipTable, config));
  checkOptions(detectorTable, config.detector, "detector");
  const { stableAfter } = config;
  if (stableAfter === undefined) return;
  checkValue("stableAfter", membershipTimingTable.options.stableAfter.type, stableAfter);
}

function refuse(name: string, value: unknown, remedy: string): never {
  throw refusedOption(name, value, remedy);
}
