import type { Behavior } from "../actor/behavior/behavior.ts";
import { Behaviors } from "../actor/behavior/behaviors.ts";
import type { ActorContext } from "../actor/behavior/context.ts";
import type { DeadLetterReason } from "../actor/services/dead_letter.ts";
import { internalsOf } from "../actor/system/system_internals.ts";
import type { ActorRef } from "../actor/ref/ref.ts";
import { serviceIdOf, type ServiceKey } from "../actor/services/service_key.ts";
import { resolveOptions } from "../options/check_options.ts";
import { groupTable } from "../options/tables/routing_tables.ts";
import { Routees } from "./routees.ts";
import { roundRobin, type RoutingStrategy } from "./routing_strategy.ts";
import { unroutable } from "./unroutable.ts";
import { WaitingMessages } from "./waiting_messages.ts";

/** How a group router works. */
export interface GroupOptions<M> {
  /** How it chooses a routee. Default `roundRobin()`. */
  readonly strategy?: RoutingStrategy<M>;
  /**
   * Messages that wait while no actor offers the service, 0 to 1 000 000; more are dead letters with
   * the reason `bufferFull`. Default 1 000.
   */
  readonly bufferSize?: number;
}

/** See `Routers.group`. */
export function groupRouter<M>(key: ServiceKey<M>, options: GroupOptions<M> = {}): Behavior<M> {
  const { strategy = roundRobin(), bufferSize } = resolveOptions(groupTable, options);
  serviceIdOf(key);
  return Behaviors.setup((context) => {
    const routees = new Routees<M>(strategy, context.system.runtime.random);
    const group = new Group(context, routees, bufferSize);
    const unsubscribe = context.system.receptionist.subscribe(key, (refs) => group.update(refs));
    return Behaviors.receive<M>((_context, message) => {
      group.route(message);
      return Behaviors.same();
    }, (_context, signal) => {
      if (signal.type === "postStop" || signal.type === "preRestart") {
        unsubscribe();
        group.close();
      }
      return Behaviors.same();
    });
  });
}

/** The state of one group router. */
class Group<M> {
  readonly #self: ActorRef<M>;
  readonly #routees: Routees<M>;
  readonly #waiting: WaitingMessages<M>;
  readonly #lose: (reason: DeadLetterReason, message: M) => void;
  readonly #unroutable: (message: M, error: unknown) => void;

  constructor(context: ActorContext<M>, routees: Routees<M>, bufferSize: number) {
    const { self, system } = context;
    this.#self = self;
    this.#routees = routees;
    this.#waiting = new WaitingMessages(bufferSize);
    this.#unroutable = unroutable(context);
    this.#lose = (reason, message) => internalsOf(system).deadLetter(reason, self.path, message);
  }

  /**
   * The listing has changed. Called by the receptionist and not through the mailbox: interceptors,
   * spies and mailbox bounds of the router see messages of users only.
   */
  update(refs: readonly ActorRef<M>[]): void {
    // A router that offers the service it routes to must not route to itself.
    this.#routees.replace(
      refs.includes(this.#self) ? refs.filter((ref) => ref !== this.#self) : refs,
    );
    this.#flush();
  }

  route(message: M): void {
    let hash: number;
    try {
      hash = this.#routees.hashOf(message);
    } catch (error) {
      return this.#unroutable(message, error);
    }
    if (this.#routees.size > 0) this.#routees.tell(message, hash);
    else if (!this.#waiting.add(message, hash)) this.#lose("bufferFull", message);
  }

  /** The router stops or restarts. */
  close(): void {
    this.#waiting.drain(() => true, (message) => this.#lose("stopped", message));
  }

  #flush(): void {
    this.#waiting.drain(
      () => this.#routees.size > 0,
      (message, hash) => this.#routees.tell(message, hash),
    );
  }
}
