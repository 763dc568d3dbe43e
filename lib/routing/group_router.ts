import type { Behavior } from "../actor/behavior/behavior.ts";
import { Behaviors } from "../actor/behavior/behaviors.ts";
import type { ActorContext } from "../actor/behavior/context.ts";
import type { DeadLetterReason } from "../actor/services/dead_letter.ts";
import { passedOn } from "../actor/ref/passed_on.ts";
import { isSent, messageOf } from "../actor/ref/sent_message.ts";
import { internalsOf } from "../actor/system/system_internals.ts";
import { localActorOf, LocalRef } from "../actor/ref/local_ref.ts";
import type { ActorRef } from "../actor/ref/ref.ts";
import { passAskOn } from "../actor/ask/reply_refs.ts";
import { serviceIdOf, type ServiceKey } from "../actor/services/service_key.ts";
import type { Clock, Timer } from "../runtime/clock.ts";
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
  /**
   * Milliseconds that a message waits when the service has had actors and all have gone, 0 or more;
   * then it is a dead letter with the reason `noRoutee`. Before the service has had an actor,
   * messages wait without a limit of time. Default 1 000.
   */
  readonly bufferTime?: number;
}

/** See `Routers.group`. */
export function groupRouter<M>(key: ServiceKey<M>, options: GroupOptions<M> = {}): Behavior<M> {
  const { strategy = roundRobin(), bufferSize, bufferTime } = resolveOptions(groupTable, options);
  const service = serviceIdOf(key);
  return Behaviors.setup((context) => {
    const routees = new Routees<M>(strategy, context.system.runtime.random);
    const group = new Group(context, routees, { service, bufferSize, bufferTime });
    if (context.self instanceof LocalRef) context.self.becomeForwarder();
    const unsubscribe = context.system.receptionist.subscribe(key, (refs) => group.update(refs));
    return Behaviors.receive<M>((context, message) => {
      group.route(message, passedOn(context, message));
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

/** How a group keeps messages. */
interface GroupBuffer {
  readonly service: string;
  readonly bufferSize: number;
  readonly bufferTime: number;
}

/** The state of one group router. */
class Group<M> {
  readonly #self: ActorRef<M>;
  readonly #clock: Clock;
  readonly #buffer: GroupBuffer;
  readonly #routees: Routees<M>;
  readonly #waiting: WaitingMessages<unknown>;
  readonly #lose: (reason: DeadLetterReason, message: unknown, details?: string) => void;
  readonly #unroutable: (message: unknown, error: unknown) => void;
  readonly #hasExpired: (kept: unknown) => boolean;
  /** There was an actor: one that starts later is not the first. */
  #hasHadRoutees = false;
  #timer: Timer | undefined;

  constructor(context: ActorContext<M>, routees: Routees<M>, buffer: GroupBuffer) {
    const { self, system } = context;
    this.#self = self;
    this.#clock = system.runtime.clock;
    this.#buffer = buffer;
    this.#routees = routees;
    this.#waiting = new WaitingMessages(buffer.bufferSize);
    const { clock } = system.runtime;
    this.#hasExpired = (kept) => isSent(kept) && kept.hasExpired(clock);
    this.#lose = (reason, message, details) =>
      internalsOf(system).deadLetter(reason, self.path, message, { details });
    this.#unroutable = unroutable(context);
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
    this.#hasHadRoutees ||= this.#routees.size > 0;
    this.#flush();
  }

  /** `kept`: the message as it is passed on. */
  route(message: M, kept: unknown): void {
    let hash: number;
    try {
      hash = this.#routees.hashOf(message);
    } catch (error) {
      return this.#unroutable(kept, error);
    }
    if (this.#routees.size > 0) return void this.#routees.tell(kept, hash);
    // Those for which nobody waits any more must not keep others out.
    this.#waiting.drain(
      () => this.#waiting.isFull && this.#hasExpired(this.#waiting.oldest),
      (late) => this.#lose("expired", late),
    );
    if (!this.#waiting.add(kept, hash, this.#clock.now())) this.#lose("bufferFull", kept);
    else if (this.#hasHadRoutees) this.#limitWait();
  }

  #limitWait(): void {
    const { service, bufferTime } = this.#buffer;
    const end = this.#waiting.oldestTime + bufferTime;
    this.#timer ??= this.#clock.schedule(Math.max(0, end - this.#clock.now()), () => {
      this.#timer = undefined;
      const latest = this.#clock.now() - bufferTime;
      this.#waiting.drain(
        () => this.#waiting.oldestTime <= latest,
        (message) => this.#lose("noRoutee", message, `no actor offers "${service}" any more`),
      );
      if (this.#waiting.size > 0) this.#limitWait();
    });
  }

  /** The router stops or restarts. */
  close(): void {
    this.#timer?.cancel();
    this.#waiting.drain(() => true, (message) => this.#lose("stopped", message));
  }

  #flush(): void {
    this.#waiting.drain(
      () => this.#routees.size > 0,
      (message, hash) => {
        const routee = localActorOf(this.#routees.tell(message, hash));
        // Not within a turn of the router, so nothing else has noticed that.
        if (routee !== undefined && this.#self instanceof LocalRef) {
          passAskOn(this.#self, routee, messageOf(message));
        }
      },
    );
  }
}
