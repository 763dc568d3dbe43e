/**
 * Lets tools see the definition in a behaviour: behaviours are functions, and show nothing. Costs an
 * actor nothing but a comparison at its start.
 *
 * @module
 */
import type { Behavior } from "../actor/behavior/behavior.ts";
import type { RecoveredKind } from "./durable_recovery.ts";
import type { Journal } from "./journal.ts";
import type { SchemaOptions } from "./schema.ts";

/** The part of a definition that makes states of what is stored. */
export interface ReplayedDefinition {
  readonly initial: unknown;
  readonly onEvent: (state: never, event: never) => unknown;
  readonly snapshots?: unknown;
  readonly schema?: SchemaOptions;
  readonly id?: string;
  readonly journal?: Journal;
}

/** A definition, and which events make its state. */
export interface MadeDefinition {
  readonly definition: ReplayedDefinition;
  /** `last`: an event is a whole state. */
  readonly needed: "all" | "last";
  /** The behaviour that was made. */
  readonly behavior: Behavior<never>;
  /** How its actors recover. */
  readonly kind: RecoveredKind<unknown, unknown>;
}

let made: MadeDefinition[] | undefined;

/** Called by what makes a durable behaviour. */
export function noteDefinition<E, S>(
  definition: ReplayedDefinition,
  needed: "all" | "last",
  behavior: Behavior<never>,
  kind: RecoveredKind<E, S>,
): void {
  made?.push({ definition, needed, behavior, kind: kind as unknown as MadeDefinition["kind"] });
}

/** The definitions of the durable behaviours that a function makes, synchronously. */
export function definitionsMadeBy(make: () => unknown): readonly MadeDefinition[] {
  const before = made;
  const found: MadeDefinition[] = made = [];
  try {
    make();
    return found;
  } finally {
    made = before;
  }
}
