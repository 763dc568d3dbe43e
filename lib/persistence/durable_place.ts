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
  const kept = keptBy(context);
  const { entityId, self: { path } } = context;
  if (given.id === undefined && (entityId === "" || kept === undefined)) throw missingId(path);
  const id = given.id === undefined
    ? persistenceId(kept!.keeper.typeName, entityId)
    : checkedId(given.id);
  const journal = given.journal ?? journalAround(context, kept);
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
  const kept = keptBy(context);
  return entityId !== "" && kept !== undefined && id === `${kept.keeper.typeName}|${entityId}` &&
    journal === journalAround(context, kept);
}

/** The journal of an actor that has none of its own. */
function journalAround(
  { system }: ActorContext<never>,
  kept: KeptEntity | undefined,
): DurableStore | undefined {
  return kept?.keeper.storeOf?.(kept.entity) ?? kept?.keeper.store ??
    internalsOf(system).persistence?.journal;
}

/** An entity, and what keeps it. */
interface KeptEntity {
  readonly entity: LocalRef<unknown>;
  readonly keeper: EntityKeeper;
}

/** The entity that the actor is, or belongs to. */
function keptBy({ self }: ActorContext<never>): KeptEntity | undefined {
  let entity = self instanceof LocalRef ? self as LocalRef<unknown> : undefined;
  while (entity !== undefined) {
    const parent = entity.parent as LocalRef<unknown> | undefined;
    if (parent?.entities !== undefined) return { entity, keeper: parent.entities };
    entity = parent;
  }
  return undefined;
}

function noJournal(path: string, id: string): PersistenceError {
  return new PersistenceError("noJournal", `${path} has no journal`, {
    value: path,
    place: { id },
    remedy:
      "give one to its behaviour, to its type or singleton (Behaviors.sharded(..., { journal })), or " +
      "to the system (persistence: { journal })",
  });
}
