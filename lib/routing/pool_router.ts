import { Behavior } from "../actor/behavior/behavior.ts";
import { Behaviors } from "../actor/behavior/behaviors.ts";
import type { ActorContext } from "../actor/behavior/context.ts";
import { passedOn } from "../actor/ref/passed_on.ts";
import { ActorError } from "../actor/errors.ts";
import { LocalRef } from "../actor/ref/local_ref.ts";
import type { ActorRef } from "../actor/ref/ref.ts";
import type { SpawnOptions } from "../actor/behavior/spawn_options.ts";
import { checkOptions, checkValue } from "../options/check_options.ts";
import { poolSize, poolTable } from "../options/tables/routing_tables.ts";
import { Routees } from "./routees.ts";
import { roundRobin, type RoutingStrategy } from "./routing_strategy.ts";
import { unroutable } from "./unroutable.ts";

/** How a pool works. */
export interface PoolOptions<M> {
  /** How it chooses a routee. Default `roundRobin()`. */
  readonly strategy?: RoutingStrategy<M>;
  /**
   * Messages for which this returns true go to all routees. One for which it throws is a dead letter
   * (`invalidMessage`). Default: none.
   */
  readonly broadcast?: (message: M) => boolean;
  /** How each routee is spawned, for instance with a bounded mailbox. */
  readonly routeeOptions?: SpawnOptions;
}

/** See `Routers.pool`. */
export function poolRouter<M>(
  size: number,
  behavior: Behavior<M>,
  options: PoolOptions<M> = {},
): Behavior<M> {
  checkOptions(poolTable, options);
  const { strategy = roundRobin(), broadcast, routeeOptions } = options;
  checkValue("size", poolSize, size);
  checkBehavior(behavior);
  return Behaviors.setup((context) => {
    const routees = new Routees<M>(strategy, context.system.runtime.random);
    if (context.self instanceof LocalRef) context.self.becomeForwarder();
    routees.replace(spawnAll(context, size, behavior, routeeOptions));
    return routing(routees, broadcast, unroutable(context));
  });
}

function routing<M>(
  routees: Routees<M>,
  broadcast: ((message: M) => boolean) | undefined,
  lose: (kept: unknown, error: unknown) => void,
): Behavior<M> {
  return Behaviors.receive<M>((context, message) => {
    const kept = passedOn(context, message);
    let hash: number | undefined;
    try {
      const toAll = broadcast !== undefined && broadcast(message);
      if (!toAll) hash = routees.hashOf(message);
    } catch (error) {
      lose(kept, error);
      return Behaviors.same();
    }
    if (hash === undefined) routees.tellAll(kept);
    else routees.tell(kept, hash);
    return Behaviors.same();
  }, (context, signal) => {
    if (signal.type !== "terminated") return Behaviors.same();
    routees.remove(signal.ref);
    const { path } = signal.ref;
    if (routees.size > 0) {
      context.log.debug("routee stopped", { routee: path, left: routees.size });
      return Behaviors.same();
    }
    context.log.info("the last routee stopped; stopping the router", { routee: path });
    return Behaviors.stopped();
  });
}

function spawnAll<M>(
  context: ActorContext<M>,
  size: number,
  behavior: Behavior<M>,
  options: SpawnOptions | undefined,
): ActorRef<M>[] {
  const refs: ActorRef<M>[] = [];
  for (let number = 1; number <= size; number++) {
    // The same names after a restart: consistent hashing depends on them.
    const ref = context.spawn(behavior, `routee-${number}`, options);
    context.watch(ref);
    refs.push(ref);
  }
  return refs;
}

function checkBehavior(behavior: Behavior<never>): void {
  if (behavior instanceof Behavior) return;
  throw new ActorError("badBehavior", "the routees of a pool were given no behaviour", {
    value: behavior,
    remedy: "use what Behaviors makes; sharded behaviours need a ClusteredActorSystem",
  });
}
