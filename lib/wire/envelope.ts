/**
 * The payload of a `message` frame: the addressee, and the message.
 *
 * ```text
 * flags 0: a path
 * +-------+--------+-------------+------+---------+
 * | flags | uid    | path length | path | message |
 * | u8    | varint | u16         |      | msgpack |
 * +-------+--------+-------------+------+---------+
 *
 * flags 2: a path that gets a number         flags 1: the number of a path
 * +---+-----+--------+-----+------+-------+  +---+-----+--------+---------+
 * | 2 | uid | number | len | path | ...   |  | 1 | uid | number | message |
 * |   |     | varint | u16 |      |       |  |   |     | varint |         |
 * +---+-----+--------+-----+------+-------+  +---+-----+--------+---------+
 * ```
 *
 * `path length` is big-endian and counts bytes of UTF-8. Numbers count up from 0 on each connection
 * and in each direction. With 4 added to the flags, a trace context of 25 bytes stands before the
 * message (feature `trace`). With 8 added, the time that the asker of the message still waits stands
 * there, behind the trace context: whole milliseconds, as a varint (feature `deadline`). The header
 * can be read alone, so that permission is checked before the message is decoded.
 *
 * @module
 */
import { askPath } from "../actor/ref/reply_path.ts";
import { maxDelay } from "../runtime/clock.ts";
import type { Codec } from "./codec.ts";
import type { EncodedPart } from "./encoder.ts";
import { malformed, tooLarge, WireError } from "./errors.ts";
import type { NumberedPaths, PathNumbers } from "./interned_paths.ts";
import {
  readTraceContext,
  type TraceContext,
  traceContextBytes,
  writeTraceContext,
} from "../runtime/trace_context.ts";
import { defaultWireLimits } from "./limits.ts";
import { isReplyPath } from "./reply_path.ts";
import { texts, utf8Length, writeText } from "./text.ts";
import type { PeerSerializers, Reviver } from "./serializer_registry.ts";
import { MAX_VARINT, readVarint, varintSize, writeVarint } from "./varint.ts";

/** Bytes of the flags and of the path length. */
const FIXED_BYTES = 3;

/** The flags: a path; its number; a path and the number that it gets. */
const PATH = 0;
const NUMBER = 1;
const PATH_AND_NUMBER = 2;
/** Added to one of them: a trace context follows the path. */
const TRACE = 4;
/** Added to one of them: the time that the asker still waits follows, behind the trace context. */
const DEADLINE = 8;
const OPTIONS = TRACE | DEADLINE;

/** The header of an envelope. */
export interface EnvelopeHeader {
  /** Path of the actor on the receiving node. */
  readonly path: string;
  /** Incarnation of the actor; 0 means the current one. */
  readonly uid: number;
  /** Where the encoded message begins. */
  readonly bodyStart: number;
  /** The trace that the message belongs to, if the sender has sent one. */
  readonly trace: TraceContext | undefined;
  /** Milliseconds that the asker still waited when it was sent, if the sender has said so. */
  readonly remaining: number | undefined;
}

/** A message and its addressee. */
export interface Envelope {
  /** Path of the actor on the receiving node. */
  readonly path: string;
  /** Incarnation of the actor; 0 means the current one. */
  readonly uid: number;
  /** The decoded message. */
  readonly message: unknown;
  /** See {@linkcode EnvelopeHeader.remaining}. */
  readonly remaining?: number;
}

/**
 * Encodes an envelope. The bytes are valid until the next envelope of this codec. What `peer` has
 * no serializer for is refused, if it is given. `trace` is for peers with the feature `trace`, and
 * `remaining`, milliseconds of which less than one is rounded up, for those with `deadline`. `part`: see
 * {@linkcode Codec.encodeBehind}.
 *
 * @throws {WireError} code `notSerializable`, `tooDeep` or `tooLarge`.
 */
export function encodeEnvelope(
  codec: Codec,
  path: string,
  uid: number,
  message: unknown,
  peer?: PeerSerializers,
  trace?: TraceContext,
  remaining?: number,
  part?: EncodedPart,
): Uint8Array {
  if (!Number.isSafeInteger(uid) || uid < 0) {
    throw new WireError("notSerializable", `an envelope has uid ${uid}`, {
      value: uid,
      remedy: "use a whole number from 0 to 2^53 - 1",
    });
  }
  const { maxPath } = codec.limits;
  const pathLength = utf8Length(path);
  if (pathLength > maxPath) throw tooLarge("a path", pathLength, "bytes", "maxPath", maxPath);
  const header = FIXED_BYTES + varintSize(uid) + pathLength;
  const deadlineAt = trace === undefined ? header : header + traceContextBytes;
  const left = remaining === undefined ? 0 : Math.min(maxDelay, Math.ceil(remaining));
  const headroom = remaining === undefined ? deadlineAt : deadlineAt + varintSize(left);
  const bytes = codec.encodeBehind(headroom, message, peer, part);
  bytes[0] = PATH;
  if (trace !== undefined) {
    bytes[0] = PATH + TRACE;
    writeTraceContext(trace, bytes, header);
  }
  if (remaining !== undefined) {
    bytes[0]! += DEADLINE;
    writeVarint(left, bytes, deadlineAt);
  }
  const at = writeVarint(uid, bytes, 1);
  bytes[at] = pathLength >>> 8;
  bytes[at + 1] = pathLength;
  writeText(path, bytes, at + 2, pathLength, "maxPath");
  return bytes;
}

/** Bytes that {@linkcode writeHeader} takes at most, without the path. */
export const MAX_HEADER = FIXED_BYTES + 3 * MAX_VARINT;

/**
 * Writes the header of an envelope for the path with this number, or without one if `number` is
 * below 0: then `path` is ASCII. Returns where the message begins. `remaining` as in
 * {@linkcode encodeEnvelope}.
 */
export function writeHeader(
  out: Uint8Array,
  from: number,
  path: string,
  number: number,
  uid: number,
  remaining: number | undefined,
): number {
  let at = writeVarint(uid, out, from + 1);
  out[from] = number < 0 ? PATH : NUMBER;
  if (number >= 0) at = writeVarint(number, out, at);
  else {
    const { length } = path;
    out[at] = length >>> 8;
    out[at + 1] = length;
    at = writeText(path, out, at + 2, length, "maxPath");
  }
  if (remaining === undefined) return at;
  out[from]! += DEADLINE;
  return writeVarint(Math.min(maxDelay, Math.ceil(remaining)), out, at);
}

/**
 * Reads only the header of the envelope in `bytes[start]` to `bytes[end - 1]`. `maxPath` is the
 * limit of the same name, by default 2,048. `paths` are those that the sender has given numbers on
 * the connection; without them numbers are refused. Every envelope must be read once, in order. With
 * `shortReplies`, the path of a reply reference has the short form: see `reply_path.ts`.
 *
 * @throws {WireError} code `malformed` or `tooLarge`.
 */
export function decodeEnvelopeHeader(
  bytes: Uint8Array,
  start: number,
  end: number,
  maxPath: number = defaultWireLimits.maxPath,
  paths?: NumberedPaths,
  shortReplies = false,
): EnvelopeHeader {
  if (end - start < FIXED_BYTES) throw malformed("an envelope is cut short");
  const flags = bytes[start]!;
  const kind = flags & ~OPTIONS;
  if (kind > (paths === undefined ? PATH : PATH_AND_NUMBER)) {
    throw malformed("an envelope has reserved flags", flags);
  }
  const uid = readVarint(bytes, start + 1, end);
  let at = start + 1 + varintSize(uid);
  let number = -1;
  if (kind !== PATH) {
    number = readVarint(bytes, at, end);
    at += varintSize(number);
    if (kind === NUMBER) return headerOf(paths!.get(number), uid, bytes, at, end, flags);
  }
  if (end - at < 2) throw malformed("an envelope is cut short");
  const pathLength = (bytes[at]! << 8) | bytes[at + 1]!;
  if (pathLength > maxPath) throw tooLarge("a path", pathLength, "bytes", "maxPath", maxPath);
  const bodyStart = at + 2 + pathLength;
  if (bodyStart > end) throw malformed("an envelope is cut short");
  const isShort = shortReplies && isReplyPath(bytes, at + 2, bodyStart, uid);
  const path = isShort ? askPath : texts.read(bytes, at + 2, bodyStart);
  const header = headerOf(path, uid, bytes, bodyStart, end, flags);
  if (kind === PATH_AND_NUMBER) paths!.add(number, path, pathLength);
  return header;
}

/** What stands behind the path at `at` is what the flags say, and the message. */
function headerOf(
  path: string,
  uid: number,
  bytes: Uint8Array,
  at: number,
  end: number,
  flags: number,
): EnvelopeHeader {
  if ((flags & OPTIONS) === 0) {
    return { path, uid, bodyStart: at, trace: undefined, remaining: undefined };
  }
  let bodyStart = at;
  let trace: TraceContext | undefined;
  if ((flags & TRACE) !== 0) {
    bodyStart += traceContextBytes;
    if (bodyStart > end) throw malformed("an envelope is cut short");
    trace = readTraceContext(bytes, at);
  }
  let remaining: number | undefined;
  if ((flags & DEADLINE) !== 0) {
    remaining = readVarint(bytes, bodyStart, end);
    if (remaining > maxDelay) throw malformed("a deadline is out of range", remaining);
    bodyStart += varintSize(remaining);
  }
  return { path, uid, bodyStart, trace, remaining };
}

/** An envelope of this end for a peer without the feature `deadline`. */
export function withoutDeadline(envelope: Uint8Array): Uint8Array {
  const flags = envelope[0]!;
  if ((flags & DEADLINE) === 0) return envelope;
  const path = pathStart(envelope);
  const behindPath = path + 2 + ((envelope[path]! << 8) | envelope[path + 1]!);
  const at = (flags & TRACE) === 0 ? behindPath : behindPath + traceContextBytes;
  const body = at + varintSize(readVarint(envelope, at, envelope.length));
  const shorter = new Uint8Array(envelope.length - (body - at));
  shorter.set(envelope.subarray(0, at));
  shorter.set(envelope.subarray(body), at);
  shorter[0] = flags - DEADLINE;
  return shorter;
}

/** Where the path of an envelope of this end, or its number, begins. */
function pathStart(envelope: Uint8Array): number {
  let at = 1;
  while (envelope[at]! >= 0x80) at++;
  return at + 1;
}

/** Bytes that {@linkcode writeNumbered} takes at most beyond those of the envelope. */
export const NUMBER_BYTES = 3;

/**
 * Writes an envelope of this end with the number of its path instead of the path, or with both;
 * returns where it ends.
 */
export function writeNumbered(
  out: Uint8Array,
  at: number,
  envelope: Uint8Array,
  number: number,
  withPath: boolean,
): number {
  const path = pathStart(envelope);
  const from = withPath ? path : path + 2 + ((envelope[path]! << 8) | envelope[path + 1]!);
  out[at] = (withPath ? PATH_AND_NUMBER : NUMBER) | (envelope[0]! & OPTIONS);
  for (let i = 1; i < path; i++) out[at + i] = envelope[i]!;
  const rest = writeVarint(number, out, at + path);
  out.set(envelope.subarray(from), rest);
  return rest + envelope.length - from;
}

/** Gives an envelope that {@linkcode writeNumbered} may have written its path back, for this end. */
export function withPath(envelope: Uint8Array, numbers: PathNumbers): Uint8Array {
  const kind = envelope[0]! & ~OPTIONS;
  if (kind !== NUMBER && kind !== PATH_AND_NUMBER) return envelope;
  const at = pathStart(envelope);
  const number = readVarint(envelope, at, envelope.length);
  const rest = envelope.subarray(at + varintSize(number));
  const uid = envelope.subarray(1, at);
  const path = kind === NUMBER ? new TextEncoder().encode(numbers.pathOf(number)) : undefined;
  const pathBytes = path === undefined ? 0 : 2 + path.length;
  const whole = new Uint8Array(1 + uid.length + pathBytes + rest.length);
  whole[0] = PATH | (envelope[0]! & OPTIONS);
  whole.set(uid, 1);
  if (path !== undefined) {
    whole[at] = path.length >>> 8;
    whole[at + 1] = path.length;
    whole.set(path, at + 2);
  }
  whole.set(rest, at + pathBytes);
  return whole;
}

/**
 * Decodes the envelope in `bytes[start]` to `bytes[end - 1]`.
 *
 * @throws {WireError} code `malformed`, `tooDeep` or `tooLarge`.
 */
export function decodeEnvelope(
  codec: Codec,
  bytes: Uint8Array,
  start: number,
  end: number,
  reviver?: Reviver,
): Envelope {
  const { maxPath } = codec.limits;
  const { path, uid, bodyStart, remaining } = decodeEnvelopeHeader(bytes, start, end, maxPath);
  const message = codec.decode(bytes, bodyStart, end, reviver);
  return remaining === undefined ? { path, uid, message } : { path, uid, message, remaining };
}
