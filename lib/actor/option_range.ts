import { ActorError } from "./errors.ts";

/**
 * The value of an option, if it is a number from `min` to `max`.
 *
 * @throws {ActorError} code `badOption`; the message names the option.
 */
export function checkRange(option: string, value: number, min: number, max: number): number {
  if (typeof value === "number" && value >= min && value <= max) return value;
  throw new ActorError("badOption", `${option}: ${String(value)} is not allowed`, {
    value,
    remedy: `use a number from ${min} to ${max}`,
  });
}
