/**
 * Actors of which certain messages are for their own process only.
 *
 * @module
 */
import type { LocalRef } from "./local_ref.ts";
import { messageOf } from "./sent_message.ts";

/** Why an actor does not take a message of another process; undefined: it takes it. */
export type RemoteFilter = (message: unknown) => string | undefined;

const filters = new WeakMap<LocalRef<never>, RemoteFilter>();
/** So that processes without filters look nothing up for each message. */
let areUsed = false;

/** From now on the messages of other processes are filtered before they reach an actor. */
export function filterRemote(ref: LocalRef<never>, filter: RemoteFilter): void {
  areUsed = true;
  filters.set(ref, filter);
}

/** Why a message of another process, as it is kept, does not reach an actor. */
export function remoteRefusal(ref: LocalRef<never>, kept: unknown): string | undefined {
  return areUsed ? filters.get(ref)?.(messageOf(kept)) : undefined;
}
