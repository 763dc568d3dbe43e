import type { AskError } from "../errors.ts";
import type { ActorRef } from "./ref.ts";

/** An ask without a reply so far, as far as its asker is concerned. */
export interface PendingAsk {
  readonly target: ActorRef<never>;
  /** False if the actor has said that it does not wait for the reply. */
  awaited: boolean;
  /** The handler run that has asked: a later one waits for something else. */
  readonly askedAt: number;
  /** Ends it with an error. */
  refuse(error: AskError): void;
}

/** The asks of one actor that have no reply yet, by the promise of the reply. */
export type PendingAsks = Map<Promise<unknown>, PendingAsk>;

/** An actor that can wait for replies. */
export interface Asker {
  readonly path: string;
  /** Whether it takes no more messages. */
  readonly ended: boolean;
  /** Whether a handler's promise is pending. */
  readonly waits: boolean;
  /** Tells handler runs apart: the one that runs now, or is suspended. */
  readonly step: number;
  /** Its asks that have no reply yet; undefined if it has never asked. */
  readonly pendingAsks: PendingAsks | undefined;
  /** It has asked, and was given `promise`. */
  addPendingAsk(promise: Promise<unknown>, ask: PendingAsk): void;
}
