import type { Logger } from "../../runtime/logger.ts";
import { InternalMessage } from "../ref/internal_message.ts";
import { Ref } from "../ref/ref.ts";

/** Values below this depth are not checked. */
const maxDepth = 64;
/** Actors that get a line of the log each; there are no more lines then. */
const maxReported = 100;

/**
 * For development: freezes messages, so that code that changes one after it was sent gets an error
 * at that place, and logs values that could not cross the wire.
 */
export class MessageCheck {
  readonly #logger: Logger;
  readonly #reported = new Set<string>();

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** Checks a message for the actor at `path`. */
  check(path: string, message: unknown): void {
    const fault = freezeMessage(message instanceof InternalMessage ? message.payload : message);
    if (fault === undefined || this.#reported.has(path)) return;
    if (this.#reported.size === maxReported) return;
    this.#reported.add(path);
    this.#logger.log("error", path, "got a message that is not plain data", { fault });
  }
}

/** A message may throw when it is read; its sender must not suffer for that. */
function freezeMessage(message: unknown): string | undefined {
  try {
    return freezeData(message, "message", 0);
  } catch (error) {
    return `message: cannot be looked at (${error})`;
  }
}

/**
 * Freezes plain data; returns the place of the first other value. Frozen values were checked
 * before.
 */
function freezeData(value: unknown, where: string, depth: number): string | undefined {
  if (typeof value === "function" || typeof value === "symbol") return `${where}: ${typeof value}`;
  if (typeof value !== "object" || value === null || depth === maxDepth) return undefined;
  if (value instanceof Ref || value instanceof Date || value instanceof Error) return undefined;
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return undefined;
  if (value instanceof Map || value instanceof Set) {
    return freezeAll([...value].entries(), where, depth);
  }
  if (Object.isFrozen(value)) return undefined;
  const prototype = Object.getPrototypeOf(value);
  if (!Array.isArray(value) && prototype !== Object.prototype && prototype !== null) {
    return `${where}: ${prototype.constructor?.name ?? "an object of a class"}`;
  }
  Object.freeze(value);
  return freezeAll(Object.entries(value), where, depth);
}

function freezeAll(
  entries: Iterable<readonly [unknown, unknown]>,
  where: string,
  depth: number,
): string | undefined {
  let first: string | undefined;
  // Freeze all, also after the first fault.
  for (const [key, value] of entries) {
    const fault = freezeData(value, `${where}.${key}`, depth + 1);
    first ??= fault;
  }
  return first;
}
