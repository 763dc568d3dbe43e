import { Behaviors } from "../behavior/behaviors.ts";
import type { Behavior } from "../behavior/behavior.ts";
import type { ActorRef } from "../ref/ref.ts";
import type { Workers } from "./worker_host.ts";

/** Between restarts of a worker that fails. */
const backoff = { min: 200, max: 10_000, jitter: 0.2 };

/** Workers of one process: actors that restart. */
export function startLocalWorkers<M>(
  { name, count, behavior }: Workers<M>,
  spawn: (behavior: Behavior<M>, name: string) => ActorRef<M>,
): readonly ActorRef<M>[] {
  return Array.from({ length: count }, (_, index) => {
    const kept = Behaviors.supervise(behavior(index), { maxRestarts: Infinity, backoff });
    return spawn(kept, `${name}-${index}`);
  });
}
