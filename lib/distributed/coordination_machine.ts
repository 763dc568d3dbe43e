import type { StructureReply } from "./structure_reply.ts";

/** Who has sent an operation. */
export interface Caller {
  /** The session that it names: of one program, which is watched. Empty: none. */
  readonly session: string;
  /** What the client's work is counted for. Undefined: a member. */
  readonly account: string | undefined;
  /** When it gives up, milliseconds of the clock of this node. */
  readonly deadline: number;
}

/** What follows from an operation, or from the passing of time. */
export interface Answers {
  /** To those who wait, by their requests. */
  readonly replies: readonly WaiterReply[];
  /** Holders whose lease has ended without their doing: their sessions are told. */
  readonly lost: readonly LostRequest[];
  /** Requests of those who wait no more, and are not told. */
  readonly forgotten: readonly string[];
  /** To the operation itself. Undefined: it waits, under its request. */
  readonly reply?: StructureReply | undefined;
}

/** What one who waits is told. */
export type WaiterReply = readonly [request: string, reply: StructureReply];
/** A holder that was one. */
export type LostRequest = readonly [request: string, session: string];

/** Nothing follows. */
export const noAnswers: Answers = { replies: [], lost: [], forgotten: [] };

/**
 * One lock, semaphore or barrier, without time or messages. Its content is as volatile as the actor that
 * hosts it. `now` is in milliseconds of one clock for all calls.
 */
export interface CoordinationMachine<O> {
  /** An operation. */
  handle(operation: O, caller: Caller, now: number): Answers;
  /** Time has passed. */
  wake(now: number): Answers;
  /** A session has ended: what it holds is free, and it waits for nothing. */
  sessionGone(session: string, now: number): Answers;
  /**
   * A session is not to be reached any more, and its program may run on: it waits for nothing, and what it
   * holds ends with its lease, at the holder first.
   */
  sessionLost(session: string, now: number): Answers;
  /** The sessions that hold something or wait. */
  sessions(): ReadonlySet<string>;
  /** The host stops. */
  close(): Answers;
  /** When it has to be woken next. */
  readonly wakeAt: number | undefined;
  /** Whether nothing is held or waited for. */
  readonly isIdle: boolean;
}
