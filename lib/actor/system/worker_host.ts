import type { Behavior } from "../behavior/behavior.ts";
import type { ActorRef } from "../ref/ref.ts";

/** Numbered actors that are kept alive, each once. */
export interface Workers<M> {
  /** A name for all of them, as of an actor. */
  readonly name: string;
  /** How many; they are numbered from 0. */
  readonly count: number;
  /** The behaviour of one. */
  readonly behavior: (index: number) => Behavior<M>;
  /** In a cluster: only nodes with this role run them. Undefined: all do. */
  readonly role: string | undefined;
}

/**
 * Starts workers; their references are in the order of their numbers. In a cluster each runs on one of
 * the nodes that have started them.
 *
 * @throws {ActorError} code `duplicateName`.
 */
export type StartWorkers = <M>(workers: Workers<M>) => readonly ActorRef<M>[];
