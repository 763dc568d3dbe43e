/**
 * Finds the reply reference in a message, for what is rare: a message that is lost, fails, or is
 * passed on by an actor that has to answer asks.
 *
 * @module
 */
import { type AskedActor, holdAsk, releaseAsk, severalActors } from "../ref/held_ask.ts";
import { Ref } from "../ref/ref.ts";
import { rules } from "../../runtime/rules.ts";

/** Fields of a message that are searched for its reply reference, on each level. */
const maxFieldsLooked = 32;

/** The reply reference in a message: the message itself, or one of its fields, or one below. */
export function findReply(message: unknown): Ref<unknown> | undefined {
  if (typeof message !== "object" || message === null) return undefined;
  try {
    return findReplyAt(message, 2);
  } catch {
    // A message that throws when it is read, such as a revoked proxy.
    return undefined;
  }
}

/**
 * Reads the fields as their receiver does: an actor that has to answer asks looks so into all that it
 * tells, and descriptors of the fields, which would call no getter, cost 100 ns each.
 */
function findReplyAt(message: object, depth: number): Ref<unknown> | undefined {
  if (message instanceof Ref) return message.isReply ? message : undefined;
  // Binary data holds no references, and may have millions of elements.
  if (depth === 0 || ArrayBuffer.isView(message)) return undefined;
  if (Array.isArray(message)) {
    const end = Math.min(message.length, maxFieldsLooked);
    for (let i = 0; i < end; i++) {
      const found = findReplyIn(message[i], depth);
      if (found !== undefined) return found;
    }
    return undefined;
  }
  let looked = 0;
  // A loop instead of `Object.keys`, which would list all names of a large object first.
  for (const key in message) {
    if (looked++ === maxFieldsLooked) break;
    const found = findReplyIn(message[key as never], depth);
    if (found !== undefined) return found;
  }
  return undefined;
}

function findReplyIn(field: unknown, depth: number): Ref<unknown> | undefined {
  return typeof field === "object" && field !== null ? findReplyAt(field, depth - 1) : undefined;
}

/** Whether a message is that of an ask of another system whose asker has given up before its time. */
export function isAbortedAsk(message: unknown): boolean {
  return findReply(message)?.heldAsk?.deadline() === -Infinity;
}

/**
 * An actor that has to answer asks tells another something. If it holds the reply reference of one of
 * them, the other may answer: then the ask does not end with the first. Behind a router, the routee
 * has to answer.
 */
export function passAskOn(from: AskedActor, to: AskedActor, message: unknown): void {
  const ask = findReply(message)?.heldAsk;
  if (ask === undefined || ask.heldBy !== from || from === to) return;
  if (!rules.passedAsksOutliveActors) return;
  releaseAsk(ask);
  if (from.forwards) holdAsk(to, ask);
}

/** The message goes to several actors: the ask does not end with one of them. */
export function shareAsk(message: unknown): void {
  const ask = findReply(message)?.heldAsk;
  if (ask === undefined) return;
  releaseAsk(ask);
  ask.heldBy = severalActors;
}
