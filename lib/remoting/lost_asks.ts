import { askPath } from "../actor/ask/ask.ts";
import { errorText, isReportedReason, letterOf, maxDetails } from "../actor/ask/ask_failure.ts";
import type { AskFailureReason, StatusError } from "../actor/errors.ts";
import type { AskFailure } from "../actor/ref/held_ask.ts";
import type { DeadLetterReason } from "../actor/services/dead_letter.ts";
import type { SystemInternals } from "../actor/system/system_internals.ts";
import type { Peer } from "../transport/base/peer.ts";
import type { PeerLog } from "./peer_log.ts";
import { isDeadLetterReason } from "../actor/services/dead_letter.ts";
import { isPath, isRecord, isWhole } from "./watch_protocol.ts";

/** Where a system receives reports of its asks that were lost in other systems. */
export const lostAskPath = "/_askfailed";

/** Asks of one refused message that are reported. */
export const maxReportedAsks = 16;

/** The message of an ask was lost or has failed: the ask fails now instead of at its timeout. */
export interface LostAsk {
  /** Path of the reply reference. */
  readonly replyTo: string;
  /** The uid of the reply reference. */
  readonly uid: number;
  /** Path of the target of the ask. */
  readonly target: string;
  /** Why it was lost, by a name that every version of the protocol knows. */
  readonly reason: DeadLetterReason;
  /** Why, if that name says less. */
  readonly failure?: AskFailureReason;
  /** More about it, in plain text. */
  readonly details?: string;
  /** What the actor has answered, if the failure is `rejected`. */
  readonly rejection?: StatusError;
}

/** The longest code of a rejection, in UTF-16 code units. */
const maxRejectionCode = 256;

/** Dependencies of {@linkcode LostAsks}. */
export interface LostAsksPort {
  readonly internals: SystemInternals;
  readonly peerLog: PeerLog;
  /** Best effort: if it is lost, the asker waits for its timeout. */
  send(to: string, message: LostAsk): void;
  /** Whether this system has sent the reference with this path to the peer. */
  mayReach(peer: Peer, path: string): boolean;
}

/** Reports to other systems which of their asks were lost here, and takes their reports. */
export class LostAsks {
  readonly #port: LostAsksPort;

  constructor(port: LostAsksPort) {
    this.#port = port;
    port.internals.onForeignAskLost = (replyTo, target, failure) => {
      const { node, path, uid } = replyTo;
      if (node === "" || node === port.internals.nodeAddress) return;
      port.send(node, { replyTo: path, uid, target, ...reported(failure, node) });
    };
  }

  /** Handles a message of a peer. */
  receive(peer: Peer, value: unknown): void {
    const { internals, peerLog } = this.#port;
    const lost = parseLostAsk(value);
    if (lost === undefined) {
      return peerLog.add(peer, "warn", "ignored a malformed report of a lost ask");
    }
    // A peer that may not reply to an ask may not fail it either.
    if (!this.#port.mayReach(peer, lost.replyTo)) return;
    const { replyTo, uid, target, reason, failure = reason, details, rejection } = lost;
    internals.failAsk(replyTo, uid, target, { reason: failure, details, rejection });
  }

  /** Stops to listen. */
  close(): void {
    this.#port.internals.onForeignAskLost = undefined;
  }
}

/** What another system is told. A client learns nothing of the errors of handlers. */
function reported(
  { reason: failure, details: given, cause, rejection }: AskFailure,
  to: string,
): Pick<LostAsk, "reason" | "failure" | "details" | "rejection"> {
  const reason = letterOf(failure);
  const isOwnError = failure === "handlerFailed" && !to.startsWith("client:");
  const details = given ?? (isOwnError ? errorText(cause) : undefined);
  return {
    reason,
    ...(failure !== reason && { failure }),
    ...(details !== undefined && { details: details.slice(0, maxDetails).toWellFormed() }),
    ...withRejection(rejection),
  };
}

function withRejection(value: unknown): { readonly rejection?: StatusError } {
  const rejection = rejectionOf(value);
  return rejection === undefined ? {} : { rejection };
}

/** Its texts, of which the length is bounded; undefined if it is none. */
function rejectionOf(value: unknown): StatusError | undefined {
  if (!isRecord(value)) return undefined;
  const { message, code } = value;
  if (typeof message !== "string") return undefined;
  return {
    message: message.slice(0, maxDetails).toWellFormed(),
    ...(typeof code === "string" && { code: code.slice(0, maxRejectionCode).toWellFormed() }),
  };
}

/** The report, or `undefined` if the value is none. */
export function parseLostAsk(value: unknown): LostAsk | undefined {
  if (!isRecord(value)) return undefined;
  const { replyTo, uid, target, reason, failure, details, rejection } = value;
  if (!isPath(replyTo) || !replyTo.startsWith(askPath) || !isWhole(uid)) return undefined;
  if (typeof target !== "string" || target.length > 4_096) return undefined;
  if (!isDeadLetterReason(reason)) return undefined;
  return {
    replyTo,
    uid,
    target,
    reason,
    // A later version may know more reasons.
    ...(isReportedReason(failure) && { failure }),
    ...(typeof details === "string" && { details: details.slice(0, maxDetails) }),
    ...(failure === "rejected" && withRejection(rejection)),
  };
}
