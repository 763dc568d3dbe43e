import type { ActorContext } from "../actor/behavior/context.ts";
import { type EntityKeeper, LocalRef } from "../actor/ref/local_ref.ts";
import { internalsOf } from "../actor/system/system_internals.ts";
import type { DurableStore } from "../runtime/durable_store.ts";
import { PersistenceError } from "./errors.ts";
import type { Journal } from "./journal.ts";
import { checkedId, missingId, persistenceId } from "./persistence_id.ts";

/** Where an actor is stored. */
export interface DurablePlace {
  /** Persistence id. */
  readonly id: string;
  readonly journal: Journal;
}

/** What a behaviour says of it. */
export interface GivenPlace {
  readonly id?: string | undefined;
  readonly journal?: Journal | undefined;
}

/**
 * Where an actor is stored: as its behaviour says, else by what it is. The id is that of an entity, the
 * journal that of its type, also for its children; else of its system.
 *
 * @throws {PersistenceError} codes `badPersistenceId`, `noJournal`.
 */
export function placeOf(context: ActorContext<never>, given: GivenPlace): DurablePlace {
  const keeper = keeperOf(context);
  const { entityId, self: { path } } = context;
  if (given.id === undefined && (entityId === "" || keeper === undefined)) throw missingId(path);
  const id = given.id === undefined
    ? persistenceId(keeper!.typeName, entityId)
    : checkedId(given.id);
  const journal = given.journal ?? journalAround(context, keeper);
  if (journal === undefined) throw noJournal(path, id);
  // The option has checked it: the layers below know only a part of its type.
  return { id, journal: journal as Journal };
}

/**
 * Whether the actor is started when its journal says that it has work: it is an entity that can be found
 * by its id, in a journal that nodes look into.
 */
export function isWoken(context: ActorContext<never>, { id, journal }: DurablePlace): boolean {
  const { entityId } = context;
  const keeper = keeperOf(context);
  return entityId !== "" && keeper !== undefined && id === `${keeper.typeName}|${entityId}` &&
    journal === journalAround(context, keeper);
}

/** The journal of an actor that has none of its own. */
function journalAround(
  { system }: ActorContext<never>,
  keeper: EntityKeeper | undefined,
): DurableStore | undefined {
  return keeper?.store ?? internalsOf(system).persistence?.journal;
}

/** What keeps the entity that the actor is, or belongs to. */
function keeperOf({ self }: ActorContext<never>): EntityKeeper | undefined {
  let at = self instanceof LocalRef ? self.parent : undefined;
  while (at !== undefined && at.entities === undefined) at = at.parent;
  return at?.entities;
}

function noJournal(path: string, id: string): PersistenceError {
  return new PersistenceError("noJournal", `${path} has no journal`, {
    value: path,
    place: { id },
    remedy:
      "give one to its behaviour, to its type (Behaviors.sharded(..., { journal })), or to the " +
      "system (persistence: { journal })",
  });
}
