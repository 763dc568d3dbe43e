/**
 * What an asker is told: the one judge of codes, texts and remedies of failed asks, by reason.
 *
 * @module
 */
import { AskError, type AskErrorCode, type AskFailureReason } from "../errors.ts";
import type { AskFailure } from "../ref/held_ask.ts";
import {
  type DeadLetterReason,
  isDeadLetterReason,
  oldestNameOf,
} from "../services/dead_letter.ts";

/** The longest details of an error, in UTF-16 code units. */
export const maxDetails = 1_024;

interface FailureKind {
  readonly code: AskErrorCode;
  /** The message of the error, without details. */
  readonly text?: (target: string) => string;
  readonly remedy?: string;
  /** Whether another attempt of the same ask may succeed. */
  readonly transient: boolean;
  /** Peers of earlier versions know this reason for it. Of a dead letter: see there. */
  readonly before?: DeadLetterReason;
}

const stopped = (target: string) => `${target} has stopped and cannot reply`;
const lookUp = "watch it, or look it up again";

const kinds: Readonly<Record<AskFailureReason, FailureKind>> = {
  noSuchActor: { code: "askTargetDead", text: stopped, remedy: lookUp, transient: true },
  stopped: { code: "askTargetDead", text: stopped, remedy: lookUp, transient: true },
  ownerLost: {
    code: "askTargetDead",
    text: (target) => `the node or client of ${target} is gone`,
    remedy: "ask again, if the request may be handled twice",
    transient: true,
    before: "stopped",
  },
  handlerFailed: {
    code: "askHandlerFailed",
    text: (target) => `${target} has failed while it handled the ask`,
    remedy: "see the log of its node",
    transient: false,
    before: "stopped",
  },
  notPersisted: {
    code: "askNotPersisted",
    text: (target) => `${target} could not store what the ask has led to`,
    remedy: "ask again, if the request may be handled twice",
    transient: true,
    before: "stopped",
  },
  storeUnavailable: {
    code: "askNotDelivered",
    text: (target) => `the store of ${target} cannot be reached, and nothing was stored`,
    remedy: "ask again later",
    transient: true,
  },
  notRecovered: {
    code: "askNotDelivered",
    text: (target) => `${target} could not recover`,
    remedy: "see the log of its node",
    transient: false,
  },
  rejected: {
    code: "askRejected",
    text: (target) => `${target} has rejected the ask`,
    transient: false,
    before: "invalidMessage",
  },
  mailboxFull: { code: "askNotDelivered", remedy: "ask again later", transient: true },
  queueFull: { code: "askNotDelivered", remedy: "ask again later", transient: true },
  bufferFull: { code: "askNotDelivered", remedy: "ask again later", transient: true },
  disconnected: {
    code: "askNotDelivered",
    remedy: "ask again, if the request may be handled twice",
    transient: true,
  },
  shardMoved: { code: "askNotDelivered", remedy: "ask again", transient: true },
  noShardOwner: {
    code: "askNotDelivered",
    remedy: 'see cluster.explain("sharding") at a node',
    transient: true,
  },
  unknownType: {
    code: "askNotDelivered",
    remedy: "spell it as the nodes that run it, or start it on one",
    transient: true,
  },
  wrongShardCount: {
    code: "askNotDelivered",
    remedy: "use the same numShards everywhere",
    transient: false,
  },
  noRoutee: { code: "askNotDelivered", remedy: "ask again later", transient: true },
  badEntityId: { code: "askNotDelivered", transient: false },
  tooLarge: { code: "askNotDelivered", transient: false },
  notSerializable: { code: "askNotDelivered", transient: false },
  invalidMessage: { code: "askNotDelivered", transient: false },
  unauthorized: {
    code: "askNotDelivered",
    remedy: "use another certificate, or have the node permit it",
    transient: false,
  },
  expired: { code: "askNotDelivered", remedy: "raise the timeout", transient: true },
  aborted: {
    code: "askAborted",
    text: (target) => `the ask of ${target} was aborted`,
    transient: false,
  },
  cycle: {
    code: "askCycle",
    text: () => "actors wait for each other",
    remedy: "give one of the asks to pipeToSelf instead of waiting for its reply",
    transient: false,
  },
  tooManyAsks: {
    code: "tooManyAsks",
    text: () => "too many asks wait for a reply already",
    remedy: "wait for some of them first, or raise maxPendingAsks of the system",
    transient: false,
  },
};

/** The error for a failed ask of `target`; `value` is by default the target. */
export function askFailed(
  target: string,
  { reason, details: given, cause, rejection }: AskFailure,
  value: unknown = target,
): AskError {
  const { code, text, remedy } = kinds[reason];
  const own = given ??
    (hasFailed(reason) && cause !== undefined ? errorText(cause) : given);
  const details = own === undefined ? undefined : plainText(own);
  const what = text?.(target) ?? `the message to ${target} was lost: ${reason}`;
  return new AskError(code, details === undefined ? what : `${what}: ${details}`, {
    reason,
    value,
    cause,
    rejection,
    ...(details !== undefined && { details }),
    ...(remedy !== undefined && { remedy }),
  });
}

/** Whether the cause, if there is one, is what the actor has thrown. */
function hasFailed(reason: AskFailureReason): boolean {
  return reason === "handlerFailed" || reason === "stopped";
}

/** Whether another attempt of the same ask may succeed. */
export function isTransient({ reason }: AskError): boolean {
  return kinds[reason].transient;
}

/** Whether a value is a reason that this version knows, and that another system may report. */
export function isReportedReason(value: unknown): value is AskFailureReason {
  if (isDeadLetterReason(value)) return true;
  return typeof value === "string" && Object.hasOwn(kinds, value) &&
    kinds[value as AskFailureReason].before !== undefined;
}

/** The reason as the dead letter of a report that every version understands. */
export function letterOf(reason: AskFailureReason): DeadLetterReason {
  return isDeadLetterReason(reason) ? oldestNameOf(reason) : kinds[reason].before ?? "stopped";
}

/** A text on one line, of at most {@linkcode maxDetails} units. */
export function plainText(text: string): string {
  return text.slice(0, maxDetails).replace(/[\p{Cc}\u2028\u2029]+/gu, " ").toWellFormed();
}

/** An error as text for other nodes: its name and message, without stack and causes. */
export function errorText(error: unknown): string {
  try {
    return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  } catch {
    return "an error that cannot be read";
  }
}
