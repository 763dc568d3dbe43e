import { BareActor, BareSystem } from "./ceiling.ts";

/** The message of all figures, allocated once outside of the measurement. */
export interface Add {
  readonly type: "add";
  readonly amount: number;
}

/** The one message. */
export const one: Add = { type: "add", amount: 1 };

/** The reply to every ask. */
export const theAnswer = 42;

/** A receiver of messages. */
export interface Target<M> {
  tell(message: M): void;
}

/** The interface of the limit, Casty and its rivals for the figures. */
export interface Subject {
  /** Starts an actor that calls `handle` with each message. */
  actor<M extends object>(handle: (message: M) => void): Target<M>;
  /**
   * Starts an actor that replies with {@linkcode theAnswer}, and returns a function that asks it.
   * Undefined if the library has no ask.
   */
  readonly asker: (() => () => Promise<number>) | undefined;
  /** Starts the `index`th idle actor. The returned value keeps only this actor alive. */
  idle(index: number): unknown;
  /** Sends an idle actor its first message. */
  touch(idle: unknown): void;
  /** Stops all actors. Fails if the library reports a lost message. */
  close(): Promise<void>;
}

/** Makes a subject with no actors yet. */
export type MakeSubject = () => Subject;

/** A bare mailbox: the limit of this engine without an actor library. */
export function bare(): Subject {
  const system = new BareSystem();
  // The minimal cost of a named actor: an entry in a map.
  const byName = new Map<string, BareActor<unknown>>();
  const ignore = () => {};
  return {
    actor: (handle) => new BareActor(system, handle),
    asker: () => {
      const actor = new BareActor<(answer: number) => void>(system, (reply) => reply(theAnswer));
      return () => new Promise((resolve) => actor.tell(resolve));
    },
    idle: (index) => {
      const actor = new BareActor(system, ignore);
      byName.set(`/idle-${index}`, actor);
      return actor;
    },
    touch: (idle) => (idle as BareActor<unknown>).tell(one),
    close: () => Promise.resolve(),
  };
}
