import { resolveOptions } from "../options/check_options.ts";
import { wireDefaults, wireTable } from "../options/tables/wire_tables.ts";

/**
 * Bounds on what is read from a peer and written to it. Both ends should have the same: a sender
 * refuses what a receiver with equal limits would refuse. What exceeds the limits of the receiver
 * only is a dead letter there, and an ask in it fails.
 */
export interface WireLimits {
  /** Longest message in bytes, path and value together. Default 16,777,216 (16 MiB). */
  readonly maxMessage: number;
  /** Deepest nesting of arrays, objects, maps, sets and errors in a message. Default 128. */
  readonly maxDepth: number;
  /** Most values in one message, counting each element, key and container. Default 4,194,304. */
  readonly maxValues: number;
  /** Longest string or key in bytes of UTF-8 (UTF-16 if ill-formed). Default 16,777,216. */
  readonly maxString: number;
  /** Longest typed array, `ArrayBuffer` or bigint in bytes. Default 16,777,216. */
  readonly maxBinary: number;
  /** Longest array. Default 1,048,576. */
  readonly maxArray: number;
  /** Most entries of an object, `Map` or `Set`. Default 131,072. */
  readonly maxMap: number;
  /** Longest actor path, and longest node name, in bytes of UTF-8. At most 65,535. Default 2,048. */
  readonly maxPath: number;
}

/** The defaults of the limits. */
export const defaultWireLimits: WireLimits = wireDefaults;

/**
 * Completes `options` with the defaults and checks each value.
 *
 * @throws {OptionError}
 */
export function wireLimits(options: Partial<WireLimits> = {}): WireLimits {
  return resolveOptions(wireTable, options);
}
