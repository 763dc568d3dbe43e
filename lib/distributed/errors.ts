import { CastyError, type CastyErrorOptions } from "../runtime/casty_error.ts";

/**
 * A distributed structure cannot do what was asked:
 *
 * - `differentOptions`: the group is open at this node with other options.
 * - `permitsMismatch`: the semaphore is in use with another number of permits.
 * - `expectedMismatch`: the parties of this round of the barrier expect another number.
 * - `alreadyHeld`: this handle holds the lock, or waits for it: the lock is not reentrant.
 * - `acquireTimeout`: the lock, permit or barrier was not got in time, and is not waited for any more.
 * - `leaseLost`: the reason of the signal `lost`: the holder's lease has ended before its release.
 * - `queueEmpty`: the queue has no item that can be given out.
 * - `structureFull`: the structure has as many entries, bytes or waiters as it may have.
 * - `tooManyStructures`: the node, or the identity of the client, has as many structures as it may have.
 * - `counterOverflow`: the value would be no safe integer.
 * - `destroyed`: the structure was destroyed while it was waited for.
 * - `badValue`: a value of a structure cannot be read here.
 */
export type DistributedErrorCode =
  | "differentOptions"
  | "permitsMismatch"
  | "expectedMismatch"
  | "alreadyHeld"
  | "acquireTimeout"
  | "leaseLost"
  | "queueEmpty"
  | "structureFull"
  | "tooManyStructures"
  | "counterOverflow"
  | "destroyed"
  | "badValue";

/** A distributed structure cannot do what was asked. */
export class DistributedError extends CastyError {
  /** Name of the class. */
  override name = "DistributedError";
  /** Stable; see {@linkcode DistributedErrorCode}. */
  declare readonly code: DistributedErrorCode;

  /** The remedy becomes part of the message. */
  constructor(code: DistributedErrorCode, message: string, options: CastyErrorOptions = {}) {
    super(code, message, options);
  }
}

const remedies: Readonly<Record<DistributedErrorCode, string>> = {
  differentOptions: "open it with the same options everywhere, or give the other group a name",
  permitsMismatch: "use one number of permits for one name",
  expectedMismatch: "let all parties expect the same number",
  alreadyHeld: "release it first, or use another handle for another task",
  acquireTimeout: "try again, or give it a longer timeout",
  leaseLost: "stop what it protects, and acquire it again",
  queueEmpty: "try again later, or use reserve, which gives undefined",
  structureFull:
    "use smaller values or fewer entries, several names, or raise `limits` of the group",
  tooManyStructures: "destroy structures that are not needed, or raise `limits`",
  counterOverflow: "use smaller amounts",
  destroyed: "use it again: it starts afresh",
  badValue: "read it with the version of the program that has written it, or remove it",
};

/** The error for a code that a structure has answered. */
export function refusedBy(structure: string, code: DistributedErrorCode, why: string) {
  return new DistributedError(code, `${structure}: ${why}`, {
    value: structure,
    remedy: remedies[code],
  });
}

/** A value in a structure cannot be read; the offending value is its key, if it has one. */
export function badValue(structure: string, key: unknown, cause: unknown): DistributedError {
  const of = key === undefined ? "" : ` of ${typeof key === "string" ? JSON.stringify(key) : key}`;
  return new DistributedError("badValue", `${structure}: a value${of} cannot be read`, {
    value: key ?? structure,
    cause,
    remedy: remedies.badValue,
  });
}
