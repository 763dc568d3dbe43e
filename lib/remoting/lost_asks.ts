import { askPath } from "../actor/ask/ask.ts";
import type { DeadLetterReason } from "../actor/services/dead_letter.ts";
import type { SystemInternals } from "../actor/system/system_internals.ts";
import type { Peer } from "../transport/base/peer.ts";
import type { OncePerPeerLog } from "./once_per_peer_log.ts";
import { isDeadLetterReason } from "../actor/services/dead_letter.ts";
import { isPath, isRecord, isWhole } from "./watch_protocol.ts";

/** Where a system hears that one of its questions was lost elsewhere. */
export const lostQuestionPath = "/_askfailed";

/** Questions in one refused message whose askers are told. */
export const maxToldQuestions = 16;

/** A question was lost: its asker need not wait any longer. */
export interface LostQuestion {
  /** Path of the question's reply reference. */
  readonly question: string;
  /** The uid of the reply reference. */
  readonly uid: number;
  /** Path of the actor that the question was for. */
  readonly target: string;
  /** Why it was lost. */
  readonly reason: DeadLetterReason;
}

/** What {@linkcode LostAsks} needs. */
export interface LostQuestionsPort {
  readonly internals: SystemInternals;
  readonly complaints: OncePerPeerLog;
  /** Best effort: if it is lost, the asker waits for its timeout. */
  send(to: string, message: LostQuestion): void;
  /** Whether the peer has been given the reference with this path. */
  mayReach(peer: Peer, path: string): boolean;
}

/** Tells those who ask from elsewhere that their question was lost here, and hears the same. */
export class LostAsks {
  readonly #port: LostQuestionsPort;

  /** Listens to the system from now on. */
  constructor(port: LostQuestionsPort) {
    this.#port = port;
    port.internals.onForeignAskLost = (replyTo, target, reason) => {
      const { node, path, uid } = replyTo;
      if (node === "" || node === port.internals.nodeAddress) return;
      port.send(node, { question: path, uid, target, reason });
    };
  }

  /** Takes what a peer has sent. */
  receive(peer: Peer, value: unknown): void {
    const { internals, complaints } = this.#port;
    const lost = parseLostQuestion(value);
    if (lost === undefined) {
      return complaints.add(peer, "warn", "a malformed note of a lost question was ignored");
    }
    // Whoever may not answer a question may not end it either.
    if (!this.#port.mayReach(peer, lost.question)) return;
    internals.failAsk(lost.question, lost.uid, lost.target, lost.reason);
  }

  /** Stops to listen. */
  close(): void {
    this.#port.internals.onForeignAskLost = undefined;
  }
}

/** The note, or `undefined` if the value is none. */
export function parseLostQuestion(value: unknown): LostQuestion | undefined {
  if (!isRecord(value)) return undefined;
  const { question, uid, target, reason } = value;
  if (!isPath(question) || !question.startsWith(askPath) || !isWhole(uid)) return undefined;
  if (typeof target !== "string" || target.length > 4_096) return undefined;
  return isDeadLetterReason(reason) ? { question, uid, target, reason } : undefined;
}
