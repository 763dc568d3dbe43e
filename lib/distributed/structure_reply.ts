import type { ActorRef } from "../actor/ref/ref.ts";
import type { DistributedErrorCode } from "./errors.ts";

/**
 * What a structure answers: tagged, so that no value of a user is taken for an answer of its own.
 * `moved`: its node gives it up; the operation was not done, and can be sent again.
 */
export type StructureReply =
  | {
    readonly type: "done";
    readonly value: unknown;
    /** Of a grant: the actor that keeps it, for as long as it does. */
    readonly keeper?: ActorRef<never>;
  }
  | { readonly type: "refused"; readonly code: DistributedErrorCode; readonly why: string }
  | { readonly type: "moved" };

/** The operation was done. */
export function done(value?: unknown): StructureReply {
  return { type: "done", value };
}

/** The operation was not done, and changes nothing. */
export function refused(code: DistributedErrorCode, why: string): StructureReply {
  return { type: "refused", code, why };
}

/** See {@linkcode StructureReply}. */
export const moved: StructureReply = { type: "moved" };
