import type { AskError } from "../errors.ts";
import type { ActorRef } from "./ref.ts";

/** An ask without a reply so far, as far as its asker is concerned. */
export interface PendingAsk {
  readonly target: ActorRef<never>;
  /** False if the actor has said that it does not wait for the reply. */
  awaited: boolean;
  /** The handler run that sent the ask: a later run waits for something else. */
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
  /** Number of the current handler run, which runs or is suspended. */
  readonly step: number;
  /** Its pending asks; undefined before its first ask. */
  readonly pendingAsks: PendingAsks | undefined;
  /** It has sent an ask, and holds its `promise`. */
  addPendingAsk(promise: Promise<unknown>, ask: PendingAsk): void;
}
