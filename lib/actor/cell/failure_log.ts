import type { LogFields } from "../../runtime/logger.ts";
import type { ActorCell } from "./actor_cell.ts";

/**
 * Writes that an actor has failed, or counts it. A message from elsewhere may make an actor fail, and
 * a peer chooses the ids of entities: all entities of one parent count as one cause.
 */
export function logFailure(
  { path, accountable, host }: ActorCell,
  level: "warn" | "error",
  message: string,
  fields: LogFields & { readonly error: unknown },
): void {
  const { error } = fields;
  const cause = `${message} ${
    error instanceof Error ? `${error.name} ${error.message}` : typeof error
  }`;
  host.limitedLog.add(level, path, message, fields, { cause, identity: accountable });
}
