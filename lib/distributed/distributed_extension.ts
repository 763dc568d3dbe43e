/**
 * Distributed structures at one node: hosts the groups that its program has opened.
 *
 * @module
 */
import type { ClientPolicy } from "../actor/services/client_policy.ts";
import { type ExtensionKey, extensionKey } from "../cluster/node/extension_key.ts";
import type {
  ExtensionContext,
  ExtensionHealth,
  NodeExtension,
} from "../cluster/node/node_extension.ts";
import { checkOptions, withDefaults } from "../options/check_options.ts";
import { distributedTable, structureLimits } from "../options/tables/distributed_tables.ts";
import { replicationDefaults } from "../options/tables/sharding_tables.ts";
import { instruments } from "../runtime/instruments.ts";
import type { DurableStore } from "../runtime/durable_store.ts";
import { reportBesides } from "../sharding/reported_options.ts";
import type { ReplicationOptions, ShardedOptions } from "../sharding/sharded_behavior.ts";
import { shardingKey, shardRefsOf } from "../sharding/sharding.ts";
import { Distributed } from "./distributed.ts";
import { refusedBy } from "./errors.ts";
import { LeaseSession } from "./lease_session.ts";
import { structureEntity } from "./structure_entity.ts";
import { StructureHost } from "./structure_host.ts";
import { defaultGroup } from "./structure_kind.ts";
import type { StructureLimits } from "./structure_limits.ts";
import { isReading, type StructureMessage, structureType } from "./structure_protocol.ts";

/** How a node opens a group of structures. The same on all nodes. */
export interface DistributedOptions {
  /**
   * Name of the group, 1 to 100 letters, digits, `_` or `-`: structures of different groups have nothing in
   * common. Default `"default"`.
   */
  readonly name?: string;
  /**
   * Where counters, maps, sets and queues are stored. Who has made it closes it. With `replication`: where
   * the copies of this node are kept. Default: none. Without either they are volatile.
   */
  readonly journal?: DurableStore;
  /** Keeps counters, maps, sets and queues at several nodes, see `docs/replication.md`. Default: none. */
  readonly replication?: ReplicationOptions;
  /** Only nodes with this role run structures. Default: all nodes that open the group. */
  readonly role?: string;
  /**
   * Which clients may use the structures; `"read"`: only what changes nothing. Default: all clients.
   */
  readonly clients?: ClientPolicy<boolean | "read">;
  /** Bounds of the structures. */
  readonly limits?: Partial<StructureLimits>;
}

/** The structures of a node. */
export interface DistributedGroups {
  /** Opens a group, once; see `system.distributed`. */
  open(options: DistributedOptions): Distributed;
}

/** Under which a node exposes its structures. */
export const distributedKey: ExtensionKey<DistributedGroups> = extensionKey("distributed");

interface Group {
  readonly options: DistributedOptions;
  readonly host: StructureHost;
  readonly structures: Distributed;
}

/** See the module's text. */
export class DistributedExtension implements NodeExtension {
  readonly name = "distributed";
  readonly requires = ["sharding", "replication"] as const;
  readonly #groups = new Map<string, Group>();
  #node!: ExtensionContext;
  #endMeasuring: () => void = () => {};

  /** Nothing runs before a group is opened. */
  install(node: ExtensionContext): void {
    this.#node = node;
    const { telemetry } = node.runtime;
    if (telemetry?.enabled) {
      this.#endMeasuring = telemetry.gauge(instruments.structures, (observe) => {
        for (const [group, { host }] of this.#groups) observe(host.structures, { group });
      });
    }
    node.expose(distributedKey, { open: (options) => this.#open(options) });
  }

  /** The groups. */
  explain(): readonly string[] {
    if (this.#groups.size === 0) return ["no group of structures is open at this node"];
    return Array.from(
      this.#groups,
      ([name, { host, options }]) =>
        `group "${name}": ${host.structures} structures run at this node; their content is ` +
        contentOf(options),
    );
  }

  /** Always healthy: what structures need is the health of sharding. */
  health(): ExtensionHealth {
    let structures = 0;
    for (const { host } of this.#groups.values()) structures += host.structures;
    return { healthy: true, details: { groups: this.#groups.size, structures } };
  }

  /** Removes the gauge. */
  afterLeave(): void {
    this.#endMeasuring();
  }

  #open(options: DistributedOptions): Distributed {
    checkOptions(distributedTable, options);
    const { name = defaultGroup } = options;
    const known = this.#groups.get(name);
    if (known !== undefined) {
      checkSame(name, known.options, options);
      return known.structures;
    }
    const group = this.#make(name, options);
    this.#groups.set(name, group);
    return group.structures;
  }

  #make(name: string, options: DistributedOptions): Group {
    const { journal, replication, role, clients, limits } = options;
    const { telemetry } = this.#node.runtime;
    const measured = telemetry?.enabled ? telemetry.counter(instruments.structureOperations) : null;
    const host = new StructureHost(withDefaults(structureLimits, limits), (kind, operation) => {
      measured?.add(1, { group: name, kind, operation });
    });
    const isDurable = journal !== undefined || replication !== undefined;
    const type = structureType(name);
    const { system } = this.#node;
    const sharded: ShardedOptions = {
      // A structure knows itself when it has nothing to keep.
      passivation: false,
      reads: isReading,
      ...(journal !== undefined && { journal }),
      // Standbys could not keep structures: their behaviour is made with the node that runs them.
      ...(replication !== undefined && !isShared(options) && { replication }),
      ...(role !== undefined && { role }),
      ...(clients !== undefined && { clients }),
    };
    reportBesides(sharded, reportedLimits(host.limits));
    const region = shardRefsOf(this.#node.extension(shardingKey)).regionRef<StructureMessage>(
      type,
      (entityId) => structureEntity(entityId, host, isDurable),
      sharded,
    );
    const structures = new Distributed({
      group: name,
      content: contentOf(options),
      system,
      entity: (entityId) => region.entity(entityId),
      session: new LeaseSession(system, `${type.name}.session`),
    });
    return { options, host, structures };
  }
}

/** Limits that are not as by default, each as an option of its own. */
function reportedLimits(limits: StructureLimits): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(limits)
      .filter(([name, value]) => structureLimits[name as keyof StructureLimits] !== value)
      .map(([name, value]) => [`limits.${name}`, String(value)]),
  );
}

/** Whether all nodes have the same store. */
function isShared({ journal }: DistributedOptions): boolean {
  return journal?.isShared === true;
}

/** What is said of the content of counters, maps, sets and queues. */
function contentOf(options: DistributedOptions): string {
  const { journal, replication } = options;
  if (replication !== undefined && !isShared(options)) {
    const { replicas, minAcks } = withDefaults(replicationDefaults, replication);
    return `durable, acknowledged by ${minAcks} of ${replicas} copies besides the owner's`;
  }
  if (journal !== undefined) return "durable, in a journal";
  return "volatile: empty after its node is lost, or its shard has moved";
}

/** @throws {DistributedError} code `differentOptions`. */
function checkSame(name: string, known: DistributedOptions, given: DistributedOptions): void {
  for (const [option, value] of Object.entries(given)) {
    if (value === undefined || option === "name") continue;
    const before = known[option as keyof DistributedOptions];
    if (before === value || isSameRecord(before, value)) continue;
    throw refusedBy(`group "${name}"`, "differentOptions", `it is open with another ${option}`);
  }
}

/** Of plain options, not of journals. */
function isSameRecord(one: unknown, other: unknown): boolean {
  const isPlain = (value: unknown): value is Record<string, unknown> =>
    typeof value === "object" && value !== null &&
    Object.getPrototypeOf(value) === Object.prototype;
  if (!isPlain(one) || !isPlain(other)) return false;
  const names = Object.keys(one);
  return names.length === Object.keys(other).length &&
    names.every((name) => one[name] === other[name] && typeof one[name] !== "function");
}
