import type { HandlerReports } from "../../actor/services/handler_reports.ts";
import { idOfName } from "../../sharding/region/entity_name.ts";
import { regionPath } from "../../sharding/routing/protocol.ts";
import type { DoubleOwnership } from "./double_ownership.ts";
import { OwnGrants } from "./own_grants.ts";
import type { SimulatedNode } from "./simulated_node.ts";

/** A node as {@linkcode EntityRuns} sees it. */
export interface ObservedNode extends SimulatedNode {
  /** Whether what it owns is suspended: kept, but no handler runs. */
  readonly suspended: boolean;
}

interface Instance {
  readonly process: ObservedNode;
  readonly node: string;
  readonly starts: number;
  readonly cluster: string | undefined;
  readonly incarnation: number;
  readonly startedAt: number;
  epoch: number;
}

type Pair = { -readonly [Key in keyof DoubleOwnership]: DoubleOwnership[Key] } & {
  older: Instance;
  newer: Instance;
};

interface Entity {
  readonly shardType: string;
  readonly entityId: string;
  readonly instances: Instance[];
  /** The instance with the newest grant that has ever run, by cluster. */
  readonly newest: Map<string | undefined, { instance: Instance; epoch: number }>;
  readonly pairs: Pair[];
}

const regionPrefix = regionPath("");

/**
 * Sees each run of a handler of an entity on all nodes, on the time of the world, and finds what no
 * protocol may let happen: two nodes that run an entity at one instant, and a handler by an older
 * grant after a newer one has started. Whether the nodes reach each other does not matter.
 *
 * A process that is paused runs nothing meanwhile. The last signal of an actor (`postStop`) is no
 * handler in this sense: an entity that learns late that it was replaced stops in order. Children of
 * an entity count as the entity. Entities whose ids are too long for a path are not seen.
 */
export class EntityRuns {
  /** What was found, each pair of instances once. */
  readonly found: DoubleOwnership[] = [];
  readonly #now: () => number;
  readonly #entities = new Map<string, Entity>();
  /** Those with more than one instance. */
  readonly #contested = new Set<Entity>();

  /** Has seen nothing; `now` is the time of the world. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** What the system of the present process of a node reports to. */
  reportsOf(process: ObservedNode): HandlerReports {
    const grants = new OwnGrants(process);
    const { starts, name } = process;
    return {
      onHandler: (path) => {
        if (path.startsWith(regionPrefix)) this.#onHandler(process, grants, path);
      },
      onStopped: (path) => {
        const entity = this.#entities.get(path);
        if (entity !== undefined) this.#end(entity, name, starts);
      },
    };
  }

  /** A process of a node is gone. */
  onGone(node: string, starts: number): void {
    for (const entity of this.#entities.values()) this.#end(entity, node, starts);
  }

  /** Looks for entities that run twice although none has just run: a pause may be over. */
  scan(): void {
    for (const entity of this.#contested) {
      for (const instance of entity.instances) this.#meetOthers(entity, instance);
    }
  }

  #onHandler(process: ObservedNode, grants: OwnGrants, path: string): void {
    const end = path.indexOf("/", path.indexOf("/", 1) + 1);
    const own = end < 0 ? path : path.slice(0, end);
    const entity = this.#entityAt(own);
    if (entity === undefined) return;
    const { shardType, entityId, instances, newest } = entity;
    const epoch = grants.epochOf(shardType, entityId);
    let instance = instances.find(({ node, starts }) =>
      node === process.name && starts === process.starts
    );
    if (instance === undefined) {
      instance = this.#instanceOf(process, epoch);
      instances.push(instance);
      if (instances.length > 1) this.#contested.add(entity);
    } else if (epoch > instance.epoch) instance.epoch = epoch;
    this.#meetOthers(entity, instance);
    const latest = newest.get(instance.cluster);
    if (latest === undefined || latest.epoch <= instance.epoch) {
      newest.set(instance.cluster, { instance, epoch: instance.epoch });
    } else this.#pairOf(entity, instance, latest.instance).staleHandlers++;
  }

  #instanceOf(process: ObservedNode, epoch: number): Instance {
    return {
      process,
      node: process.name,
      starts: process.starts,
      cluster: process.view?.clusterId,
      incarnation: process.view?.self.incarnation ?? 0,
      startedAt: this.#now(),
      epoch,
    };
  }

  #meetOthers(entity: Entity, instance: Instance): void {
    if (entity.instances.length < 2 || !runs(instance)) return;
    for (const other of entity.instances) {
      if (other !== instance && runs(other)) this.#pairOf(entity, instance, other);
    }
  }

  #pairOf(entity: Entity, one: Instance, other: Instance): Pair {
    const known = entity.pairs.find(({ older, newer }) =>
      (older === one && newer === other) || (older === other && newer === one)
    );
    if (known !== undefined) return known;
    const { shardType, entityId, instances } = entity;
    const [older, newer] = isOlder(one, other) ? [one, other] : [other, one];
    const from = this.#now();
    const both = instances.includes(one) && instances.includes(other);
    const until = both ? undefined : from;
    const pair: Pair = { shardType, entityId, older, newer, from, until, staleHandlers: 0 };
    entity.pairs.push(pair);
    this.found.push(pair);
    return pair;
  }

  #end(entity: Entity, node: string, starts: number): void {
    const { instances, pairs } = entity;
    const at = instances.findIndex((one) => one.node === node && one.starts === starts);
    if (at < 0) return;
    const [ended] = instances.splice(at, 1);
    if (instances.length < 2) this.#contested.delete(entity);
    for (const pair of pairs) {
      if (pair.older === ended || pair.newer === ended) pair.until ??= this.#now();
    }
  }

  /** The entity whose actor has such a path; undefined for the region itself and unnamed ones. */
  #entityAt(path: string): Entity | undefined {
    const known = this.#entities.get(path);
    if (known !== undefined) return known;
    const slash = path.indexOf("/", 1);
    if (slash < 0 || !path.startsWith("entity-", slash + 1)) return undefined;
    const entity: Entity = {
      shardType: path.slice(regionPrefix.length, slash),
      entityId: idOfName(path),
      instances: [],
      newest: new Map(),
      pairs: [],
    };
    this.#entities.set(path, entity);
    return entity;
  }
}

/** Whether it can run a handler now. */
function runs({ process, starts }: Instance): boolean {
  return process.alive && process.starts === starts && !process.paused && !process.suspended;
}

/** By grants where they can be compared, otherwise by time. */
function isOlder(one: Instance, other: Instance): boolean {
  if (one.cluster === other.cluster && one.epoch !== other.epoch) return one.epoch < other.epoch;
  return one.startedAt < other.startedAt;
}
