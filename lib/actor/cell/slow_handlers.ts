import type { LimitedLog } from "../../runtime/limited_log.ts";
import { messageTypeOf } from "../ref/message_type.ts";
import type { ActorRef } from "../ref/ref.ts";
import type { EventStream } from "../services/event_stream.ts";

/** An actor whose handlers are measured. */
export interface MeasuredActor extends ActorRef<never> {
  /** Who is counted as the cause in the log: for an entity, its parent. */
  readonly accountable: string;
}

/** Something that an actor runs and that is no message. */
export class OwnWork {
  readonly name: string;

  constructor(name: "start" | "signal" | "timer") {
    this.name = name;
  }
}

/** The first behaviour of an actor runs. */
export const starting: OwnWork = new OwnWork("start");
/** The actor gets a signal, or stops. */
export const signalling: OwnWork = new OwnWork("signal");
/** A timer has fired. */
export const firing: OwnWork = new OwnWork("timer");

/** A slow handler that was noticed. */
export interface SlowRun {
  /** When it ended, on the clock of the system. */
  readonly endedAt: number;
  readonly ms: number;
  /** Its path; undefined if several had a turn. */
  readonly actor: string | undefined;
  /** The type of the message; undefined if that is not certain. */
  readonly messageType: string | undefined;
}

/** Dependencies of {@linkcode SlowHandlers}. */
export interface SlowHandlersPort {
  /** Milliseconds from which on a handler is slow. */
  readonly threshold: number;
  readonly log: LimitedLog;
  readonly eventStream: EventStream;
}

/** Reports handlers that have kept the event loop busy for too long. */
export class SlowHandlers {
  /** Milliseconds from which on a handler is slow. */
  readonly threshold: number;
  /** The one that was noticed last. */
  last: SlowRun | undefined = undefined;
  readonly #log: LimitedLog;
  readonly #eventStream: EventStream;

  constructor({ threshold, log, eventStream }: SlowHandlersPort) {
    this.threshold = threshold;
    this.#log = log;
    this.#eventStream = eventStream;
  }

  /**
   * A handler took `ms`, or a little less.
   *
   * @param work the message, or an {@linkcode OwnWork}; undefined: one of several messages.
   */
  reportOne(actor: MeasuredActor, work: unknown, ms: number, endedAt: number): void {
    const messageType = work === undefined
      ? undefined
      : work instanceof OwnWork
      ? work.name
      : messageTypeOf(work);
    const { path, accountable: identity } = actor;
    const fields = {
      ...(messageType !== undefined && { message: messageType }),
      ms: Math.round(ms),
    };
    this.#log.add("warn", path, "slow handler", fields, { identity });
    this.#publish(actor, messageType, ms, endedAt);
  }

  /** Turns of actors, 128 messages at most, took `ms` in all: at least one handler was slow. */
  reportSome(ms: number, endedAt: number): void {
    const fields = { ms: Math.round(ms) };
    this.#log.add("warn", "dispatcher", "slow handler in one of several turns", fields);
    this.#publish(undefined, undefined, ms, endedAt);
  }

  #publish(
    actor: MeasuredActor | undefined,
    messageType: string | undefined,
    ms: number,
    endedAt: number,
  ): void {
    this.last = { endedAt, ms, actor: actor?.path, messageType };
    if (!this.#eventStream.hasListeners("slowHandler")) return;
    this.#eventStream.publish({ type: "slowHandler", ref: actor, messageType, ms });
  }
}
