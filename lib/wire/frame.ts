/**
 * The frame: what a connection carries between two nodes.
 *
 * ```text
 * 0        4      5
 * +--------+------+----------------+
 * | length | type | payload        |
 * +--------+------+----------------+
 * ```
 *
 * `length` is an unsigned big-endian 32-bit number that counts the type byte and the payload, so
 * it is at least 1. A payload may be empty.
 *
 * @module
 */

/** Bytes of the length field. */
export const LENGTH_BYTES = 4;

/** Bytes before the payload: length and type. */
export const HEADER_BYTES = 5;

/** The kinds of frames. Numbers are part of the protocol and never reused. */
export const FrameType = {
  /** The hello of the dialling side. */
  hello: 1,
  /** The accepting side agrees. */
  welcome: 2,
  /** Either side declines, with a reason. */
  refuse: 3,
  /** An envelope: a message to an actor. */
  message: 4,
  /** The receiver allows more bytes. */
  credit: 5,
  /** The sender ends the connection in order, with a reason. */
  close: 6,
  /** Asks for a pong. */
  ping: 7,
  /** Answers a ping. */
  pong: 8,
  /** A part of a frame that is larger than a frame may be. */
  chunk: 9,
  /** A message, deflated. */
  compressed: 10,
} as const;

/** One of the numbers of {@linkcode FrameType}. */
export type FrameType = typeof FrameType[keyof typeof FrameType];
