import { createRequire } from "node:module";
import { moment } from "../local/counting.ts";
import { one, type Subject, theAnswer } from "../local/subject.ts";

/** The used part of nact 7. References are opaque. */
interface Nact {
  start(): Ref;
  spawn(parent: Ref, handle: (state: unknown, message: never) => unknown, name: string): Ref;
  dispatch(ref: Ref, message: unknown): void;
  query(ref: Ref, factory: (replyTo: Ref) => unknown, timeout: number): Promise<number>;
  stop(ref: Ref): void;
}

type Ref = { readonly __ref: unique symbol };

/** Creates subjects with the nact that is installed in `folder`. */
export function nactIn(folder: string): () => Subject {
  const nact: Nact = createRequire(`${folder}/package.json`)("nact");
  return () => nactSubject(nact);
}

/** An actor of nact waits for a macrotask before each message, with a promise for its handler. */
function nactSubject({ dispatch, query, spawn, start, stop }: Nact): Subject {
  const system = start();
  let actors = 0;
  return {
    actor: <M>(handle: (message: M) => void) => {
      const ref = spawn(system, (_state, message: M) => handle(message), `actor-${actors++}`);
      return { tell: (message: M) => dispatch(ref, message) };
    },
    asker: () => {
      const ref = spawn(
        system,
        (_state, { replyTo }: { replyTo: Ref }) => dispatch(replyTo, theAnswer),
        "answering",
      );
      const get = (replyTo: Ref) => ({ type: "get", replyTo });
      return () => query(ref, get, 5_000);
    },
    idle: (index) => spawn(system, () => {}, `idle-${index}`),
    touch: (idle) => dispatch(idle as Ref, one),
    close: async () => {
      stop(system);
      await moment();
    },
  };
}
