import type { Behavior } from "../../actor/behavior/behavior.ts";
import type { ActorContext } from "../../actor/behavior/context.ts";

/**
 * Creates the behaviour of one entity. Called when the entity starts, and when it restarts;
 * `context.entityId` is the id, too.
 */
export type EntityFactory<M> = (entityId: string, context: ActorContext<M>) => Behavior<M>;
