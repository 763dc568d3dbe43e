import { CastyError } from "../runtime/casty_error.ts";

/**
 * Bounds on what is read from a peer and written to it. Both ends should have the same: a sender
 * refuses what a receiver with equal limits would refuse.
 */
export interface WireLimits {
  /** Longest message in bytes, path and value together. Default 16,777,216 (16 MiB). */
  readonly maxMessage: number;
  /** Deepest nesting of arrays, objects, maps, sets and errors in a message. Default 64. */
  readonly maxDepth: number;
  /** Most values in one message, counting each element, key and container. Default 262,144. */
  readonly maxValues: number;
  /** Longest string or key in bytes of UTF-8 (UTF-16 if ill-formed). Default 16,777,216. */
  readonly maxString: number;
  /** Longest typed array or `ArrayBuffer` in bytes. Default 16,777,216. */
  readonly maxBinary: number;
  /** Longest array, and most entries of a `Set`. Default 131,072. */
  readonly maxArray: number;
  /** Most entries of an object or a `Map`. Default 65,536. */
  readonly maxMap: number;
  /** Longest actor path, and longest node name, in bytes of UTF-8. At most 65,535. Default 2,048. */
  readonly maxPath: number;
}

/** The defaults of the limits. */
export const defaultWireLimits: WireLimits = {
  maxMessage: 16_777_216,
  maxDepth: 64,
  maxValues: 262_144,
  maxString: 16_777_216,
  maxBinary: 16_777_216,
  maxArray: 131_072,
  maxMap: 65_536,
  maxPath: 2_048,
};

/** The longest string that any option allows, in bytes. */
export const longestString = 268_435_456;

/** The highest value each limit may take; recursion and header fields end there. */
const ceilings: WireLimits = {
  maxMessage: 1_073_741_824,
  maxDepth: 512,
  maxValues: 268_435_456,
  maxString: longestString,
  maxBinary: 1_073_741_824,
  maxArray: 33_554_432,
  maxMap: 16_777_216,
  maxPath: 65_535,
};

/**
 * Completes `options` with the defaults and checks each value.
 *
 * @throws {CastyError} code `badOption`, when a limit is not a whole number in its range.
 */
export function wireLimits(options: Partial<WireLimits> = {}): WireLimits {
  const limits: WireLimits = { ...defaultWireLimits, ...options };
  for (const name of Object.keys(ceilings) as (keyof WireLimits)[]) {
    const value = limits[name];
    if (!Number.isInteger(value) || value < 1 || value > ceilings[name]) {
      throw new CastyError("badOption", `${name} is ${value}`, {
        value,
        remedy: `use a whole number from 1 to ${ceilings[name]}`,
      });
    }
  }
  return limits;
}
