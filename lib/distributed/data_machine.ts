import type { StructureReply } from "./structure_reply.ts";

/** What an operation leads to. Nothing of it has happened yet. */
export interface Decision<E> {
  /** To be sent once the event is applied, and durable if the structure is. */
  readonly reply: StructureReply;
  /** Undefined: the operation changes nothing. */
  readonly event?: E;
}

/**
 * The content of one counter, map, set or queue, without time, storage or messages. Operations are
 * decided against it, and events change it: the same events lead to the same content, at once or when
 * they are read from a journal.
 *
 * An event names what it changes, so that it does not matter what else the content has forgotten by
 * itself (see {@linkcode DataMachine.expire}).
 */
export interface DataMachine<O, E> {
  /** What an operation leads to. `now`: milliseconds of one clock for all calls. */
  decide(operation: O, now: number): Decision<E>;
  /** Changes the content. */
  apply(event: E): void;
  /** Forgets what has expired: whether that is done, and when, shows in no reply. */
  expire(now: number): void;
  /** The content as plain data that shares nothing with it that can change. */
  save(): unknown;
  /** Bytes of memory that the content takes, about. */
  readonly memory: number;
  /** Whether it is as a structure that was never used. */
  readonly isInitial: boolean;
}

/** Stored by every kind: the content is as if the structure had never been used. */
export interface Destroyed {
  /** Names the event. */
  readonly type: "destroyed";
}

/** See {@linkcode Destroyed}. */
export const destroyed: Destroyed = { type: "destroyed" };
