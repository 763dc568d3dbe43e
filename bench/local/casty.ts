import {
  type ActorRef,
  ActorSystem,
  type Behavior,
  Behaviors,
  type SpawnOptions,
} from "@casty/casty";
import type { Telemetry } from "../../lib/runtime/telemetry.ts";
import { type Subject, theAnswer } from "./subject.ts";

/** Options of Casty's actors. */
export interface CastyOptions {
  /** Whether each behaviour is supervised. */
  readonly supervised: boolean;
  /** Capacity of each mailbox; undefined: no limit. */
  readonly capacity?: number;
  /** Where it is measured; undefined: nowhere. */
  readonly telemetry?: Telemetry;
}

type Get = { readonly type: "get"; readonly replyTo: ActorRef<number> };

const answering = Behaviors.receive<Get>((_context, { replyTo }) => {
  replyTo.tell(theAnswer);
  return Behaviors.same();
});

const get = (replyTo: ActorRef<number>): Get => ({ type: "get", replyTo });

/** Casty. Its ledger and event stream are always on. */
export function casty({ supervised, capacity, telemetry }: CastyOptions): Subject {
  const system = new ActorSystem(telemetry && { runtime: { telemetry } });
  const options: SpawnOptions | undefined = capacity === undefined
    ? undefined
    : { mailbox: { capacity } };
  const shape = <M>(behavior: Behavior<M>) => supervised ? Behaviors.supervise(behavior) : behavior;
  const ignoring = shape(Behaviors.ignore());
  let actors = 0;
  return {
    actor: <M>(handle: (message: M) => void) => {
      const behavior = Behaviors.receive<M>((_context, message) => {
        handle(message);
        return Behaviors.same();
      });
      return system.spawn(shape(behavior), `actor-${actors++}`, options);
    },
    asker: () => {
      const ref = system.spawn(shape(answering), "answering", options);
      return () => system.ask(ref, get);
    },
    idle: (index) => system.spawn(ignoring, `idle-${index}`, options),
    touch: (idle) => (idle as ActorRef<unknown>).tell("first"),
    close: async () => {
      await system.shutdown();
      const { sent, delivered, deadLetters, inFlight } = system.ledger.snapshot();
      if (inFlight > 0 || sent !== delivered || Object.keys(deadLetters).length > 0) {
        throw new Error(`lost messages: ${JSON.stringify({ sent, delivered, deadLetters })}`);
      }
    },
  };
}
