/**
 * The actors of counters, maps, sets and queues: volatile ones, and durable ones, which store the events of
 * the same machines.
 *
 * @module
 */
import type { Behavior } from "../actor/behavior/behavior.ts";
import { Behaviors } from "../actor/behavior/behaviors.ts";
import type { ActorContext } from "../actor/behavior/context.ts";
import type { Effect, Effects } from "../persistence/effect.ts";
import { durable } from "../persistence/event_sourced.ts";
import { CounterMachine } from "./counter_machine.ts";
import type { DataMachine } from "./data_machine.ts";
import { MapMachine } from "./map_machine.ts";
import { emptyQueue, QueueMachine } from "./queue_machine.ts";
import { SetMachine } from "./set_machine.ts";
import { CountedStructure, idleTime, type StructureHost } from "./structure_host.ts";
import type { StructureKind } from "./structure_kind.ts";
import type { StructureLimits } from "./structure_limits.ts";
import {
  isGrowing,
  isOperation,
  type OperationMessage,
  type StructureMessage,
} from "./structure_protocol.ts";
import { moved, type StructureReply } from "./structure_reply.ts";

/** Kinds with content. */
export type DataKind = Extract<StructureKind, "counter" | "map" | "set" | "queue">;
type Machine = DataMachine<unknown, unknown>;

function machineOf(kind: DataKind, limits: StructureLimits, saved?: unknown): Machine {
  switch (kind) {
    case "counter":
      return new CounterMachine(saved) as Machine;
    case "map":
      return new MapMachine(limits, saved) as Machine;
    case "set":
      return new SetMachine(limits, saved) as Machine;
    case "queue":
      return new QueueMachine(limits, saved) as Machine;
  }
}

/** Content in memory, which is gone with the actor. */
export function volatileData(kind: DataKind, host: StructureHost): Behavior<StructureMessage> {
  return Behaviors.setup((context) => {
    const { clock, random } = context.system.runtime;
    const empty = kind === "queue" ? emptyQueue(random.next()) : undefined;
    const machine = machineOf(kind, host.limits, empty);
    const counted = new CountedStructure(host);
    let stopping = false;
    const stop = () => {
      stopping = true;
      context.passivate();
    };
    context.setReceiveTimeout(idleTime, { type: "idle" });
    const handle = (context: ActorContext<StructureMessage>, message: OperationMessage) => {
      const { operation, replyTo } = message;
      if (!isOperation(kind, operation)) {
        // Nobody has it counted.
        if (!counted.isCounted && !stopping) stop();
        return;
      }
      host.onOperation(kind, operation.type);
      // What it answered now would be forgotten with it.
      const refusal = stopping ? moved : counted.refuses(context);
      if (refusal !== undefined) {
        replyTo?.tell(refusal);
        return void (stopping || stop());
      }
      const full = isGrowing(kind, operation) ? counted.refusesMore() : undefined;
      if (full !== undefined) return void replyTo?.tell(full);
      const { reply, event } = machine.decide(operation, clock.now());
      if (event !== undefined) machine.apply(event);
      counted.memory = machine.memory;
      replyTo?.tell(reply);
      if (operation.type === "destroy") stop();
    };
    return Behaviors.receive((context, message) => {
      if (message.type === "operation") handle(context, message);
      else if (message.type === "idle") {
        machine.expire(clock.now());
        if (machine.isInitial && !stopping) stop();
      }
      return Behaviors.same();
    }, (_context, { type }) => {
      if (type === "postStop" || type === "preRestart") counted.end();
      return Behaviors.same();
    });
  });
}

/** Events between two snapshots. */
const snapshotEvery = 1_000;

/**
 * Content that is made of stored events. The state that the event-sourced actor carries is the machine
 * itself, which events change in place: replies are made before, and snapshots are copies.
 */
export function durableData(kind: DataKind, host: StructureHost): Behavior<StructureMessage> {
  return Behaviors.setup((context) => {
    const counted = new CountedStructure(host);
    const { clock } = context.system.runtime;
    context.setReceiveTimeout(idleTime, { type: "idle" });
    let loaded: { readonly from: unknown; readonly machine: Machine } | undefined;
    const machineIn = (state: unknown): Machine => {
      if (state instanceof Content) return state.machine;
      // Of a snapshot, or undefined before the first event: both stay as they are.
      if (loaded?.from !== state || loaded === undefined) {
        loaded = { from: state, machine: machineOf(kind, host.limits, state) };
      }
      return loaded.machine;
    };
    const behavior = durable<StructureMessage, unknown, unknown>(
      {
        initial: undefined,
        onCommand: (context, state, message, effect) => {
          if (message.type !== "operation") return effect.none().thenPassivate();
          const { operation, replyTo } = message;
          if (!isOperation(kind, operation)) {
            return counted.isCounted ? effect.none() : effect.none().thenPassivate();
          }
          host.onOperation(kind, operation.type);
          const refusal = counted.refuses(context);
          if (refusal !== undefined) return answer(effect, replyTo, refusal).thenPassivate();
          const full = isGrowing(kind, operation) ? counted.refusesMore() : undefined;
          if (full !== undefined) return answer(effect, replyTo, full);
          // Its deadlines outlast this process.
          const machine = machineIn(state);
          counted.memory = machine.memory;
          const { reply, event } = machine.decide(operation, clock.wallTime());
          return answer(event === undefined ? effect : effect.persist(event), replyTo, reply);
        },
        onEvent: (state, event) => {
          // In a second recovery the first one has changed it.
          const machine = state instanceof Content
            ? state.machine
            : machineOf(kind, host.limits, state);
          machine.apply(event);
          counted.memory = machine.memory;
          return state instanceof Content ? state : new Content(machine);
        },
        snapshots: { every: snapshotEvery, keep: 2, deleteEvents: true },
      },
      "all",
      (state) => machineIn(state).save(),
    );
    return Behaviors.withLifecycle(behavior, {
      postStop: () => counted.end(),
      preRestart: () => counted.end(),
    });
  });
}

/** The state of a durable structure that has changed. */
class Content {
  readonly machine: Machine;

  constructor(machine: Machine) {
    this.machine = machine;
  }
}

type Answering = Effects<unknown, unknown> | Effect<unknown, unknown>;

function answer(
  effect: Answering,
  replyTo: OperationMessage["replyTo"],
  reply: StructureReply,
): Effect<unknown, unknown> {
  if ("reply" in effect) {
    return replyTo === undefined ? effect.none() : effect.reply(replyTo, reply);
  }
  return replyTo === undefined ? effect : effect.thenReply(replyTo, () => reply);
}
