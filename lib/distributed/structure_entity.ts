import type { Behavior } from "../actor/behavior/behavior.ts";
import { Behaviors } from "../actor/behavior/behaviors.ts";
import { coordination } from "./coordination_entity.ts";
import { durableData, volatileData } from "./data_entity.ts";
import type { StructureHost } from "./structure_host.ts";
import { kindOf } from "./structure_kind.ts";
import type { StructureMessage } from "./structure_protocol.ts";

/** The behaviour of the entity that a structure is, by the kind in its id. */
export function structureEntity(
  entityId: string,
  host: StructureHost,
  isDurable: boolean,
): Behavior<StructureMessage> {
  const kind = kindOf(entityId);
  switch (kind) {
    case undefined:
      // A client can name any entity.
      return Behaviors.stopped();
    case "lock":
    case "semaphore":
    case "barrier":
      return coordination(kind, host);
    default:
      return isDurable ? durableData(kind, host) : volatileData(kind, host);
  }
}
