import { CastyError, type CastyErrorOptions } from "../runtime/casty_error.ts";
import type { WireLimits } from "./limits.ts";

/**
 * Why bytes or a value were refused:
 *
 * - `frameTooLarge`: a frame exceeds `maxFrame`.
 * - `emptyFrame`: a frame announces no bytes at all, not even its type.
 * - `unknownFrame`: a frame has a type that this version does not know.
 * - `notSerializable`: a message holds something that is not data (a function, a class instance).
 * - `malformed`: bytes that no codec of this version writes.
 * - `tooDeep`: nesting beyond `maxDepth`, which is also how a cycle shows.
 * - `tooLarge`: a string, binary, array, map, path or whole message beyond its limit.
 * - `undecodable`: a custom serializer refuses the data of a value, or is not known here.
 * - `reentrant`: a frame reader was fed from within its own callback.
 */
export type WireErrorCode =
  | "frameTooLarge"
  | "emptyFrame"
  | "unknownFrame"
  | "notSerializable"
  | "malformed"
  | "tooDeep"
  | "tooLarge"
  | "undecodable"
  | "reentrant";

/** Bytes that cannot be read, or a value that cannot be written. */
export class WireError extends CastyError {
  /** `"WireError"`. */
  override name = "WireError";
  /** Why. */
  declare readonly code: WireErrorCode;

  /** Appends the remedy to the message. */
  constructor(code: WireErrorCode, message: string, options: CastyErrorOptions = {}) {
    super(code, message, options);
  }
}

/** A frame of `length` bytes (type and payload) where `maxFrame` allows fewer. */
export function frameTooLarge(length: number, maxFrame: number): WireError {
  return new WireError("frameTooLarge", `a frame of ${length} bytes exceeds maxFrame ${maxFrame}`, {
    value: length,
    remedy: "raise transport.maxFrame on both ends, or send less at once",
  });
}

/** A frame type that is not in `FrameType`. */
export function unknownFrame(type: number): WireError {
  return new WireError("unknownFrame", `frame type ${type} is not known`, {
    value: type,
    remedy: "check that the peer runs a Casty version with a common protocol version",
  });
}

/** Bytes that break the format; `what` completes "malformed message: ...". */
export function malformed(what: string, value?: unknown, cause?: unknown): WireError {
  return new WireError("malformed", `malformed message: ${what}`, { value, cause });
}

/** Something of `size` `unit` exceeds the limit option `limit`, which is set to `maximum`. */
export function tooLarge(
  what: string,
  size: number,
  unit: string,
  limit: keyof WireLimits,
  maximum: number,
): WireError {
  return new WireError("tooLarge", `${what} of ${size} ${unit} exceeds ${limit} ${maximum}`, {
    value: size,
    remedy: limit === "maxPath"
      ? "use shorter names of actors, and shorter ids"
      : `raise transport.${limit} on both ends, or send less at once`,
  });
}

/** Something at `where` is nested deeper than `maxDepth`, or for ever. */
export function tooDeep(where: string, maxDepth: number): WireError {
  return new WireError("tooDeep", `${where} is nested deeper than maxDepth ${maxDepth}`, {
    value: maxDepth,
    remedy: "remove the cycle if there is one, flatten the value, or raise transport.maxDepth on " +
      "both ends",
  });
}
