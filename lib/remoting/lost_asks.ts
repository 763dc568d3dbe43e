import { askPath } from "../actor/ref/reply_path.ts";
import { errorText, isReportedReason, letterOf, maxDetails } from "../actor/ask/ask_failure.ts";
import type { AskFailureReason, StatusError } from "../actor/errors.ts";
import type { AskFailure } from "../actor/ref/held_ask.ts";
import type { DeadLetterReason } from "../actor/services/dead_letter.ts";
import type { SystemInternals } from "../actor/system/system_internals.ts";
import type { NodePeer, Peer } from "../transport/base/peer.ts";
import type { Clock } from "../runtime/clock.ts";
import type { Ref } from "../actor/ref/ref.ts";
import type { PeerLog } from "./peer_log.ts";
import { RemoteReplyRef } from "./remote_asks.ts";
import { RoutedAsks, type Routee } from "./routed_asks.ts";
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
  /** The address of the asker, if the receiver is only the node of a router on the way. */
  readonly asker?: string;
  /** What the actor has answered, if the failure is `rejected`. */
  readonly rejection?: StatusError;
}

/** The longest code of a rejection, in UTF-16 code units. */
const maxRejectionCode = 256;

/** Dependencies of {@linkcode LostAsks}. */
export interface LostAsksPort {
  readonly internals: SystemInternals;
  readonly peerLog: PeerLog;
  readonly clock: Clock;
  /** Best effort: if it is lost, the asker waits for its timeout. */
  send(to: string, message: LostAsk): void;
  /** Whether this system has sent the reference with this path to the peer. */
  mayReach(peer: Peer, path: string): boolean;
}

/** Reports to other systems which of their asks were lost here, and takes their reports. */
export class LostAsks {
  /** Those that routers here have passed on to other nodes. */
  readonly routed: RoutedAsks = new RoutedAsks();
  readonly #port: LostAsksPort;
  /** Asks of this system that were passed on to its own actors, and the nodes that have done that. */
  readonly #returned = new WeakMap<Ref<unknown>, NodePeer>();

  constructor(port: LostAsksPort) {
    this.#port = port;
    port.internals.onReturnedAskLost = (replyTo, failure) => this.#onReturnedLost(replyTo, failure);
    port.internals.failForeignAsksRoutedTo = (node, isMeant) => {
      const isLost = (to: Routee) =>
        to.node === node && to.entityId !== undefined && isMeant(to.path, to.entityId);
      this.#failRouted(node, this.routed.takeWhere(isLost, port.clock.now()));
    };
    port.internals.onForeignAskLost = (replyTo, target, failure) => {
      // The asker knows the router only.
      const routed = this.routed.take(replyTo);
      this.#report(replyTo, routed?.askedAt ?? target, failure);
    };
  }

  #report(replyTo: Ref<unknown>, target: string, failure: AskFailure): void {
    const { node, path, uid } = replyTo;
    const { internals, send } = this.#port;
    if (node === "" || node === internals.nodeAddress) return;
    const report = { replyTo: path, uid, target, ...reported(failure, node) };
    send(node, report);
    const via = replyTo instanceof RemoteReplyRef ? replyTo.via : undefined;
    if (via?.routedAsks) send(via.address, { ...report, asker: node });
  }

  /** An ask of this system has come back from a node, for an actor here. */
  onReturned(replyTo: Ref<unknown>, from: NodePeer): void {
    this.#returned.set(replyTo, from);
  }

  /** Only the node that has passed it on knows whether a router did that, or an actor that may answer. */
  #onReturnedLost(replyTo: Ref<unknown>, failure: AskFailure): boolean {
    const from = this.#returned.get(replyTo);
    if (from === undefined) return false;
    const { node, path, uid } = replyTo;
    const report = { replyTo: path, uid, target: path, ...reported(failure, node), asker: node };
    if (from.routedAsks) this.#port.send(from.address, report);
    return true;
  }

  /** A node was removed, `inOrder` or not: then routees there do not answer any more. */
  onRemoved(node: string, inOrder: boolean): void {
    const routed = this.routed.takeAllOf(node, this.#port.clock.now());
    // In order: it has answered, reported or passed on all that it had.
    if (!inOrder) this.#failRouted(node, routed);
  }

  #failRouted(node: string, asks: readonly RemoteReplyRef[]): void {
    const details = `it was passed on to ${node}`;
    for (const ask of asks) this.#report(ask, ask.askedAt, { reason: "ownerLost", details });
  }

  /** Handles a message of a peer. */
  receive(peer: Peer, value: unknown): void {
    const { internals, peerLog } = this.#port;
    const lost = parseLostAsk(value);
    if (lost === undefined) {
      return peerLog.add(peer, "warn", "ignored a malformed report of a lost ask");
    }
    if (lost.asker !== undefined) return this.#receiveRouted(peer, lost, lost.asker);
    // A peer that may not reply to an ask may not fail it either.
    if (!this.#port.mayReach(peer, lost.replyTo)) return;
    const { replyTo, uid, target, reason, failure = reason, details, rejection } = lost;
    internals.failAsk(replyTo, uid, target, { reason: failure, details, rejection });
  }

  /** It is about an ask that a router here has passed on, or that others have. */
  #receiveRouted(peer: Peer, lost: LostAsk, asker: string): void {
    if (peer.role !== "node") return;
    const { replyTo: path, uid, reason, failure = reason, details, rejection } = lost;
    const ask = this.routed.take({ node: asker, path, uid }, peer.address);
    if (ask !== undefined) this.#report(ask, ask.askedAt, { reason: failure, details, rejection });
  }

  /** Stops to listen. */
  close(): void {
    this.#port.internals.onForeignAskLost = undefined;
    this.#port.internals.onReturnedAskLost = undefined;
    this.#port.internals.failForeignAsksRoutedTo = undefined;
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
  const { replyTo, uid, target, reason, failure, details, rejection, asker } = value;
  if (!isPath(replyTo) || !replyTo.startsWith(askPath) || !isWhole(uid)) return undefined;
  if (typeof target !== "string" || target.length > 4_096) return undefined;
  if (!isDeadLetterReason(reason)) return undefined;
  if (asker !== undefined && (typeof asker !== "string" || asker.length > 4_096)) return undefined;
  return {
    replyTo,
    uid,
    target,
    reason,
    // A later version may know more reasons.
    ...(isReportedReason(failure) && { failure }),
    ...(typeof details === "string" && { details: details.slice(0, maxDetails) }),
    ...(asker !== undefined && { asker }),
    ...(failure === "rejected" && withRejection(rejection)),
  };
}
