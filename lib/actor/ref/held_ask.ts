/**
 * Asks by the actor that has to answer them, so that a stop of the actor ends them at once. An
 * intrusive list for each actor: an ask that is answered costs two assignments, and a stop costs what
 * the asks of that actor cost, however many others are pending.
 *
 * @module
 */
import { rules } from "../../runtime/rules.ts";
import type { AskFailureReason, StatusError } from "../errors.ts";

/** What is known of the failure of an ask. */
export interface AskFailure {
  readonly reason: AskFailureReason;
  /** Plain text; see `AskError.details`. */
  readonly details?: string | undefined;
  /** The error behind it, if it is one of this process. */
  readonly cause?: unknown;
  /** What the actor has answered, for the reason `rejected`. */
  readonly rejection?: StatusError | undefined;
}

/** An actor that has to answer asks. */
export interface AskedActor {
  /** The latest of them; undefined: none is pending. */
  heldAsks: HeldAsk | undefined;
  /** Whether it only passes messages on: then the receivers answer. */
  readonly forwards: boolean;
}

/** An ask, of this system or another, as the actor sees it that has to answer it. */
export interface HeldAsk {
  /**
   * The actor; undefined: it is not known, or the ask has ended; {@linkcode severalActors}: no failure
   * of one of them ends it.
   */
  heldBy: AskedActor | undefined;
  heldBefore: HeldAsk | undefined;
  heldAfter: HeldAsk | undefined;
  /** When its asker gives up, on the clock of the system; undefined: that is not known. */
  deadline(): number | undefined;
  /** An actor holds it from now on. */
  onHeld(): void;
  /** It is not held by any actor any more. */
  onReleased(): void;
  /** The actor will not answer. */
  fail(failure: AskFailure): void;
}

/** Stands for the actors that have got one message, of whom any may answer. */
export const severalActors: AskedActor = { heldAsks: undefined, forwards: false };

/** The actor has to answer the ask from now on, unless another has to. */
export function holdAsk(actor: AskedActor, ask: HeldAsk): void {
  if (ask.heldBy !== undefined) return;
  const { heldAsks } = actor;
  ask.heldBy = actor;
  ask.heldAfter = heldAsks;
  if (heldAsks !== undefined) heldAsks.heldBefore = ask;
  actor.heldAsks = ask;
  ask.onHeld();
}

/** It has ended, or it is not known any more who has to answer it. */
export function releaseAsk(ask: HeldAsk): void {
  const { heldBy, heldBefore, heldAfter } = ask;
  if (heldBy === undefined || heldBy === severalActors) return;
  if (heldBefore === undefined) heldBy.heldAsks = heldAfter;
  else heldBefore.heldAfter = heldAfter;
  if (heldAfter !== undefined) heldAfter.heldBefore = heldBefore;
  ask.heldBy = ask.heldBefore = ask.heldAfter = undefined;
  ask.onReleased();
}

/** Whether an asker still waits for an answer of the actor, as far as that is known. */
export function owesAnswer({ heldAsks }: AskedActor, now: number): boolean {
  for (let ask = heldAsks; ask !== undefined; ask = ask.heldAfter) {
    if ((ask.deadline() ?? -Infinity) > now) return true;
  }
  return false;
}

/** The actor answers none of its asks any more, except those in `except`. */
export function failHeldAsks(
  actor: AskedActor,
  failure: AskFailure,
  except?: ReadonlySet<HeldAsk>,
): void {
  let next = rules.endsFailAsks ? actor.heldAsks : undefined;
  while (next !== undefined) {
    const ask = next;
    next = ask.heldAfter;
    if (except?.has(ask)) continue;
    releaseAsk(ask);
    ask.fail(failure);
  }
}
