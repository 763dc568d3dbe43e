/**
 * Why a gateway closes a WebSocket. The number is the close code; after those marked as final the client
 * does not connect again.
 */
export const closeCodes = {
  /** The frame is not what the protocol says. */
  badProtocol: { code: 4400, isFinal: true },
  /** `authenticate` has refused the request. */
  unauthenticated: { code: 4401, isFinal: true },
  /** No hello came in time. */
  helloTimeout: { code: 4408, isFinal: false },
  /** Another connection has taken the session over. */
  replaced: { code: 4409, isFinal: false },
  /** The frame is longer than the gateway takes. */
  tooLarge: { code: 4413, isFinal: true },
  /** The principal or the gateway has as many sockets as it may. */
  tooManySockets: { code: 4429, isFinal: false },
  /** The client has sent more than its window. */
  windowExceeded: { code: 4430, isFinal: true },
  /** The client reads slower than messages come. The session can be resumed. */
  slowClient: { code: 4431, isFinal: false },
  /** The gateway ends. */
  closing: { code: 4503, isFinal: false },
} as const;

/** A reason of {@linkcode closeCodes}. */
export type CloseReason = keyof typeof closeCodes;

/** The reason of a close code; undefined: the network's, or one that this version does not know. */
export function closeReasonOf(code: number): CloseReason | undefined {
  for (const [reason, { code: known }] of Object.entries(closeCodes)) {
    if (known === code) return reason as CloseReason;
  }
  return undefined;
}
