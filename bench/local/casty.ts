import {
  type ActorRef,
  ActorSystem,
  type Behavior,
  Behaviors,
  type SpawnOptions,
} from "@casty/casty";
import { type Subject, theAnswer } from "./subject.ts";

/** How Casty's actors are spawned. */
export interface CastyOptions {
  /** Whether each behaviour is supervised. */
  readonly supervised: boolean;
  /** Messages that a mailbox may hold; undefined: no limit. */
  readonly capacity?: number;
}

type Question = { readonly type: "get"; readonly replyTo: ActorRef<number> };

const answering = Behaviors.receive<Question>((_context, { replyTo }) => {
  replyTo.tell(theAnswer);
  return Behaviors.same();
});

const get = (replyTo: ActorRef<number>): Question => ({ type: "get", replyTo });

/** Casty. Its ledger and event stream are always on. */
export function casty({ supervised, capacity }: CastyOptions): Subject {
  const system = new ActorSystem();
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
