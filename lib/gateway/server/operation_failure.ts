import { AskError, type AskFailureReason, AskTimeoutError } from "../../actor/errors.ts";
import type { GatewayErrorCode } from "../errors.ts";
import type { FailureBody } from "../protocol/frames.ts";

/** Why an operation has failed, as a client is told. */
export type OperationFailure = Omit<FailureBody, "type" | "id" | "code"> & {
  readonly code: GatewayErrorCode;
};

/** What is certain for some reasons; of all others nobody can say whether the message was handled. */
const certain: Partial<Record<AskFailureReason, Omit<OperationFailure, "message">>> = {
  invalidMessage: { code: "badInput", outcome: "none" },
  badEntityId: { code: "badInput", outcome: "none" },
  unauthorized: { code: "unauthorized", outcome: "none" },
  unknownType: { code: "unavailable", outcome: "none", retry: true },
  wrongShardCount: { code: "unavailable", outcome: "none" },
  noShardOwner: { code: "unavailable", outcome: "none", retry: true },
  mailboxFull: { code: "tooManyRequests", outcome: "none", retry: true },
  queueFull: { code: "tooManyRequests", outcome: "none", retry: true },
  bufferFull: { code: "tooManyRequests", outcome: "none", retry: true },
  tooManyAsks: { code: "tooManyRequests", outcome: "none", retry: true },
  tooLarge: { code: "tooLarge", outcome: "none" },
  notSerializable: { code: "badInput", outcome: "none" },
  expired: { code: "timeout", outcome: "none" },
  handlerFailed: { code: "handlerFailed", outcome: "unknown" },
  rejected: { code: "rejected", outcome: "handled" },
};

const texts: Partial<Record<GatewayErrorCode, string>> = {
  badInput: "the entity does not take the message",
  unauthorized: "the entity does not take messages of this gateway",
  tooManyRequests: "the entity, or the gateway, has more to do than it takes",
  tooLarge: "the message or its answer is too large",
  handlerFailed: "the handler of the entity has failed",
  timeout: "no answer came in time",
  unavailable: "the cluster could not deliver the message, or its answer",
};

/**
 * What a client is told of a failed ask. Never the text of the error: it names nodes and causes. What
 * the entity itself has answered, it has answered for its client.
 */
export function operationFailure(error: unknown): OperationFailure {
  if (error instanceof AskTimeoutError) {
    return { code: "timeout", message: texts.timeout!, outcome: "unknown" };
  }
  if (!(error instanceof AskError)) {
    return { code: "unavailable", message: texts.unavailable!, outcome: "unknown" };
  }
  const { code, ...facts } = certain[error.reason] ??
    { code: "unavailable", outcome: "unknown", retry: true };
  if (code !== "rejected") return { code, message: texts[code]!, ...facts };
  const { rejection } = error;
  const message = rejection?.message ?? "the entity has refused the request";
  return {
    code,
    message,
    ...facts,
    rejection: {
      message,
      ...(rejection?.code !== undefined && { code: rejection.code }),
      ...(rejection?.details !== undefined && { details: rejection.details }),
    },
  };
}

/** The HTTP status of each code. */
export const httpStatusOf: Readonly<Record<GatewayErrorCode, number>> = {
  badInput: 400,
  unauthenticated: 401,
  unauthorized: 403,
  unknownOperation: 404,
  rejected: 409,
  tooLarge: 413,
  tooManySubscriptions: 429,
  tooManyRequests: 429,
  queueFull: 429,
  handlerFailed: 500,
  badReply: 500,
  badApi: 500,
  noWebSocket: 501,
  unavailable: 503,
  notSent: 503,
  closed: 503,
  outcomeUnknown: 503,
  badProtocol: 426,
  timeout: 504,
};
