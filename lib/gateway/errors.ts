import { CastyError, type CastyErrorOptions } from "../runtime/casty_error.ts";
import type { CallOutcome } from "./protocol/frames.ts";

/**
 * An operation over a gateway has failed, or a gateway cannot be made:
 *
 * - `badApi`: a definition of `gateway.api` is not acceptable.
 * - `noWebSocket`: the server of the gateway cannot make WebSockets of requests.
 * - `badInput`: the input does not match the schema of the operation.
 * - `badReply`: the entity's reply is not plain JSON.
 * - `unknownOperation`: the gateway does not offer that entity, operation or topic.
 * - `unauthenticated`: the gateway has not accepted the credentials.
 * - `unauthorized`: the principal may not do that.
 * - `rejected`: the entity has answered with an error, see `rejection`.
 * - `handlerFailed`: the entity's handler has thrown.
 * - `unavailable`: the cluster could not deliver the message, or its answer.
 * - `timeout`: no answer came in time.
 * - `notSent`: the gateway could not be reached in time.
 * - `outcomeUnknown`: the gateway lost the session after the operation was sent.
 * - `tooLarge`: the message is longer than the gateway takes.
 * - `tooManySubscriptions`: the session has as many as it may.
 * - `tooManyRequests`: the principal, or the gateway, does as much as it may.
 * - `queueFull`: as many operations of this client wait as may.
 * - `badProtocol`: the other end is no gateway of this version.
 * - `closed`: the client was closed.
 */
export type GatewayErrorCode =
  | "badApi"
  | "noWebSocket"
  | "badInput"
  | "badReply"
  | "unknownOperation"
  | "unauthenticated"
  | "unauthorized"
  | "rejected"
  | "handlerFailed"
  | "unavailable"
  | "timeout"
  | "notSent"
  | "outcomeUnknown"
  | "tooLarge"
  | "tooManySubscriptions"
  | "tooManyRequests"
  | "queueFull"
  | "badProtocol"
  | "closed";

/** What an entity has answered instead of a value, see `StatusReply.error`. */
export interface GatewayRejection {
  /** A sentence. */
  readonly message: string;
  /** Stable, if the entity has given one. */
  readonly code?: string;
  /** Plain data, if the entity has given some. */
  readonly details?: unknown;
}

/** An operation over a gateway has failed, or an API cannot be defined. */
export class GatewayError extends CastyError {
  /** Name of the class. */
  override name = "GatewayError";
  /** Stable; see {@linkcode GatewayErrorCode}. */
  declare readonly code: GatewayErrorCode;
  /**
   * Whether the operation was done: `"none"` if certainly not, `"handled"` if the entity has answered,
   * `"unknown"` if nobody can say.
   */
  readonly outcome: CallOutcome;
  /** With the code `rejected`: the entity's answer. */
  readonly rejection: GatewayRejection | undefined;

  /** The remedy becomes part of the message. */
  constructor(
    code: GatewayErrorCode,
    message: string,
    { outcome = "none", rejection, ...options }: CastyErrorOptions & {
      readonly outcome?: CallOutcome;
      readonly rejection?: GatewayRejection | undefined;
    } = {},
  ) {
    super(code, message, options);
    this.outcome = outcome;
    this.rejection = rejection;
  }
}
