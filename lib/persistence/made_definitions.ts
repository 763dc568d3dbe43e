/**
 * Lets tools see the definition in a behaviour: behaviours are functions, and show nothing. Costs an
 * actor nothing but a comparison at its start.
 *
 * @module
 */
import type { SchemaOptions } from "./schema.ts";

/** The part of a definition that makes states of what is stored. */
export interface ReplayedDefinition {
  readonly initial: unknown;
  readonly onEvent: (state: never, event: never) => unknown;
  readonly snapshots?: unknown;
  readonly schema?: SchemaOptions;
}

/** A definition, and which events make its state. */
export interface MadeDefinition {
  readonly definition: ReplayedDefinition;
  /** `last`: an event is a whole state. */
  readonly needed: "all" | "last";
}

let made: MadeDefinition[] | undefined;

/** Called by what makes a durable behaviour. */
export function noteDefinition(definition: ReplayedDefinition, needed: "all" | "last"): void {
  made?.push({ definition, needed });
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
