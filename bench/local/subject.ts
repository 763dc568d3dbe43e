import { type ActorRef, ActorSystem, type Behavior, Behaviors } from "@casty/casty";
import { BareActor, BareSystem } from "./ceiling.ts";

/** What both the ceiling and Casty offer to the message figures. */
export interface Subject {
  readonly name: string;
  /** Starts an actor that calls `handle` with each message. */
  actor<M>(handle: (message: M) => void): { tell(message: M): void };
  close(): Promise<void>;
}

/** A bare mailbox. */
export function bare(): Subject {
  const system = new BareSystem();
  return {
    name: "bare mailbox",
    actor: (handle) => new BareActor(system, handle),
    close: () => Promise.resolve(),
  };
}

/** Casty, as a user has it: supervision, ledger and event stream on. */
export function casty(): Subject {
  const system = new ActorSystem();
  let actors = 0;
  return {
    name: "casty",
    actor: <M>(handle: (message: M) => void): ActorRef<M> => {
      const behavior: Behavior<M> = Behaviors.receive((_context, message) => {
        handle(message);
        return Behaviors.same();
      });
      return system.spawn(behavior, `actor-${actors++}`);
    },
    close: () => system.shutdown(),
  };
}
