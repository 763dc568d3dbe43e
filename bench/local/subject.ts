import { BareActor, BareSystem } from "./ceiling.ts";

/** The message of the figures: made once, so that making it is not measured. */
export interface Add {
  readonly type: "add";
  readonly amount: number;
}

/** The one message. */
export const one: Add = { type: "add", amount: 1 };

/** What a question is answered with. */
export const theAnswer = 42;

/** Where messages go. */
export interface Target<M> {
  tell(message: M): void;
}

/** What the ceiling, Casty and its rivals all offer to the figures. */
export interface Subject {
  /** Starts an actor that calls `handle` with each message. */
  actor<M extends object>(handle: (message: M) => void): Target<M>;
  /**
   * Starts an actor that answers {@linkcode theAnswer}, and gives what asks it. Undefined where a
   * library has no questions.
   */
  readonly asker: (() => () => Promise<number>) | undefined;
  /** Starts the `index`th idle actor. What it gives keeps the actor alive and nothing else. */
  idle(index: number): unknown;
  /** Sends an idle actor its first message. */
  touch(idle: unknown): void;
  /** Stops all actors. Fails if the library knows of a lost message. */
  close(): Promise<void>;
}

/** Makes a subject with no actors yet. */
export type MakeSubject = () => Subject;

/** A bare mailbox: what this engine can do when nothing of an actor library is in the way. */
export function bare(): Subject {
  const system = new BareSystem();
  // The least that an actor with a name can cost: an entry in a map.
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
