import type { ActorSystem } from "../actor/system/actor_system.ts";
import { Distributed } from "../distributed/distributed.ts";
import { LeaseSession } from "../distributed/lease_session.ts";
import { type StructureMessage, structureType } from "../distributed/structure_protocol.ts";
import { resolveOptions } from "../options/check_options.ts";
import { clientDistributedTable } from "../options/tables/distributed_tables.ts";
import type { ClusterAccess } from "../sharding/routing/cluster_access.ts";

/** How a client opens a group of structures. */
export interface ClientDistributedOptions {
  /** Name of the group, as the nodes have opened it. Default `"default"`. */
  readonly name?: string;
}

/** The groups of structures that a client uses. */
export class ClientStructures {
  readonly #client: Pick<ClusterAccess, "entityRef" | "spawn">;
  readonly #system: ActorSystem;
  readonly #groups = new Map<string, Distributed>();

  constructor(client: Pick<ClusterAccess, "entityRef" | "spawn">, system: ActorSystem) {
    this.#client = client;
    this.#system = system;
  }

  /** A group, made once. */
  open(options: ClientDistributedOptions): Distributed {
    const { name } = resolveOptions(clientDistributedTable, options);
    const known = this.#groups.get(name);
    if (known !== undefined) return known;
    const type = structureType(name);
    const region = this.#client.entityRef<StructureMessage>(type);
    const group = new Distributed({
      group: name,
      content: "as durable as the nodes have made it",
      system: this.#system,
      entity: (entityId) => region.entity(entityId),
      session: new LeaseSession(this.#system, `${type.name}.session`, this.#client),
    });
    this.#groups.set(name, group);
    return group;
  }
}
