/**
 * What is stored of one durable actor on its way to a state and its metadata: the same for an actor that
 * recovers, and for a node that keeps the state of one that runs elsewhere.
 *
 * @module
 */
import { Metadata } from "./metadata.ts";
import { metadataSections } from "./metadata_sections.ts";
import { Recovery } from "./recovery.ts";
import type { StoredForm } from "./schema.ts";

/** Which events make the state. */
export type NeededEvents = "all" | "last";

/** The part of a kind of durable actors that makes states of what is stored. */
export interface RecoveredKind<E, S> {
  readonly definition: {
    readonly initial: S;
    readonly onEvent: (state: S, event: E) => S;
  };
  readonly needed: NeededEvents;
  readonly form: StoredForm<E, S>;
}

/** See the module's text. */
export interface DurableRecovery<E, S> {
  readonly recovery: Recovery<E, S>;
  /** Undefined: nothing was ever in it. */
  readonly metadataOf: () => Metadata | undefined;
}

/** Begins with the initial state, and no event. */
export function recoveryOf<E, S>(
  { form, needed, definition: { initial, onEvent } }: RecoveredKind<E, S>,
  id: string,
): DurableRecovery<E, S> {
  let metadata: Metadata | undefined;
  const loadMetadata = (bytes: Uint8Array | undefined): void => {
    metadata = undefined;
    if (bytes !== undefined) (metadata = new Metadata(metadataSections)).load(bytes, form.codec);
  };
  const recovery = new Recovery<E, S>(id, initial, {
    // The event of a whole state comes with the whole metadata.
    readMetadata: (bytes) => {
      if (needed === "last") loadMetadata(bytes);
      else (metadata ??= new Metadata(metadataSections)).read(bytes, form.codec);
    },
    loadMetadata,
    readEvent: (payload, version) => form.readEvent(payload, version),
    readState: (payload, version) => form.readState(payload, version),
    apply: onEvent,
  });
  return { recovery, metadataOf: () => metadata };
}
