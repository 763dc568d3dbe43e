/**
 * What the askers of a durable actor are told when its store fails. The error of the store stays in this
 * process: the details go to other nodes and clients, and must not show its address.
 *
 * @module
 */
import type { AskFailure } from "../actor/ref/held_ask.ts";
import type { RecoveryFailure } from "../actor/ref/local_ref.ts";
import { PersistenceError } from "./errors.ts";

/** Why a command has no answer: its events, or those before it, were not stored. */
export function failureOfWrite(error: PersistenceError): AskFailure {
  const { code, place } = error;
  if (isUnavailable(error.cause)) return { reason: "storeUnavailable", cause: error };
  const outcome = code === "outcomeUnknown" ? "unknown" : "rejected";
  const why = code === "notPersisted" && error.cause instanceof PersistenceError
    ? error.cause.code
    : code;
  return {
    reason: "notPersisted",
    details: `${outcome}: event ${place?.seq} of ${place?.id} (${why})`,
    cause: error,
  };
}

/** Why an actor cannot take the asks that wait for it; undefined: another one may take them. */
export function failureOfRecovery(
  error: unknown,
): AskFailure & { readonly reason: RecoveryFailure } | undefined {
  if (isUnavailable(error)) return { reason: "storeUnavailable", cause: error };
  // Its successor answers.
  if (error instanceof PersistenceError && error.code === "fenced") return undefined;
  const details = error instanceof PersistenceError
    ? `${error.code}${error.place === undefined ? "" : ` of ${error.place.id}`}`
    : "see the log of its node";
  return { reason: "notRecovered", details, cause: error };
}

function isUnavailable(error: unknown): boolean {
  return error instanceof PersistenceError && error.code === "storeUnavailable";
}
