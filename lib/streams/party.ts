import { internalsOf } from "../actor/system/system_internals.ts";
import type { ActorSystem } from "../actor/system/actor_system.ts";
import type { Behavior } from "../actor/behavior/behavior.ts";
import { LocalRef } from "../actor/ref/local_ref.ts";
import { type ActorRef, Ref } from "../actor/ref/ref.ts";

/** Milliseconds of silence after which a party asks whether something was lost. */
export const defaultProbeInterval = 5_000;

const counts = new WeakMap<ActorSystem, number>();

/** Starts the actor behind a handle. */
export function spawnHelper<M>(system: ActorSystem, behavior: Behavior<M>): ActorRef<M> {
  const count = (counts.get(system) ?? 0) + 1;
  counts.set(system, count);
  return internalsOf(system).spawnSystem(behavior, `_stream-${count}`);
}

/** Tells parties apart: an actor of this system has one reference, others have an address. */
export function partyKey(ref: ActorRef<never>): unknown {
  return ref instanceof Ref && !(ref instanceof LocalRef)
    ? `${ref.node}${ref.path}#${ref.uid}`
    : ref;
}

/** Whether an actor is of this system: what is told to it cannot get lost or overtaken. */
export function isLocal(system: ActorSystem, ref: ActorRef<never>): boolean {
  return ref instanceof Ref && ref.node === internalsOf(system).nodeAddress;
}

/** Whether a field of a message that may have come from anywhere is a reference. */
export function isRef(value: unknown): value is ActorRef<never> {
  return typeof (value as ActorRef<never> | undefined)?.tell === "function";
}

/** Whether a field of a message that may have come from anywhere is a total. */
export function isTotal(value: unknown): value is number {
  return Number.isSafeInteger(value) && value as number >= 0;
}

/** What is left of an error that may be too large to cross the wire. */
export function plainError(error: Error): Error {
  const plain = new Error(error.message.slice(0, 1_000));
  plain.name = error.name.slice(0, 100);
  return plain;
}
