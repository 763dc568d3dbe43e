import type { Behavior } from "../actor/behavior/behavior.ts";
import { Behaviors } from "../actor/behavior/behaviors.ts";
import type { ActorContext } from "../actor/behavior/context.ts";
import type { Signal } from "../actor/behavior/signal.ts";
import type { ActorRef } from "../actor/ref/ref.ts";
import { rules } from "../runtime/rules.ts";
import { BarrierMachine } from "./barrier_machine.ts";
import type { Answers, CoordinationMachine } from "./coordination_machine.ts";
import { PermitMachine } from "./permit_machine.ts";
import {
  accountOfSender,
  CountedStructure,
  idleTime,
  type StructureHost,
} from "./structure_host.ts";
import type { StructureKind } from "./structure_kind.ts";
import {
  isOperation,
  type LeaseLost,
  type OperationMessage,
  type StructureMessage,
} from "./structure_protocol.ts";
import { moved, type StructureReply } from "./structure_reply.ts";

/** Kinds that hold and wait. */
export type CoordinationKind = Extract<StructureKind, "lock" | "semaphore" | "barrier">;

/** Sessions that hold nothing and are watched still, for their next acquisition. */
const idleSessions = 64;
/** The longest that anybody waits who has not said how long, milliseconds. */
const longestWait = 60_000;

/** The actor of a lock, semaphore or barrier: gives its machine time, and those who wait their answers. */
export function coordination(
  kind: CoordinationKind,
  host: StructureHost,
): Behavior<StructureMessage> {
  return Behaviors.setup((context) => {
    const coordinator = new Coordinator(kind, host, context);
    context.setReceiveTimeout(idleTime, { type: "idle" });
    return Behaviors.receive((context, message) => {
      coordinator.receive(context, message);
      return Behaviors.same();
    }, (_context, signal) => {
      coordinator.signal(signal);
      return Behaviors.same();
    });
  });
}

/**
 * Ends with its structure, and takes no message: a client may send to an actor whose reference it was
 * given, and the policy and the schema of its entity type would not be asked.
 */
const keeper: Behavior<never> = Behaviors.ignore();

function isGrant(value: unknown): boolean {
  return typeof value === "object" && value !== null && "token" in value;
}

class Coordinator {
  readonly #kind: CoordinationKind;
  readonly #host: StructureHost;
  readonly #context: ActorContext<StructureMessage>;
  readonly #machine: CoordinationMachine<unknown>;
  readonly #counted: CountedStructure;
  /** Where those who wait are answered, by request. */
  readonly #waiting = new Map<string, ActorRef<StructureReply>>();
  /** The sessions that are watched. */
  readonly #sessions = new Map<string, ActorRef<LeaseLost>>();
  /** With so many, those that are idle are looked for. */
  #manySessions = idleSessions;
  #wakeAt = Infinity;
  #stopping = false;
  /** What holders watch, once there is one. */
  #keeper: ActorRef<never> | undefined;

  constructor(
    kind: CoordinationKind,
    host: StructureHost,
    context: ActorContext<StructureMessage>,
  ) {
    this.#kind = kind;
    this.#host = host;
    this.#context = context;
    this.#counted = new CountedStructure(host);
    const { limits } = host;
    this.#machine = kind === "barrier"
      ? new BarrierMachine(limits)
      : new PermitMachine(limits, () => host.nextToken(context.epoch));
  }

  receive(context: ActorContext<StructureMessage>, message: StructureMessage): void {
    if (message.type === "operation") return this.#operate(context, message);
    if (message.type === "wakeUp") {
      this.#wakeAt = Infinity;
      return this.#tell(this.#machine.wake(this.#now));
    }
    if (this.#machine.isIdle && !this.#stopping) this.#stop();
  }

  signal(signal: Signal): void {
    if (signal.type === "terminated") {
      const { ref: { key }, reason } = signal;
      if (!this.#sessions.delete(key) || !rules.goneSessionsHoldNothing) return;
      // Nobody has seen the end of a program that was cut off: its leases say when it holds nothing.
      this.#tell(
        reason === "nodeDown"
          ? this.#machine.sessionLost(key, this.#now)
          : this.#machine.sessionGone(key, this.#now),
      );
    } else if (signal.type === "postStop" || signal.type === "preRestart") {
      this.#counted.end();
      this.#tell(this.#machine.close());
    }
  }

  #operate(context: ActorContext<StructureMessage>, message: OperationMessage): void {
    const { operation, session, replyTo } = message;
    if (!isOperation(this.#kind, operation)) {
      // Nobody has it counted.
      if (!this.#counted.isCounted && !this.#stopping) this.#stop();
      return;
    }
    this.#host.onOperation(this.#kind, operation.type);
    const refusal = this.#stopping ? moved : this.#counted.refuses(context);
    if (refusal !== undefined) {
      replyTo?.tell(refusal);
      return void (this.#stopping || this.#stop());
    }
    const watched = session === undefined ? "" : this.#watch(session);
    // A client has sent what is no actor.
    if (watched === undefined) return;
    const caller = {
      session: watched,
      account: accountOfSender(context),
      deadline: context.deadline ?? this.#now + longestWait,
    };
    const answers = this.#machine.handle(operation, caller, this.#now);
    if (answers.reply !== undefined) {
      replyTo?.tell(this.#kept(answers.reply));
    } else if ("request" in operation && replyTo !== undefined) {
      this.#waiting.set(operation.request, replyTo);
    }
    this.#tell(answers);
    if (operation.type === "destroy" && !this.#stopping) this.#stop();
  }

  /** A grant comes with the actor that keeps it: when that ends, the grant does. */
  #kept(reply: StructureReply): StructureReply {
    if (reply.type !== "done" || !isGrant(reply.value)) return reply;
    this.#keeper ??= this.#context.spawn(keeper);
    return { ...reply, keeper: this.#keeper };
  }

  #tell({ replies, lost, forgotten }: Answers): void {
    for (const [request, reply] of replies) {
      this.#waiting.get(request)?.tell(this.#kept(reply));
      this.#waiting.delete(request);
    }
    for (const request of forgotten) this.#waiting.delete(request);
    for (const [request, session] of lost) {
      this.#sessions.get(session)?.tell({ type: "leaseLost", request });
    }
    this.#schedule();
  }

  /** Wakes the machine at its next deadline. To wake it too early costs less than to cancel a timer. */
  #schedule(): void {
    const { wakeAt = Infinity } = this.#machine;
    if (wakeAt >= this.#wakeAt) return;
    this.#wakeAt = wakeAt;
    this.#context.timers.startSingle("wake", { type: "wakeUp" }, Math.max(0, wakeAt - this.#now));
  }

  /** The key of the session; undefined: it cannot be watched. */
  #watch(session: ActorRef<LeaseLost>): string | undefined {
    const { key } = session;
    if (this.#sessions.has(key)) return key;
    if (this.#sessions.size >= this.#manySessions) this.#unwatchIdle();
    try {
      this.#context.watch(session as ActorRef<never>);
    } catch (error) {
      this.#context.log.warn("the session of a client cannot be watched", { session: key, error });
      return undefined;
    }
    this.#sessions.set(key, session);
    return key;
  }

  #unwatchIdle(): void {
    const active = this.#machine.sessions();
    for (const [key, session] of this.#sessions) {
      if (active.has(key)) continue;
      this.#sessions.delete(key);
      this.#context.unwatch(session as ActorRef<never>);
    }
    this.#manySessions = Math.max(idleSessions, 2 * this.#sessions.size);
  }

  #stop(): void {
    this.#stopping = true;
    this.#context.passivate();
  }

  get #now(): number {
    return this.#context.system.runtime.clock.now();
  }
}
