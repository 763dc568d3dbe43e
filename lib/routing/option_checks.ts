import { ActorError } from "../actor/errors.ts";

/**
 * The value of an option, if it is a whole number from `min` to `max`.
 *
 * @throws {ActorError} code `badOption`; the message names the option.
 */
export function checkWhole(option: string, value: number, min: number, max: number): number {
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  throw badOption(option, value, `use a whole number from ${min} to ${max}`);
}

/**
 * The options of a router, if they are an object.
 *
 * @throws {ActorError} code `badOption`.
 */
export function checkOptions<O extends object>(options: O): O {
  if (typeof options === "object" && options !== null) return options;
  throw badOption("options", options, "use an object, or leave it out");
}

/** The error for an option that cannot be used. */
export function badOption(option: string, value: unknown, remedy: string): ActorError {
  return new ActorError("badOption", `${option}: ${describe(value)} is not allowed`, {
    value,
    remedy,
  });
}

function describe(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value.slice(0, 64));
  return typeof value === "object" && value !== null ? "an object" : String(value);
}
