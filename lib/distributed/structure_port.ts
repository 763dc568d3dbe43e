import type { ActorSystem } from "../actor/system/actor_system.ts";
import type { EntityRef } from "../sharding/routing/entity_ref.ts";
import type { LeaseSession } from "./lease_session.ts";
import type { StructureMessage } from "./structure_protocol.ts";

/** The node or client at which structures of a group are used. */
export interface StructurePort {
  /** The name of the group. */
  readonly group: string;
  /** What is said of the content of counters, maps, sets and queues. */
  readonly content: string;
  /** Actors, time and random numbers. */
  readonly system: ActorSystem;
  /** The entity that a structure is. */
  entity(entityId: string): EntityRef<StructureMessage>;
  /** What renews the leases of this program, and is watched by those that gave them. */
  readonly session: LeaseSession;
}
